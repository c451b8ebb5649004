//! The engine: keeps the vault, the manifest and the export tree in step.
//!
//! In goes where to look; out come batches to run and, when they have run, what they did. It decides nothing about
//! time and runs nothing at once: `daemon` and `commands` call it, `batch` runs its jobs. Everything in here blocks,
//! so it belongs on a thread meant for that.
//!
//! A batch's life: `look` (disk → changes) → [`crate::vault::Vault::apply`] → [`crate::plan`] → jobs run and stage
//! their files → `secure` (announce in the manifest, flush) → `publish` (rename) → `finish` (withdraw, commit).

mod audit;
mod backlog;
mod context;
mod ended;
mod failures;
mod finish;
mod ledger;
mod leftover;
mod look;
mod open;
mod pending;
mod prepare;
mod publish;
mod relay;
mod renew;
mod shelved;
mod texts;
mod threads;
mod unreadable;
mod waiting;
mod withdraw;

pub use context::{Context, JobError};
pub use ended::{JobEnd, JobReport, JobTime};
pub use failures::{Failed, Failures};
pub use finish::{FailedJob, Finished, Measured};
pub use look::{FolderListener, Unwatched};
pub use open::{Parts, notes_device};
pub use prepare::{Batch, BatchJob, Ownership, Request};
pub use publish::{Published, Secured};
pub use unreadable::Unreadable;
pub use withdraw::Withdrawn;

use ledger::Ledger;
pub use leftover::NotWithdrawn;
use pending::Pending;
use shelved::Shelved;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use crate::batch::Progress;
use crate::config::Config;
use crate::disk::{NotesDisk, OutputDisk};
use crate::export::Formats;
use crate::manifest::{Manifest, ManifestError};
use crate::path::{NotePath, OutputPath};
use crate::plan::FormatPlan;
use crate::vault::{FileId, Vault};

/// Keeps the vault, the manifest and the export tree in step.
pub struct Engine {
    config: Arc<Config>,
    formats: Arc<Formats>,
    format_plans: Vec<FormatPlan>,
    notes: Arc<dyn NotesDisk>,
    /// The file system that the notes folder lies on.
    device: u64,
    outputs: Arc<dyn OutputDisk>,
    /// Whether the manifest lies on the export tree's file system: then one flush does for both.
    flush_covers_manifest: bool,
    ledger: Ledger,
    /// Where what is known of the notes lies.
    shelf: Shelved,
    vault: Arc<Vault>,
    /// The folders of the notes tree, "" among them.
    folders: BTreeSet<Box<str>>,
    /// The folders of the export tree that we made.
    made: BTreeSet<OutputPath>,
    pending: Pending,
    /// Where to tell that the work goes on.
    progress: Arc<Progress>,
}

/// What stops the engine: none of these is about one note.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The notes folder can't be looked at.
    #[error("{path}: {error}")]
    Notes {
        /// The notes folder.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The notes folder is gone, or is not the one that it was.
    #[error("{0}: the notes folder is gone, or an empty one lies in its place")]
    NotesGone(String),
    /// The manifest can't be read or written.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Engine {
    /// The vault as it was last looked at.
    pub fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }

    /// The config in force.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    /// What failed and waits to be tried again.
    pub fn failures(&self) -> &Arc<Failures> {
        &self.pending.failures
    }

    /// Outputs that should have gone and are still there.
    pub fn not_withdrawn(&self) -> &Arc<NotWithdrawn> {
        self.pending.left_over.paths()
    }

    /// When something is due to be tried again that no change will tell of.
    pub fn next_due(&self) -> Option<Instant> {
        let waits = [self.pending.next_due(), self.ledger.backlog.next_due()];
        waits.into_iter().flatten().min()
    }

    /// Tells from now on here that the work goes on.
    pub fn set_progress(&mut self, progress: Arc<Progress>) {
        self.progress = progress;
    }

    /// The notes folder is another one now, on this file system.
    pub fn set_device(&mut self, device: u64) {
        self.device = device;
        self.ledger.known_device = None;
        // So that the manifest is told with the next batch.
        self.ledger.unsaved.settings = true;
    }

    /// The export tree is another folder now; an audit finds what is missing there. What failed may have failed for the
    /// want of it.
    pub fn set_outputs(
        &mut self,
        outputs: Arc<dyn OutputDisk>,
        flush_covers_manifest: bool,
        now: Instant,
    ) {
        self.failures_mut().end_waits(now);
        self.outputs = outputs;
        self.flush_covers_manifest = flush_covers_manifest;
    }

    /// Puts the manifest back at its path, where it does not lie any more.
    ///
    /// # Errors
    /// When it can't be: it goes on as it was.
    pub fn put_manifest_back(&mut self, flush_covers_manifest: bool) -> Result<(), ManifestError> {
        let back = self.ledger.manifest.put_back();
        match &back {
            Ok(()) => self.flush_covers_manifest = flush_covers_manifest,
            // The next batch begins a new one.
            Err(error) => self.ledger.mind_damage(error),
        }
        back
    }

    /// Gives the manifest back, for another engine.
    pub fn into_manifest(self) -> Manifest {
        self.ledger.manifest
    }

    /// The manifest, to read from.
    pub fn manifest(&self) -> &Manifest {
        &self.ledger.manifest
    }

    /// The folders of the notes tree as they were last seen, "" among them.
    pub fn folders(&self) -> &BTreeSet<Box<str>> {
        &self.folders
    }

    /// What can't be read at the moment, and why.
    pub fn unreadable(&self) -> &Arc<Unreadable> {
        &self.pending.unreadable
    }

    /// The vault, to change: nothing else may hold it, and nothing does between two batches.
    fn vault_mut(&mut self) -> &mut Vault {
        Arc::make_mut(&mut self.vault)
    }

    fn failures_mut(&mut self) -> &mut Failures {
        Arc::make_mut(&mut self.pending.failures)
    }

    /// The name of a format (an index into the config's formats).
    pub fn format_name(&self, format: usize) -> Box<str> {
        self.format_plans[format].name.clone()
    }

    fn name_of(&self, id: FileId) -> Option<&NotePath> {
        self.vault.files().try_get(id).map(|file| &file.path)
    }
}

#[cfg(test)]
pub(crate) mod tests;
