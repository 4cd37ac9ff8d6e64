//! What it is: what the firmware sent on its serial lines, as text, by port.
//! Source: the bytes that the USART models let out.
//! Does not model: time; bytes that are no UTF-8 show as U+FFFD.
//! Tested by: `tests/run.rs`.

use crate::machine::Machine;
use std::collections::BTreeMap;

/// Each port that sent anything, with its text, in the order of the devices' addresses; then the
/// ports of the ITM and the channels of RTT; at last what was printed through semihosting.
#[must_use]
pub fn texts(machine: &Machine) -> Vec<(String, String)> {
    let mut ports: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
    for sent in machine.sent() {
        ports.entry(sent.device).or_default().push(sent.byte);
    }
    let itm = machine.itm_ports().into_iter().map(|port| (format!("ITM{port}"), machine.itm_output(port)));
    let rtt = machine.rtt_channels().into_iter().map(|channel| (format!("RTT{channel}"), machine.rtt_output(channel).to_vec()));
    let console = machine.semihosting_console().filter(|text| !text.is_empty());
    let console = console.map(|text| ("semihosting".to_owned(), String::from_utf8_lossy(text).into_owned()));
    ports
        .into_iter()
        .map(|(device, bytes)| (machine.device_name(device).to_owned(), String::from_utf8_lossy(&bytes).into_owned()))
        .chain(itm.chain(rtt).map(|(port, bytes)| (port, String::from_utf8_lossy(&bytes).into_owned())))
        .chain(console)
        .collect()
}
