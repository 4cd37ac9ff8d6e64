use stm32sim::{chip::Chip, firmware::Image, machine::*, units::*, timing::*};
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let fid = if std::env::args().nth(2).as_deref() == Some("ref") { Fidelity::Reference } else { Fidelity::Memo };
    let ms: u64 = std::env::args().nth(3).and_then(|s| s.parse().ok()).unwrap_or(1000);
    let chip = Chip::find("stm32f103c8").unwrap();
    let image = Image::load(path.as_ref()).unwrap();
    let placed = chip.place(&image).unwrap();
    let mut m = Machine::new(&chip, &placed, Settings { fidelity: fid, ..Settings::default() }).unwrap();
    let t = std::time::Instant::now();
    let out = m.run(&mut (), Tick(72_000 * ms));
    let dt = t.elapsed().as_secs_f64();
    println!("{out:?} {:.3}s", dt);
    let text: Vec<u8> = m.sent().iter().map(|b| b.byte).collect();
    println!("{}", String::from_utf8_lossy(&text));
    let (c, n) = m.prices().totals();
    println!("{:?} total {} now {:?} instructions {n} {:.1} Mips unresolved {} sizes {:?}", c, c.total(), m.now(), n as f64 / dt / 1e6, m.unresolved(), m.prices().sizes());
    println!("{:?} {:?}", m.findings(), m.ledger());
    if let Ok(Outcome::Fault { pc, .. }) = out { println!("{:?}", image.locate(Addr(pc))); }
}
