//! What was exported from what: the memory that lets a restart export only what changed.
//!
//! This module is the only one that knows the database (`SQLite`). Values go in and come out; what they
//! mean is decided elsewhere: nothing in here plans, hashes, or looks at the notes or the export tree.
//!
//! # What is promised
//!
//! The database is in WAL mode with `synchronous=NORMAL`, with one exception.
//!
//! * **The process ends at any instant** (`kill -9`): everything for which [`Manifest::announce`] or
//!   [`Manifest::commit`] returned is there, and nothing of what had not returned, or all of it.
//! * **The machine loses power**: the database is whole and is as it was after one of its
//!   transactions, in order: some of the last [`commit`](Manifest::commit)s may be gone, never one in
//!   the middle, and never half of one. A lost commit costs work again, no more: its notes look
//!   changed, are rendered, and found to be right already.
//! * **Exception**: when [`Manifest::announce`] returns, what it says is on the disk
//!   (`synchronous=FULL`), and with it every transaction before. So as long as no path is published
//!   before it was announced, no end of any kind leaves a file of ours in the export tree that is
//!   taken for somebody else's: a file where the row has no state
//!   ([`StoredOutput::state`]) or is being replaced ([`StoredOutput::replacing`]) is ours.
//!   It costs one flush a batch.
//!
//! All this needs a disk that doesn't lie about flushes, as everything does.

mod error;
mod history;
mod open;
mod read;
mod records;
mod rows;
mod schema;
mod state;
#[cfg(test)]
mod tests;
mod write;

use std::path::PathBuf;

use rusqlite::Connection;

use crate::inode::Inode;

pub use error::ManifestError;
pub use history::{BatchRecord, FinishedBatch, JobOutcome, JobRecord, kept_jobs};
pub use open::Opened;
pub use records::{
    Announcement, Changes, Failure, FailureKey, FormatKey, Owner, StoredFile, StoredOutput,
};
pub use state::{Lock, LockError, MANIFEST_NAME, make_state_folder, state_path};

/// The open manifest of one export tree. It has one writer; the CLI reads beside it.
#[derive(Debug)]
pub struct Manifest {
    /// The database file; `None` in memory.
    path: Option<PathBuf>,
    /// Which file that was when it was opened; `None` in memory.
    inode: Option<Inode>,
    /// The database's log and which file that is, where it keeps one: all that is committed lies in there at first.
    log: Option<(PathBuf, Inode)>,
    connection: Connection,
    /// Whether a power loss could still take output rows that were never announced.
    undurable: bool,
    /// The batch whose number was announced through this value last; 0 before the first.
    announced_batch: u64,
}

impl Manifest {
    /// Says what `error` means for this manifest.
    fn error(&self, error: rusqlite::Error) -> ManifestError {
        ManifestError::of(self.path.as_deref(), error)
    }
}
