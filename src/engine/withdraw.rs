//! What a batch withdraws: outputs that no longer should be there, and the folders that this leaves empty.
//!
//! Deletes only what the manifest knows as ours. What the manifest remembers of it is `finish`'s to say.

use std::collections::BTreeSet;

use super::{Batch, Engine, Ownership};
use crate::disk::OutputError;
use crate::path::{OutputPath, below, parent};

/// What was withdrawn so far.
#[derive(Debug, Default)]
pub struct Withdrawn {
    pub(super) deleted: u32,
    /// Paths at which nothing of ours is left.
    pub(super) gone: Vec<OutputPath>,
    /// Folders of ours that are gone.
    pub(super) folders: Vec<OutputPath>,
    /// What could not be deleted, and why.
    pub(super) refused: Vec<(OutputPath, String)>,
}

impl Withdrawn {
    fn merge(&mut self, other: Self) {
        self.deleted += other.deleted;
        self.gone.extend(other.gone);
        self.folders.extend(other.folders);
        self.refused.extend(other.refused);
    }
}

impl Engine {
    /// Withdraws what no job of the batch writes anew: before the jobs run, since it may be there because a note became
    /// private, or in the way of a job's file. Returns what was deleted and what could not be: no job's output is among it.
    pub fn withdraw_first(&mut self, batch: &mut Batch) -> Withdrawn {
        let rewritten: BTreeSet<&OutputPath> =
            batch.jobs.iter().map(|job| &job.job.output).collect();
        let (later, now): (BTreeSet<_>, BTreeSet<_>) = std::mem::take(&mut batch.withdraw)
            .into_iter()
            .partition(|path| rewritten.contains(path));
        batch.withdraw = later;
        let mut withdrawn = self.withdraw(now);
        withdrawn.folders = self.make_way(&batch.in_the_way);
        withdrawn
    }

    /// Removes these folders of ours and those in them, where they are empty.
    fn make_way(&mut self, folders: &BTreeSet<OutputPath>) -> Vec<OutputPath> {
        let mut doubtful = BTreeSet::new();
        for top in folders {
            let within = self.made.range::<str, _>(below(top.as_str()));
            doubtful.extend(self.made.get(top).into_iter().chain(within).cloned());
        }
        self.remove_folders(doubtful)
    }

    fn withdraw(&mut self, paths: impl IntoIterator<Item = OutputPath>) -> Withdrawn {
        let mut withdrawn = Withdrawn::default();
        for path in paths {
            let row = match self.ledger.output_at(&path) {
                Ok(row) => row,
                Err(error) => {
                    withdrawn.refused.push((path, error.to_string()));
                    continue;
                }
            };
            self.progress.beat();
            let ownership = Ownership::of(row.as_ref());
            let beat = || self.progress.beat();
            match self.outputs.delete(&path, ownership.owned(), &beat) {
                Ok(deleted) => {
                    withdrawn.deleted += u32::from(deleted);
                    withdrawn.gone.push(path);
                }
                // Someone else's file has taken its place: it stays, and is no longer ours to know.
                Err(OutputError::Foreign(_) | OutputError::Blocked(_)) => withdrawn.gone.push(path),
                Err(OutputError::Io { error, .. }) => {
                    withdrawn.refused.push((path, error.to_string()));
                }
                Err(error @ (OutputError::Superseded(_) | OutputError::OtherFileSystem(_))) => {
                    withdrawn.refused.push((path, error.to_string()));
                }
            }
        }
        withdrawn
    }

    /// Withdraws what the jobs left behind, and the folders that are empty now; with what was withdrawn before.
    pub(super) fn withdraw_rest(
        &mut self,
        first: Withdrawn,
        stale: impl IntoIterator<Item = OutputPath>,
        audited: bool,
    ) -> Withdrawn {
        let mut withdrawn = self.withdraw(stale);
        withdrawn.merge(first);
        let emptied = withdrawn.gone.iter().chain(&withdrawn.folders);
        let folders = self.forget_folders(emptied, audited);
        withdrawn.folders.extend(folders);
        withdrawn
    }

    /// Removes folders that we made and that are empty now: those in which something went and, after an audit, those that
    /// an earlier process had no time for.
    fn forget_folders<'a>(
        &mut self,
        gone: impl Iterator<Item = &'a OutputPath>,
        audited: bool,
    ) -> Vec<OutputPath> {
        let mut doubtful = BTreeSet::new();
        if audited {
            doubtful.clone_from(&self.made);
        }
        for path in gone {
            let mut folder = path.folder();
            while let Ok(above) = OutputPath::new(folder) {
                folder = parent(folder).unwrap_or_default();
                if !self.made.contains(&above) || !doubtful.insert(above) {
                    break;
                }
            }
        }
        self.remove_folders(doubtful)
    }

    /// Removes those of our folders that are empty, from the deepest up, and returns them.
    fn remove_folders(&mut self, doubtful: BTreeSet<OutputPath>) -> Vec<OutputPath> {
        let mut removed = Vec::new();
        for folder in doubtful.into_iter().rev() {
            self.progress.beat();
            // A folder that can't be removed stays ours and is tried when something in it goes again.
            if matches!(self.outputs.remove_folder(&folder), Ok(true)) {
                self.made.remove(&folder);
                self.ledger.unsaved.made.remove(&folder);
                removed.push(folder);
            }
        }
        removed
    }
}
