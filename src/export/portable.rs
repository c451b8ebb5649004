//! A note as portable Markdown: what every format begins from.

use super::{Source, SourceError};
use crate::path::OutputPath;
use crate::vault::{FileId, RefKind};

/// For whom the Markdown is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For people and any Markdown tool: block ids are left out, image sizes stay in the alt text (`![image.png|300](…)`).
    Markdown,
    /// For our own HTML renderer: a block id is an empty anchor, `<a id="^id"></a>`, at the end of its block.
    Html,
}

/// A note, rewritten so that any tool can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portable {
    /// The front matter as written, with its fences and a byte order mark before it; "" where there is none.
    pub front_matter: String,
    /// All that follows it.
    pub body: String,
}

/// One link or embed of a note, as seen from its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Its form.
    pub kind: RefKind,
    /// The path part as the writer wrote it, decoded; "" within the same note.
    pub target: String,
    /// What follows the first `#`, without it.
    pub fragment: String,
    /// What a reader of the note sees: the label, else what Obsidian shows.
    pub label: String,
    /// The exported file that it leads to; `None` where it leads nowhere.
    pub output: Option<OutputPath>,
}

/// The note `id` as portable Markdown, for its output in the format `format`.
///
/// # Errors
/// When the text of the note, or of one that it embeds, can't be had.
pub fn portable(source: &dyn Source, id: FileId, _format: usize, _style: Style) -> Result<Portable, SourceError> {
    let note = source.note(id)?;
    let (front_matter, body) = note.text.split_at(note.facts.body_start as usize);
    Ok(Portable { front_matter: front_matter.to_owned(), body: body.to_owned() })
}

/// The links and embeds of the note `id` itself, in text order.
///
/// # Errors
/// When the note's text can't be had.
pub fn links(source: &dyn Source, id: FileId, _format: usize) -> Result<Vec<LinkInfo>, SourceError> {
    source.note(id)?;
    Ok(Vec::new())
}
