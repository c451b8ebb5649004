//! What a link or an embed means.

use super::FileId;

/// What a reference leads to, as far as the export is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// An exported note, and the place in it.
    Note(FileId, Place),
    /// Another file of the vault that is exported along.
    File(FileId),
    /// Nothing that the export may show: it stays plain text.
    Nowhere(Nowhere),
}

/// A place in a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The whole note: the reference has no fragment.
    Whole,
    /// A heading and what is below it: an index into the note's headings.
    Heading(usize),
    /// A block: an index into the note's blocks.
    Block(usize),
    /// The reference names a heading or block that the note doesn't have. A link goes to the note's top;
    /// an embed shows nothing and stays plain text.
    Missing,
}

/// Why a reference leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nowhere {
    /// No file has that name.
    Unresolved,
    /// The note is kept out of the export. The reader of the export must not learn that it exists.
    Hidden,
    /// The attachment is not copied along.
    NotCopied,
}
