//! What it is: the operands by which blocks are priced (which memory an access reaches, how it is aligned, the sizes of factors and quotients, which
//! conditions hold), against the engine stopped at every instruction to look at its registers.
//! Source: the machine works operands out from the registers at a block's entry; here they are read when it is the instruction's turn, from an
//! engine that the machine has no part in.
//! Does not model: accesses to devices, for which the bare engine has nothing.
//! Tested by: programs made by chance and functions of committed images; the priced totals must be equal, per cause.

#[path = "support/board.rs"]
mod board;
#[path = "support/call.rs"]
mod call;
#[path = "support/programs.rs"]
mod programs;
#[path = "support/registers.rs"]
mod registers;

use call::{Call, address};
use programs::{Devices, program};
use registers::REGISTERS;
use std::collections::HashMap;
use stm32sim::isa::{Base, Block, Class, Cond, Decoder, Insn, PC};
use stm32sim::machine::{Outcome, Overrides, Settings};
use stm32sim::timing::{CauseTotals, Fidelity, FrontState, OperandCode, TimingConfig, operand_need, static_code, step_block};
use stm32sim::units::{Addr, Tick};
use unicorn_engine::{RegisterARM, Unicorn};

/// Prices what runs as it runs.
struct Watcher {
    decoder: Decoder,
    config: TimingConfig,
    state: FrontState,
    known: HashMap<(u32, u32), Block>,
    /// The running block, and the codes of its instructions: failed until they run.
    running: Option<((u32, u32), Vec<OperandCode>)>,
    causes: CauseTotals,
    /// The same for each block.
    costs: HashMap<(u32, u32), CauseTotals>,
    instructions: u64,
}

impl Watcher {
    fn new(config: TimingConfig) -> Self {
        Watcher {
            decoder: Decoder::new().unwrap(),
            config,
            state: FrontState::reset(),
            known: HashMap::new(),
            running: None,
            causes: CauseTotals::default(),
            costs: HashMap::new(),
            instructions: 0,
        }
    }

    fn begin(&mut self, pc: u32, size: u32, bytes: &[u8]) {
        let before = self.running.as_ref().map(|(key, _)| *key);
        self.end(pc);
        if !self.known.contains_key(&(pc, size)) {
            let before = before.and_then(|key| self.known.get(&key));
            let block = self.decoder.decode_block_after(before, Addr(pc), bytes);
            self.known.insert((pc, size), block);
        }
        let block = &self.known[&(pc, size)];
        // Whether an instruction of one cycle that does not pass delays what depends on it as it would otherwise is not known from silicon:
        // the model takes it so, and asks for no outcome.
        let unless_seen =
            |insn: &Insn| if operand_need(insn).condition == Cond::Al { static_code(insn) } else { OperandCode::FAILED };
        self.running = Some(((pc, size), block.insns.iter().map(unless_seen).collect()));
    }

    fn end(&mut self, next: u32) {
        let Some((key, codes)) = self.running.take() else { return };
        let block = &self.known[&key];
        let transition = step_block(&self.config, &block.insns, self.state, &codes, Addr(next));
        self.causes.add(&transition.cycles, 1);
        self.costs.entry(key).or_default().add(&transition.cycles, 1);
        self.state = transition.exit;
        self.instructions += block.insns.len() as u64;
    }

    /// The running block's instruction at `pc`, and the two registers that its cost may depend on.
    fn at(&self, pc: u32) -> (usize, Insn, (u8, u8)) {
        let (key, _) = self.running.as_ref().expect("a block has begun");
        let insns = &self.known[key].insns;
        let at = insns.iter().position(|insn| insn.addr.0 == pc).expect("an instruction of the block");
        let insn = insns[at];
        let registers = match insn.mem {
            Some(mem) => (if let Base::Reg(base) = mem.base { base } else { PC }, mem.index.map_or(PC, |(index, _)| index)),
            None => insn.operand_regs,
        };
        (at, insn, registers)
    }

