//! What it is: the firmware's lines to the world: RTT, ITM, files, scripted input, pseudo-terminals.
//! Source of the expectations: the programs' sources; Python's termios as another party on the pseudo-terminal.
//! Does not model: real terminals.

mod support;

use std::process::{Command, Stdio};
use support::{Scratch, stm32sim};

fn image(name: &str) -> String {
    format!("{}/firmware-images/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn path(scratch: &Scratch, name: &str) -> String {
    scratch.0.join(name).to_str().unwrap().to_owned()
}

fn uart(report: &str, port: &str) -> String {
    let report: serde_json::Value = serde_json::from_str(report).unwrap();
    let found = report["uart"].as_array().unwrap().iter().find(|text| text["port"] == port);
    found.map_or_else(String::new, |text| text["text"].as_str().unwrap().to_owned())
}

#[test]
fn rtt_is_found_emptied_and_fed() {
    let scratch = Scratch::new("rtt");
    let (terminal, log) = (path(&scratch, "terminal"), path(&scratch, "log"));
    let keys = scratch.file("keys", b"Longer than sixteen bytes, too.");
    let elf = image("tests/rtt.elf");
    let log_option = format!("1={log}");
    let args = ["run", &elf, "--rtt", &terminal, "--rtt", &log_option, "--rtt-input", &keys, "--format", "json"];
    let ran = stm32sim(&args);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    let said = "Longer than the buffer, which holds thirty-one characters at once.\nLONGER THAN SIXTEEN BYTES, TOO\nbye\n";
    assert_eq!(std::fs::read_to_string(&terminal).unwrap(), said);
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "a second channel\n");
    assert_eq!(uart(&ran.out, "RTT0"), said);
    assert_eq!(stm32sim(&args).out, ran.out, "a run is the same each time");
    // Without a probe it waits for one.
    assert_eq!(stm32sim(&["run", &elf, "--limit", "10ms"]).code, 3);
}

#[test]
fn itm_ports_lead_where_they_should_and_closed_ones_nowhere() {
    let scratch = Scratch::new("itm");
    let (first, fifth) = (path(&scratch, "first"), path(&scratch, "fifth"));
    let ran = stm32sim(&["run", &image("tests/itm.elf"), "--itm", &first, "--itm", &format!("5={fifth}"), "--format", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(std::fs::read_to_string(&first).unwrap(), "Hello from port 0\n");
    assert_eq!(std::fs::read_to_string(&fifth).unwrap(), "abcdef\n");
    let terminal = stm32sim(&["run", &image("tests/itm.elf"), "--itm", "5=-"]);
    assert_eq!(terminal.err, "abcdef\n");
}

#[test]
fn a_serial_line_goes_to_a_file_and_comes_from_a_script() {
    let scratch = Scratch::new("uart");
    let log = path(&scratch, "log");
    let script = scratch.file("script", b"abc%more%");
    let (uart_option, input) = (format!("1={log}"), format!("usart1={script}"));
    let args =
        ["run", &image("hello.elf"), "--uart", &uart_option, "--uart-input", &input, "--limit", "20ms", "--format", "json"];
    let ran = stm32sim(&args);
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.starts_with("Hello from 72000000 Hz\r\necho [abc] at "), "{text}");
    assert!(text.contains("echo [more] at "), "{text}");
    assert_eq!(uart(&ran.out, "USART1"), text);
    assert_eq!(stm32sim(&args).out, ran.out, "a run is the same each time");
    for (option, value, code) in [
        ("--uart", "9=x", 2),
        ("--uart", "1", 2),
        ("--uart", "GPIOA=x", 2),
        ("--uart-input", "1=/nowhere/script", 2),
        ("--itm", "/nowhere/log", 2),
        ("--rtt", "99=x", 2),
    ] {
        let ran = stm32sim(&["run", &image("hello.elf"), option, value, "--limit", "1ms"]);
        assert!(ran.code == code && ran.err.starts_with("error["), "{option} {value}: {}", ran.err);
    }
}

/// Talks to the firmware as PuTTY or a benchmark's runner would.
const CLIENT: &str = r#"
import os, select, sys, termios, time
path = sys.argv[1]
for _ in range(200):
    if os.path.exists(path): break
    time.sleep(0.05)
fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
mode = termios.tcgetattr(fd)
mode[0] = mode[1] = mode[3] = 0
mode[4] = mode[5] = termios.B115200
termios.tcsetattr(fd, termios.TCSANOW, mode)
def until(mark):
    text = b''
    while not text.endswith(mark):
        if not select.select([fd], [], [], 10)[0]: sys.exit(f'nothing more behind {text}')
        text += os.read(fd, 1)
    return text
print(until(b'echo [').decode())
for word in (b'abc', b'more text'):
    os.write(fd, word + b'%')
    print(until(b'echo [').decode())
"#;

#[test]
#[cfg(unix)]
fn a_terminal_program_talks_to_the_firmware() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: python3 is not installed");
        return;
    }
    for pace in [&["--limit", "none"][..], &["--real-time", "--limit", "none"]] {
        let scratch = Scratch::new("pty");
        let link = path(&scratch, "board");
        let mut firmware = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
            .args(["run", &image("hello.elf"), "--uart", &format!("1=pty:{link}")])
            .args(pace)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let client = Command::new("python3").args(["-c", CLIENT, &link]).output().unwrap();
        let _ = firmware.kill();
        let _ = firmware.wait();
        let text = String::from_utf8_lossy(&client.stdout);
        assert!(client.status.success(), "{text}{}", String::from_utf8_lossy(&client.stderr));
        assert!(text.starts_with("Hello from 72000000 Hz\r\necho [\nabc] at "), "{text}");
        assert!(text.contains("more text] at "), "{text}");
    }
}

#[test]
#[cfg(unix)]
fn firmware_that_sleeps_waits_for_somebody_to_type() {
    if Command::new("python3").arg("--version").output().is_err() {
        eprintln!("skipped: python3 is not installed");
        return;
    }
    let scratch = Scratch::new("pty-anomaly");
    let link = path(&scratch, "board");
    let runner = CLIENT.split("print(until(b'echo [')").next().unwrap().to_owned()
        + "until(b'm-init-done\\r\\nm-ready\\r\\n')\nos.write(fd, b'name%')\nprint(until(b'm-ready\\r\\n').decode())\n";
    let mut firmware = Command::new(env!("CARGO_BIN_EXE_stm32sim"))
        .args(["run", &image("anomaly.elf"), "--uart", &format!("1=pty:{link}"), "--limit", "none"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = Command::new("python3").args(["-c", &runner, &link]).output().unwrap();
    let _ = firmware.kill();
    let _ = firmware.wait();
    let text = String::from_utf8_lossy(&client.stdout);
    assert!(text.contains("m-name-dut-[stm32f103]"), "{text}{}", String::from_utf8_lossy(&client.stderr));
}
