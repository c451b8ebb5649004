//! A file under its temporary name, from its making until it is whole.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::fs::{AtFlags, Timespec, Timestamps};

use super::super::{Beat, OutputError, TemporaryId};
use super::{existing, failed};
use crate::hash::{ContentHash, ContentHasher};
use crate::path::{NotePath, OutputPath};

pub(super) const COPIED_AT_ONCE: usize = 256 * 1024;

/// A file in the temporary folder that is removed unless it is kept.
pub(super) struct Temporary<'a> {
    pub(super) folder: Arc<OwnedFd>,
    pub(super) name: String,
    pub(super) id: TemporaryId,
    pub(super) file: File,
    pub(super) path: &'a OutputPath,
    pub(super) is_kept: bool,
}

impl Temporary<'_> {
    /// Copies a file, sharing its blocks where the file system can, and says what was copied.
    pub(super) fn copy(
        &mut self,
        original: &mut File,
        source: &NotePath,
        beat: Beat<'_>,
    ) -> Result<ContentHash, OutputError> {
        let path = self.path;
        let unreadable = |error: io::Error| OutputError::Io {
            path: source.to_string(),
            error,
        };
        if rustix::fs::ioctl_ficlone(&self.file, &*original).is_ok() {
            return existing::hash_file(&self.file, beat).map_err(|error| failed(path, error));
        }
        // Its bytes pass through here anyway to be hashed, so `copy_file_range` would save nothing.
        rustix::fs::seek(&*original, rustix::fs::SeekFrom::Start(0))
            .map_err(|error| unreadable(error.into()))?;
        let mut hasher = ContentHasher::new();
        let mut buffer = vec![0; COPIED_AT_ONCE];
        loop {
            let read = original.read(&mut buffer).map_err(unreadable)?;
            if read == 0 {
                return Ok(hasher.finish());
            }
            hasher.bytes(&buffer[..read]);
            self.file
                .write_all(&buffer[..read])
                .map_err(|error| failed(path, error))?;
            beat();
        }
    }

    /// Gives the file its source's mtime.
    pub(super) fn set_mtime(&self, mtime: i64) -> rustix::io::Result<()> {
        let time = Timespec {
            tv_sec: mtime.div_euclid(1_000_000_000),
            tv_nsec: mtime.rem_euclid(1_000_000_000),
        };
        let times = Timestamps {
            last_access: time,
            last_modification: time,
        };
        rustix::fs::futimens(&self.file, &times)
    }

    /// Closes the file and leaves it where it is.
    pub(super) fn keep(mut self) -> TemporaryId {
        self.is_kept = true;
        self.id
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.is_kept {
            remove(&self.folder, &self.name);
        }
    }
}

/// Removes a temporary file after a failure. If that fails too the first error matters more, and the sweep finds the file.
pub(super) fn remove(folder: &OwnedFd, name: &str) {
    let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
}
