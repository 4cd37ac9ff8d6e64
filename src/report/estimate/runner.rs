//! What it is: the built-in image that runs any model, and what firmware made of it and a plan needs of a chip.
//! Source: `firmware-images/runner` (its README row and `runner.ld` name the symbols).
//! Does not model: firmware of a user's own, which will have other code and other static data beside the runtime.
//! Tested by: `tests/estimate.rs`.

use super::linked;
use crate::chip::Chip;
use crate::finding::{Code, Failure, Finding, Result};
use crate::firmware::Image;
use crate::model::Plan;
use crate::units::{Addr, grouped};
use serde::Serialize;

const NAME: &str = "runner.elf";
const ELF: &[u8] = include_bytes!("../../../firmware-images/runner.elf");

/// Every F103 has its flash and its SRAM at the same addresses (RM0008, section 3.3).
const FLASH: u32 = 0x0800_0000;
const SRAM: u32 = 0x2000_0000;

/// What is asked for the stack at least, in bytes: a run of today's kernels takes about half of it.
pub const LEAST_STACK: u64 = 512;

/// The image and where it wants things.
pub(super) struct Runner {
    pub image: Image,
    plan: Addr,
    pub arena: Addr,
    status: Addr,
    /// Behind everything that is programmed.
    behind: Addr,
    /// The words in flash that say where the plan and the arena are.
    places: [Addr; 2],
}

impl Runner {
    pub fn load() -> Result<Self> {
        let image = Image::parse(NAME, ELF)?;
        let symbol = |name: &str| {
            let missing = || Failure::new(Code::Internal, format!("{NAME} has no symbol {name}"));
            image.symbols.by_name(name).map(|symbol| symbol.address).ok_or_else(missing)
        };
        let (plan, arena, status) = (symbol("__plan_start")?, symbol("__arena_start")?, symbol("g_status")?);
        let places = [symbol("g_plan_at")?, symbol("g_arena_at")?];
        Ok(Self { image, plan, arena, status, behind: plan, places })
    }

    /// Where the runtime's status lies after the run.
    pub fn status(&self) -> u32 {
        self.status.0
    }

    /// What it needs to run a plan.
    pub fn needs(&self, plan: &Plan) -> Needs {
        let image = u64::from(self.behind.0.saturating_sub(FLASH));
        let runtime = image.saturating_sub(linked::left_out(&self.image, &plan.kernels())).next_multiple_of(8);
        let fixed = u64::from(self.arena.0.saturating_sub(SRAM));
        Needs { runtime, plan: plan.bytes.len() as u64, fixed, arena: u64::from(plan.arena_bytes()), stack: LEAST_STACK }
    }

    /// A chip whose flash holds the whole image too, which has every kernel: where the plan lies makes no difference to what it costs.
    pub fn roomy(&self, chip: &Chip, plan: &Plan) -> Chip {
        let mut roomy = chip.clone();
        let own = if self.moved() { 0 } else { plan.bytes.len() as u64 };
        let needed = u64::from(self.behind.0.saturating_sub(FLASH)).saturating_add(own);
        roomy.flash.size.0 = roomy.flash.size.0.max(needed.next_multiple_of(1024));
        roomy
    }

    /// The firmware: the image with the plan behind it, for a chip.
    pub fn firmware(&mut self, plan: &Plan, chip: &Chip) -> Result<()> {
        if !self.moved() {
            self.image.append(".model", self.plan, plan.bytes.clone());
        }
        self.image.set_stack_top(Addr(u32::try_from(chip.sram.end()).unwrap_or(u32::MAX)))
    }

    /// Has the plan in SRAM, the arena behind it.
    pub fn move_plan(&mut self, plan: &Plan) {
        self.plan = self.arena;
        let bytes = u32::try_from(plan.bytes.len()).unwrap_or(u32::MAX).checked_next_multiple_of(8).unwrap_or(u32::MAX);
        self.arena = Addr(self.plan.0.saturating_add(bytes));
    }

