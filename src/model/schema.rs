// Made from tflite.fbs by planus-cli 1.3.0 and schema_reader_only.py (the commands stand there): do not edit.
#![allow(missing_docs, dead_code, unsafe_code, clippy::all)]

const _: () = ::planus::check_version_compatibility("planus-1.3.0");

#[derive(Copy, Clone)]
pub struct SkipRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> SkipRef<'a> {}

impl<'a> ::planus::TableRead<'a> for SkipRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for SkipRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[SkipRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct WindowedRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> WindowedRef<'a> {
    #[inline]
    pub fn padding(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Windowed", "padding")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "Windowed", "stride_w")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(2, "Windowed", "stride_h")?.unwrap_or(0))
    }

    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(3, "Windowed", "activation")?.unwrap_or(0))
    }

    #[inline]
    pub fn dilation_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(4, "Windowed", "dilation_w")?.unwrap_or(1))
    }

    #[inline]
    pub fn dilation_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(5, "Windowed", "dilation_h")?.unwrap_or(1))
    }
}

impl<'a> ::planus::TableRead<'a> for WindowedRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for WindowedRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[WindowedRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct DepthwiseRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> DepthwiseRef<'a> {
    #[inline]
    pub fn padding(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Depthwise", "padding")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "Depthwise", "stride_w")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(2, "Depthwise", "stride_h")?.unwrap_or(0))
    }

    #[inline]
    pub fn multiplier(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(3, "Depthwise", "multiplier")?.unwrap_or(0))
    }

    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(4, "Depthwise", "activation")?.unwrap_or(0))
    }

    #[inline]
    pub fn dilation_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(5, "Depthwise", "dilation_w")?.unwrap_or(1))
    }

    #[inline]
    pub fn dilation_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(6, "Depthwise", "dilation_h")?.unwrap_or(1))
    }
}

impl<'a> ::planus::TableRead<'a> for DepthwiseRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for DepthwiseRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[DepthwiseRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct PoolRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> PoolRef<'a> {
    #[inline]
    pub fn padding(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Pool", "padding")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "Pool", "stride_w")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(2, "Pool", "stride_h")?.unwrap_or(0))
    }

    #[inline]
    pub fn filter_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(3, "Pool", "filter_w")?.unwrap_or(0))
    }

    #[inline]
    pub fn filter_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(4, "Pool", "filter_h")?.unwrap_or(0))
    }

    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(5, "Pool", "activation")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for PoolRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for PoolRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[PoolRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct DenseRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> DenseRef<'a> {
    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Dense", "activation")?.unwrap_or(0))
    }

    #[inline]
    pub fn weights_format(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(1, "Dense", "weights_format")?.unwrap_or(0))
    }

    #[inline]
    pub fn keep_num_dims(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(2, "Dense", "keep_num_dims")?.unwrap_or(false))
    }

    #[inline]
    pub fn asymmetric(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(3, "Dense", "asymmetric")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for DenseRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for DenseRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[DenseRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct SoftmaxRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> SoftmaxRef<'a> {
    #[inline]
    pub fn beta(&self) -> ::planus::Result<f32> {
        ::core::result::Result::Ok(self.0.access(0, "Softmax", "beta")?.unwrap_or(0.0))
    }
}

impl<'a> ::planus::TableRead<'a> for SoftmaxRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for SoftmaxRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[SoftmaxRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct ConcatRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> ConcatRef<'a> {
    #[inline]
    pub fn axis(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "Concat", "axis")?.unwrap_or(0))
    }

    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(1, "Concat", "activation")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for ConcatRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for ConcatRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[ConcatRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct ElementwiseRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> ElementwiseRef<'a> {
    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Elementwise", "activation")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for ElementwiseRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for ElementwiseRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[ElementwiseRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct ReduceRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> ReduceRef<'a> {
    #[inline]
    pub fn keep_dims(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(0, "Reduce", "keep_dims")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for ReduceRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for ReduceRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[ReduceRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct GatherRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> GatherRef<'a> {
    #[inline]
    pub fn axis(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "Gather", "axis")?.unwrap_or(0))
    }

    #[inline]
    pub fn batch_dims(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "Gather", "batch_dims")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for GatherRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for GatherRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[GatherRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct PackRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> PackRef<'a> {
    #[inline]
    pub fn count(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "Pack", "count")?.unwrap_or(0))
    }

    #[inline]
    pub fn axis(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "Pack", "axis")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for PackRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for PackRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[PackRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct LeakyRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> LeakyRef<'a> {
    #[inline]
    pub fn alpha(&self) -> ::planus::Result<f32> {
        ::core::result::Result::Ok(self.0.access(0, "Leaky", "alpha")?.unwrap_or(0.0))
    }
}

