//! Changes that the manifest refused: they are committed together with the next ones, in order. Where no change comes, a
//! batch of nothing comes for them after a while.

use std::collections::BTreeMap;
use std::time::Instant;

use super::failures::wait_after;
use crate::manifest::{Changes, Manifest, ManifestError, StoredFile, StoredOutput};
use crate::path::OutputPath;

/// The refused changes, oldest first, and when to try again.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    changes: Vec<Changes>,
    attempt: u32,
    due: Option<Instant>,
}

impl Backlog {
    /// Keeps changes that could not be committed for the next commit.
    pub(super) fn hold(&mut self, changes: Changes, now: Instant) {
        self.changes.push(changes);
        self.attempt = self.attempt.saturating_add(1);
        self.due = Some(now + wait_after(self.attempt));
    }

    /// Commits all, and last `changes`, to which `outputs` belong, and `files`. What is not committed waits here, but for
    /// the files: of them the engine knows which to save.
    pub(super) fn commit<Outputs: Iterator<Item = StoredOutput>>(
        &mut self,
        manifest: &mut Manifest,
        changes: Changes,
        outputs: impl Fn() -> Outputs,
        files: impl Iterator<Item = StoredFile>,
        now: Instant,
    ) -> Result<(), ManifestError> {
        self.hold(changes, now);
        // In one transaction: an older batch alone would tell of files that a later one has replaced.
        if let Err(error) = manifest.commit_all(&self.changes, outputs(), files) {
            if let Some(held) = self.changes.last_mut() {
                held.outputs.extend(outputs());
            }
            return Err(error);
        }
        *self = Self::default();
        Ok(())
    }

    /// When a batch must come for them, if none comes before.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// What the changes say of the rows that they touch; `None` for one that they remove.
    pub(super) fn rows(&self) -> BTreeMap<&OutputPath, Option<&StoredOutput>> {
        let mut rows = BTreeMap::new();
        for changes in &self.changes {
            rows.extend(changes.outputs_removed.iter().map(|path| (path, None)));
            rows.extend(changes.outputs.iter().map(|row| (&row.path, Some(row))));
        }
        rows
    }
}
