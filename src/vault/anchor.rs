//! GitHub's heading anchors.

use std::collections::HashMap;

/// Gives out GitHub's anchors for headings in text order; a repeat gets `-1`, `-2`, ….
#[derive(Debug, Default)]
pub struct Slugger {
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
        let Some(&count) = self.used.get(&base) else {
            self.used.insert(base.clone(), 0);
            return base;
        };
        // A number that is taken by a heading of that very name is passed over.
        let (count, anchor) = (count + 1..)
            .map(|number| (number, format!("{base}-{number}")))
            .find(|(_, anchor)| !self.used.contains_key(anchor))
            .unwrap_or_default();
        self.used.insert(base, count);
        self.used.insert(anchor.clone(), 0);
        anchor
    }
}

/// Lower case, spaces as `-`, and of all else only letters, marks, digits, `-` and `_`.
pub fn slug(text: &str) -> String {
    let lower = text.to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    });
    kept.collect()
}
