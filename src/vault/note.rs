//! One note's bytes, read once.

use super::NoteFacts;
use crate::path::NotePath;

/// A note: its text and what it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Its Markdown: the whole file for Markdown and text (BOM and line ends as they are), the body of a JSON note.
    pub text: String,
    /// What it says.
    pub facts: NoteFacts,
}

/// Reads a note. Never fails: what can't be understood is text, and `facts.problem` says so.
pub fn parse(_path: &NotePath, _bytes: &[u8]) -> Note {
    unimplemented!("to be written")
}
