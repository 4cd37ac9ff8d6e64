//! What it is: a sweep as a picture: latency against SRAM in SVG, the Pareto front drawn through.
//! Source: W3C, "Scalable Vector Graphics 1.1"; [`super::sweep::pareto`].
//! Does not model: interaction; the points' names are tool tips.
//! Tested by: `tests/suite.rs` (an XML reader of another make).

use super::record::Record;
use super::sweep::pareto;
use super::table::time;
use super::xml::escaped;
use crate::units::grouped;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 90.0;
const RIGHT: f64 = 690.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 420.0;

/// The picture.
#[must_use]
pub fn svg(records: &[Record]) -> String {
    let front = pareto(records);
    let mut points: Vec<(f64, f64, bool, String)> = records
        .iter()
        .zip(&front)
        .filter_map(|(record, front)| {
            let latency = record.inference.as_ref()?.latency_us;
            Some((latency, record.sram_peak()? as f64, *front, record.key()))
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let most = |of: fn(&(f64, f64, bool, String)) -> f64| nice(points.iter().map(of).fold(0.0, f64::max));
    let (latency, sram) = (most(|point| point.0), most(|point| point.1));
    let x = |value: f64| LEFT + (RIGHT - LEFT) * value / latency;
    let y = |value: f64| BOTTOM - (BOTTOM - TOP) * value / sram;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"15\">Latency against SRAM</text>\n"
    );
    for step in 0..=4 {
        let part = f64::from(step) / 4.0;
        text.push_str(&format!(
            "<path d=\"M{LEFT} {0:.1}H{RIGHT}M{1:.1} {TOP}V{BOTTOM}\" stroke=\"#ddd\" fill=\"none\"/>\n\
             <text x=\"{1:.1}\" y=\"440\" text-anchor=\"middle\">{2}</text>\n\
             <text x=\"82\" y=\"{3:.1}\" text-anchor=\"end\">{4} B</text>\n",
            y(sram * part),
            x(latency * part),
            time(latency * part),
            y(sram * part) + 4.0,
            grouped((sram * part).round() as u64)
        ));
    }
    text.push_str("<text x=\"390\" y=\"465\" text-anchor=\"middle\">latency of an inference</text>\n");
    text.push_str("<text x=\"20\" y=\"235\" text-anchor=\"middle\" transform=\"rotate(-90 20 235)\">SRAM at most</text>\n");
    let line: Vec<String> =
        points.iter().filter(|point| point.2).map(|point| format!("{:.1},{:.1}", x(point.0), y(point.1))).collect();
    text.push_str(&format!("<polyline points=\"{}\" fill=\"none\" stroke=\"#0a6\" stroke-width=\"1.5\"/>\n", line.join(" ")));
    for (latency, sram, front, key) in &points {
        let (fill, radius) = if *front { ("#0a6", 5) } else { ("#888", 4) };
        text.push_str(&format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius}\" fill=\"{fill}\"><title>{}: {}, {} B</title></circle>\n",
            x(*latency),
            y(*sram),
            escaped(key),
            time(*latency),
            grouped(*sram as u64)
        ));
    }
    text.push_str("</svg>\n");
    text
}

/// The next of 1, 2 and 5 times a power of ten.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|step| step * power).into_iter().find(|step| *step >= value).unwrap_or(value)
}
