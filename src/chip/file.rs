//! What it is: a chip description read from TOML, merged with what it extends, and checked with line and column.
//! Source: the built-in files are embedded from `src/chips`; the format is documented there by example.
//! Does not model: removing something that the extended file has.
//! Tested by: the tests below; the built-in files by `tests/chips.rs`.

use super::schema::{ChipFile, CurrentRow, Frequency, Size};
use super::{
    Chip, Clocks, Current, CurrentPoint, CurrentTable, DmaChannel, FlashProgramming, Identity, Interrupt, Memory, Pins, Slot,
    WaitStates, port_pin,
};
use crate::finding::{Code, Failure, Finding, Result, nearest};
use crate::units::{Addr, Bytes};
use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// The built-in files by name.
        const EMBEDDED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../chips/", $name, ".toml")))),*];
    };
}
embedded![
    "stm32f103",
    "stm32f103-low",
    "stm32f103-medium",
    "stm32f103-high",
    "stm32f103-xl",
    "stm32f103x4",
    "stm32f103x6",
    "stm32f103x8",
    "stm32f103xb",
    "stm32f103xc",
    "stm32f103xd",
    "stm32f103xe",
    "stm32f103xf",
    "stm32f103xg",
];

/// Longer chains of `extends` than this go in a circle.
const MAX_DEPTH: usize = 8;
const MAX_FILE_BYTES: u64 = 1 << 20;
const DEFAULT_WINDOW: u64 = 0x400;
/// The option bytes and the chip's signature lie in the last page below SRAM (RM0008 3.3, table 4).
const LOWEST_DEVICE: u32 = 0x1fff_f000;
/// The NVIC of the Cortex-M3 has at most 240 lines.
const MAX_INTERRUPT: u16 = 239;

/// Where in which file something was said.
#[derive(Clone, Debug, Default)]
struct Place {
    file: usize,
    span: Range<usize>,
}

/// A value and where it was said.
#[derive(Clone, Debug)]
struct Said<T> {
    value: T,
    place: Place,
}

/// The texts that a description consists of, the most general first, to turn places into lines and columns.
struct Sources {
    files: Vec<(String, String)>,
}

/// The built-in chip of that file name.
pub(super) fn built_in(name: &str) -> Result<Chip> {
    let text = embedded(name).ok_or_else(|| Failure::new(Code::UnknownChip, format!("no chip is called {name:?}")))?;
    read(&format!("built-in {name}.toml"), text)
}

/// A user's own file.
pub(super) fn load(path: &Path) -> Result<Chip> {
    let shown = path.display().to_string();
    let unreadable =
        |error: std::io::Error| Failure::new(Code::FileUnreadable, format!("the chip file {shown} cannot be read: {error}"));
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text).map_err(unreadable)?;
    if length as u64 > MAX_FILE_BYTES {
        return Err(Failure::new(Code::FileTooLarge, format!("the chip file {shown} has more than {MAX_FILE_BYTES} bytes")));
    }
    read(&shown, &text)
}

