//! What it is: the energy of an inference and of its layers.
//! Source: DS5319 Rev 19, table 17: at 72 MHz from flash 27 mA typical with no peripheral clocked, 36 mA with all; at 3.3 V.
//! Does not model: the currents between; `src/observe/energy.rs` tests the table's own row.
//! Tested by: running it.

mod support;

use support::stm32sim;

#[test]
fn layers_take_the_data_sheets_current_for_their_time_and_sum_to_the_inference() {
    let ran = stm32sim(&["run", "--scenario", "anomaly", "--chip", "stm32f103c8", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(report["clock"]["hclk_hz"], 72_000_000);
    let inference = &report["inference"];
    let mut sum = 0.0;
    let layers = inference["layers"].as_array().unwrap();
    assert!(layers.len() > 1);
    for layer in layers {
        let (energy, time) = (layer["energy_uj"].as_f64().unwrap(), layer["latency_us"].as_f64().unwrap());
        // mA x V x us is nanojoules; both numbers are rounded to a thousandth.
        let (least, most) = (27.0 * 3.3 * time / 1e3, 36.0 * 3.3 * time / 1e3);
        assert!(energy > least - 0.001 && energy < most + 0.001, "{layer}");
        sum += energy;
    }
    let whole = inference["energy_uj"].as_f64().unwrap();
    assert!((sum - whole).abs() < 0.001 * layers.len() as f64, "{sum} {whole}");
}

#[test]
fn where_the_currents_are_unknown_no_layer_has_an_energy() {
    let ran = stm32sim(&["run", "--scenario", "anomaly", "--chip", "stm32f103rg", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let inference = &report["inference"];
    assert!(inference["energy_uj"].is_null());
    assert!(inference["layers"].as_array().unwrap().iter().all(|layer| layer["energy_uj"].is_null()));
}

#[test]
fn modes_sum_to_the_run_and_take_the_data_sheets_currents() {
    let ran = stm32sim(&["run", "--scenario", "anomaly", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let energy = &report["energy"];
    let modes = energy["modes"].as_array().unwrap();
    let sum = |field: &str| -> f64 { modes.iter().map(|mode| mode[field].as_f64().unwrap()).sum() };
    assert_eq!(sum("cycles") as u64, report["totals"]["cycles"].as_u64().unwrap());
    assert!((sum("energy_uj") - energy["total_uj"].as_f64().unwrap()).abs() < 0.01);
    assert!((sum("time_us") - report["totals"]["time_us"].as_f64().unwrap()).abs() < 0.01);
    let asleep: f64 = modes.iter().filter(|mode| mode["mode"] == "sleep").map(|mode| mode["cycles"].as_f64().unwrap()).sum();
    assert_eq!(asleep as u64, report["totals"]["sleep_cycles"].as_u64().unwrap());
    for mode in modes.iter().filter(|mode| mode["hclk_hz"] == 72_000_000) {
        // DS5319 tables 17 and 18: 72 MHz, run 27 (no peripheral clocked) to 36 mA (all), sleep 5.5 to 14.4 mA.
        let (least, most) = if mode["mode"] == "run" { (27.0, 36.0) } else { (5.5, 14.4) };
        let current = mode["current_ma"].as_f64().unwrap();
        assert!((least..=most).contains(&current), "{mode}");
        let expected = current * 3.3 * mode["time_us"].as_f64().unwrap() / 1e3;
        assert!((mode["energy_uj"].as_f64().unwrap() - expected).abs() < 0.2, "{mode}");
    }
    assert!(energy["assumes"].as_array().unwrap().len() >= 4, "{energy}");
}

#[test]
fn stop_mode_is_a_mode_of_its_own() {
    // firmware-images/tests/rtc_alarm.c sleeps in stop mode until the alarm; DS5319 table 16: 24 uA at 3.3 V with the regulator on, 14 in low power.
    let path = format!("{}/firmware-images/tests/rtc_alarm.elf", env!("CARGO_MANIFEST_DIR"));
    let ran = stm32sim(&["run", &path, "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let modes = report["energy"]["modes"].as_array().unwrap();
    let stop: Vec<_> = modes.iter().filter(|mode| mode["mode"].as_str().unwrap().starts_with("stop")).collect();
    assert!(!stop.is_empty(), "{modes:?}");
    for mode in stop {
        let current = mode["current_ma"].as_f64().unwrap();
        assert!(current == 0.024 || current == 0.014, "{mode}");
        assert!(mode["time_us"].as_f64().unwrap() > 100.0, "{mode}");
    }
}
