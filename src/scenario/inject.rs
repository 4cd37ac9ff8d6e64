//! What it is: what a user puts into the firmware's memory by symbol, and functions called in place of what the firmware would do:
//! `--set`, `--call`, `--at`.
//! Source: the Arm procedure call standard (AAPCS32, section 6): arguments in R0 to R3, the result in R0.
//! Does not model: arguments that do not fit four registers; structures by value.
//! Tested by: the unit tests below, `tests/inject.rs`.

use super::{Connected, Host, Ports, Tensor};
use crate::finding::{Code, Failure, Finding, Result, nearest};
use crate::firmware::{Image, Symbol};
use crate::machine::{Halt, Machine, Outcome, Register, Special};
use crate::units::{Cycles, Tick};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// What a symbol's bytes become.
#[derive(Clone, Debug, PartialEq)]
enum What {
    Integer(i128),
    Real(f64),
    Bytes(Vec<u8>),
}

/// What is to be put in, and called, when the firmware comes to a function.
#[derive(Clone, Debug, Default)]
pub struct Injection {
    at: Option<String>,
    sets: Vec<(String, u32, What)>,
    calls: Vec<(String, Vec<u32>)>,
}

/// A function that was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Called {
    /// Its name.
    pub function: String,
    /// What it was given.
    pub arguments: Vec<u32>,
    /// R0 when it returned.
    pub returned: u32,
    /// Instructions.
    pub instructions: u64,
    /// Cycles, from its first instruction to behind its return.
    pub cycles: u64,
}

fn usage(option: &str, text: &str, what: &str) -> Failure {
    Failure::new(Code::BadUsage, format!("{option} {text}: {what}"))
}

/// `12`, `-3`, `0x2a`.
fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let lower = digits.to_ascii_lowercase();
    let value = match lower.strip_prefix("0x") {
        Some(hex) => i128::from(u64::from_str_radix(hex, 16).ok()?),
        None => i128::from(lower.parse::<u64>().ok()?),
    };
    Some(sign * value)
}

impl Injection {
    /// `--set g_mode=3`, `--set g_gain=0.5`, `--set input=@sample.npy`, `--set buffer+16=@bytes.bin`.
    ///
    /// # Errors
    /// `bad-usage`, or what is wrong with the file.
    pub fn set(&mut self, text: &str) -> Result<()> {
        let wrong = |what: &str| usage("--set", text, what);
        let (target, value) = text.split_once('=').ok_or_else(|| wrong("it is as NAME=3, NAME=0.5, NAME=@file.npy"))?;
        let (name, offset) = match target.rsplit_once('+') {
            Some((name, offset)) => {
                let offset = integer(offset).and_then(|offset| u32::try_from(offset).ok());
                (name, offset.ok_or_else(|| wrong("no offset stands behind the '+'"))?)
            }
            None => (target, 0),
        };
        let what = if let Some(path) = value.strip_prefix('@') {
            if path.ends_with(".npy") {
                What::Bytes(Tensor::load(Path::new(path))?.bytes().to_vec())
            } else {
                let unreadable = |error| Failure::new(Code::FileUnreadable, format!("{path} cannot be read: {error}"));
                What::Bytes(std::fs::read(path).map_err(unreadable)?)
            }
        } else if let Some(value) = integer(value) {
            What::Integer(value)
        } else {
            What::Real(value.parse().map_err(|_| wrong("neither a number nor @FILE stands behind the '='"))?)
        };
        self.sets.push((name.to_owned(), offset, what));
        Ok(())
    }

