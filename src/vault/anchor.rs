//! GitHub's heading anchors, as `github-slugger` makes them. Pure text; knows nothing of notes.

use hashbrown::HashMap;
use unicode_normalization::char::is_combining_mark;

/// Gives out GitHub's anchors for headings in text order; a repeat gets `-1`, `-2`, ….
#[derive(Debug, Default)]
pub struct Slugger {
    /// Each anchor that was given out, and the last number that was tried after it.
    used: HashMap<String, u32>,
}

impl Slugger {
    /// A slugger that has seen no heading.
    pub fn new() -> Self {
        Self::default()
    }

    /// The anchor for the next heading, whose plain text is `text`.
    pub fn anchor(&mut self, text: &str) -> String {
        let base = slug(text);
        let Some(&last) = self.used.get(&base) else {
            self.used.insert(base.clone(), 0);
            return base;
        };
        let mut number = last + 1;
        let mut anchor = format!("{base}-{number}");
        // A heading may be called `a-1` itself: its number is passed over.
        while self.used.contains_key(&anchor) {
            number += 1;
            anchor = format!("{base}-{number}");
        }
        self.used.insert(base, number);
        self.used.insert(anchor.clone(), 0);
        anchor
    }
}

/// Lower case, each space as `-`, and of all else only what Unicode counts as part of a word, and `-`.
pub fn slug(text: &str) -> String {
    if text.is_ascii() {
        let mut slug = String::with_capacity(text.len());
        slug.extend(text.chars().filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' | '0'..='9' | 'A'..='Z' | 'a'..='z' => Some(c.to_ascii_lowercase()),
            _ => None,
        }));
        return slug;
    }
    let lower = text.to_lowercase();
    lower
        .chars()
        .filter(|&c| c == ' ' || c == '-' || is_word(c))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Unicode's `\p{Word}` as GitHub has it: letters, marks, decimal digits and connector punctuation.
fn is_word(c: char) -> bool {
    c.is_alphabetic() || is_combining_mark(c) || is_decimal_digit(c) || is_connector(c)
}

fn is_connector(c: char) -> bool {
    matches!(
        c,
        '_' | '\u{203f}' | '\u{2040}' | '\u{2054}' | '\u{fe33}' | '\u{fe34}' | '\u{fe4d}'
            ..='\u{fe4f}' | '\u{ff3f}'
    )
}

fn is_decimal_digit(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_digit();
    }
    let code = c as u32;
    let after = ZEROS.partition_point(|&zero| zero <= code);
    c.is_numeric() && after > 0 && code - ZEROS[after - 1] < 10
}

/// The zero of every run of ten decimal digits in Unicode; the standard library can't tell `٣` from `³`.
const ZEROS: [u32; 66] = [
    0x0030, 0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6,
    0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80,
    0x1A90, 0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0xFF10, 0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0,
    0x11650, 0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x16A60, 0x16AC0,
    0x16B50, 0x1D7CE, 0x1D7D8, 0x1D7E2, 0x1D7EC, 0x1D7F6, 0x1E140, 0x1E2F0, 0x1E950, 0x1FBF0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_as_github_does() {
        for (text, anchor) in [
            ("Hello, World!", "hello-world"),
            ("a  b", "a--b"),
            ("snake_case & dash-ed", "snake_case--dash-ed"),
            ("Ünïcode Ελλάς", "ünïcode-ελλάς"),
            ("e\u{301}", "e\u{301}"),
            ("中文 标题", "中文-标题"),
            ("x² ٣ ½", "x-٣-"),
            ("😀 emoji", "-emoji"),
            ("ΣΑΣ", "σας"),
            ("a\u{a0}b", "ab"),
            ("", ""),
        ] {
            assert_eq!(slug(text), anchor, "{text:?}");
        }
    }

    #[test]
    fn repeats_are_numbered_and_taken_numbers_passed_over() {
        let mut slugger = Slugger::new();
        let anchors: Vec<_> = ["a", "a", "a-1", "a", "A!", "a-1"]
            .iter()
            .map(|t| slugger.anchor(t))
            .collect();
        assert_eq!(anchors, ["a", "a-1", "a-1-1", "a-2", "a-3", "a-1-2"]);
    }
}
