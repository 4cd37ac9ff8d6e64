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

use call::{Call, address};
use programs::{Devices, program};
use std::collections::HashMap;
use stm32sim::isa::{Base, Block, Class, Cond, Decoder, Insn};
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
    instructions: u64,
}

impl Watcher {
    fn begin(&mut self, pc: u32, size: u32, bytes: &[u8]) {
        self.end(pc);
        let decoder = &mut self.decoder;
        let block = self.known.entry((pc, size)).or_insert_with(|| decoder.decode_block(Addr(pc), bytes));
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
        self.state = transition.exit;
        self.instructions += block.insns.len() as u64;
    }

    /// The instruction at `pc` is about to run with these registers.
    fn see(&mut self, pc: u32, reg: impl Fn(u8) -> u32) {
        let (key, codes) = self.running.as_mut().expect("a block has begun");
        let insns = &self.known[key].insns;
        let at = insns.iter().position(|insn| insn.addr.0 == pc).expect("an instruction of the block");
        let insn = &insns[at];
        let (a, b) = insn.operand_regs;
        codes[at] = match (insn.class, insn.mem) {
            (Class::LongMul { signed, .. }, _) => OperandCode::long_multiply(signed, (reg(a), reg(b))),
            (Class::Div { signed }, _) => OperandCode::divide(signed, reg(a), reg(b)),
            (_, Some(mem)) => {
                let base = if let Base::Reg(base) = mem.base { reg(base) } else { 0 };
                let index = mem.index.map_or(0, |(index, _)| reg(index));
                OperandCode::address(mem.address(base, index), mem.bytes)
            }
            _ => static_code(insn),
        };
    }
}

const REGISTERS: [RegisterARM; 16] = [
    RegisterARM::R0,
    RegisterARM::R1,
    RegisterARM::R2,
    RegisterARM::R3,
    RegisterARM::R4,
    RegisterARM::R5,
    RegisterARM::R6,
    RegisterARM::R7,
    RegisterARM::R8,
    RegisterARM::R9,
    RegisterARM::R10,
    RegisterARM::R11,
    RegisterARM::R12,
    RegisterARM::SP,
    RegisterARM::LR,
    RegisterARM::PC,
];

/// Cycles by cause, instructions, and what SRAM holds behind a call, looked at instruction by instruction.
fn watched(call: &Call, config: TimingConfig) -> (CauseTotals, u64, Vec<u8>) {
    let mut engine = call.engine(Watcher {
        decoder: Decoder::new().unwrap(),
        config,
        state: FrontState::reset(),
        known: HashMap::new(),
        running: None,
        causes: CauseTotals::default(),
        instructions: 0,
    });
    engine
        .add_block_hook(1, 0, |engine, pc, size| {
            let bytes = engine.mem_read_as_vec(pc, size as usize).unwrap();
            engine.get_data_mut().begin(pc as u32, size, &bytes);
        })
        .unwrap();
    engine
        .add_code_hook(1, 0, |engine: &mut Unicorn<'_, Watcher>, pc, _| {
            let registers = REGISTERS.map(|register| engine.reg_read(register).unwrap() as u32);
            engine.get_data_mut().see(pc as u32, |r| registers[usize::from(r)]);
        })
        .unwrap();
    engine.emu_start(u64::from(call.entry | 1), 0, 0, 0).unwrap();
    let pc = engine.reg_read(RegisterARM::PC).unwrap() as u32;
    let sram = engine.mem_read_as_vec(u64::from(call::SRAM), call::SRAM_SIZE as usize).unwrap();
    let watcher = engine.get_data_mut();
    watcher.end(pc);
    (watcher.causes, watcher.instructions, sram)
}

fn compare(what: &str, call: &Call, wait_states: u8) {
    let overrides = Overrides { wait_states: Some(wait_states), prefetch: Some(true) };
    let mut machine = call.machine(Settings { fidelity: Fidelity::Memo, overrides });
    let outcome = machine.run(&mut (), Tick::NEVER).unwrap();
    assert!(matches!(outcome, Outcome::Asleep(_)), "{what}: {outcome:?}");
    let config = TimingConfig { prefetch: true, ..TimingConfig::with_wait_states(wait_states) };
    let (causes, instructions, sram) = watched(call, config);
    assert_eq!(machine.memory().read_vec(call::SRAM, call::SRAM_SIZE as usize).unwrap(), sram, "{what}: SRAM");
    // What could not be had is counted, and shown in reports.
    if machine.unresolved() == 0 {
        assert_eq!(machine.prices().totals(), (causes, instructions), "{what}");
    }
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
    for model in ["anomaly", "image"] {
        let image = board::image(model);
        let plan = [address(&image, "nn_model_plan"), address(&image, "nn_arena")];
        compare(model, &Call::named(&image, "nn_invoke", plan, 1), 2);
    }
}
