//! From staged files to files under their final names.
//!
//! The order is what makes it safe: the bytes are written (staged), the manifest announces the names, everything is
//! flushed, and only then the files are renamed. So a name never leads to half a file, whenever the machine stops, and
//! every file of ours is known to be ours, whenever the process does.

use std::collections::BTreeSet;

use super::{Batch, Engine, Ownership};
use crate::disk::{OutputError, OutputState, StagedFile};
use crate::manifest::Announcement;
use crate::path::OutputPath;

impl Engine {
    /// Publishes files that jobs of `batch` (by their index) staged. What can't be announced or flushed is not published.
    pub fn publish(
        &mut self,
        batch: &Batch,
        staged: Vec<(usize, StagedFile)>,
    ) -> Vec<(usize, Result<OutputState, OutputError>)> {
        if staged.is_empty() {
            return Vec::new();
        }
        if let Err(error) = self.secure(batch, &staged) {
            let fail = |(index, file): (usize, StagedFile)| {
                let error = std::io::Error::new(error.kind(), error.to_string());
                (
                    index,
                    Err(OutputError::Io {
                        path: file.path.to_string(),
                        error,
                    }),
                )
            };
            return staged.into_iter().map(fail).collect();
        }
        let outputs = self.outputs.clone();
        let mut made = |folder: OutputPath| {
            self.made.insert(folder.clone());
            self.unsaved.made.insert(folder);
        };
        staged
            .into_iter()
            .map(|(index, file)| (index, outputs.publish(file, &mut made)))
            .collect()
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
    fn secure(&mut self, batch: &Batch, staged: &[(usize, StagedFile)]) -> std::io::Result<()> {
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
        self.has_outputs = true;
        let folders = self.missing_folders(staged);
        self.manifest
            .announce_folders(&folders)
            .map_err(std::io::Error::other)?;
        // What an earlier process announced keeps its mark until it is published: it may have been, before the end came.
        let newly = staged
            .iter()
            .filter(|(index, _)| batch.jobs[*index].ownership != Ownership::Announced);
        self.announced
            .extend(newly.map(|(_, file)| file.path.clone()));
        if self.flush_covers_manifest {
            self.manifest
                .announce_before_flush(&announcements)
                .map_err(std::io::Error::other)?;
            self.outputs.flush()?;
            self.manifest.flushed();
            return Ok(());
        }
        self.manifest
            .announce(&announcements)
            .map_err(std::io::Error::other)?;
        self.outputs.flush()
    }
}
