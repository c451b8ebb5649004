//! What the manifest keeps, as plain values.

use super::history::FinishedBatch;
use crate::disk::{OutputState, Stamp};
use crate::hash::Key;
use crate::path::{NotePath, OutputPath};
use crate::vault::FileId;

/// A file of the notes folder, as it was when it was last read.
///
/// Its id is its identity; that no two files have one path is the caller's to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile<Record = Vec<u8>> {
    /// Its index in the vault's tables.
    pub id: FileId,
    /// Where it lies.
    pub path: NotePath,
    /// Its version.
    pub stamp: Stamp,
    /// Whether the stamp was old enough, when the file was read, to tell any later change.
    pub trusted: bool,
    /// What the vault knows of it, as bytes; opaque here.
    pub record: Record,
    /// All that a note's own text contributes to its outputs.
    pub view: Key,
}

/// Whose an output is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A note, in one format.
    Note(FileId),
    /// An attachment that is copied along.
    Copy(FileId),
    /// A page made from the vault as a whole, by its name.
    Page(Box<str>),
}

/// A file in the export tree that is ours, or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOutput {
    /// Where.
    pub path: OutputPath,
    /// Whose.
    pub owner: Owner,
    /// The format's name; "" where there is none.
    pub format: Box<str>,
    /// All that it is made from.
    pub key: Key,
    /// What was written. `None`: announced only, the batch didn't come to its end.
    pub state: Option<OutputState>,
    /// A batch that didn't come to its end was about to replace it: what lies there is ours, whether it
    /// is `state` or not. Set by an announcement, taken away by the next commit of the output.
    pub replacing: bool,
}

/// An output that is about to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// Where.
    pub path: OutputPath,
    /// Whose.
    pub owner: Owner,
    /// The format's name; "" where there is none.
    pub format: Box<str>,
}

/// A job that failed and is to be tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whose output.
    pub owner: Owner,
    /// In which format; "" where there is none.
    pub format: Box<str>,
    /// Why, in one line.
    pub error: String,
    /// How many times in a row.
    pub attempt: u32,
    /// When it failed last, ms since the epoch.
    pub failed_at: i64,
    /// When to try again, ms since the epoch.
    pub retry_at: i64,
}

/// Names a failure.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FailureKey {
    /// Whose output.
    pub owner: Owner,
    /// In which format; "" where there is none.
    pub format: Box<str>,
}

/// A format of the config, and all that its options say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatKey {
    /// Its name.
    pub name: Box<str>,
    /// Equal keys: the format writes the same.
    pub key: Key,
}

/// All that a batch changes. What is removed goes first, so that an id or a path that it frees can be
/// taken again in the same batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Files that are gone; their failures go with them, their outputs don't.
    pub files_removed: Vec<FileId>,
    /// Files to add or to replace whole.
    pub files: Vec<StoredFile>,
    /// Outputs that are no longer in the export tree, or no longer ours.
    pub outputs_removed: Vec<OutputPath>,
    /// Outputs to add or to replace; `replacing` is as given.
    pub outputs: Vec<StoredOutput>,
    /// Folders of the export tree that we removed.
    pub folders_removed: Vec<OutputPath>,
    /// Folders of the export tree that we made.
    pub folders: Vec<OutputPath>,
    /// Failures that are over.
    pub failures_cleared: Vec<FailureKey>,
    /// Failures to add or to replace.
    pub failures: Vec<Failure>,
    /// All formats, in the place of those that were.
    pub formats: Option<Vec<FormatKey>>,
    /// Names and values to set; the name `synced` is the manifest's own.
    pub meta: Vec<(Box<str>, Box<str>)>,
    /// The batch, for the history.
    pub batch: Option<FinishedBatch>,
}