fn embedded(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Parses, merges and checks.
fn read(shown: &str, text: &str) -> Result<Chip> {
    let mut sources = Sources { files: vec![(shown.to_owned(), text.to_owned())] };
    let mut files = vec![sources.parse(0)?];
    while let Some(extends) = files.last().and_then(|file| file.extends.as_ref()) {
        let (parent, place) = (extends.get_ref(), Place { file: files.len() - 1, span: extends.span() });
        let base = embedded(parent).filter(|_| files.len() < MAX_DEPTH).ok_or_else(|| {
            let near = nearest(parent, EMBEDDED.iter().map(|(name, _)| *name)).map(|near| format!("; did you mean {near:?}?"));
            sources.error(&place, &format!("no built-in chip file is called {parent:?}{}", near.unwrap_or_default()))
        })?;
        let name = format!("built-in {parent}.toml");
        sources.files.push((name, base.to_owned()));
        files.push(sources.parse(sources.files.len() - 1)?);
    }
    Merged::new(files).check(&sources)
}

impl Sources {
    /// Parses one of the texts; a parser's complaint becomes a finding with the nearest key.
    fn parse(&self, file: usize) -> Result<ChipFile> {
        let text = self.files.get(file).map(|(_, text)| text.as_str()).unwrap_or_default();
        toml::from_str(text).map_err(|error| {
            let mut message = error.message().lines().next().unwrap_or("it is not valid TOML").to_owned();
            // serde says: unknown field `x`, expected one of `a`, `b`
            let mut quoted = message.split('`').skip(1).step_by(2);
            if let Some(unknown) = quoted.next().filter(|_| message.starts_with("unknown field"))
                && let Some(near) = nearest(unknown, quoted)
            {
                message = format!("unknown key {unknown:?}; did you mean {near:?}?");
            }
            let span = error.span().unwrap_or_default();
            self.error(&Place { file, span }, &message)
        })
    }

    /// A finding at a place.
    fn error(&self, place: &Place, message: &str) -> Failure {
        let (name, text) = self.files.get(place.file).map_or(("?", ""), |(name, text)| (name, text));
        let before = text.get(..place.span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Finding::new(Code::BadChipFile, format!("{name}, line {line}, column {column}: {message}")).into()
    }

    /// A finding about something that no file says.
    fn missing(&self, key: &str) -> Failure {
        let name = self.files.first().map_or("?", |(name, _)| name);
        Finding::new(Code::BadChipFile, format!("{name} does not say {key}"))
            .help("Add it, or let the file extend a built-in one: extends = \"stm32f103x8\".")
            .into()
    }
}

/// What the files say together: of each fact the most special.
struct Merged {
    files: Vec<ChipFile>,
}

impl Merged {
    /// `files` from the most special to the most general.
    fn new(files: Vec<ChipFile>) -> Self {
        Self { files }
    }

    /// The first file's word on a fact.
    fn say<T: Clone>(&self, fact: impl Fn(&ChipFile) -> Option<&Spanned<T>>) -> Option<Said<T>> {
        self.files.iter().enumerate().find_map(|(file, chip)| {
            fact(chip).map(|said| Said { value: said.get_ref().clone(), place: Place { file, span: said.span() } })
        })
    }

    /// Every item of a list, of those with the same key the most special one.
    fn list<T: Clone, K: Ord>(&self, list: impl Fn(&ChipFile) -> &[Spanned<T>], key: impl Fn(&T) -> K) -> Vec<Said<T>> {
        let mut items: BTreeMap<K, Said<T>> = BTreeMap::new();
        for (file, chip) in self.files.iter().enumerate() {
            for item in list(chip) {
                let said = Said { value: item.get_ref().clone(), place: Place { file, span: item.span() } };
                items.entry(key(item.get_ref())).or_insert(said);
            }
        }
        items.into_values().collect()
    }

    /// The chip, if everything is said and fits together.
    fn check(&self, sources: &Sources) -> Result<Chip> {
        let flash = memory(sources, "flash", self.say(|f| f.flash.base.as_ref()), self.say(|f| f.flash.size.as_ref()))?;
        let sram = memory(sources, "sram", self.say(|f| f.sram.base.as_ref()), self.say(|f| f.sram.size.as_ref()))?;
        let system_memory = memory(
            sources,
            "system_memory",
            self.say(|f| f.system_memory.base.as_ref()),
            self.say(|f| f.system_memory.size.as_ref()),
        )?;
        let option_bytes = memory(
            sources,
            "option_bytes",
            self.say(|f| f.option_bytes.base.as_ref()),
            self.say(|f| f.option_bytes.size.as_ref()),
        )?;
        let number = |key: &str, fact: &dyn Fn(&ChipFile) -> Option<&Spanned<u32>>| {
            self.say(fact).map(|said| said.value).ok_or_else(|| sources.missing(key))
        };
        let hertz = |key: &str, fact: &dyn Fn(&ChipFile) -> Option<&Spanned<Frequency>>| {
            self.say(fact).map(|said| said.value.0).ok_or_else(|| sources.missing(key))
        };

        let page = self.say(|f| f.flash.page.as_ref()).ok_or_else(|| sources.missing("flash.page"))?;
        if page.value.0 == 0 || !flash.size.0.is_multiple_of(page.value.0) {
            return Err(
                sources.error(&page.place, &format!("the flash of {} is not a whole number of pages of this size", flash.size))
            );
        }
        let name = self.files.iter().find_map(|f| f.name.clone()).ok_or_else(|| sources.missing("name"))?;
        let (interrupts, peripherals) = self.interrupts_and_peripherals(sources)?;
        let chip = Chip {
            name,
            title: self.files.iter().find_map(|f| f.title.clone()).unwrap_or_default(),
            packages: self.files.iter().find_map(|f| f.packages.clone()).unwrap_or_default(),
            is_virtual: false,
            flash,
            flash_programming: FlashProgramming {
                page: Bytes(page.value.0),
                program_ns: number("flash.program_ns", &|f| f.flash.program_ns.as_ref())?,
                page_erase_us: number("flash.page_erase_us", &|f| f.flash.page_erase_us.as_ref())?,
                mass_erase_us: number("flash.mass_erase_us", &|f| f.flash.mass_erase_us.as_ref())?,
            },
            wait_states: self.wait_states(sources)?,
            sram,
            system_memory,
            option_bytes,
            identity: Identity {
                idcode: number("identity.idcode", &|f| f.identity.idcode.as_ref())?,
                flash_size_register: Addr(number("identity.flash_size_register", &|f| f.identity.flash_size_register.as_ref())?),
                unique_id: Addr(number("identity.unique_id", &|f| f.identity.unique_id.as_ref())?),
            },
            clocks: Clocks {
                hsi: hertz("clocks.hsi", &|f| f.clocks.hsi.as_ref())?,
                hse: hertz("clocks.hse", &|f| f.clocks.hse.as_ref())?,
                lsi: hertz("clocks.lsi", &|f| f.clocks.lsi.as_ref())?,
                lse: hertz("clocks.lse", &|f| f.clocks.lse.as_ref())?,
                max_sysclk: hertz("clocks.max_sysclk", &|f| f.clocks.max_sysclk.as_ref())?,
                max_apb1: hertz("clocks.max_apb1", &|f| f.clocks.max_apb1.as_ref())?,
                max_apb2: hertz("clocks.max_apb2", &|f| f.clocks.max_apb2.as_ref())?,
                max_adc: hertz("clocks.max_adc", &|f| f.clocks.max_adc.as_ref())?,
                hse_startup_us: number("clocks.hse_startup_us", &|f| f.clocks.hse_startup_us.as_ref())?,
                hsi_startup_us: number("clocks.hsi_startup_us", &|f| f.clocks.hsi_startup_us.as_ref())?,
                pll_lock_us: number("clocks.pll_lock_us", &|f| f.clocks.pll_lock_us.as_ref())?,
                lsi_startup_us: number("clocks.lsi_startup_us", &|f| f.clocks.lsi_startup_us.as_ref())?,
                lse_startup_us: number("clocks.lse_startup_us", &|f| f.clocks.lse_startup_us.as_ref())?,
            },
            dma: self.dma(&peripherals),
            interrupts,
            peripherals,
            current: self.current(sources)?,
        };
        self.check_memories(&chip, sources)?;
        Ok(chip)
    }

    /// Memories must not overlap, and lie where the core looks for them.
    fn check_memories(&self, chip: &Chip, sources: &Sources) -> Result<()> {
        let place = |said: Option<Said<Size>>| said.map(|said| said.place).unwrap_or_default();
        if chip.flash.base.0 != 0x0800_0000 || chip.flash.end() > 0x1000_0000 {
            return Err(
                sources.error(&place(self.say(|f| f.flash.base.as_ref())), "flash lies at 0x08000000 and ends before 0x10000000")
            );
        }
        if chip.sram.base.0 != 0x2000_0000 || chip.sram.end() > 0x2200_0000 {
            return Err(
                sources.error(&place(self.say(|f| f.sram.size.as_ref())), "SRAM lies at 0x20000000 and ends before 0x22000000")
            );
        }
        for memory in [chip.system_memory, chip.option_bytes] {
            if memory.base.0 < 0x1000_0000 || memory.end() > 0x2000_0000 {
                let at = place(self.say(|f| f.system_memory.base.as_ref()));
                return Err(sources.error(&at, "system memory and option bytes lie between 0x10000000 and 0x20000000"));
            }
        }
        Ok(())
    }

    fn wait_states(&self, sources: &Sources) -> Result<Vec<WaitStates>> {
        let said = self.say(|f| f.flash.wait_states.as_ref()).ok_or_else(|| sources.missing("flash.wait_states"))?;
        let rows: Vec<WaitStates> =
            said.value.iter().map(|row| WaitStates { up_to: row.up_to.0, latency: row.latency }).collect();
        let rising = rows.windows(2).all(|pair| matches!(pair, [a, b] if a.up_to < b.up_to && a.latency < b.latency));
        // FLASH_ACR.LATENCY has three bits (PM0075 section 4.1).
        if rows.is_empty() || !rising || rows.iter().any(|row| row.latency > 7) {
            return Err(sources.error(&said.place, "wait states must rise with the clock, from 0 to at most 7"));
        }
        Ok(rows)
    }

    fn interrupts_and_peripherals(&self, sources: &Sources) -> Result<(Vec<Interrupt>, Vec<Slot>)> {
        let lines = self.list(|f| &f.interrupts, |line| line.position);
        for (i, line) in lines.iter().enumerate() {
            if line.value.position > MAX_INTERRUPT {
                return Err(sources.error(&line.place, &format!("interrupt positions end at {MAX_INTERRUPT}")));
            }
            if lines.iter().skip(i + 1).any(|other| other.value.name == line.value.name) {
                return Err(sources.error(&line.place, &format!("interrupt {:?} occurs twice", line.value.name)));
            }
        }
        let mut slots: Vec<(Slot, Place)> = Vec::new();
        for said in self.list(|f| &f.peripherals, |slot| slot.name.to_ascii_uppercase()) {
            let slot = said.value;
            let mut interrupts = Vec::new();
            for name in &slot.interrupts {
                let line = lines.iter().find(|line| line.value.name == *name).ok_or_else(|| {
                    let near = nearest(name, lines.iter().map(|line| line.value.name.as_str()));
                    let hint = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
                    sources.error(&said.place, &format!("{} names an interrupt {name:?} that the chip lacks{hint}", slot.name))
                })?;
                interrupts.push(line.value.position);
            }
            let window = Memory { base: Addr(slot.base), size: Bytes(slot.size.unwrap_or(DEFAULT_WINDOW)) };
            if slot.base % 4 != 0 || window.size.0 == 0 || window.end() > 1 << 32 || slot.base < LOWEST_DEVICE {
                return Err(sources.error(&said.place, &format!("{} has no possible register window", slot.name)));
            }
            if slot.enable.is_some_and(|bit| bit > 31) {
                return Err(sources.error(&said.place, &format!("{}: an enable register has bits 0 to 31", slot.name)));
            }
            let known = Slot {
                name: slot.name,
                kind: slot.kind,
                window,
                bus: slot.bus,
                enable: slot.enable,
                interrupts,
                inputs: slot.inputs,
                pins: slot.pins.map(|pins| Pins { field: pins.field, width: pins.width, sets: pins.sets }),
            };
            if let Some(pins) = &known.pins {
                let wrong = pins.sets.iter().flatten().find(|name| *name != "-" && port_pin(name).is_none());
                if let Some(wrong) = wrong {
                    return Err(sources.error(&said.place, &format!("{} names a pin {wrong:?}; a pin is as \"PA8\"", known.name)));
                }
                if pins.width > 3 || pins.field > 61 || pins.sets.len() > 1 << pins.width {
                    let message = format!("{}: a field of AFIO_MAPR has at most three bits and a set for each value", known.name);
                    return Err(sources.error(&said.place, &message));
                }
            }
            slots.push((known, said.place));
        }
        slots.sort_by_key(|(slot, _)| slot.window.base);
        for pair in slots.windows(2) {
            if let [(a, a_place), (b, b_place)] = pair
                && a.window.end() > u64::from(b.window.base.0)
            {
                // Blame the more special file: the general one was right before.
                let place = if b_place.file <= a_place.file { b_place } else { a_place };
                return Err(sources.error(place, &format!("the registers of {} and {} overlap", a.name, b.name)));
            }
        }
        let interrupts =
            lines.into_iter().map(|line| Interrupt { position: line.value.position, name: line.value.name }).collect();
        Ok((interrupts, slots.into_iter().map(|(slot, _)| slot).collect()))
    }

    /// The channels of the controllers that exist, with the requests of peripherals that exist.
    fn dma(&self, peripherals: &[Slot]) -> Vec<DmaChannel> {
        let exists = |name: &str| peripherals.iter().any(|slot| slot.name == name);
        self.list(|f| &f.dma, |channel| (channel.controller, channel.channel))
            .into_iter()
            .map(|said| said.value)
            .filter(|channel| exists(&format!("DMA{}", channel.controller)))
            .map(|channel| DmaChannel {
                controller: channel.controller,
                channel: channel.channel,
                requests: channel.requests.into_iter().filter(|r| exists(r.split('_').next().unwrap_or(r))).collect(),
            })
            .collect()
    }

    fn current(&self, sources: &Sources) -> Result<Option<Current>> {
        // The first file that speaks of currents decides: with a table, or by saying that they are not known.
        let speaks = |file: &ChipFile| file.current.is_some() || file.current_unknown;
        let Some((index, said)) =
            self.files.iter().enumerate().find(|(_, f)| speaks(f)).and_then(|(index, f)| Some((index, f.current.as_ref()?)))
        else {
            return Ok(None);
        };
        let place = Place { file: index, span: said.span() };
        let current = said.get_ref();
        let table = |rows: &[CurrentRow]| {
            let mut points: Vec<CurrentPoint> =
                rows.iter().map(|row| CurrentPoint { hclk: row.hclk.0, clocked_ma: row.clocked, idle_ma: row.idle }).collect();
            points.sort_by_key(|point| point.hclk);
            let distinct = points.windows(2).all(|pair| matches!(pair, [a, b] if a.hclk < b.hclk));
            let sane =
                |point: &CurrentPoint| point.idle_ma >= 0.0 && point.clocked_ma >= point.idle_ma && point.clocked_ma.is_finite();
            if points.is_empty() || !distinct || !points.iter().all(sane) {
                return Err(sources.error(&place, "a current table needs rows of distinct clocks with clocked >= idle >= 0"));
            }
            Ok(CurrentTable(points))
        };
        Ok(Some(Current {
            source: current.source.clone(),
            millivolts: current.millivolts,
            run: table(&current.run)?,
            run_hsi: table(&current.run_hsi)?,
            sleep: table(&current.sleep)?,
            sleep_hsi: table(&current.sleep_hsi)?,
            stop_regulator_on_ua: current.stop_regulator_on_ua,
            stop_low_power_ua: current.stop_low_power_ua,
            standby_ua: current.standby_ua,
            adc_on_ma: current.adc_on_ma,
            peripherals: current.peripherals.clone(),
        }))
    }
}

/// A memory of a possible place and size.
fn memory(sources: &Sources, key: &str, base: Option<Said<Size>>, size: Option<Said<Size>>) -> Result<Memory> {
    let base = base.ok_or_else(|| sources.missing(&format!("{key}.base")))?;
    let size = size.ok_or_else(|| sources.missing(&format!("{key}.size")))?;
    let address = u32::try_from(base.value.0).map_err(|_| sources.error(&base.place, "an address has 32 bits"))?;
    if size.value.0 == 0 || base.value.0.checked_add(size.value.0).is_none_or(|end| end > 1 << 32) {
        return Err(sources.error(&size.place, "not a size that fits behind the base address"));
    }
    Ok(Memory { base: Addr(address), size: Bytes(size.value.0) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Hz;

    fn message(text: &str) -> String {
        read("own.toml", text).unwrap_err().0.message
    }

    #[test]
    fn every_built_in_size_is_valid() {
        for letter in super::super::name::SIZES {
            let chip = super::super::name::size(*letter).unwrap();
            assert!(chip.name.ends_with(*letter));
        }
    }

    #[test]
    fn an_own_file_changes_what_it_says_and_keeps_the_rest() {
        let chip =
            read("own.toml", "name = \"mine\"\nextends = \"stm32f103x8\"\n[sram]\nsize = \"64K\"\n[clocks]\nhse = \"12MHz\"\n")
                .unwrap();
        assert_eq!((chip.name.as_str(), chip.sram.size, chip.clocks.hse), ("mine", Bytes(64 << 10), Hz(12_000_000)));
        assert_eq!(chip.flash, built_in("stm32f103x8").unwrap().flash);
    }

    #[test]
    fn a_wrong_key_names_its_place_and_the_right_one() {
        let text = "name = \"mine\"\nextends = \"stm32f103x8\"\n[flash]\n  sise = \"64K\"\n";
        assert_eq!(message(text), "own.toml, line 4, column 3: unknown key \"sise\"; did you mean \"size\"?");
    }

    #[test]
    fn wrong_values_name_their_place() {
        let cases = [
            ("extends = \"stm32f103x9\"", "line 1, column 11: no built-in chip file is called \"stm32f103x9\""),
            ("extends = \"stm32f103x8\"\n[flash]\nsize = 0", "line 3, column 8: not a size"),
            ("extends = \"stm32f103x8\"\n[flash]\nsize = \"64Q\"", "line 3, column 8: "),
            ("extends = \"stm32f103x8\"\n[flash]\nsize = -1", "line 3, column 8: "),
            ("extends = \"stm32f103x8\"\n[flash]\npage = 1000", "line 3, column 8: the flash of"),
            ("extends = \"stm32f103x8\"\n[flash]\nwait_states = []", "line 3, column 15: wait states"),
            ("extends = \"stm32f103x8\"\n[sram]\nsize = \"64M\"", "line 3, column 8: SRAM lies at"),
            ("extends = \"stm32f103x8\"\n[[peripherals]]\nname=\"X\"\nkind=\"x\"\nbase=0x40003800\nbus=\"APB1\"", "overlap"),
            (
                "extends = \"stm32f103x8\"\n[[peripherals]]\nname=\"X\"\nkind=\"x\"\nbase=0x40009000\nbus=\"APB1\"\ninterrupts=[\"USART9\"]",
                "did you mean \"USART",
            ),
            (
                "extends = \"stm32f103x8\"\n[[peripherals]]\nname=\"X\"\nkind=\"x\"\nbase=0x40009000\nbus=\"APB1\"\npins={sets=[[\"A8\"]]}",
                "X names a pin \"A8\"",
            ),
            ("extends = \"stm32f103x8\"\n[clocks]\nhse = \"fast\"", "line 3, column 7: "),
            ("name = ", "line 1, column "),
        ];
        for (text, expected) in cases {
            let message = message(text);
            assert!(message.starts_with("own.toml, ") && message.contains(expected), "{text:?}: {message}");
        }
    }

    #[test]
    fn a_file_on_its_own_must_say_everything() {
        assert_eq!(message("name = \"mine\""), "own.toml does not say flash.base");
    }
}