impl<'a> ::planus::TableRead<'a> for LeakyRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for LeakyRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[LeakyRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct SplitRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> SplitRef<'a> {
    #[inline]
    pub fn count(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "Split", "count")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for SplitRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for SplitRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[SplitRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct ResizeRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> ResizeRef<'a> {
    #[inline]
    pub fn align_corners(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(2, "Resize", "align_corners")?.unwrap_or(false))
    }

    #[inline]
    pub fn half_pixel_centres(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(3, "Resize", "half_pixel_centres")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for ResizeRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for ResizeRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[ResizeRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct ResizeNearestRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> ResizeNearestRef<'a> {
    #[inline]
    pub fn align_corners(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(0, "ResizeNearest", "align_corners")?.unwrap_or(false))
    }

    #[inline]
    pub fn half_pixel_centres(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(1, "ResizeNearest", "half_pixel_centres")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for ResizeNearestRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for ResizeNearestRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[ResizeNearestRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct BlockRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> BlockRef<'a> {
    #[inline]
    pub fn size(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "Block", "size")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for BlockRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for BlockRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[BlockRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct MirrorRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> MirrorRef<'a> {
    #[inline]
    pub fn mode(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Mirror", "mode")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for MirrorRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for MirrorRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[MirrorRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct MatMulRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> MatMulRef<'a> {
    #[inline]
    pub fn adj_x(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(0, "MatMul", "adj_x")?.unwrap_or(false))
    }

    #[inline]
    pub fn adj_y(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(1, "MatMul", "adj_y")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for MatMulRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for MatMulRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[MatMulRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct SvdfRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> SvdfRef<'a> {
    #[inline]
    pub fn rank(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "Svdf", "rank")?.unwrap_or(0))
    }

    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(1, "Svdf", "activation")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for SvdfRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for SvdfRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[SvdfRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct CallOnceRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> CallOnceRef<'a> {
    #[inline]
    pub fn graph(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "CallOnce", "graph")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for CallOnceRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for CallOnceRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[CallOnceRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct VarHandleRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> VarHandleRef<'a> {
    #[inline]
    pub fn container(&self) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
        self.0.access(0, "VarHandle", "container")
    }

    #[inline]
    pub fn name(&self) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
        self.0.access(1, "VarHandle", "name")
    }
}

impl<'a> ::planus::TableRead<'a> for VarHandleRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for VarHandleRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[VarHandleRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct CumulativeRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> CumulativeRef<'a> {
    #[inline]
    pub fn exclusive(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(0, "Cumulative", "exclusive")?.unwrap_or(false))
    }

    #[inline]
    pub fn reverse(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(1, "Cumulative", "reverse")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for CumulativeRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for CumulativeRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[CumulativeRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct TransposeConvRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> TransposeConvRef<'a> {
    #[inline]
    pub fn padding(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "TransposeConv", "padding")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_w(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "TransposeConv", "stride_w")?.unwrap_or(0))
    }

    #[inline]
    pub fn stride_h(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(2, "TransposeConv", "stride_h")?.unwrap_or(0))
    }

    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(3, "TransposeConv", "activation")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for TransposeConvRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for TransposeConvRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[TransposeConvRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct StridedSliceRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> StridedSliceRef<'a> {
    #[inline]
    pub fn begin_mask(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(0, "StridedSlice", "begin_mask")?.unwrap_or(0))
    }

    #[inline]
    pub fn end_mask(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(1, "StridedSlice", "end_mask")?.unwrap_or(0))
    }

    #[inline]
    pub fn ellipsis_mask(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(2, "StridedSlice", "ellipsis_mask")?.unwrap_or(0))
    }

    #[inline]
    pub fn new_axis_mask(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(3, "StridedSlice", "new_axis_mask")?.unwrap_or(0))
    }

    #[inline]
    pub fn shrink_axis_mask(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(4, "StridedSlice", "shrink_axis_mask")?.unwrap_or(0))
    }

    #[inline]
    pub fn offset(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(5, "StridedSlice", "offset")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for StridedSliceRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for StridedSliceRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[StridedSliceRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct LstmRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> LstmRef<'a> {
    #[inline]
    pub fn activation(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "Lstm", "activation")?.unwrap_or(0))
    }

    #[inline]
    pub fn cell_clip(&self) -> ::planus::Result<f32> {
        ::core::result::Result::Ok(self.0.access(1, "Lstm", "cell_clip")?.unwrap_or(0.0))
    }

    #[inline]
    pub fn proj_clip(&self) -> ::planus::Result<f32> {
        ::core::result::Result::Ok(self.0.access(2, "Lstm", "proj_clip")?.unwrap_or(0.0))
    }

    #[inline]
    pub fn time_major(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(3, "Lstm", "time_major")?.unwrap_or(false))
    }
}

