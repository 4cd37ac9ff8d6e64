//! What it is: linker names of C++ and Rust as the source spells them.
//! Source: the Itanium C++ ABI and Rust's own schemes, through cpp_demangle and rustc-demangle.
//! Does not model: names of other compilers' own schemes; they stay as they are.
//! Tested by: the tests below, against what `c++filt` of binutils 2.40 prints.

use std::fmt::{self, Write};

/// A longer name is no name for people; and encoded names can unfold to any length.
const MAX_LENGTH: usize = 4096;
/// Deeper names than this come from no compiler.
const MAX_DEPTH: u32 = 64;

/// The name as the source spells it, or as it is where that is unknown, too long or damaged.
pub(super) fn demangle(name: &str) -> String {
    let mut out = Bounded(String::new());
    let decoded = if name.starts_with("_Z") && !is_legacy_rust(name) {
        decode_cpp(name, &mut out)
    } else {
        rustc_demangle::try_demangle(name).is_ok_and(|rust| write!(out, "{rust:#}").is_ok())
    };
    if decoded && !out.0.is_empty() { out.0 } else { name.to_owned() }
}

fn decode_cpp(name: &str, out: &mut Bounded) -> bool {
    let parse = cpp_demangle::ParseOptions::default().recursion_limit(MAX_DEPTH);
    let print = cpp_demangle::DemangleOptions::new().recursion_limit(MAX_DEPTH);
    cpp_demangle::Symbol::new_with_options(name, &parse).is_ok_and(|symbol| symbol.structured_demangle(out, &print).is_ok())
}

/// The crate in a Rust name, given in both spellings: the first path in it that has more than one part.
pub(super) fn crate_of<'a>(linker_name: &str, name: &'a str) -> Option<&'a str> {
    let is_rust = is_legacy_rust(linker_name) || (linker_name.starts_with("_R") && linker_name != name);
    if !is_rust {
        return None;
    }
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    name.match_indices("::").find_map(|(at, _)| {
        let before = name.get(..at)?;
        let start = before.rfind(|c| !is_part(c)).map_or(0, |last| last + before.get(last..).map_or(1, first_length));
        before.get(start..).filter(|part| !part.is_empty())
    })
}

/// Bytes of a text's first character.
fn first_length(text: &str) -> usize {
    text.chars().next().map_or(1, char::len_utf8)
}

/// Rust's older scheme looks like C++ but for a hash at its end: `17h` and sixteen digits, `E`.
fn is_legacy_rust(name: &str) -> bool {
    let hash = name.strip_suffix('E').and_then(|rest| rest.get(rest.len().checked_sub(19)?..));
    hash.and_then(|hash| hash.strip_prefix("17h")).is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Text that refuses to grow beyond [`MAX_LENGTH`].
struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len().saturating_add(text.len()) > MAX_LENGTH {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_decoded_as_binutils_do() {
        let pairs = [
            ("_ZN6tflite16MicroInterpreter6InvokeEv", "tflite::MicroInterpreter::Invoke()"),
            ("_ZNKSt6vectorIiSaIiEE4sizeEv", "std::vector<int, std::allocator<int> >::size() const"),
            // Rust's hash and crate number, which `c++filt -s rust` prints too, say nothing to people.
            ("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", "core::fmt::Write::write_fmt"),
            ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
        ];
        for (linker, source) in pairs {
            assert_eq!(demangle(linker), source);
        }
    }

    #[test]
    fn crates_are_the_first_part_of_a_path() {
        // What `c++filt -s rust` prints of the first two begins with the crate.
        for (linker, expected) in [
            ("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE", Some("core")),
            ("_RNvCs1234_7mycrate3foo", Some("mycrate")),
            ("_ZN35_$LT$u32$u20$as$u20$mycrate..Tr$GT$1f17h0123456789abcdefE", Some("mycrate")),
            ("_ZN6tflite16MicroInterpreter6InvokeEv", None),
            ("main", None),
            ("_Rubbish", None),
        ] {
            assert_eq!(crate_of(linker, &demangle(linker)), expected, "{linker}");
        }
    }

    #[test]
    fn other_names_stay() {
        for name in ["main", "_Zzz", "_ZN", "", "_R", "__aeabi_uidiv", "_ZN17hE", "_Zé"] {
            assert_eq!(demangle(name), name);
        }
    }

    #[test]
    fn names_that_unfold_stay() {
        // Each argument repeats all that came before it, by substitution.
        let mut name = "_Z1fI1a".to_owned();
        for i in 0..30 {
            name.push_str(&format!(
                "1bIS{}_S{}_E",
                if i == 0 { String::new() } else { radix36(i - 1) },
                if i == 0 { String::new() } else { radix36(i - 1) }
            ));
        }
        name.push_str("EvT_");
        assert!(demangle(&name).len() <= MAX_LENGTH);
        assert!(demangle(&format!("_Z1f{}", "P".repeat(3000))).len() <= MAX_LENGTH);
    }

    fn radix36(value: u32) -> String {
        char::from_digit(value, 36).unwrap().to_string().to_uppercase()
    }
}
