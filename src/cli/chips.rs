//! What it is: `stm32sim chips`: the built-in chips, one row each, or one chip (built-in or a user's file) in detail.
//! Source: [`crate::chip::Chip`].
//! Does not model: anything.
//! Tested by: `tests/cli.rs`.

use super::{Format, Output};
use crate::chip::{Bus, Chip};
use crate::finding::{Exit, Result};
use crate::units::grouped;
use clap::Args;
use serde::Serialize;
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

#[derive(Debug, Args)]
pub(super) struct ChipsArgs {
    /// A chip to show in detail: a name, or a chip file ending in .toml
    chip: Option<String>,
}

#[derive(Serialize)]
struct Listing<'a> {
    schema: u32,
    tool: Tool,
    chips: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    title: &'a str,
    packages: &'a [String],
    flash_bytes: u64,
    sram_bytes: u64,
    flash_page_bytes: u64,
    device_id: u32,
    max_sysclk_hz: u32,
    /// Whether supply currents are known, so that energy is reported.
    energy: bool,
    peripherals: Vec<Peripheral<'a>>,
    interrupts: Vec<Interrupt<'a>>,
}

#[derive(Serialize)]
struct Peripheral<'a> {
    name: &'a str,
    kind: &'a str,
    base: u32,
    interrupts: &'a [u16],
}

#[derive(Serialize)]
struct Interrupt<'a> {
    position: u16,
    name: &'a str,
}

impl<'a> Row<'a> {
    fn new(chip: &'a Chip) -> Self {
        Row {
            name: &chip.name,
            title: &chip.title,
            packages: &chip.packages,
            flash_bytes: chip.flash.size.0,
            sram_bytes: chip.sram.size.0,
            flash_page_bytes: chip.flash_programming.page.0,
            device_id: chip.identity.idcode & 0xfff,
            max_sysclk_hz: chip.clocks.max_sysclk.0,
            energy: chip.current.is_some(),
            peripherals: chip
                .peripherals
                .iter()
                .map(|slot| Peripheral {
                    name: &slot.name,
                    kind: &slot.kind,
                    base: slot.window.base.0,
                    interrupts: &slot.interrupts,
                })
                .collect(),
            interrupts: chip.interrupts.iter().map(|line| Interrupt { position: line.position, name: &line.name }).collect(),
        }
    }
}

pub(super) fn run(args: &ChipsArgs, output: &Output) -> Result<Exit> {
    let chips = match &args.chip {
        Some(spec) => vec![Chip::find(spec)?],
        None => Chip::built_in(),
    };
    match output.format {
        Format::Json => output.json(&Listing {
            schema: 1,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            chips: chips.iter().map(Row::new).collect(),
        })?,
        Format::Table => output.report(&match (&args.chip, chips.as_slice()) {
            (Some(_), [chip]) => detail(chip),
            _ => listing(&chips),
        })?,
        _ => return Err(output.unsupported("chips", "table and json")),
    }
    Ok(Exit::Fine)
}

fn kib(bytes: u64) -> String {
    format!("{} KiB", grouped(bytes >> 10))
}

fn listing(chips: &[Chip]) -> String {
    let mut table = Builder::default();
    table.push_record(["chip", "flash", "SRAM", "page", "packages (for x)", "peripherals", "energy", "line"]);
    for chip in chips {
        table.push_record([
            chip.name.clone(),
            kib(chip.flash.size.0),
            kib(chip.sram.size.0),
            kib(chip.flash_programming.page.0),
            chip.packages.join(" "),
            chip.peripherals.len().to_string(),
            if chip.current.is_some() { "known" } else { "-" }.to_owned(),
            chip.title.rsplit(", ").next().unwrap_or_default().to_owned(),
        ]);
    }
    let mut table = table.build();
    table.with(Style::blank()).modify(Columns::new(1..=3), Alignment::right()).modify(Columns::new(5..=5), Alignment::right());
    format!(
        "{table}\n\n{} sizes built in; --chip takes one of them, an order code as STM32F103C8T6, a file, or virtual:flash=4M,sram=256K",
        chips.len()
    )
}

fn detail(chip: &Chip) -> String {
    let mut text = format!("{}: {}\n\n", chip.name, chip.title);
    for (name, memory) in
        [("flash", chip.flash), ("SRAM", chip.sram), ("system memory", chip.system_memory), ("option bytes", chip.option_bytes)]
    {
        text.push_str(&format!("  {name:13}  {}  {:>12}\n", memory.base, memory.size.to_string()));
    }
    let waits: Vec<String> = chip.wait_states.iter().map(|row| format!("{} to {}", row.latency, row.up_to)).collect();
    text.push_str(&format!("\n  wait states    {}\n", waits.join(", ")));
    let clocks = &chip.clocks;
    text.push_str(&format!(
        "  clock limits   SYSCLK {}, APB1 {}, APB2 {}, ADC {}; HSE {}\n",
        clocks.max_sysclk, clocks.max_apb1, clocks.max_apb2, clocks.max_adc, clocks.hse
    ));
    text.push_str(&format!(
        "  device id      0x{:03x}, flash pages of {}\n",
        chip.identity.idcode & 0xfff,
        chip.flash_programming.page
    ));
    let current = chip.current.as_ref().map_or("not known, so energy is not reported", |current| &current.source);
    text.push_str(&format!("  supply current {current}\n\n"));

    let mut table = Builder::default();
    table.push_record(["peripheral", "kind", "base", "clock", "interrupts"]);
    for slot in &chip.peripherals {
        let bus = match slot.bus {
            Bus::Ahb => "AHB",
            Bus::Apb1 => "APB1",
            Bus::Apb2 => "APB2",
            Bus::Core => "core",
        };
        let names: Vec<String> = slot.interrupts.iter().map(|position| chip.interrupt_name(*position)).collect();
        table.push_record([
            slot.name.clone(),
            slot.kind.clone(),
            slot.window.base.to_string(),
            slot.enable.map_or_else(|| bus.to_owned(), |bit| format!("{bus}ENR.{bit}")),
            shortened(&names.join(" "), 36),
        ]);
    }
    let table = table.build().with(Style::blank()).to_string();
    let requests: usize = chip.dma.iter().map(|channel| channel.requests.len()).sum();
    format!(
        "{text}{table}\n\n{}: {} peripherals, {} interrupts, {} DMA channels with {requests} requests",
        chip.name,
        chip.peripherals.len(),
        chip.interrupts.len(),
        chip.dma.len()
    )
}

/// The text, or its beginning and an ellipsis.
fn shortened(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        text.to_owned()
    } else {
        text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
    }
}
