//! What it is: Intel HEX: lines of text with addresses, bytes and checksums, as flashing tools take them.
//! Source: Intel, "Hexadecimal Object File Format Specification", revision A (1988).
//! Does not model: symbols and lines, which the format does not have; data that crosses the end of the address space is refused.
//! Tested by: the tests below, `tests/loader_formats.rs` (against `arm-none-eabi-objcopy`), `tests/bad_input.rs`.

use super::Segment;
use super::raw::segment;
use crate::finding::{Code, Failure, Finding, Result};
use crate::units::Addr;

/// What a file holds.
pub(super) struct Contents {
    /// Stretches without gaps, by address.
    pub segments: Vec<Segment>,
    /// The start address, if a record gives one.
    pub entry: Option<Addr>,
}

/// One line, taken apart: the bytes before the checksum.
struct Record<'a> {
    offset: u32,
    kind: u8,
    data: &'a [u8],
}

/// Whether a file is Intel HEX by its looks.
pub(super) fn looks_like(bytes: &[u8]) -> bool {
    let mut text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start().iter();
    text.next() == Some(&b':') && text.take(8).all(u8::is_ascii_hexdigit)
}

/// Reads every record; the file must end with an end record.
pub(super) fn parse(path: &str, bytes: &[u8]) -> Result<Contents> {
    let mut pieces: Vec<(u32, Vec<u8>, usize)> = Vec::new();
    let (mut base, mut entry, mut ended) = (0_u32, None, None);
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut last = 0;
    for (line, text) in (1_usize..).zip(bytes.split(|byte| *byte == b'\n')) {
        let text = text.trim_ascii();
        if text.is_empty() {
            continue;
        }
        last = line;
        let bad = |why: String| bad(path, line, &why);
        if let Some(end) = ended {
            return Err(Finding::new(
                Code::BadHexFile,
                format!("{path}, line {line}: there is more behind the end record of line {end}"),
            )
            .help("Two files were joined: give them separately, with --load for the second.")
            .into());
        }
        let decoded = decode(text).map_err(&bad)?;
        let record = take_apart(&decoded).map_err(&bad)?;
        match (record.kind, record.data) {
            (0, []) => {}
            (0, data) => {
                let start = base.checked_add(record.offset);
                let end = start.and_then(|start| start.checked_add(data.len() as u32 - 1));
                let (Some(start), Some(_)) = (start, end) else {
                    return Err(bad("its bytes lie beyond the end of the address space".to_owned()));
                };
                match pieces.last_mut() {
                    Some((from, held, _)) if u64::from(*from) + held.len() as u64 == u64::from(start) => held.extend(data),
                    _ => pieces.push((start, data.to_vec(), line)),
                }
            }
            (1, []) => ended = Some(line),
            (2, [a, b]) => base = u32::from(u16::from_be_bytes([*a, *b])) << 4,
            (4, [a, b]) => base = u32::from(u16::from_be_bytes([*a, *b])) << 16,
            // CS:IP of an 8086; the chip starts at its vector table anyway.
            (3, [_, _, _, _]) => {}
            (5, [a, b, c, d]) => entry = Some(Addr::from_thumb(u32::from_be_bytes([*a, *b, *c, *d]))),
            (1..=5, data) => return Err(bad(format!("a record of type {} cannot have {} bytes", record.kind, data.len()))),
            (kind, _) => return Err(bad(format!("there is no record of type {kind}"))),
        }
    }
    if ended.is_none() {
        return Err(bad(path, last, "the file ends here without an end record (:00000001FF): it was cut short"));
    }
    pieces.sort_by_key(|(start, _, line)| (*start, *line));
    for pair in pieces.windows(2) {
        if let [(from, held, first), (start, _, line)] = pair
            && u64::from(*from) + held.len() as u64 > u64::from(*start)
        {
            let (line, first) = (line.max(first), line.min(first));
            let why = format!("the byte at {} was given already, by the records from line {first} on", Addr(*start));
            return Err(bad(path, *line, &why));
        }
    }
    if pieces.is_empty() {
        return Err(bad(path, last, "the file has no data records"));
    }
    Ok(Contents { segments: pieces.into_iter().map(|(start, data, _)| segment(Addr(start), data)).collect(), entry })
}

/// The bytes of one line.
fn decode(text: &[u8]) -> Result<Vec<u8>, String> {
    let Some(digits) = text.strip_prefix(b":") else { return Err("a record begins with a colon".to_owned()) };
    let nibble = |digit: &u8| char::from(*digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut bytes = Vec::with_capacity(digits.len() / 2);
    for (i, pair) in digits.chunks(2).enumerate() {
        let [high, low] = pair else { return Err("it has half a byte too much or too little".to_owned()) };
        let (Some(high), Some(low)) = (nibble(high), nibble(low)) else {
            return Err(format!("column {} is no hexadecimal byte", 2 * i + 2));
        };
        bytes.push(high << 4 | low);
    }
    Ok(bytes)
}

/// Length, address, type, data, checksum.
fn take_apart(bytes: &[u8]) -> Result<Record<'_>, String> {
    let [length, high, low, kind, rest @ ..] = bytes else { return Err("the record is cut short".to_owned()) };
    let Some((checksum, data)) = rest.split_last() else { return Err("the record is cut short".to_owned()) };
    if data.len() != usize::from(*length) {
        return Err(format!("the record announces {length} bytes and has {}", data.len()));
    }
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)).wrapping_sub(*checksum);
    if sum.wrapping_neg() != *checksum {
        return Err(format!("the checksum is {checksum:02X} and should be {:02X}", sum.wrapping_neg()));
    }
    Ok(Record { offset: u32::from(u16::from_be_bytes([*high, *low])), kind: *kind, data })
}

fn bad(path: &str, line: usize, why: &str) -> Failure {
    Failure::new(Code::BadHexFile, format!("{path}, line {line}: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The specification's own example of a data record under an extended linear address, and its start record.
    #[test]
    fn records_give_addresses_and_bytes() {
        let text = b":02000004FFFFFC\r\n:0300300002337A1E\r\n:04000005000000CD2A\r\n:00000001FF\r\n";
        let read = parse("a.hex", text).unwrap();
        assert_eq!(read.segments.len(), 1);
        assert_eq!((read.segments[0].lma, read.segments[0].data.as_slice()), (Addr(0xffff_0030), &[0x02, 0x33, 0x7a][..]));
        assert_eq!(read.entry, Some(Addr(0xcc)));
        // A paragraph address: 0x1200 << 4.
        let read = parse("a.hex", b":020000021200EA\n:0100000001FE\n:00000001FF").unwrap();
        assert_eq!(read.segments[0].lma, Addr(0x12000));
    }

    #[test]
    fn any_cut_is_refused() {
        let whole = b":020000040800F2\n:0300300002337A1E\n:00000001FF";
        assert!(parse("a.hex", whole).is_ok());
        for length in 0..whole.len() {
            assert!(parse("a.hex", &whole[..length]).is_err(), "{length}");
        }
    }
}