    /// `--call kernel`, `--call kernel(3,0x20000100,&buffer)`: arguments are numbers, or addresses of symbols.
    ///
    /// # Errors
    /// `bad-usage`.
    pub fn call(&mut self, text: &str, image: &Image) -> Result<()> {
        let wrong = |what: &str| usage("--call", text, what);
        let (name, list) = match text.split_once('(') {
            Some((name, rest)) => (name, rest.strip_suffix(')').ok_or_else(|| wrong("no ')' at its end"))?),
            None => (text, ""),
        };
        let argument = |text: &str| match text.strip_prefix('&') {
            Some(name) => find("--call", name, image).map(|symbol| symbol.address.0),
            None => {
                let value = integer(text).filter(|value| (i128::from(i32::MIN)..=i128::from(u32::MAX)).contains(value));
                value.map(|value| value as u32).ok_or_else(|| wrong(&format!("'{text}' is no argument of 32 bits")))
            }
        };
        let list = list.split(',').map(str::trim).filter(|text| !text.is_empty());
        let arguments = list.map(argument).collect::<Result<Vec<_>>>()?;
        if arguments.len() > 4 {
            return Err(wrong("at most four arguments are passed in registers"));
        }
        self.calls.push((name.trim().to_owned(), arguments));
        Ok(())
    }

    /// `--at FUNCTION`: when, instead of at the beginning of `main`.
    pub fn at(&mut self, function: &str) {
        self.at = Some(function.to_owned());
    }

    /// Runs the firmware to where everything is to be put in, puts it in, and calls what is to be called. An outcome, if the run ends with that.
    ///
    /// # Errors
    /// `bad-usage` for names that the firmware does not have and values that do not fit; `scenario-stalled` where the firmware does not come there.
    pub fn apply(
        &self,
        machine: &mut Machine,
        image: &Image,
        (host, ports): (&mut Option<Host>, &mut Ports),
        limit: Tick,
    ) -> Result<(Option<Outcome>, Vec<Called>)> {
        if self.sets.is_empty() && self.calls.is_empty() {
            return Ok((None, Vec::new()));
        }
        let at = self.at.as_deref().unwrap_or("main");
        let place = find("--at", at, image)?.address.0 & !1;
        let sets = self.sets.iter().map(|set| resolve(set, image)).collect::<Result<Vec<_>>>()?;
        let calls = self
            .calls
            .iter()
            .map(|(name, arguments)| Ok((name, arguments, find("--call", name, image)?.address.0 & !1)))
            .collect::<Result<Vec<_>>>()?;
        let mut connected = Connected { host, ports };
        arrive(machine, &mut connected, (place, None), limit).and_then(|stopped| {
            stopped.map_or(Ok(()), |why| Err(stalled(&format!("the firmware did not come to {at}"), &why)))
        })?;
        for (address, bytes) in &sets {
            machine.alter(*address, bytes).ok_or_else(|| usage("--set", &format!("0x{address:08x}"), "there is no memory"))?;
        }
        let mut results = Vec::new();
        for (name, arguments, address) in calls {
            let sp = machine.register(Register::General(13));
            for (register, value) in (0..).zip(arguments) {
                machine.set_register(Register::General(register), *value);
            }
            machine.set_register(Register::General(14), place | 1);
            machine.set_register(Register::Special(Special::Pc), address);
            let (begun, (_, instructions)) = (machine.now(), machine.prices().totals());
            if let Some(why) = arrive(machine, &mut connected, (place, Some(sp)), limit)? {
                return Err(stalled(&format!("{name} did not return"), &why));
            }
            results.push(Called {
                function: name.clone(),
                arguments: arguments.clone(),
                returned: machine.register(Register::General(0)),
                instructions: machine.prices().totals().1.saturating_sub(instructions),
                cycles: machine.now().since(begun).0,
            });
        }
        machine.set_breakpoints(BTreeSet::new());
        Ok(((!self.calls.is_empty()).then_some(Outcome::Finished), results))
    }
}

fn stalled(what: &str, outcome: &Outcome) -> Failure {
    let how = match outcome {
        Outcome::Finished => "its run was over",
        Outcome::Fault { .. } => "it broke a rule of the chip",
        Outcome::Limit(_) => "the limit was reached",
        Outcome::Asleep(_) => "it sleeps for ever",
        Outcome::Exit(_) => "it ended itself",
    };
    Failure::new(Code::ScenarioStalled, format!("{what}: {how} before"))
}