    fn moved(&self) -> bool {
        self.plan.0 >= SRAM
    }

    /// What to write into memory before reset: addresses and bytes. Nothing where the plan is part of the image.
    pub fn before_reset(&self, plan: &Plan) -> Vec<(u32, Vec<u8>)> {
        if !self.moved() {
            return Vec::new();
        }
        let [at_plan, at_arena] = self.places;
        let word = |value: Addr| value.0.to_le_bytes().to_vec();
        vec![(at_plan.0, word(self.plan)), (at_arena.0, word(self.arena)), (self.plan.0, plan.bytes.clone())]
    }
}

/// What the firmware needs of a chip, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Needs {
    /// Flash for start-up code and as much of the runtime as a linker takes for this model.
    pub runtime: u64,
    /// Flash for the lowered model: weights, tables, descriptors.
    pub plan: u64,
    /// SRAM for static data.
    #[serde(rename = "static")]
    pub fixed: u64,
    /// SRAM for activations and scratch.
    pub arena: u64,
    /// SRAM for the stack: what a run took, and [`LEAST_STACK`] at least.
    pub stack: u64,
}

impl Needs {
    /// All flash.
    #[must_use]
    pub fn flash(&self) -> u64 {
        self.runtime.saturating_add(self.plan)
    }

    /// All SRAM.
    #[must_use]
    pub fn sram(&self) -> u64 {
        self.fixed.saturating_add(self.arena).saturating_add(self.stack)
    }

    /// How they compare with a chip.
    #[must_use]
    pub fn on(&self, chip: &Chip) -> Fit {
        let room = |size: u64, needed: u64| Room { size, needed, short: needed.checked_sub(size).filter(|short| *short > 0) };
        let (flash, sram) = (room(chip.flash.size.0, self.flash()), room(chip.sram.size.0, self.sram()));
        Fit { fits: flash.short.is_none() && sram.short.is_none(), flash, sram, needs: *self }
    }
}

/// Whether a chip holds the firmware, and by how much not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// Whether it does.
    pub fits: bool,
    /// Flash.
    pub flash: Room,
    /// SRAM.
    pub sram: Room,
    /// What the needs are made of.
    pub needs: Needs,
}

/// A need of one memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Room {
    /// What the chip has.
    pub size: u64,
    /// What is needed.
    pub needed: u64,
    /// What is lacking; absent where it fits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short: Option<u64>,
}

impl Fit {
    /// `flash short by 1 234 B, SRAM short by 5 678 B`; empty where it fits.
    #[must_use]
    pub fn short_text(&self) -> String {
        let part = |name: &str, room: &Room| room.short.map(|short| format!("{name} short by {} B", grouped(short)));
        [part("flash", &self.flash), part("SRAM", &self.sram)].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// The findings that say why it does not fit.
    pub(super) fn findings(&self, model: &str, chip: &Chip) -> Vec<Finding> {
        let needs = &self.needs;
        let mut findings = Vec::new();
        let mut find = |code: Code, room: &Room, memory: &str, parts: String| {
            if let Some(short) = room.short {
                let message = format!(
                    "{model} needs {} B of {memory} ({parts}), {} B more than the {} of the {}",
                    grouped(room.needed),
                    grouped(short),
                    grouped(room.size),
                    chip.name
                );
                let help = "--all-chips shows which chip holds it; --chip virtual:flash=4M,sram=256K runs it as if one did.";
                findings.push(Finding::new(code, message).help(help));
            }
        };
        let parts = format!("runtime {}, model {}", grouped(needs.runtime), grouped(needs.plan));
        find(Code::FlashOverflow, &self.flash, "flash", parts);
        let parts =
            format!("activations {}, static {}, stack {}", grouped(needs.arena), grouped(needs.fixed), grouped(needs.stack));
        find(Code::SramOverflow, &self.sram, "SRAM", parts);
        findings
    }
}
