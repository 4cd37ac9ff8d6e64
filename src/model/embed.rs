//! What it is: a lowered model as a C header for firmware: the plan's words, the sizes a program needs, and the table of the kernels it uses,
//! so that a linker takes no others. Or the file's own bytes as a header, for other runtimes.
//! Source: `firmware-images/runtime/README.md`.
//! Does not model: languages other than C and C++.
//! Tested by: `tests/model.rs` (the header compiles, its words are the plan's), `tests/model_kernels.rs` (it runs).

use super::{Plan, PlanIo, VERSION_OF_TOOL};
use std::fmt::Write as _;

/// The C header of a plan. `name` is what it is made of, without folders.
#[must_use]
pub fn header(name: &str, plan: &Plan) -> String {
    let mut text = String::new();
    let name = quoted(name);
    let _ = writeln!(text, "/* {name}, lowered for the runtime by `stm32sim embed` {VERSION_OF_TOOL}: do not edit.");
    let _ = writeln!(
        text,
        "   Include it in exactly one C file: it defines nn_model_plan and the table of the kernels that the model uses. */"
    );
    let _ = writeln!(text, "#ifndef NN_MODEL_DATA_H\n#define NN_MODEL_DATA_H\n\n#include \"nn.h\"\n");
    let _ = writeln!(text, "#define NN_MODEL_NAME \"{name}\"");
    let _ = writeln!(text, "#define NN_MODEL_PLAN_BYTES {}u", plan.bytes.len());
    let _ = writeln!(text, "#define NN_MODEL_ARENA_BYTES {}u", plan.arena.bytes.max(8));
    let _ = writeln!(text, "#define NN_MODEL_LAYERS {}u", plan.layers.len());
    for (side, list) in [("INPUT", &plan.inputs), ("OUTPUT", &plan.outputs)] {
        for (index, io) in list.iter().enumerate() {
            let suffix = if index == 0 { String::new() } else { index.to_string() };
            describe(&mut text, &format!("NN_MODEL_{side}{suffix}"), io);
        }
    }
    for kernel in plan.kernels() {
        let _ = writeln!(text, "#define NN_USES_{} 1", kernel.symbol().trim_start_matches("nn_").to_uppercase());
    }
    let _ = writeln!(text, "\nconst nn_kernel nn_kernels[] = {{");
    let kernels = plan.kernels();
    let highest = kernels.last().map_or(0, |&kernel| kernel as usize + 1);
    for number in 0..highest {
        let symbol = kernels.iter().find(|&&kernel| kernel as usize == number).map_or("0", |kernel| kernel.symbol());
        let _ = writeln!(text, "    {symbol},");
    }
    let _ = writeln!(text, "}};\nconst uint32_t nn_kernel_count = {highest}u;\n");
    let _ = writeln!(text, "const uint32_t nn_model_plan[NN_MODEL_PLAN_BYTES / 4] __attribute__((aligned(8))) = {{");
    let (words, _) = plan.bytes.as_chunks::<4>();
    for line in words.chunks(8) {
        let line: Vec<String> = line.iter().map(|word| format!("0x{:08x}u", u32::from_le_bytes(*word))).collect();
        let _ = writeln!(text, "    {},", line.join(", "));
    }
    text.push_str("};\n\n#endif\n");
    text
}

fn describe(text: &mut String, prefix: &str, io: &PlanIo) {
    let shape: Vec<String> = io.shape.iter().map(u32::to_string).collect();
    let _ = writeln!(text, "\n/* {} {} */", io.ty, if shape.is_empty() { "scalar".to_owned() } else { shape.join("x") });
    let _ = writeln!(text, "#define {prefix}_BYTES {}u", io.bytes);
    let _ = writeln!(text, "#define {prefix}_COUNT {}u", io.elements);
    let _ = writeln!(text, "#define {prefix}_SCALE {:e}f", io.scale);
    let _ = writeln!(text, "#define {prefix}_ZERO_POINT ({})", io.zero_point);
}

/// The C header of a file's bytes, for runtimes that read .tflite themselves.
#[must_use]
pub fn raw_header(name: &str, bytes: &[u8]) -> String {
    let mut text = String::new();
    let name = quoted(name);
    let _ = writeln!(text, "/* {name}.tflite, byte by byte, by `stm32sim embed --raw` {VERSION_OF_TOOL}: do not edit. */");
    let _ = writeln!(text, "#ifndef MODEL_TFLITE_H\n#define MODEL_TFLITE_H\n");
    let _ = writeln!(text, "#define MODEL_TFLITE_NAME \"{name}\"\n#define MODEL_TFLITE_BYTES {}u\n", bytes.len());
    let _ = writeln!(text, "const unsigned char model_tflite[MODEL_TFLITE_BYTES] __attribute__((aligned(16))) = {{");
    for line in bytes.chunks(20) {
        let line: Vec<String> = line.iter().map(|byte| format!("0x{byte:02x}")).collect();
        let _ = writeln!(text, "    {},", line.join(", "));
    }
    text.push_str("};\n\n#endif\n");
    text
}

/// A name fit for a C comment and string: what could end either is replaced.
fn quoted(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.+ ".contains(c) { c } else { '_' }).collect()
}