    /// That instruction is about to run with these values in its two registers.
    fn see(&mut self, at: usize, insn: &Insn, (a, b): (u32, u32)) {
        let (_, codes) = self.running.as_mut().expect("a block has begun");
        codes[at] = match (insn.class, insn.mem) {
            (Class::LongMul { signed, .. }, _) => OperandCode::long_multiply(signed, (a, b)),
            (Class::Div { signed }, _) => OperandCode::divide(signed, a, b),
            (_, Some(mem)) => OperandCode::address(mem.address(a, b), mem.bytes),
            _ => static_code(insn),
        };
    }
}

/// What was seen of a call, looked at instruction by instruction, and what SRAM holds behind it.
fn watched(call: &Call, config: TimingConfig) -> (Watcher, Vec<u8>) {
    let mut engine = call.engine(Watcher::new(config));
    engine
        .add_block_hook(1, 0, |engine, pc, size| {
            let bytes = engine.mem_read_as_vec(pc, size as usize).unwrap();
            engine.get_data_mut().begin(pc as u32, size, &bytes);
        })
        .unwrap();
    engine
        .add_code_hook(1, 0, |engine: &mut Unicorn<'_, Watcher>, pc, _| {
            let (at, insn, (a, b)) = engine.get_data().at(pc as u32);
            let read = |r: u8| engine.reg_read(REGISTERS[usize::from(r)]).unwrap() as u32;
            let values = (read(a), read(b));
            engine.get_data_mut().see(at, &insn, values);
        })
        .unwrap();
    engine.emu_start(u64::from(call.entry | 1), 0, 0, 0).unwrap();
    let pc = engine.reg_read(RegisterARM::PC).unwrap() as u32;
    let sram = engine.mem_read_as_vec(u64::from(call::SRAM), call::SRAM_SIZE as usize).unwrap();
    engine.get_data_mut().end(pc);
    (std::mem::replace(engine.get_data_mut(), Watcher::new(config)), sram)
}

fn compare(what: &str, call: &Call, wait_states: u8) {
    let overrides = Overrides { wait_states: Some(wait_states), prefetch: Some(true) };
    let mut machine = call.machine(Settings { fidelity: Fidelity::Memo, overrides, check_reads: false });
    let outcome = machine.run(&mut (), Tick::NEVER).unwrap();
    assert!(matches!(outcome, Outcome::Asleep(_)), "{what}: {outcome:?}");
    let config = TimingConfig { prefetch: true, ..TimingConfig::with_wait_states(wait_states) };
    let (seen, sram) = watched(call, config);
    assert_eq!(machine.memory().read_vec(call::SRAM, call::SRAM_SIZE as usize).unwrap(), sram, "{what}: SRAM");
    assert_eq!(machine.unresolved(), 0, "{what}: operands that could not be had");
    for cost in machine.prices().costs().filter(|cost| cost.executions > 0) {
        let (addr, size) = (cost.block.addr, cost.block.size);
        if let Some(causes) = seen.costs.get(&(addr.0, size)).filter(|causes| **causes != cost.causes) {
            let code = machine.memory().read_vec(addr.0, size as usize).unwrap();
            let lines = Decoder::new().unwrap().disassemble(addr, &code);
            panic!("{what}: {} times {lines:#x?} cost {:?} and not {causes:?}", cost.executions, cost.causes);
        }
    }
    assert_eq!(machine.prices().totals(), (seen.causes, seen.instructions), "{what}");
}

#[test]
fn operands_are_what_the_registers_hold_when_it_is_the_instructions_turn() {
    for seed in 1000..1300 {
        let program = program(seed, Devices::None);
        compare(&format!("program {seed}"), &program, (seed % 3) as u8);
    }
}

#[test]
fn operands_of_kernels_and_of_soft_float_are_too() {
    let int8 = board::image("tests/int8_kernel");
    let float = board::image("tests/soft_float");
    compare("convolution", &Call::named(&int8, "convolve", [1, 0], 1), 2);
    compare("soft float", &Call::named(&float, "accumulate", [100, 0], 3), 2);
    for model in ["anomaly", "anomaly-float", "image", "keyword", "emotion"] {
        let image = board::image(model);
        let plan = [address(&image, "nn_model_plan"), address(&image, "nn_arena")];
        compare(model, &Call::named(&image, "nn_invoke", plan, 1), 2);
    }
}
