//! From staged files to files under their final names.
//!
//! The order is what makes it safe: the bytes are written (staged), the manifest announces the names, everything is
//! flushed, and only then the files are renamed. So a name never leads to half a file, whenever the machine stops, and
//! every file of ours is known to be ours, whenever the process does.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Batch, Engine, Ownership};
use crate::batch::Progress;
use crate::disk::{OutputDisk, OutputError, OutputState, StagedFile};
use crate::manifest::{Announcement, ManifestError};
use crate::path::OutputPath;
use crate::sync::joined;

/// Files that may get their names: the manifest announces them, and they are on the disk.
#[must_use]
pub struct Secured {
    files: Vec<(usize, StagedFile)>,
    outputs: Arc<dyn OutputDisk>,
    progress: Arc<Progress>,
}

/// What became of files that were to get their names, by the index of their jobs.
pub struct Published {
    results: Results,
    /// The folders that were made for them.
    made: Vec<OutputPath>,
}

type Results = Vec<(usize, Result<OutputState, OutputError>)>;

impl Secured {
    /// Renames the files to their names. Needs no engine, which can secure others meanwhile.
    pub fn publish(self) -> Published {
        publish_all(&*self.outputs, &self.progress, self.files)
    }
}

impl Engine {
    /// Announces files that jobs of `batch` (by their index) staged, and flushes them.
    ///
    /// # Errors
    /// Those that can't be: each with the reason.
    pub fn secure(
        &mut self,
        batch: &Batch,
        staged: Vec<(usize, StagedFile)>,
    ) -> Result<Secured, Published> {
        if let Err(error) = self.announce_and_flush(batch, &staged) {
            let fail = |(index, file): (usize, StagedFile)| {
                let error = std::io::Error::new(error.kind(), error.to_string());
                let path = file.path.to_string();
                (index, Err(OutputError::Io { path, error }))
            };
            return Err(Published {
                results: staged.into_iter().map(fail).collect(),
                made: Vec::new(),
            });
        }
        Ok(Secured {
            files: staged,
            outputs: self.outputs.clone(),
            progress: self.progress.clone(),
        })
    }

    /// Takes note of what was published.
    pub fn published(&mut self, batch: &Batch, published: Published) -> Results {
        let Published { results, made } = published;
        for (index, result) in &results {
            if result.is_ok() {
                self.ledger.announced.remove(&batch.jobs[*index].job.output);
            }
        }
        self.made.extend(made.iter().cloned());
        self.ledger.unsaved.made.extend(made);
        results
    }

    /// The folders that these files need and that are not there.
    fn missing_folders(&self, staged: &[(usize, StagedFile)]) -> Vec<OutputPath> {
        let mut asked = BTreeSet::new();
        staged
            .iter()
            .map(|(_, file)| &file.path)
            .filter(|path| asked.insert(path.folder()))
            .flat_map(|path| self.outputs.missing_folders(path))
            .collect()
    }

    /// Announces the names and flushes the bytes.
    fn announce_and_flush(
        &mut self,
        batch: &Batch,
        staged: &[(usize, StagedFile)],
    ) -> std::io::Result<()> {
        let announcements: Vec<Announcement> = staged
            .iter()
            .map(|(index, file)| {
                let key = self.failure_key(&batch.jobs[*index].job.work);
                Announcement {
                    path: file.path.clone(),
                    owner: key.owner,
                    format: key.format,
                }
            })
            .collect();
        self.ledger.has_outputs = true;
        let folders = self.missing_folders(staged);
        // What an earlier process announced keeps its mark until it is published: it may have been, before the end came.
        let newly = staged
            .iter()
            .filter(|(index, _)| batch.jobs[*index].ownership != Ownership::Announced);
        self.ledger
            .announced
            .extend(newly.map(|(_, file)| file.path.clone()));
        let progress = self.progress.clone();
        let announce = || self.announce(batch.number, &folders, &announcements);
        if let Err(error) = progress.wait_for_disk(announce) {
            self.ledger.mind_damage(&error);
            return Err(std::io::Error::other(error));
        }
        progress.wait_for_disk(|| self.outputs.flush())?;
        if self.flush_covers_manifest {
            self.ledger.manifest.flushed();
        }
        Ok(())
    }

    fn announce(
        &mut self,
        batch: u64,
        folders: &[OutputPath],
        files: &[Announcement],
    ) -> Result<(), ManifestError> {
        self.ledger.manifest.announce_folders(folders)?;
        if self.flush_covers_manifest {
            self.ledger.manifest.announce_before_flush(batch, files)
        } else {
            self.ledger.manifest.announce(batch, files)
        }
    }
}

/// Renames all files, on a few threads where there are many: a rename over an older file can wait for the disk (a file
/// system mounted with `discard` frees the old blocks within the call: 2.6 ms a file on one thread, 0.3 ms on four).
fn publish_all(
    outputs: &dyn OutputDisk,
    progress: &Progress,
    staged: Vec<(usize, StagedFile)>,
) -> Published {
    const THREADS: usize = 4;
    const WORTH_A_THREAD: usize = 32;
    let share = staged.len().div_ceil(THREADS);
    if share < WORTH_A_THREAD {
        return publish_some(outputs, progress, staged);
    }
    let mut shares = Vec::new();
    let mut rest = staged;
    while rest.len() > share {
        let tail = rest.split_off(share);
        shares.push(std::mem::replace(&mut rest, tail));
    }
    shares.push(rest);
    let mut all = Published {
        results: Vec::new(),
        made: Vec::new(),
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(|| publish_some(outputs, progress, share)))
            .collect();
        for thread in threads {
            let some = joined(thread.join());
            all.results.extend(some.results);
            all.made.extend(some.made);
        }
    });
    all
}

fn publish_some(
    outputs: &dyn OutputDisk,
    progress: &Progress,
    staged: Vec<(usize, StagedFile)>,
) -> Published {
    const PORTION: usize = 64;
    let mut all = Published {
        results: Vec::with_capacity(staged.len()),
        made: Vec::new(),
    };
    let mut staged = staged.into_iter();
    while !staged.as_slice().is_empty() {
        let (indices, files): (Vec<usize>, Vec<StagedFile>) = staged.by_ref().take(PORTION).unzip();
        let published = outputs.publish_all(files, &mut |folder| all.made.push(folder));
        all.results.extend(indices.into_iter().zip(published));
        progress.beat();
    }
    all
}

#[cfg(test)]
mod tests;
