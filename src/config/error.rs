//! The problems of a config, one line each.

use std::fmt;

/// Everything that is wrong with a config: one line a problem, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    lines: Vec<String>,
}

impl ConfigErrors {
    pub(super) fn new(lines: impl IntoIterator<Item = String>) -> Self {
        Self {
            lines: lines.into_iter().map(|line| on_one_line(&line)).collect(),
        }
    }

    /// One problem each, without line ends; at least one.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }
}

/// Values and file names may hold anything; a log record and a terminal may not.
fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
