//! What it is: how the pages look: light, dark, narrow, on paper.
//! Source: Chromium's own layout says where a box is and which colour it has, and the screenshot must show it there; and small grey pictures in
//! `tests/goldens/pictures/` that people have looked at (`STM32SIM_BLESS=1` takes them anew), compared with a tolerance that fonts of another version keep.
//! Does not model: other browsers.
//! Tested by: running the real program; without Chromium it is skipped, and the test says so.

mod support;

use serde_json::Value;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{Scratch, stm32sim};

/// Pixels, three bytes each.
struct Picture {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Picture {
    fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }

    /// A grey picture of a tenth of the size.
    fn small(&self) -> (usize, usize, Vec<u8>) {
        const BLOCK: usize = 10;
        let (width, height) = (self.width / BLOCK, self.height / BLOCK);
        let mut grey = Vec::with_capacity(width * height);
        for y in 0..height {
            for x in 0..width {
                let block = (0..BLOCK * BLOCK).map(|i| self.at(x * BLOCK + i % BLOCK, y * BLOCK + i / BLOCK));
                let sum: u32 = block.map(|rgb| rgb.iter().map(|c| u32::from(*c)).sum::<u32>()).sum();
                grey.push((sum / (3 * (BLOCK * BLOCK) as u32)) as u8);
            }
        }
        (width, height, grey)
    }
}

fn read(path: &Path) -> Picture {
    let mut reader = png::Decoder::new(BufReader::new(File::open(path).expect("a picture"))).read_info().expect("a PNG");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a size")];
    let info = reader.next_frame(&mut bytes).expect("pixels");
    let samples = info.color_type.samples();
    let rgb = bytes[..info.buffer_size()]
        .chunks(samples)
        .flat_map(|pixel| [pixel[0], pixel[1 % samples], pixel[2 % samples]])
        .collect();
    Picture { width: info.width as usize, height: info.height as usize, rgb }
}

/// Runs the browser on a page; `None`, with a word about it, where there is none.
fn browse(file: &str, (width, height): (usize, usize), dark: bool, more: &[&str]) -> Option<String> {
    let size = format!("--window-size={width},{height}");
    let url = format!("file://{file}");
    let mut args = vec!["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000", &size];
    args.extend(dark.then_some("--force-dark-mode"));
    args.extend(more);
    args.push(&url);
    let Ok(output) = Command::new("chromium").args(args).output() else {
        println!("skipped: chromium is not installed");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Points within boxes that have one colour: x, y, and that colour.
const POINTS: &str = r"<script>addEventListener('load', () => {
const points = [];
for (const node of document.querySelectorAll('.tile, .fill, .treemap > div, .inner > span, .uses .thin > span, .sides > span')) {
  const style = getComputedStyle(node), box = node.getBoundingClientRect();
  if (node.hidden || style.backgroundImage !== 'none' || box.width < 8 || box.height < 6 || box.bottom > innerHeight || box.right > innerWidth) continue;
  // Near the right lower corner, where no text is.
  points.push([Math.floor(box.right) - 3, Math.floor(box.bottom) - 3, ...style.backgroundColor.match(/\d+/g).map(Number)]);
}
document.documentElement.dataset.points = JSON.stringify(points);
document.documentElement.dataset.paper = JSON.stringify(getComputedStyle(document.body).backgroundColor.match(/\d+/g).map(Number));
});</script></body>";

fn data(document: &str, name: &str) -> Value {
    let rest = document.split(&format!("data-{name}=\"")).nth(1).expect(name);
    serde_json::from_str(rest.split('"').next().expect(name)).expect("JSON")
}

fn page(scratch: &Scratch, name: &str, args: &[&str]) -> String {
    let file = scratch.0.join(format!("{name}.html"));
    let file = file.to_str().expect("a path");
    let run = stm32sim(&[args, &["--format", "html", "--output", file]].concat());
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let text = std::fs::read_to_string(file).expect("a page");
    std::fs::write(file, text.replace("</body>", POINTS)).expect("the page");
    file.to_owned()
}

