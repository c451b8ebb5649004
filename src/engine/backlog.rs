//! Changes that the manifest refused: they are committed together with the next ones, in order, and until then what is read of
//! the outputs is read through them. Otherwise a plan would rest on rows of files that are others by now. Where no change
//! comes, a batch of nothing comes for them after a while.

use std::collections::BTreeMap;
use std::time::Instant;

use super::Engine;
use super::failures::wait_after;
use crate::manifest::{Changes, Manifest, ManifestError, Owner, StoredFile, StoredOutput};
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
    fn rows(&self) -> BTreeMap<&OutputPath, Option<&StoredOutput>> {
        let mut rows = BTreeMap::new();
        for changes in &self.changes {
            rows.extend(changes.outputs_removed.iter().map(|path| (path, None)));
            rows.extend(changes.outputs.iter().map(|row| (&row.path, Some(row))));
        }
        rows
    }
}

impl Engine {
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
