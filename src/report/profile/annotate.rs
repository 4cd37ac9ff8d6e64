//! What it is: a function's instructions as they are in memory, each with how often it ran and what it cost, under its source lines.
//! Source: capstone's disassembly; [`crate::timing::Details`].
//! Does not model: whose fault a wait is: an instruction that waits for the one before it pays.
//! Tested by: `tests/profile.rs`: the instructions' cycles sum to the function's row.

use crate::finding::{Code, Finding, Result, nearest};
use crate::firmware::{Image, SymbolKind};
use crate::isa::Decoder;
use crate::timing::{Cause, Details};
use crate::units::{Addr, grouped};
use serde::{Deserialize, Serialize};

/// One instruction of an annotated function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnnotatedInsn {
    /// Where it is.
    pub address: u32,
    /// As an assembler writes it.
    pub text: String,
    /// The source line, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// How often it ran.
    pub executions: u64,
    /// What it cost.
    pub cycles: u64,
    /// The same by cause, without those that are zero.
    pub causes: Vec<(String, u64)>,
}

/// An annotated function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotated {
    /// Its name.
    pub function: String,
    /// Its instructions by address.
    pub insns: Vec<AnnotatedInsn>,
}

impl Annotated {
    /// The function of that name, in the source's spelling or the linker's.
    ///
    /// # Errors
    /// `bad-usage` if there is none.
    pub fn new(image: &Image, details: &Details, name: &str) -> Result<Self> {
        let functions = || image.symbols.iter().filter(|symbol| symbol.kind == SymbolKind::Function);
        let Some(symbol) = functions().find(|symbol| symbol.name == name || symbol.linker_name == name) else {
            let help = match nearest(name, functions().map(|symbol| symbol.name.as_str())) {
                Some(near) => format!("Did you mean '{near}'?"),
                None => "stm32sim profile --top 0 lists the functions that ran.".to_owned(),
            };
            return Err(Finding::new(Code::BadUsage, format!("{} has no function '{name}'", image.name)).help(help).into());
        };
        let start = symbol.address;
        let bytes = image.segments.iter().find_map(|segment| {
            let at = start.0.checked_sub(segment.vma.0)? as usize;
            let end = at.checked_add(symbol.size as usize)?.min(segment.data.len());
            segment.data.get(at..end)
        });
        let text = Decoder::new()?.disassemble(start, bytes.unwrap_or_default());
        let mut insns: Vec<AnnotatedInsn> = text
            .into_iter()
            .map(|(address, text)| {
                let place = image.locate(address);
                // The other window of flash is the same code.
                let cost = details.insns.get(&address.0).or_else(|| details.insns.get(&(address.0 ^ 0x0800_0000)));
                AnnotatedInsn {
                    address: address.0,
                    text,
                    line: place.file.zip(place.line).map(|(file, line)| format!("{file}:{line}")),
                    executions: cost.map_or(0, |cost| cost.executions),
                    cycles: cost.map_or(0, |cost| cost.causes.total()),
                    causes: cost.map_or_else(Vec::new, |cost| {
                        let causes = Cause::ALL.iter().map(|cause| (cause.name().to_owned(), cost.causes.of(*cause)));
                        causes.filter(|(_, cycles)| *cycles > 0).collect()
                    }),
                }
            })
            .collect();
        insns.sort_by_key(|insn| insn.address);
        Ok(Self { function: symbol.name.clone(), insns })
    }

    /// As text: source lines, and under each its instructions.
    #[must_use]
    pub fn text(&self) -> String {
        let whole: u64 = self.insns.iter().map(|insn| insn.cycles).sum();
        let mut text = format!("{}: {} cycles\n\n", self.function, grouped(whole));
        text.push_str("     cycles   share        ran   each  address   instruction\n");
        let mut line = None;
        for insn in &self.insns {
            if insn.line != line {
                line.clone_from(&insn.line);
                text.push_str(&format!("{:>38}{}\n", "", line.as_deref().unwrap_or("[no line]")));
            }
            let share = if whole == 0 { 0.0 } else { insn.cycles as f64 * 100.0 / whole as f64 };
            let each =
                if insn.executions == 0 { String::new() } else { format!("{:.2}", insn.cycles as f64 / insn.executions as f64) };
            // What is more than the one cycle that every instruction takes has a reason worth telling.
            let why: Vec<String> = insn
                .causes
                .iter()
                .filter(|(cause, _)| cause != Cause::Issue.name())
                .map(|(cause, cycles)| format!("{} {}", cause.replace('_', " "), grouped(*cycles)))
                .collect();
            let row = format!(
                "{:>11} {:>6} {:>10} {each:>6}  {:<9} {:<34} {}",
                if insn.executions == 0 { "-".to_owned() } else { grouped(insn.cycles) },
                if insn.cycles == 0 { String::new() } else { format!("{share:.1}%") },
                if insn.executions == 0 { "-".to_owned() } else { grouped(insn.executions) },
                format!("{}", Addr(insn.address)).trim_start_matches("0x"),
                insn.text,
                why.join(", ")
            );
            text.push_str(row.trim_end());
            text.push('\n');
        }
        text.push_str(&format!("\n{}: {} cycles\n", self.function, grouped(whole)));
        text
    }
}
