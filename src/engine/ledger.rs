//! What the manifest knows, and what it has yet to learn.
//!
//! Owns the manifest while an engine works with it. What is read of the outputs is read through what was refused and waits:
//! otherwise a plan would rest on rows of files that are others by now. It looks at neither folder, and knows no job.

use std::collections::BTreeSet;

use super::backlog::Backlog;
use crate::manifest::{FailureKey, Manifest, ManifestError, Owner, StoredOutput};
use crate::path::OutputPath;
use crate::vault::FileId;

/// The manifest, and what of the vault and the export tree it does not know yet.
pub(super) struct Ledger {
    pub(super) manifest: Manifest,
    /// What of the vault the manifest doesn't know yet.
    pub(super) unsaved: Unsaved,
    /// Commits that failed: tried again with the next.
    pub(super) backlog: Backlog,
    /// Whether the manifest knows all that the vault knows: then nothing knows the ids of files that are gone any more.
    pub(super) is_saved: bool,
    /// Whether the manifest knows any output: a first export need not ask it for each.
    pub(super) has_outputs: bool,
    next_batch: u64,
    /// The file system that the notes folder lay on when the manifest was last written.
    pub(super) known_device: Option<u64>,
    /// What this batch announced in the manifest and did not publish.
    pub(super) announced: BTreeSet<OutputPath>,
    /// What the manifest was found to be damaged by, while it is not yet begun anew.
    pub(super) damage: Option<String>,
}

/// What of the vault the manifest doesn't know yet. It stays here until a commit succeeded.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    pub(super) touched: BTreeSet<FileId>,
    pub(super) removed: BTreeSet<FileId>,
    /// Folders of the export tree that were made.
    pub(super) made: BTreeSet<OutputPath>,
    /// Failures that are over.
    pub(super) failures_over: Vec<FailureKey>,
    /// Whether the rules and formats are others than those that the manifest's keys belong to.
    pub(super) settings: bool,
}

impl Ledger {
    /// Of a manifest that knows nothing, or of which no more is known than the number of its next batch.
    pub(super) fn new(manifest: Manifest, next_batch: u64) -> Self {
        Self {
            manifest,
            unsaved: Unsaved::default(),
            backlog: Backlog::default(),
            is_saved: false,
            has_outputs: false,
            next_batch,
            known_device: None,
            announced: BTreeSet::new(),
            damage: None,
        }
    }

    /// Begins the manifest anew, and forgets all that belonged to the old one but which batch is the next. Returns a line for
    /// the log.
    ///
    /// # Errors
    /// When the system refuses: then nothing is forgotten.
    pub(super) fn start_over(&mut self, damage: &str) -> Result<String, ManifestError> {
        let said = self.manifest.start_over(damage)?;
        self.unsaved = Unsaved::default();
        self.backlog = Backlog::default();
        self.is_saved = false;
        self.has_outputs = false;
        self.known_device = None;
        self.announced = BTreeSet::new();
        self.damage = None;
        Ok(said)
    }

    /// Remembers the damage that an error tells of: nothing more is done with the manifest before it was begun anew.
    pub(super) fn mind_damage(&mut self, error: &ManifestError) {
        if let Some(damage) = error.damage() {
            self.damage = Some(damage.to_owned());
        }
    }

    /// A number that no batch has had.
    pub(super) fn number_batch(&mut self) -> u64 {
        let number = self.next_batch;
        self.next_batch += 1;
        number
    }

    /// What is known of the output at a path.
    pub(super) fn output_at(
        &self,
        path: &OutputPath,
    ) -> Result<Option<StoredOutput>, ManifestError> {
        match self.backlog.rows().get(path) {
            Some(row) => Ok(row.cloned()),
            None => self.manifest.output_at(path),
        }
    }

    /// What is known of an owner's outputs.
    pub(super) fn outputs_of(&self, owner: &Owner) -> Result<Vec<StoredOutput>, ManifestError> {
        let waiting = self.backlog.rows();
        let mut rows = self.manifest.outputs_of(owner)?;
        rows.retain(|row| !waiting.contains_key(&row.path));
        let theirs = waiting.into_values().flatten();
        rows.extend(theirs.filter(|row| row.owner == *owner).cloned());
        Ok(rows)
    }

    /// Hands over what is known of every output.
    pub(super) fn load_outputs(
        &self,
        mut each: impl FnMut(StoredOutput),
    ) -> Result<(), ManifestError> {
        let waiting = self.backlog.rows();
        self.manifest.load_outputs(|row| {
            if !waiting.contains_key(&row.path) {
                each(row);
            }
        })?;
        waiting.into_values().flatten().cloned().for_each(each);
        Ok(())
    }
}
