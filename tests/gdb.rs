//! What it is: the GDB server, with gdb-multiarch in batch mode as the client and the oracle, and with packets written by hand.
//! Source of the expectations: GDB's own unwinder, disassembler and symbol reader over the ELF; the programs' sources; a run without a debugger.
//! Does not model: people.
//! Where gdb-multiarch is absent, its tests say so and pass.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use support::{Scratch, stm32sim};

fn image(name: &str) -> String {
    format!("{}/firmware-images/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server that waits, and where.
struct Server {
    child: Child,
    address: String,
    errors: Option<BufReader<std::process::ChildStderr>>,
}

impl Server {
    fn start(args: &[&str]) -> Server {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
            .arg("gdb")
            .args(args)
            .args(["--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(errors.read_line(&mut line).unwrap() > 0, "the server ended: {line}");
            if let Some(address) = line.trim().strip_prefix("waiting for a debugger at ") {
                break address.to_owned();
            }
        };
        Server { child, address, errors: Some(errors) }
    }

    /// The report, what it said besides, and its exit code.
    fn finish(mut self) -> (String, String, i32) {
        let mut said = String::new();
        let mut report = String::new();
        let mut out = self.child.stdout.take().unwrap();
        out.read_to_string(&mut report).unwrap();
        self.errors.take().unwrap().read_to_string(&mut said).unwrap();
        (report, said, self.child.wait().unwrap().code().unwrap_or(-1))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What GDB prints when it is given these commands, and the server's report; `None` where there is no GDB.
fn gdb(elf: &str, options: &[&str], commands: &[&str]) -> Option<(String, String)> {
    if Command::new("gdb-multiarch").arg("--version").output().is_err() {
        eprintln!("skipped: gdb-multiarch is not installed");
        return None;
    }
    let server = Server::start(&[&[elf], options].concat());
    let target = format!("target remote {}", server.address);
    let settings = ["set confirm off", "set pagination off", "set width 0", "set remotetimeout 30", &target];
    let output = Command::new("gdb-multiarch")
        .args(["-q", "-batch", "-nx"])
        .args(settings.iter().chain(commands).flat_map(|command| ["-ex", command]))
        .arg(elf)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
    let (report, ..) = server.finish();
    Some((text, report))
}

/// That these stand in the text, in this order.
fn in_order(text: &str, wanted: &[&str]) {
    let mut rest = text;
    for part in wanted {
        let Some(at) = rest.find(part) else { panic!("{part:?} is not there, or not behind what comes before it:\n{text}") };
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn registers_memory_and_code_are_those_of_the_chip_at_reset() {
    let elf = image("tests/systick_1khz.elf");
    let commands =
        ["info registers", "x/2i $pc", "x/2xw 0", "x/2xw 0x08000000", "info mem", "x/1xw 0x40021000", "x/1xw 0x30000000"];
    let Some((text, _)) = gdb(&elf, &[], &[&commands[..], &["monitor registers RCC CR", "kill"]].concat()) else { return };
    // The stack starts at the C8's end of SRAM; RCC_CR is 0x83 after reset (RM0008, 7.3.1).
    in_order(
        &text,
        &[
            "Reset_Handler ()",
            "sp             0x20005000",
            "lr             0xffffffff",
            "msp            0x20005000",
            "control        0x0",
            "<Reset_Handler>:\tpush\t{r3, lr}",
            "0x20005000",
            "0x20005000",
            "0x08000000 0x08010000 flash blocksize 0x400",
            "0x20000000 0x20005000 rw",
            "0x00000083",
            "Cannot access memory at address 0x30000000",
            "CR          0x40021000  0x00000083",
        ],
    );
}

#[test]
fn breakpoints_watchpoints_and_steps_stop_where_the_source_says() {
    let elf = image("tests/systick_1khz.elf");
    let commands = [
        "break main",
        "continue",
        "next",
        "watch ticks",
        "continue",
        "continue",
        "backtrace",
        "delete 2",
        "rwatch ticks",
        "continue",
        "delete 3",
        "hbreak SysTick_Handler",
        "continue",
        "finish",
        "kill",
    ];
    let Some((text, _)) = gdb(&elf, &[], &commands) else { return };
    in_order(
        &text,
        &[
            "Breakpoint 1, main ()",
            "Hardware watchpoint 2: ticks",
            "Old value = 0\nNew value = 1",
            "SysTick_Handler ()",
            "Old value = 1\nNew value = 2",
            "#1  <signal handler called>",
            "main () at",
            "Hardware read watchpoint 3: ticks",
            "Value = 2",
            "Breakpoint 4, SysTick_Handler ()",
            "main () at",
        ],
    );
}

#[test]
fn steps_go_over_handlers_or_into_them() {
    // nested_irq.c: when PRIMASK is cleared the handlers leave six marks, LMmEel (firmware-images/tests/expected.toml), behind the first.
    let elf = image("tests/nested_irq.elf");
    let walk = "python
seen = set()
for _ in range(30):
    gdb.execute('stepi', to_string=True)
    seen.add(gdb.selected_frame().name())
print('handlers', sorted(name for name in seen if name.endswith('Handler')))
end
";
    let scratch = Scratch::new("gdb-step");
    let script = format!("source {}", scratch.file("walk.gdb", walk.as_bytes()));
    let there = ["break nested_irq.c:44", "continue", "print length"];
    let Some((text, _)) = gdb(&elf, &[], &[&there[..], &[&script, "print length", "kill"]].concat()) else { return };
    in_order(&text, &["Breakpoint 1, ", "$1 = 0", "handlers []", "$2 = 7"]);
    let into = ["monitor step into", &script, "backtrace", "kill"];
    let (text, _) = gdb(&elf, &[], &[&there[..], &into].concat()).unwrap();
    in_order(&text, &["Breakpoint 1, ", "handlers ['WWDG_IRQHandler']", "<signal handler called>", "main ()"]);
    // A supervisor call with a handler that does not come back to it ends in the thread that it started.
    let elf = image("tests/svc_pendsv.elf");
    let (text, _) =
        gdb(&elf, &[], &["break svc_pendsv.c:83", "continue", "break SVC_Handler", "stepi", "backtrace", "kill"]).unwrap();
    in_order(&text, &["Breakpoint 1, main", "Breakpoint 2, SVC_Handler", "<signal handler called>"]);
}

/// The totals of a report, and what was sent.
fn essence(report: &str) -> serde_json::Value {
    let report: serde_json::Value = serde_json::from_str(report).unwrap_or_else(|_| panic!("no report: {report}"));
    serde_json::json!([report["totals"], report["cycles_by_cause"], report["uart"], report["outcome"]])
}

#[test]
fn a_debugger_changes_no_cycle() {
    for (program, commands) in [
        ("tests/nested_irq.elf", &["break main", "c", "stepi 60", "next", "next", "finish", "detach"][..]),
        ("tests/it_block.elf", &["break main", "c", "stepi 2500", "detach"]),
        ("tests/systick_1khz.elf", &["break SysTick_Handler", "c", "c", "stepi 20", "delete", "watch ticks", "c", "c", "detach"]),
        ("tests/systick_1khz.elf", &["tbreak main", "c", "rwatch ticks", "c", "c", "c", "detach"]),
        ("tests/cyccnt_midblock.elf", &["break main", "c", "stepi 4000", "detach"]),
        ("tests/dma_usart.elf", &["break main", "c", "stepi 1500", "monitor step into", "stepi 1500", "detach"]),
        ("tests/traps_handled.elf", &["monitor faults pass", "break main", "c", "stepi 3000", "detach"]),
        ("tests/late_arrival.elf", &["break main", "c", "stepi 3000", "detach"]),
        ("tests/sram_code.elf", &["break main", "c", "stepi 3000", "detach"]),
        ("tests/flash_program.elf", &["break main", "c", "stepi 3000", "detach"]),
        ("tests/cyccnt_sleep.elf", &["monitor step into", "break main", "c", "stepi 3000", "detach"]),
    ] {
        let elf = image(program);
        let plain = stm32sim(&["run", &elf, "--format", "json"]);
        let Some((text, report)) = gdb(&elf, &["--format", "json"], commands) else { return };
        assert!(text.contains("detached"), "{program}: {text}");
        assert_eq!(essence(&plain.out), essence(&report), "{program}: {text}");
    }
}

#[test]
fn a_scenario_gives_the_same_answer_under_a_debugger() {
    let elf = image("anomaly.elf");
    let plain = stm32sim(&["run", "--scenario", "anomaly", "--format", "json"]);
    let commands = ["break nn_invoke", "continue", "backtrace", "finish", "continue", "delete", "detach"];
    let options = ["--scenario", "anomaly", "--format", "json"];
    let Some((text, report)) = gdb(&elf, &options, &commands) else { return };
    in_order(&text, &["Breakpoint 1, nn_invoke", "#0  nn_invoke", "Breakpoint 1, nn_invoke", "detached"]);
    assert_eq!(plain.out, report);
}

#[test]
fn time_goes_backwards() {
    let elf = image("tests/systick_1khz.elf");
    let commands = [
        "break main",
        "continue",
        "stepi 3",
        "monitor cycles",
        "set $here = (unsigned)$pc",
        "stepi 20",
        "reverse-stepi 20",
        "printf \"back %d\\n\", (unsigned)$pc - $here",
        "monitor cycles",
        "break SysTick_Handler",
        "continue",
        "continue",
        "continue",
        "print ticks",
        "reverse-continue",
        "print ticks",
        "reverse-continue",
        "print ticks",
        "reverse-continue",
        "reverse-continue",
        "continue",
        "continue",
        "print ticks",
        "detach",
    ];
    let Some((text, report)) = gdb(&elf, &[], &commands) else { return };
    let cycles: Vec<&str> = text.lines().filter(|line| line.starts_with("cycles ")).collect();
    assert_eq!(cycles.len(), 2, "{text}");
    assert_eq!(cycles[0], cycles[1], "{text}");
    in_order(
        &text,
        &[
            "back 0",
            "$1 = 2",
            "SysTick_Handler",
            "$2 = 1",
            "SysTick_Handler",
            "$3 = 0",
            "Breakpoint 1, main",
            "No more reverse-execution history",
            "Breakpoint 1, main",
            "Breakpoint 2, SysTick_Handler",
            "$4 = 0",
            "detached",
        ],
    );
    assert_eq!(report, "", "stretches that ran twice are in no report");
}

#[test]
fn a_fault_halts_before_its_handler() {
    let elf = image("tests/fault_bus.elf");
    let Some((text, _)) = gdb(&elf, &[], &["continue", "backtrace", "monitor findings", "kill"]) else { return };
    in_order(&text, &["Program received signal SIGSEGV", "#1  <signal handler called>", "main () at tests/fault_bus.c"]);
}

#[test]
fn memory_and_registers_can_be_changed_and_programs_loaded() {
    let elf = image("tests/systick_1khz.elf");
    let commands = [
        "load",
        "break main",
        "continue",
        "set var ticks = 19",
        "print ticks",
        "set var $r5 = 0x1234",
        "print/x $r5",
        "x/2i &ticks",
        "break print",
        "continue",
        "info registers pc",
        "print ticks",
        "monitor reset",
        "maintenance flush register-cache",
        "info symbol $pc",
        "continue",
        "print ticks",
        "detach",
    ];
    let Some((text, _)) = gdb(&elf, &["--limit", "1s"], &commands) else { return };
    in_order(&text, &["Transfer rate", "Breakpoint 1, main", "$1 = 19", "$2 = 0x1234", "Breakpoint 2", "$3 = 20"]);
    in_order(&text, &["$3 = 20", "Reset_Handler in section .text", "Breakpoint 1, main", "$4 = 0", "detached"]);
    assert!(text.contains("the core is at 0x08000130"), "{text}");
}

#[test]
fn monitor_tells_what_the_simulator_knows() {
    let elf = image("tests/systick_1khz.elf");
    let commands = [
        "break SysTick_Handler",
        "continue",
        "monitor help",
        "monitor cycles",
        "monitor time",
        "monitor peripherals",
        "monitor registers STK",
        "monitor registers nowhere",
        "monitor interrupts",
        "monitor findings",
        "monitor unmodelled",
        "monitor uart",
        "monitor nonsense",
        "kill",
    ];
    let Some((text, _)) = gdb(&elf, &[], &commands) else { return };
    in_order(
        &text,
        &["cycles  ", "flash_fetch", "hclk 72 MHz", "USART1      0x40013800", "LOAD", "no device 'nowhere'", "SysTick", "active"],
    );
    assert!(text.contains("'nonsense' is no command"), "{text}");
}

/// A client that speaks the protocol by hand.
struct Client(TcpStream);

impl Client {
    fn connect(server: &Server) -> Client {
        let stream = TcpStream::connect(&server.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Client(stream)
    }

    fn send(&mut self, payload: &[u8]) {
        let sum = payload.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        let packet = [b"$", payload, b"#", format!("{sum:02x}").as_bytes()].concat();
        let _ = self.0.write_all(&packet);
    }

    /// The next packet's content; `None` when the server has closed the line.
    fn answer(&mut self) -> Option<String> {
        let mut byte = [0];
        let mut text = Vec::new();
        loop {
            self.0.read_exact(&mut byte).ok()?;
            match byte[0] {
                b'$' => text.clear(),
                b'#' => break,
                other => text.push(other),
            }
        }
        self.0.read_exact(&mut [0; 2]).ok()?;
        self.0.write_all(b"+").ok()?;
        Some(String::from_utf8_lossy(&text).into_owned())
    }

    fn ask(&mut self, payload: &str) -> Option<String> {
        self.send(payload.as_bytes());
        self.answer()
    }
}

#[test]
fn control_c_stops_firmware_that_runs_for_ever() {
    let elf = image("tests/spin_forever.elf");
    let server = Server::start(&[&elf, "--limit", "none"]);
    let mut client = Client::connect(&server);
    assert!(client.ask("?").unwrap().starts_with(['S', 'T']));
    client.send(b"c");
    std::thread::sleep(Duration::from_millis(300));
    client.0.write_all(&[3]).unwrap();
    let stopped = client.answer().unwrap();
    assert!(stopped.starts_with("S02") || stopped.starts_with("T02"), "SIGINT is 2: {stopped}");
    assert!(!client.ask("g").unwrap().starts_with('E'), "registers can be read");
    drop(client);
    let (_, said, code) = server.finish();
    assert!(said.contains("the debugger has gone") && code == 0, "{code}: {said}");
}

#[test]
fn bad_packets_do_no_harm() {
    let elf = image("tests/systick_1khz.elf");
    let wild = [
        "m",
        "mffffffff,ffffffff",
        "m20000000,100000",
        "mzz,1",
        "M20000000,4:zz",
        "M20000000,ffffffff:00",
        "X20000000,5:ab",
        "p",
        "pff",
        "Pff=00000000",
        "P0=0",
        "G00",
        "G",
        "Z0",
        "Z0,fffffffe,9",
        "Z2,20000000,ffffffff",
        "Z9,0,0",
        "z0,1,1",
        "vCont",
        "vCont;x",
        "vCont;s:99",
        "vFlashErase:0,ffffffff",
        "vFlashErase:08000000,ffffffff",
        "vFlashWrite:ffffffff:aa",
        "qRcmd,",
        "qRcmd,zz",
        "qRcmd,ff",
        "qXfer:memory-map:read::ffffffff,ffff",
        "qXfer:features:read:nothing:0,fff",
        "qSupported",
        "H",
        "T99",
        "i",
        "I",
        "R",
        "D;99",
        "Qnothing",
        "\u{0}\u{1}",
        "",
    ];
    for packet in wild {
        let server = Server::start(&[&elf, "--limit", "1ms"]);
        let mut client = Client::connect(&server);
        client.send(packet.as_bytes());
        // Whether it refuses the packet or ends the session: it must not panic.
        client.0.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        let _ = client.answer();
        let _ = client.0.write_all(b"$nonsense without an end");
        drop(client);
        let (_, said, code) = server.finish();
        assert!(code != 1 && !said.contains("error[internal]"), "{packet:?}: {code} {said}");
    }
}

#[test]
fn only_this_machine_may_connect_unless_told_otherwise() {
    let elf = image("hello.elf");
    for (address, says) in [("0.0.0.0:0", "--listen-anywhere"), ("nowhere", "no address"), ("127.0.0.1:99999", "no address")] {
        let ran = stm32sim(&["gdb", &elf, "--listen", address]);
        assert!(ran.code == 2 && ran.err.contains(says), "{address}: {}", ran.err);
    }
}
