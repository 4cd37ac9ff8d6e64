//! What it is: recordings of the chip's wires, read by the Python package `vcdvcd`.
//! Source of the expectations: `vcdvcd` parses; a receiver written here decodes 8N1 at the firmware's 115200 baud, as a UART does (RM0008, 27.3.3);
//! what the report says was sent.
//! Where the package is absent the test says so and passes (`.ci/tools` brings it).

mod support;

use support::{Scratch, stm32sim};

/// Prints each serial line's characters, sampled in the middle of their bits, and each pin's edges.
const READER: &str = r#"
import bisect, sys
from vcdvcd import VCDVCD
vcd = VCDVCD(sys.argv[1])
assert vcd.timescale['timescale'] == __import__('decimal').Decimal('1e-9'), vcd.timescale
for name in sorted(vcd.signals):
    changes = [(t, int(v)) for t, v in vcd[name].tv]
    times = [t for t, _ in changes]
    level = lambda t: changes[bisect.bisect_right(times, t) - 1][1]
    if name.endswith(('TX', 'RX')):
        bit, text, at = 1e9 / 115200, b'', 0
        for t, v in changes:
            if v == 0 and t >= at:
                bits = [level(t + bit * (i + 0.5)) for i in range(10)]
                assert bits[0] == 0 and bits[9] == 1, (name, t, bits)
                text += bytes([sum(b << i for i, b in enumerate(bits[1:9]))])
                at = t + 9.5 * bit
        print(name, text)
    else:
        print(name, len(changes) - 1)
"#;

#[test]
fn a_reader_of_another_make_decodes_the_serial_lines() {
    let scratch = Scratch::new("vcd");
    let elf = format!("{}/firmware-images/hello.elf", env!("CARGO_MANIFEST_DIR"));
    let file = scratch.0.join("wires.vcd").to_str().unwrap().to_owned();
    let input = format!("1={}", scratch.file("input", b"abc%"));
    let args = ["run", &elf, "--uart-input", &input, "--vcd", &file, "--limit", "20ms", "--format", "json"];
    let ran = stm32sim(&args);
    let first = std::fs::read(&file).unwrap();
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let sent = report["uart"][0]["text"].as_str().unwrap();
    assert!(sent.contains("echo [abc]"), "{sent}");
    stm32sim(&args);
    assert!(first == std::fs::read(&file).unwrap(), "two runs record the same");
    let Some(mut python) = support::tools::python("vcdvcd") else { return };
    let read = python.args(["-c", READER, &file]).output().unwrap();
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let escaped = sent.replace('\r', "\\r").replace('\n', "\\n");
    assert!(text.contains(&format!("USART1.TX b'{escaped}'")), "{text}\n{escaped}");
    assert!(text.contains("USART1.RX b'abc%'"), "{text}");
    assert!(text.contains("GPIOA.PA10 "), "{text}");
}

#[test]
fn it_cannot_be_written_where_there_is_no_folder() {
    let elf = format!("{}/firmware-images/hello.elf", env!("CARGO_MANIFEST_DIR"));
    let ran = stm32sim(&["run", &elf, "--vcd", "/nowhere/wires.vcd", "--limit", "1ms"]);
    assert!(ran.code == 2 && ran.err.contains("error[output-unwritable]"), "{}", ran.err);
}

/// The first ten rises of each pin, and how often it changed.
const EDGES: &str = r#"
import sys
from vcdvcd import VCDVCD
vcd = VCDVCD(sys.argv[1])
for name in ('GPIOB.PB00', 'GPIOA.PA07'):
    full = next(n for n in vcd.signals if n.endswith(name))
    print(name, *[t for t, v in vcd[full].tv if v == '1'][:10])
"#;

#[test]
fn a_pwm_is_recorded_at_its_pins() {
    // `tim_pins`: a period of 1000 cycles of 72 MHz is 13 889 ns; CH1N at PA7 rises 472 cycles behind CH2N at PB0 (RM0008, 14.3.11: the compare value
    // 400 and the dead time 72).
    let scratch = Scratch::new("vcd-pwm");
    let elf = format!("{}/firmware-images/tests/tim_pins.elf", env!("CARGO_MANIFEST_DIR"));
    let file = scratch.0.join("pwm.vcd").to_str().unwrap().to_owned();
    stm32sim(&["run", &elf, "--vcd", &file, "--limit", "10ms"]);
    let Some(mut python) = support::tools::python("vcdvcd") else { return };
    let read = python.args(["-c", EDGES, &file]).output().unwrap();
    let text = String::from_utf8_lossy(&read.stdout).into_owned();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let rises: Vec<Vec<u64>> =
        text.lines().map(|line| line.split(' ').skip(1).map(|time| time.parse().unwrap()).collect()).collect();
    let [pb0, pa7] = &rises[..] else { panic!("{text}") };
    for (at, next) in pb0.iter().zip(&pb0[1..]).skip(1).take(2) {
        assert!((next - at).abs_diff(13_889) <= 1, "{text}");
        let behind = pa7.iter().find(|rise| *rise > at).unwrap() - at;
        assert!(behind.abs_diff(472 * 1000 / 72) <= 1, "{text}");
    }
}