/// Runs to an address, with the stack pointer as it is to be; what happened instead, if it did not come to that.
fn arrive(
    machine: &mut Machine,
    connected: &mut Connected<'_>,
    (place, sp): (u32, Option<u32>),
    limit: Tick,
) -> Result<Option<Outcome>> {
    machine.set_breakpoints(BTreeSet::from([place]));
    let mut going = machine.going_on();
    loop {
        let pause = machine.now() + connected.ports.period().min(Cycles(1 << 40));
        match machine.go(&mut going, connected, pause, limit)? {
            Halt::Breakpoint => {
                let there = machine.register(Register::Special(Special::Pc)) == place;
                if there && sp.is_none_or(|sp| machine.register(Register::General(13)) == sp) {
                    return Ok(None);
                }
                // Deeper in a recursion, or a BKPT of the firmware's own.
                going = machine.going_on();
            }
            Halt::Ended(outcome) => return Ok(Some(outcome)),
            _ => {}
        }
    }
}

fn find<'a>(option: &str, name: &str, image: &'a Image) -> Result<&'a Symbol> {
    image.symbols.by_name(name).ok_or_else(|| {
        let names: Vec<&str> = image.symbols.iter().map(|symbol| symbol.linker_name.as_str()).collect();
        let finding = Finding::new(Code::BadUsage, format!("{option}: the firmware has no symbol '{name}'"));
        match nearest(name, names) {
            Some(near) => finding.help(format!("Did you mean '{near}'?")).into(),
            None => finding.into(),
        }
    })
}

/// Where a value goes, and its bytes.
fn resolve((name, offset, what): &(String, u32, What), image: &Image) -> Result<(u32, Vec<u8>)> {
    let symbol = find("--set", name, image)?;
    let wrong = |what: String| usage("--set", name, &what);
    let room = symbol.size.checked_sub(*offset).filter(|room| *room > 0);
    let room = room.ok_or_else(|| wrong(format!("it has {} bytes, and the offset is {offset}", symbol.size)))? as usize;
    let bytes = match what {
        What::Bytes(bytes) if bytes.len() > room => {
            return Err(wrong(format!("{} bytes do not fit into the {room} that it has", bytes.len())));
        }
        What::Bytes(bytes) => bytes.clone(),
        What::Real(value) => match symbol.size {
            8 => value.to_le_bytes().to_vec(),
            _ if room >= 4 => (*value as f32).to_le_bytes().to_vec(),
            _ => return Err(wrong(format!("{room} bytes hold no floating-point number"))),
        },
        What::Integer(value) => {
            // A variable is as large as its symbol; an element of something larger is a word.
            let size = if matches!(room, 1 | 2 | 4 | 8) { room } else { 4.min(room) };
            let bits = 8 * size as u32;
            if *value < -(1i128 << (bits - 1)) || *value >= 1i128 << bits {
                return Err(wrong(format!("{value} does not fit into {size} bytes")));
            }
            value.to_le_bytes().into_iter().take(size).collect()
        }
    };
    Ok((symbol.address.0.wrapping_add(*offset), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_and_mistakes_named() {
        let mut injection = Injection::default();
        for text in ["a=3", "a=-0x10", "a=0.5", "a+8=1"] {
            injection.set(text).expect(text);
        }
        let whats: Vec<What> = injection.sets.iter().map(|(_, _, what)| what.clone()).collect();
        assert_eq!(whats, [What::Integer(3), What::Integer(-16), What::Real(0.5), What::Integer(1)]);
        assert_eq!(injection.sets.last().map(|(name, offset, _)| (name.as_str(), *offset)), Some(("a", 8)));
        for (text, says) in
            [("a", "it is as"), ("a=", "neither"), ("a=x", "neither"), ("a+b=1", "no offset"), ("a=@/nowhere", "cannot be read")]
        {
            let failure = injection.set(text).expect_err(text);
            assert!(failure.0.message.contains(says), "{}", failure.0.message);
        }
    }
}
