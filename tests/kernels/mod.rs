//! Golden sets and the runtime on the host, for the tests of the model compiler.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use stm32sim::model::Plan;

/// One model with inputs and the reference's outputs, in bytes.
pub struct Golden {
    pub name: String,
    pub model: PathBuf,
    pub inputs: Vec<u8>,
    pub outputs: Vec<u8>,
    pub samples: usize,
    pub float: bool,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kernels")
}

fn npy(path: &Path) -> (Vec<u8>, usize) {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = npyz::NpyFile::new(&bytes[..]).unwrap();
    let samples = file.shape()[0] as usize;
    (file.into_vec::<u8>().unwrap(), samples)
}

impl Golden {
    /// All golden sets, by name.
    pub fn all() -> Vec<Golden> {
        let mut models: Vec<PathBuf> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "tflite"))
            .collect();
        models.sort();
        models
            .into_iter()
            .map(|model| {
                let name = model.file_stem().unwrap().to_string_lossy().into_owned();
                let (inputs, samples) = npy(&model.with_extension("in.npy"));
                let (outputs, _) = npy(&model.with_extension("out.npy"));
                let float = name.starts_with("float_");
                Golden { name, model, inputs, outputs, samples, float }
            })
            .collect()
    }

    /// Says where the outputs differ from the reference's, if they do. Floats may differ by 1e-5, relative to the largest output.
    pub fn compare(&self, outputs: &[u8]) -> Result<(), String> {
        if outputs.len() != self.outputs.len() {
            return Err(format!("{} bytes instead of {}", outputs.len(), self.outputs.len()));
        }
        if self.float {
            let floats =
                |bytes: &[u8]| -> Vec<f32> { bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect() };
            let (ours, theirs) = (floats(outputs), floats(&self.outputs));
            let scale = theirs.iter().fold(0f32, |m, v| m.max(v.abs()));
            let worst = ours.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0f32, f32::max);
            return if worst <= 1e-5 * scale { Ok(()) } else { Err(format!("off by {worst} of {scale}")) };
        }
        let differing = outputs.iter().zip(&self.outputs).filter(|(a, b)| a != b).count();
        match outputs.iter().zip(&self.outputs).position(|(a, b)| a != b) {
            None => Ok(()),
            Some(at) => {
                let width = outputs.len() / self.samples;
                Err(format!(
                    "{differing} of {} bytes differ, first in sample {} at byte {}: {} instead of {}",
                    outputs.len(),
                    at / width,
                    at % width,
                    outputs[at] as i8,
                    self.outputs[at] as i8
                ))
            }
        }
    }
}

/// The runtime with all kernels as a program of the host.
pub struct Host {
    program: PathBuf,
    folder: PathBuf,
}

impl Host {
    /// Compiles it, with the address and undefined-behaviour sanitizers where the compiler has them. `None`, with a word, without a C compiler.
    pub fn build() -> Option<Host> {
        let runtime = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-images/runtime");
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).to_path_buf();
        let program = out.join(format!("nn_host_{}", std::process::id()));
        let sources: Vec<PathBuf> = fs::read_dir(&runtime)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "c"))
            .chain([folder().join("host.c")])
            .collect();
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        for sanitize in [&["-fsanitize=address,undefined", "-fno-sanitize-recover=all"][..], &[]] {
            let built = Command::new(&compiler)
                .args(["-std=c11", "-O1", "-g", "-Wall", "-Wextra", "-Werror", "-I"])
                .arg(&runtime)
                .args(sanitize)
                .args(&sources)
                .args(["-o"])
                .arg(&program)
                .output();
            match built {
                Err(error) => {
                    eprintln!("skipped: no C compiler ({compiler}: {error})");
                    return None;
                }
                Ok(done) if done.status.success() => return Some(Host { program, folder: out }),
                Ok(done) if sanitize.is_empty() => {
                    panic!("the runtime does not compile:\n{}", String::from_utf8_lossy(&done.stderr))
                }
                Ok(_) => {}
            }
        }
        None
    }

    /// Runs all samples through a plan; the outputs, or what the program complained of.
    pub fn run(&self, name: &str, plan: &Plan, inputs: &[u8]) -> Result<Vec<u8>, String> {
        let file = self.folder.join(format!("{name}_{}.plan", std::process::id()));
        fs::write(&file, &plan.bytes).unwrap();
        let given = file.with_extension("in");
        fs::write(&given, inputs).unwrap();
        let done = Command::new(&self.program)
            .arg(&file)
            .stdin(Stdio::from(fs::File::open(&given).unwrap()))
            .output()
            .map_err(|error| error.to_string())?;
        let _ = (fs::remove_file(&file), fs::remove_file(&given));
        if !done.status.success() {
            return Err(format!(
                "the program failed: {}",
                String::from_utf8_lossy(&done.stderr).lines().take(6).collect::<Vec<_>>().join(" | ")
            ));
        }
        Ok(done.stdout)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.program);
    }
}
