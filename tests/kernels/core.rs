//! The runtime built by arm-none-eabi-gcc, called function by function on the engine's Cortex-M3.

use std::path::Path;
use std::process::Command;
use stm32sim::model::Plan;
use unicorn_engine::{Arch, ArmCpuModel, Mode, Prot, RegisterARM, Unicorn};

const FLASH: u64 = 0x0800_0000;
const PLAN: u64 = 0x0810_0000;
const SRAM: u64 = 0x2000_0000;
const STACK_TOP: u64 = SRAM + 0x8_0000;
/// A call returns here.
const EXIT: u64 = FLASH + 0xF_F000;

/// The runtime as a flat image for flash.
pub struct CoreImage {
    segments: Vec<(u64, Vec<u8>)>,
    check: u64,
    reset: u64,
    invoke: u64,
}

impl CoreImage {
    /// Builds it. `None`, with a word, without the cross compiler.
    pub fn build() -> Option<CoreImage> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let runtime = root.join("firmware-images/runtime");
        let elf = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nn_core_{}.elf", std::process::id()));
        let sources = std::fs::read_dir(&runtime).unwrap().map(|entry| entry.unwrap().path());
        let built = Command::new("arm-none-eabi-gcc")
            .args([
                "-mcpu=cortex-m3",
                "-mthumb",
                "-std=c99",
                "-O2",
                "-Wall",
                "-Wextra",
                "-Werror",
                "-Wshadow",
                "-Wundef",
                "-Wstrict-prototypes",
            ])
            .args(["-Wmissing-prototypes", "-Wvla", "-ffreestanding", "-fno-tree-loop-distribute-patterns", "-nostdlib", "-I"])
            .arg(&runtime)
            .args(sources.filter(|path| path.extension().is_some_and(|e| e == "c")))
            .arg(root.join("tests/kernels/core.c"))
            .args(["-Wl,-Ttext=0x08000000,-Tdata=0x20070000,-Tbss=0x20070000,-e,nn_invoke", "-lgcc", "-o"])
            .arg(&elf)
            .output();
        match built {
            Err(error) => {
                eprintln!("skipped: arm-none-eabi-gcc: {error}");
                return None;
            }
            Ok(done) => assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr)),
        }
        let bytes = std::fs::read(&elf).unwrap();
        let _ = std::fs::remove_file(&elf);
        let file = goblin::elf::Elf::parse(&bytes).unwrap();
        let symbol = |name: &str| {
            file.syms
                .iter()
                .find(|symbol| file.strtab.get_at(symbol.st_name) == Some(name))
                .map(|symbol| symbol.st_value)
                .unwrap()
        };
        let loads = file.program_headers.iter().filter(|header| header.p_type == goblin::elf::program_header::PT_LOAD);
        let segments = loads
            .map(|header| (header.p_vaddr, bytes[header.p_offset as usize..][..header.p_filesz as usize].to_vec()))
            .filter(|(at, content)| *at >= FLASH && *at < FLASH + 0x100_0000 && !content.is_empty())
            .collect();
        Some(CoreImage { segments, check: symbol("nn_check"), reset: symbol("nn_reset"), invoke: symbol("nn_invoke") })
    }

    /// Runs all samples through a plan; the outputs and the instructions of one inference.
    pub fn run(&self, plan: &Plan, inputs: &[u8]) -> Result<(Vec<u8>, u64), String> {
        let mut core = Unicorn::new_with_data(Arch::ARM, Mode::THUMB | Mode::MCLASS, 0u64).map_err(|e| format!("{e:?}"))?;
        core.ctl_set_cpu_model(ArmCpuModel::CORTEX_M3 as i32).map_err(|e| format!("{e:?}"))?;
        core.mem_map(FLASH, 0x100_0000, Prot::READ | Prot::EXEC).unwrap();
        core.mem_map(SRAM, 0x8_0000, Prot::READ | Prot::WRITE).unwrap();
        for (at, content) in &self.segments {
            core.mem_write(*at, content).unwrap();
        }
        core.mem_write(PLAN, &plan.bytes).unwrap();
        let size: usize = plan.inputs.iter().map(|input| input.bytes as usize).sum();
        let mut outputs = Vec::new();
        let call = |core: &mut Unicorn<u64>, function: u64, second: u64| -> Result<i32, String> {
            core.reg_write(RegisterARM::R0, PLAN).unwrap();
            core.reg_write(RegisterARM::R1, second).unwrap();
            core.reg_write(RegisterARM::SP, STACK_TOP).unwrap();
            core.reg_write(RegisterARM::LR, EXIT | 1).unwrap();
            core.emu_start(function | 1, EXIT, 0, 0).map_err(|e| format!("the core stopped: {e:?}"))?;
            if core.reg_read(RegisterARM::SP).unwrap() != STACK_TOP {
                return Err("the stack is not balanced".to_owned());
            }
            Ok(core.reg_read(RegisterARM::R0).unwrap() as i32)
        };
        if call(&mut core, self.check, plan.bytes.len() as u64)? != 0 {
            return Err("the runtime refuses the plan".to_owned());
        }
        for (sample, given) in inputs.chunks_exact(size).enumerate() {
            let mut rest = given;
            // Old contents must not matter, but where the model keeps something.
            if sample == 0 || plan.resets.is_empty() {
                core.mem_write(SRAM, &vec![0xA5; plan.arena_bytes() as usize]).unwrap();
                if call(&mut core, self.reset, SRAM)? != 0 {
                    return Err("the reset failed".to_owned());
                }
            }
            for input in &plan.inputs {
                let (own, others) = rest.split_at(input.bytes as usize);
                core.mem_write(SRAM + u64::from(input.arena_offset), own).unwrap();
                rest = others;
            }
            let hook = (sample == 0).then(|| core.add_code_hook(1, 0, |core, _, _| *core.get_data_mut() += 1).unwrap());
            if call(&mut core, self.invoke, SRAM)? != 0 {
                return Err("the inference failed".to_owned());
            }
            if let Some(hook) = hook {
                core.remove_hook(hook).unwrap();
            }
            for output in &plan.outputs {
                outputs.extend(core.mem_read_as_vec(SRAM + u64::from(output.arena_offset), output.bytes as usize).unwrap());
            }
        }
        Ok((outputs, *core.get_data()))
    }
}