impl<'a> ::planus::TableRead<'a> for LstmRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for LstmRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[LstmRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub enum OptionsRef<'a> {
    Conv(self::WindowedRef<'a>),
    Depthwise(self::DepthwiseRef<'a>),
    O3(self::SkipRef<'a>),
    O4(self::SkipRef<'a>),
    Pool(self::PoolRef<'a>),
    Svdf(self::SvdfRef<'a>),
    O7(self::SkipRef<'a>),
    Dense(self::DenseRef<'a>),
    Softmax(self::SoftmaxRef<'a>),
    Concat(self::ConcatRef<'a>),
    Add(self::ElementwiseRef<'a>),
    O12(self::SkipRef<'a>),
    O13(self::SkipRef<'a>),
    O14(self::SkipRef<'a>),
    ResizeBilinear(self::ResizeRef<'a>),
    O16(self::SkipRef<'a>),
    O17(self::SkipRef<'a>),
    O18(self::SkipRef<'a>),
    SpaceToDepth(self::BlockRef<'a>),
    O20(self::SkipRef<'a>),
    Mul(self::ElementwiseRef<'a>),
    O22(self::SkipRef<'a>),
    Gather(self::GatherRef<'a>),
    O24(self::SkipRef<'a>),
    O25(self::SkipRef<'a>),
    O26(self::SkipRef<'a>),
    Reduce(self::ReduceRef<'a>),
    Sub(self::ElementwiseRef<'a>),
    Div(self::ElementwiseRef<'a>),
    O30(self::SkipRef<'a>),
    O31(self::SkipRef<'a>),
    StridedSlice(self::StridedSliceRef<'a>),
    O33(self::SkipRef<'a>),
    O34(self::SkipRef<'a>),
    Split(self::SplitRef<'a>),
    O36(self::SkipRef<'a>),
    O37(self::SkipRef<'a>),
    O38(self::SkipRef<'a>),
    O39(self::SkipRef<'a>),
    O40(self::SkipRef<'a>),
    O41(self::SkipRef<'a>),
    O42(self::SkipRef<'a>),
    O43(self::SkipRef<'a>),
    O44(self::SkipRef<'a>),
    O45(self::SkipRef<'a>),
    O46(self::SkipRef<'a>),
    O47(self::SkipRef<'a>),
    O48(self::SkipRef<'a>),
    TransposeConv(self::TransposeConvRef<'a>),
    O50(self::SkipRef<'a>),
    O51(self::SkipRef<'a>),
    O52(self::SkipRef<'a>),
    O53(self::SkipRef<'a>),
    O54(self::SkipRef<'a>),
    O55(self::SkipRef<'a>),
    O56(self::SkipRef<'a>),
    O57(self::SkipRef<'a>),
    O58(self::SkipRef<'a>),
    Pack(self::PackRef<'a>),
    O60(self::SkipRef<'a>),
    O61(self::SkipRef<'a>),
    O62(self::SkipRef<'a>),
    O63(self::SkipRef<'a>),
    Unpack(self::PackRef<'a>),
    O65(self::SkipRef<'a>),
    O66(self::SkipRef<'a>),
    O67(self::SkipRef<'a>),
    O68(self::SkipRef<'a>),
    O69(self::SkipRef<'a>),
    O70(self::SkipRef<'a>),
    Lstm(self::LstmRef<'a>),
    O72(self::SkipRef<'a>),
    O73(self::SkipRef<'a>),
    ResizeNearest(self::ResizeNearestRef<'a>),
    Leaky(self::LeakyRef<'a>),
    O76(self::SkipRef<'a>),
    Mirror(self::MirrorRef<'a>),
    O78(self::SkipRef<'a>),
    O79(self::SkipRef<'a>),
    O80(self::SkipRef<'a>),
    O81(self::SkipRef<'a>),
    O82(self::SkipRef<'a>),
    O83(self::SkipRef<'a>),
    O84(self::SkipRef<'a>),
    O85(self::SkipRef<'a>),
    O86(self::SkipRef<'a>),
    O87(self::SkipRef<'a>),
    O88(self::SkipRef<'a>),
    O89(self::SkipRef<'a>),
    O90(self::SkipRef<'a>),
    O91(self::SkipRef<'a>),
    O92(self::SkipRef<'a>),
    O93(self::SkipRef<'a>),
    DepthToSpace(self::BlockRef<'a>),
    O95(self::SkipRef<'a>),
    O96(self::SkipRef<'a>),
    O97(self::SkipRef<'a>),
    O98(self::SkipRef<'a>),
    O99(self::SkipRef<'a>),
    O100(self::SkipRef<'a>),
    MatMul(self::MatMulRef<'a>),
    Cumulative(self::CumulativeRef<'a>),
    CallOnce(self::CallOnceRef<'a>),
    O104(self::SkipRef<'a>),
    O105(self::SkipRef<'a>),
    O106(self::SkipRef<'a>),
    O107(self::SkipRef<'a>),
    O108(self::SkipRef<'a>),
    O109(self::SkipRef<'a>),
    O110(self::SkipRef<'a>),
    VarHandle(self::VarHandleRef<'a>),
}

impl<'a> ::planus::TableReadUnion<'a> for OptionsRef<'a> {
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        tag: u8,
        field_offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        match tag {
            1 => ::core::result::Result::Ok(Self::Conv(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            2 => ::core::result::Result::Ok(Self::Depthwise(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            3 => ::core::result::Result::Ok(Self::O3(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            4 => ::core::result::Result::Ok(Self::O4(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            5 => ::core::result::Result::Ok(Self::Pool(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            6 => ::core::result::Result::Ok(Self::Svdf(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            7 => ::core::result::Result::Ok(Self::O7(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            8 => ::core::result::Result::Ok(Self::Dense(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            9 => ::core::result::Result::Ok(Self::Softmax(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            10 => ::core::result::Result::Ok(Self::Concat(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            11 => ::core::result::Result::Ok(Self::Add(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            12 => ::core::result::Result::Ok(Self::O12(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            13 => ::core::result::Result::Ok(Self::O13(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            14 => ::core::result::Result::Ok(Self::O14(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            15 => ::core::result::Result::Ok(Self::ResizeBilinear(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            16 => ::core::result::Result::Ok(Self::O16(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            17 => ::core::result::Result::Ok(Self::O17(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            18 => ::core::result::Result::Ok(Self::O18(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            19 => ::core::result::Result::Ok(Self::SpaceToDepth(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            20 => ::core::result::Result::Ok(Self::O20(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            21 => ::core::result::Result::Ok(Self::Mul(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            22 => ::core::result::Result::Ok(Self::O22(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            23 => ::core::result::Result::Ok(Self::Gather(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            24 => ::core::result::Result::Ok(Self::O24(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            25 => ::core::result::Result::Ok(Self::O25(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            26 => ::core::result::Result::Ok(Self::O26(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            27 => ::core::result::Result::Ok(Self::Reduce(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            28 => ::core::result::Result::Ok(Self::Sub(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            29 => ::core::result::Result::Ok(Self::Div(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            30 => ::core::result::Result::Ok(Self::O30(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            31 => ::core::result::Result::Ok(Self::O31(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            32 => ::core::result::Result::Ok(Self::StridedSlice(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            33 => ::core::result::Result::Ok(Self::O33(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            34 => ::core::result::Result::Ok(Self::O34(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            35 => ::core::result::Result::Ok(Self::Split(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            36 => ::core::result::Result::Ok(Self::O36(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            37 => ::core::result::Result::Ok(Self::O37(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            38 => ::core::result::Result::Ok(Self::O38(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            39 => ::core::result::Result::Ok(Self::O39(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            40 => ::core::result::Result::Ok(Self::O40(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            41 => ::core::result::Result::Ok(Self::O41(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            42 => ::core::result::Result::Ok(Self::O42(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            43 => ::core::result::Result::Ok(Self::O43(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            44 => ::core::result::Result::Ok(Self::O44(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            45 => ::core::result::Result::Ok(Self::O45(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            46 => ::core::result::Result::Ok(Self::O46(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            47 => ::core::result::Result::Ok(Self::O47(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            48 => ::core::result::Result::Ok(Self::O48(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            49 => ::core::result::Result::Ok(Self::TransposeConv(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            50 => ::core::result::Result::Ok(Self::O50(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            51 => ::core::result::Result::Ok(Self::O51(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            52 => ::core::result::Result::Ok(Self::O52(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            53 => ::core::result::Result::Ok(Self::O53(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            54 => ::core::result::Result::Ok(Self::O54(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            55 => ::core::result::Result::Ok(Self::O55(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            56 => ::core::result::Result::Ok(Self::O56(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            57 => ::core::result::Result::Ok(Self::O57(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            58 => ::core::result::Result::Ok(Self::O58(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            59 => ::core::result::Result::Ok(Self::Pack(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            60 => ::core::result::Result::Ok(Self::O60(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            61 => ::core::result::Result::Ok(Self::O61(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            62 => ::core::result::Result::Ok(Self::O62(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            63 => ::core::result::Result::Ok(Self::O63(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            64 => ::core::result::Result::Ok(Self::Unpack(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            65 => ::core::result::Result::Ok(Self::O65(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            66 => ::core::result::Result::Ok(Self::O66(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            67 => ::core::result::Result::Ok(Self::O67(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            68 => ::core::result::Result::Ok(Self::O68(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            69 => ::core::result::Result::Ok(Self::O69(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            70 => ::core::result::Result::Ok(Self::O70(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            71 => ::core::result::Result::Ok(Self::Lstm(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            72 => ::core::result::Result::Ok(Self::O72(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            73 => ::core::result::Result::Ok(Self::O73(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            74 => ::core::result::Result::Ok(Self::ResizeNearest(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            75 => ::core::result::Result::Ok(Self::Leaky(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            76 => ::core::result::Result::Ok(Self::O76(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            77 => ::core::result::Result::Ok(Self::Mirror(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            78 => ::core::result::Result::Ok(Self::O78(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            79 => ::core::result::Result::Ok(Self::O79(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            80 => ::core::result::Result::Ok(Self::O80(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            81 => ::core::result::Result::Ok(Self::O81(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            82 => ::core::result::Result::Ok(Self::O82(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            83 => ::core::result::Result::Ok(Self::O83(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            84 => ::core::result::Result::Ok(Self::O84(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            85 => ::core::result::Result::Ok(Self::O85(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            86 => ::core::result::Result::Ok(Self::O86(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            87 => ::core::result::Result::Ok(Self::O87(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            88 => ::core::result::Result::Ok(Self::O88(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            89 => ::core::result::Result::Ok(Self::O89(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            90 => ::core::result::Result::Ok(Self::O90(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            91 => ::core::result::Result::Ok(Self::O91(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            92 => ::core::result::Result::Ok(Self::O92(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            93 => ::core::result::Result::Ok(Self::O93(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            94 => ::core::result::Result::Ok(Self::DepthToSpace(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            95 => ::core::result::Result::Ok(Self::O95(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            96 => ::core::result::Result::Ok(Self::O96(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            97 => ::core::result::Result::Ok(Self::O97(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            98 => ::core::result::Result::Ok(Self::O98(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            99 => ::core::result::Result::Ok(Self::O99(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            100 => ::core::result::Result::Ok(Self::O100(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            101 => ::core::result::Result::Ok(Self::MatMul(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            102 => ::core::result::Result::Ok(Self::Cumulative(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            103 => ::core::result::Result::Ok(Self::CallOnce(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            104 => ::core::result::Result::Ok(Self::O104(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            105 => ::core::result::Result::Ok(Self::O105(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            106 => ::core::result::Result::Ok(Self::O106(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            107 => ::core::result::Result::Ok(Self::O107(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            108 => ::core::result::Result::Ok(Self::O108(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            109 => ::core::result::Result::Ok(Self::O109(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            110 => ::core::result::Result::Ok(Self::O110(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            111 => ::core::result::Result::Ok(Self::VarHandle(::planus::TableRead::from_buffer(buffer, field_offset)?)),
            _ => ::core::result::Result::Err(::planus::errors::ErrorKind::UnknownUnionTag { tag }),
        }
    }
}

#[derive(Copy, Clone)]
pub struct QuantisationRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> QuantisationRef<'a> {
    #[inline]
    pub fn scale(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, f32>>> {
        self.0.access(2, "Quantisation", "scale")
    }

    #[inline]
    pub fn zero_point(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i64>>> {
        self.0.access(3, "Quantisation", "zero_point")
    }

    #[inline]
    pub fn axis(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(6, "Quantisation", "axis")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for QuantisationRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for QuantisationRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[QuantisationRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct TensorRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> TensorRef<'a> {
    #[inline]
    pub fn shape(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(0, "Tensor", "shape")
    }

    #[inline]
    pub fn type_(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(1, "Tensor", "type_")?.unwrap_or(0))
    }

    #[inline]
    pub fn buffer(&self) -> ::planus::Result<u32> {
        ::core::result::Result::Ok(self.0.access(2, "Tensor", "buffer")?.unwrap_or(0))
    }

    #[inline]
    pub fn name(&self) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
        self.0.access(3, "Tensor", "name")
    }

    #[inline]
    pub fn quantisation(&self) -> ::planus::Result<::core::option::Option<self::QuantisationRef<'a>>> {
        self.0.access(4, "Tensor", "quantisation")
    }

    #[inline]
    pub fn is_variable(&self) -> ::planus::Result<bool> {
        ::core::result::Result::Ok(self.0.access(5, "Tensor", "is_variable")?.unwrap_or(false))
    }

    #[inline]
    pub fn sparsity(&self) -> ::planus::Result<::core::option::Option<self::SkipRef<'a>>> {
        self.0.access(6, "Tensor", "sparsity")
    }

    #[inline]
    pub fn shape_signature(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(7, "Tensor", "shape_signature")
    }

    #[inline]
    pub fn external_buffer(&self) -> ::planus::Result<u32> {
        ::core::result::Result::Ok(self.0.access(10, "Tensor", "external_buffer")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for TensorRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for TensorRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[TensorRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct OperatorRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> OperatorRef<'a> {
    #[inline]
    pub fn opcode(&self) -> ::planus::Result<u32> {
        ::core::result::Result::Ok(self.0.access(0, "Operator", "opcode")?.unwrap_or(0))
    }

    #[inline]
    pub fn inputs(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(1, "Operator", "inputs")
    }

    #[inline]
    pub fn outputs(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(2, "Operator", "outputs")
    }

    #[inline]
    pub fn options(&self) -> ::planus::Result<::core::option::Option<self::OptionsRef<'a>>> {
        self.0.access_union(3, "Operator", "options")
    }

    #[inline]
    pub fn intermediates(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(8, "Operator", "intermediates")
    }
}

impl<'a> ::planus::TableRead<'a> for OperatorRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for OperatorRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[OperatorRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct SubGraphRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> SubGraphRef<'a> {
    #[inline]
    pub fn tensors(
        &self,
    ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, ::planus::Result<self::TensorRef<'a>>>>> {
        self.0.access(0, "SubGraph", "tensors")
    }

    #[inline]
    pub fn inputs(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(1, "SubGraph", "inputs")
    }

    #[inline]
    pub fn outputs(&self) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, i32>>> {
        self.0.access(2, "SubGraph", "outputs")
    }

    #[inline]
    pub fn operators(
        &self,
    ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, ::planus::Result<self::OperatorRef<'a>>>>> {
        self.0.access(3, "SubGraph", "operators")
    }

    #[inline]
    pub fn name(&self) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
        self.0.access(4, "SubGraph", "name")
    }
}

impl<'a> ::planus::TableRead<'a> for SubGraphRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for SubGraphRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[SubGraphRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct OperatorCodeRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> OperatorCodeRef<'a> {
    #[inline]
    pub fn old_code(&self) -> ::planus::Result<i8> {
        ::core::result::Result::Ok(self.0.access(0, "OperatorCode", "old_code")?.unwrap_or(0))
    }

    #[inline]
    pub fn custom(&self) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
        self.0.access(1, "OperatorCode", "custom")
    }

    #[inline]
    pub fn version(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(2, "OperatorCode", "version")?.unwrap_or(1))
    }

    #[inline]
    pub fn code(&self) -> ::planus::Result<i32> {
        ::core::result::Result::Ok(self.0.access(3, "OperatorCode", "code")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for OperatorCodeRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for OperatorCodeRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[OperatorCodeRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct BufferRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> BufferRef<'a> {
    #[inline]
    pub fn data(&self) -> ::planus::Result<::core::option::Option<&'a [u8]>> {
        self.0.access(0, "Buffer", "data")
    }

    #[inline]
    pub fn offset(&self) -> ::planus::Result<u64> {
        ::core::result::Result::Ok(self.0.access(1, "Buffer", "offset")?.unwrap_or(0))
    }

    #[inline]
    pub fn size(&self) -> ::planus::Result<u64> {
        ::core::result::Result::Ok(self.0.access(2, "Buffer", "size")?.unwrap_or(0))
    }
}

impl<'a> ::planus::TableRead<'a> for BufferRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for BufferRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[BufferRef]", "get", buffer.offset_from_start))
    }
}

#[derive(Copy, Clone)]
pub struct ModelRef<'a>(#[allow(dead_code)] ::planus::table_reader::Table<'a>);

impl<'a> ModelRef<'a> {
    #[inline]
    pub fn version(&self) -> ::planus::Result<u32> {
        ::core::result::Result::Ok(self.0.access(0, "Model", "version")?.unwrap_or(0))
    }

    #[inline]
    pub fn operator_codes(
        &self,
    ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, ::planus::Result<self::OperatorCodeRef<'a>>>>> {
        self.0.access(1, "Model", "operator_codes")
    }

    #[inline]
    pub fn subgraphs(
        &self,
    ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, ::planus::Result<self::SubGraphRef<'a>>>>> {
        self.0.access(2, "Model", "subgraphs")
    }

    #[inline]
    pub fn description(&self) -> ::planus::Result<::core::option::Option<&'a ::core::primitive::str>> {
        self.0.access(3, "Model", "description")
    }

    #[inline]
    pub fn buffers(
        &self,
    ) -> ::planus::Result<::core::option::Option<::planus::Vector<'a, ::planus::Result<self::BufferRef<'a>>>>> {
        self.0.access(4, "Model", "buffers")
    }
}

impl<'a> ::planus::TableRead<'a> for ModelRef<'a> {
    #[inline]
    fn from_buffer(
        buffer: ::planus::SliceWithStartOffset<'a>,
        offset: usize,
    ) -> ::core::result::Result<Self, ::planus::errors::ErrorKind> {
        ::core::result::Result::Ok(Self(::planus::table_reader::Table::from_buffer(buffer, offset)?))
    }
}

impl<'a> ::planus::VectorReadInner<'a> for ModelRef<'a> {
    type Error = ::planus::Error;
    const STRIDE: usize = 4;

    unsafe fn from_buffer(buffer: ::planus::SliceWithStartOffset<'a>, offset: usize) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(buffer, offset)
            .map_err(|error_kind| error_kind.with_error_location("[ModelRef]", "get", buffer.offset_from_start))
    }
}

impl<'a> ::planus::ReadAsRoot<'a> for ModelRef<'a> {
    fn read_as_root(slice: &'a [u8]) -> ::planus::Result<Self> {
        ::planus::TableRead::from_buffer(::planus::SliceWithStartOffset { buffer: slice, offset_from_start: 0 }, 0)
            .map_err(|error_kind| error_kind.with_error_location("[ModelRef]", "read_as_root", 0))
    }
}
