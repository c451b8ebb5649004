//! From a note to the bytes of its outputs. One file a format; `portable` rewrites note syntax for all of them.
//!
//! Nothing in here writes to the export tree, and all but `command` is pure.

pub mod command;
pub mod formats;
pub mod portable;

mod csv;
mod href;
mod html;
mod json;
mod markdown;
mod place;
mod rewrite;
mod template;
#[cfg(test)]
pub(crate) mod testing;
mod view;

pub use command::{CommandError, Invocation};
pub use formats::{FormatError, Formats, RenderError};
pub use portable::{LinkInfo, Portable, Style, links, portable};
pub use template::TemplateError;

use std::sync::Arc;

use crate::path::{NotePath, OutputPath};
use crate::vault::{FileId, Note, NoteFacts, Page, Ref, Target};

/// What a format may ask while it renders: the vault as it was planned, and the text of its notes.
pub trait Source: Send + Sync {
    /// What a reference in the text of `from` means.
    fn target(&self, from: FileId, reference: &Ref) -> Target;

    /// A note's text and facts, exactly as they were planned.
    ///
    /// # Errors
    /// When the file is gone, unreadable, or no longer what was planned.
    fn note(&self, id: FileId) -> Result<Arc<Note>, SourceError>;

    /// What a note says of itself, as known to the plan; `None` of an attachment.
    fn facts(&self, id: FileId) -> Option<Arc<NoteFacts>>;

    /// A file's path in the vault.
    fn path(&self, id: FileId) -> &NotePath;

    /// Where the note is exported in the format `format` (an index into the config's formats), or where the attachment is copied to.
    fn output(&self, id: FileId, format: usize) -> OutputPath;

    /// The exported notes that link to or embed this one, in path order.
    fn backlinks(&self, id: FileId) -> Vec<FileId>;

    /// A note's title, as known to the plan.
    fn title(&self, id: FileId) -> String;

    /// The exported notes that a page lists (see [`Page::lists`]), in path order.
    fn listed(&self, page: &Page) -> Vec<Listed>;
}

/// A note as an index page knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The note.
    pub id: FileId,
    /// Its path in the vault.
    pub path: NotePath,
    /// Its title.
    pub title: String,
    /// Its tags, as written.
    pub tags: Vec<Box<str>>,
}

/// Why a note's text could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// It changed since the plan was made: a newer batch will render it.
    #[error("{0} changed while the batch ran")]
    Superseded(NotePath),
    /// It can't be read.
    #[error("{path}: {error}")]
    Unreadable {
        /// The note.
        path: NotePath,
        /// What the system said.
        error: std::io::Error,
    },
}
