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
