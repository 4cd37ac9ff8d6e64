//! What it is: an operator's options, out of the file's union, each checked.
//! Source: the TensorFlow Lite file format.
//! Does not model: options that nothing here lowers.
//! Tested by: `tests/model.rs`, `tests/operators.rs`.

use super::ops::{Activation, Options, Padding, Window};
use super::reader::{Context, MAX_NAME};
use super::schema::OptionsRef;
use crate::finding::Result;

pub(super) fn read_options(context: &Context, what: &str, raw: &OptionsRef) -> Result<Options> {
    let activation = |number: planus::Result<i8>| -> Result<Activation> {
        let number = context.ok(number)?;
        Activation::by_number(number).ok_or_else(|| context.bad(format!("{what}: activation number {number} is unknown.")))
    };
    let positive = |number: planus::Result<i32>, name: &str| -> Result<u32> {
        let number = context.ok(number)?;
        u32::try_from(number)
            .ok()
            .filter(|n| (1..=1 << 16).contains(n))
            .ok_or_else(|| context.bad(format!("{what}: a {name} of {number} makes no sense.")))
    };
    let window = |padding, stride_h, stride_w, dilation_h, dilation_w| -> Result<Window> {
        let padding = match context.ok(padding)? {
            0 => Padding::Same,
            1 => Padding::Valid,
            other => return Err(context.bad(format!("{what}: padding number {other} is unknown."))),
        };
        Ok(Window {
            padding,
            stride_h: positive(stride_h, "stride")?,
            stride_w: positive(stride_w, "stride")?,
            dilation_h: positive(dilation_h, "dilation")?,
            dilation_w: positive(dilation_w, "dilation")?,
        })
    };
    Ok(match raw {
        OptionsRef::Conv(o) => Options::Conv {
            window: window(o.padding(), o.stride_h(), o.stride_w(), o.dilation_h(), o.dilation_w())?,
            activation: activation(o.activation())?,
        },
        OptionsRef::Depthwise(o) => Options::DepthwiseConv {
            window: window(o.padding(), o.stride_h(), o.stride_w(), o.dilation_h(), o.dilation_w())?,
            multiplier: positive(o.multiplier(), "depth multiplier")?,
            activation: activation(o.activation())?,
        },
        OptionsRef::TransposeConv(o) => Options::TransposeConv {
            window: window(o.padding(), o.stride_h(), o.stride_w(), Ok(1), Ok(1))?,
            activation: activation(o.activation())?,
        },
        OptionsRef::Pool(o) => Options::Pool {
            window: window(o.padding(), o.stride_h(), o.stride_w(), Ok(1), Ok(1))?,
            filter_h: positive(o.filter_h(), "filter height")?,
            filter_w: positive(o.filter_w(), "filter width")?,
            activation: activation(o.activation())?,
        },
        OptionsRef::Dense(o) => Options::FullyConnected {
            activation: activation(o.activation())?,
            shuffled_weights: context.ok(o.weights_format())? != 0,
            asymmetric_inputs: context.ok(o.asymmetric())?,
        },
        OptionsRef::Softmax(o) => {
            let beta = context.ok(o.beta())?;
            if !beta.is_finite() {
                return Err(context.bad(format!("{what}: beta is {beta}.")));
            }
            Options::Softmax { beta }
        }
        OptionsRef::Concat(o) => Options::Concatenation { axis: context.ok(o.axis())?, activation: activation(o.activation())? },
        OptionsRef::Add(o) | OptionsRef::Sub(o) | OptionsRef::Mul(o) | OptionsRef::Div(o) => {
            Options::Elementwise { activation: activation(o.activation())? }
        }
        OptionsRef::Reduce(o) => Options::Reduce { keep_dims: context.ok(o.keep_dims())? },
        OptionsRef::Gather(o) => Options::Gather { axis: context.ok(o.axis())?, batch_dims: context.ok(o.batch_dims())? },
        OptionsRef::Pack(o) | OptionsRef::Unpack(o) => Options::Pack { axis: context.ok(o.axis())? },
        OptionsRef::Leaky(o) => Options::LeakyRelu { alpha: context.ok(o.alpha())? },
        OptionsRef::ResizeBilinear(o) => Options::Resize {
            align_corners: context.ok(o.align_corners())?,
            half_pixel_centres: context.ok(o.half_pixel_centres())?,
        },
        OptionsRef::ResizeNearest(o) => Options::Resize {
            align_corners: context.ok(o.align_corners())?,
            half_pixel_centres: context.ok(o.half_pixel_centres())?,
        },
        OptionsRef::SpaceToDepth(o) | OptionsRef::DepthToSpace(o) => Options::BlockSize(context.ok(o.size())?),
        OptionsRef::Mirror(o) => Options::MirrorPad { symmetric: context.ok(o.mode())? == 1 },
        OptionsRef::MatMul(o) => Options::BatchMatMul { adj_x: context.ok(o.adj_x())?, adj_y: context.ok(o.adj_y())? },
        OptionsRef::Svdf(o) => Options::Svdf { rank: positive(o.rank(), "rank")?, activation: activation(o.activation())? },
        OptionsRef::CallOnce(o) => Options::CallOnce { graph: u32::try_from(context.ok(o.graph())?).unwrap_or(u32::MAX) },
        OptionsRef::VarHandle(o) => {
            let part = |text: planus::Result<Option<&str>>| -> Result<String> {
                Ok(context.ok(text)?.unwrap_or("").chars().take(MAX_NAME).collect())
            };
            Options::VarHandle { name: format!("{}/{}", part(o.container())?, part(o.name())?) }
        }
        OptionsRef::Cumulative(o) => {
            Options::Cumulative { exclusive: context.ok(o.exclusive())?, reverse: context.ok(o.reverse())? }
        }
        OptionsRef::StridedSlice(o) => Options::StridedSlice {
            begin_mask: context.ok(o.begin_mask())?.cast_unsigned(),
            end_mask: context.ok(o.end_mask())?.cast_unsigned(),
            ellipsis_mask: context.ok(o.ellipsis_mask())?.cast_unsigned(),
            new_axis_mask: context.ok(o.new_axis_mask())?.cast_unsigned(),
            shrink_axis_mask: context.ok(o.shrink_axis_mask())?.cast_unsigned(),
            offset: context.ok(o.offset())?,
        },
        OptionsRef::Lstm(o) => Options::Lstm {
            activation: activation(o.activation())?,
            cell_clip: context.ok(o.cell_clip())?,
            proj_clip: context.ok(o.proj_clip())?,
            time_major: context.ok(o.time_major())?,
        },
        _ => Options::None,
    })
}
