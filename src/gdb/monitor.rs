//! What it is: what `monitor …` in GDB asks the simulator: time, devices, findings, reset.
//! Source: our own.
//! Does not model: anything of its own.
//! Tested by: `tests/gdb.rs`.

use super::target::Debuggee;
use crate::finding::Result;
use crate::report::run::place;
use crate::timing::Cause;
use crate::units::grouped;
use std::fmt::Write;

const HELP: &str = "\
cycles                    cycles and instructions so far, by cause
time                      the chip's time and its clocks
peripherals               the chip's devices
registers DEVICE [NAME]   a device's registers, or one of them (regs); reading clears nothing
interrupts                exceptions that are pending or active
findings                  what a user should know about what the firmware did
unmodelled                what it used that is not modelled
uart                      what it sent so far
step over|into            whether steps go into handlers that interrupt
faults halt|pass          whether a fault halts before its handler runs
reset                     resets the chip; memories stay, time goes on (then: maintenance flush register-cache)
help                      this";

/// What is answered to a command.
pub fn answer(debuggee: &mut Debuggee<'_>, command: &str) -> Result<String> {
    let words: Vec<&str> = command.split_whitespace().collect();
    Ok(match words.as_slice() {
        [] | ["help"] => HELP.to_owned(),
        ["cycles"] => cycles(debuggee),
        ["time"] => time(debuggee),
        ["peripherals"] => peripherals(debuggee),
        ["registers" | "regs", device] => registers(debuggee, device, None),
        ["registers" | "regs", device, name] => registers(debuggee, device, Some(name)),
        ["interrupts"] => interrupts(debuggee),
        ["findings"] => findings(debuggee),
        ["unmodelled"] => unmodelled(debuggee),
        ["uart"] => uart(debuggee),
        ["step", how @ ("over" | "into")] => {
            debuggee.into_handlers = *how == "into";
            format!("steps go {how} handlers")
        }
        ["faults", how @ ("halt" | "pass")] => {
            debuggee.machine.halt_on_faults(*how == "halt");
            format!("faults {how}")
        }
        ["reset"] => {
            debuggee.reset()?;
            format!("the core is at 0x{:08x}", debuggee.machine.register(super::arch::REGISTERS[15]))
        }
        _ => format!("'{command}' is no command; monitor help lists them"),
    })
}

fn cycles(debuggee: &Debuggee<'_>) -> String {
    let machine = &debuggee.machine;
    let (causes, instructions) = machine.prices().totals();
    let mut text = format!("cycles        {}\n", grouped(machine.instant().0));
    if debuggee.has_gone_back() {
        text.push_str("by cause they are not known any more: the run has gone back\n");
        return text;
    }
    // Within a block, its own part is charged when it ends.
    let _ = writeln!(text, "blocks ended  {} cycles, {} instructions", grouped(causes.total()), grouped(instructions));
    for cause in Cause::ALL {
        let _ = writeln!(text, "  {:<16}{}", cause.name(), grouped(causes.of(cause)));
    }
    text
}

fn time(debuggee: &Debuggee<'_>) -> String {
    let machine = &debuggee.machine;
    let clocks = machine.clocks();
    format!(
        "{:.3} us\nsysclk {}, hclk {}, pclk1 {}, pclk2 {}, {} flash wait states",
        machine.micros(machine.instant()),
        clocks.sysclk,
        clocks.hclk,
        clocks.pclk1,
        clocks.pclk2,
        clocks.wait_states
    )
}

fn peripherals(debuggee: &Debuggee<'_>) -> String {
    let chip = debuggee.chip;
    chip.peripherals.iter().fold(String::new(), |mut text, slot| {
        let _ = writeln!(text, "{:<12}0x{:08x}  {}", slot.name, slot.window.base.0, slot.kind);
        text
    })
}

fn registers(debuggee: &Debuggee<'_>, device: &str, name: Option<&&str>) -> String {
    let Some(number) = debuggee.machine.device(device) else {
        return format!("the chip has no device '{device}'; monitor peripherals lists them");
    };
    let all = debuggee.machine.device_registers(number);
    let wanted = |found: &str| name.is_none_or(|name| found.eq_ignore_ascii_case(name));
    let text = all.iter().filter(|register| wanted(&register.name)).fold(String::new(), |mut text, register| {
        let _ = writeln!(text, "{:<12}0x{:08x}  0x{:08x}", register.name, register.address, register.value);
        text
    });
    match (text.is_empty(), name) {
        (false, _) => text,
        (true, Some(name)) => format!("{device} has no register '{name}'"),
        (true, None) => format!("{device} is not modelled"),
    }
}

fn interrupts(debuggee: &Debuggee<'_>) -> String {
    let chip = debuggee.chip;
    let name = |n: u16| match n {
        2 => "NMI".to_owned(),
        3 => "HardFault".to_owned(),
        4 => "MemManage".to_owned(),
        5 => "BusFault".to_owned(),
        6 => "UsageFault".to_owned(),
        11 => "SVCall".to_owned(),
        14 => "PendSV".to_owned(),
        15 => "SysTick".to_owned(),
        n => {
            let known = chip.interrupts.iter().find(|line| line.position + 16 == n);
            known.map_or_else(|| format!("exception {n}"), |line| line.name.clone())
        }
    };
    let text = debuggee.machine.exceptions().into_iter().fold(String::new(), |mut text, (n, state)| {
        let _ = writeln!(text, "{:<24}{}", name(n), state.join(", "));
        text
    });
    if text.is_empty() { "none is pending or active".to_owned() } else { text }
}

fn findings(debuggee: &Debuggee<'_>) -> String {
    let found = debuggee.machine.findings().iter().fold(String::new(), |mut text, (finding, pc)| {
        let at = place(debuggee.image, *pc);
        let _ = writeln!(text, "{}: {} at {at}", finding.code.entry().name, finding.message);
        text
    });
    if found.is_empty() { "none".to_owned() } else { found }
}

fn unmodelled(debuggee: &Debuggee<'_>) -> String {
    let used = debuggee.machine.ledger().iter().fold(String::new(), |mut text, (key, count)| {
        let _ = writeln!(text, "{} {} ({count} times)", key.register, key.what);
        text
    });
    if used.is_empty() { "nothing".to_owned() } else { used }
}

fn uart(debuggee: &Debuggee<'_>) -> String {
    let texts = crate::observe::serial::texts(debuggee.machine);
    let sent = texts.iter().fold(String::new(), |mut text, (port, sent)| {
        let _ = writeln!(text, "{port}:\n{}", sent.trim_end());
        text
    });
    if sent.is_empty() { "nothing".to_owned() } else { sent }
}