/// Against the committed picture: on average, and how many pixels are far off.
fn compare(name: &str, picture: &Picture) {
    let (width, height, grey) = picture.small();
    let file: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/goldens/pictures/{name}.png"));
    if std::env::var_os("STM32SIM_BLESS").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("the folder");
        let mut encoder = png::Encoder::new(File::create(&file).expect("the picture"), width as u32, height as u32);
        encoder.set_color(png::ColorType::Grayscale);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header().expect("a PNG").write_image_data(&grey).expect("pixels");
        return;
    }
    let golden = read(&file);
    assert_eq!((golden.width, golden.height), (width, height), "{name}");
    let differences: Vec<u32> = grey.iter().enumerate().map(|(at, g)| u32::from(g.abs_diff(golden.rgb[at * 3]))).collect();
    let mean = f64::from(differences.iter().sum::<u32>()) / differences.len() as f64;
    let far = differences.iter().filter(|difference| **difference > 64).count() as f64 / differences.len() as f64;
    assert!(mean < 8.0 && far < 0.05, "{name}: {mean:.1} grey levels on average, {:.1} % of it far off", far * 100.0);
}

fn check(name: &str, args: &[&str]) {
    let scratch = Scratch::new(&format!("pictures-{name}"));
    let file = page(&scratch, name, args);
    for (variant, size, dark) in [("light", (1000, 1600), false), ("dark", (1000, 1600), true), ("narrow", (500, 1600), false)] {
        let shot = scratch.0.join(format!("{variant}.png"));
        let Some(document) = browse(&file, size, dark, &["--dump-dom"]) else { return };
        browse(&file, size, dark, &[&format!("--screenshot={}", shot.display())]).expect("the browser");
        let picture = read(&shot);
        assert_eq!((picture.width, picture.height), size, "{name} {variant}");
        let paper = data(&document, "paper");
        let bright = picture.at(2, 2).iter().map(|c| u32::from(*c)).sum::<u32>() / 3;
        assert!(if dark { bright < 60 } else { bright > 240 }, "{name} {variant}: {bright} {paper}");
        let points = data(&document, "points");
        let mut right = 0;
        for point in points.as_array().expect("points") {
            let number = |at: usize| point[at].as_u64().expect("a number") as usize;
            let shown = picture.at(number(0).min(size.0 - 1), number(1).min(size.1 - 1));
            right += usize::from((0..3).all(|c| usize::from(shown[c]).abs_diff(number(2 + c)) <= 3));
        }
        let all = points.as_array().expect("points").len();
        // A neighbour's edge may fall on a point.
        assert!(
            all >= if variant == "narrow" { 1 } else { 10 } && right * 20 >= all * 19,
            "{name} {variant}: {right} of {all} boxes show their colour"
        );
        compare(&format!("{name}-{variant}"), &picture);
    }
}

#[test]
fn a_profiles_page_looks_as_it_did() {
    check("profile", &["profile", "--scenario", "anomaly"]);
}

#[test]
fn a_maps_page_looks_as_it_did() {
    let anomaly = format!("{}/firmware-images/anomaly.elf", env!("CARGO_MANIFEST_DIR"));
    check("map", &["map", &anomaly, "--run", "anomaly"]);
}

#[test]
fn a_page_goes_on_paper() {
    let scratch = Scratch::new("pictures-paper");
    let file = page(&scratch, "paper", &["profile", "--scenario", "anomaly"]);
    let pdf = scratch.0.join("page.pdf");
    if browse(&file, (1000, 1600), true, &["--no-pdf-header-footer", &format!("--print-to-pdf={}", pdf.display())]).is_none() {
        return;
    }
    let bytes = std::fs::read(pdf).expect("a PDF");
    assert!(bytes.starts_with(b"%PDF-"));
    let text = String::from_utf8_lossy(&bytes);
    let pages = text.matches("/Type /Page\n").count();
    assert!((2..=12).contains(&pages), "{pages} pages");
}
