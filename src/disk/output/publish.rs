//! From the temporary folder to a file's final name.
//!
//! Owns the rename, and the last look before it: what lies at the final name must still be what was allowed to be replaced
//! when the file was staged. It writes no byte, flushes nothing and never replaces what is not ours: whoever calls has seen
//! to it that the file is on the disk and announced.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, FileType, RenameFlags};
use rustix::io::Errno;

use super::super::beneath;
use super::super::{OutputError, OutputState, StagedFile};
use super::existing::Identity;
use super::{ExportTree, failed, lock, temporary};
use crate::path::OutputPath;

/// The folder that a file was just published in, held open for the next one: most lie in the same. If somebody moves it
/// meanwhile, the next files go with it, as those before them did.
pub(super) struct Near {
    path: Box<str>,
    folder: OwnedFd,
}

/// Where a staged file lies.
#[derive(Clone, Copy)]
struct Place<'a> {
    folder: &'a OwnedFd,
    name: &'a str,
}

impl ExportTree {
    /// Publishes a file after one that was published in the folder `near`, and leaves its own folder there.
    pub(super) fn publish_near(
        &self,
        staged: &StagedFile,
        near: &mut Option<Near>,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        let temporary = self
            .staging()
            .and_then(|staging| staging.folder(staged.temporary.folder))
            .map_err(|error| failed(&staged.path, error))?;
        let from = Place {
            folder: &temporary,
            name: &self.temporary_name(staged.temporary),
        };
        let renamed = self.rename_near(from, staged, near, made);
        if staged.replace {
            lock(&self.replaces).remove(&staged.temporary);
        }
        if let Err(error) = renamed {
            temporary::remove(from.folder, from.name);
            return Err(error);
        }
        Ok(staged.state)
    }

    fn rename_near(
        &self,
        from: Place<'_>,
        staged: &StagedFile,
        near: &mut Option<Near>,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<(), OutputError> {
        let path = &staged.path;
        if let Some(near) = near.as_ref().filter(|near| *near.path == *path.folder()) {
            match self.rename(from, staged, &near.folder) {
                // Somebody removed it.
                Err(OutputError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {}
                done => return done,
            }
        }
        let folder = self.make_folder(path, made)?;
        let renamed = self.rename(from, staged, &folder);
        *near = Some(Near {
            path: path.folder().into(),
            folder,
        });
        renamed
    }

    /// Renames a staged file to its final name in `folder`.
    fn rename(
        &self,
        from: Place<'_>,
        staged: &StagedFile,
        folder: &OwnedFd,
    ) -> Result<(), OutputError> {
        let path = &staged.path;
        let flags = if staged.replace {
            self.still_replaces(staged, folder)?
        } else {
            RenameFlags::NOREPLACE
        };
        let renamed =
            match rustix::fs::renameat_with(from.folder, from.name, folder, path.name(), flags) {
                // The file system does not know NOREPLACE; a hard link replaces nothing either.
                Err(Errno::INVAL) if flags == RenameFlags::NOREPLACE => rustix::fs::linkat(
                    from.folder,
                    from.name,
                    folder,
                    path.name(),
                    AtFlags::empty(),
                )
                .and_then(|()| rustix::fs::unlinkat(from.folder, from.name, AtFlags::empty())),
                done => done,
            };
        match renamed {
            Ok(()) => Ok(()),
            Err(Errno::EXIST | Errno::ISDIR | Errno::NOTEMPTY) => {
                Err(OutputError::Foreign(path.clone()))
            }
            Err(Errno::XDEV) => Err(OutputError::OtherFileSystem(path.clone())),
            Err(error) => Err(failed(path, error)),
        }
    }

    /// How to rename over a file that was ours when the new one was staged, if it still is.
    fn still_replaces(
        &self,
        staged: &StagedFile,
        folder: &OwnedFd,
    ) -> Result<RenameFlags, OutputError> {
        let expected = lock(&self.replaces).get(&staged.temporary).copied();
        match beneath::stat_entry(folder, staged.path.name()) {
            Err(Errno::NOENT) => Ok(RenameFlags::NOREPLACE),
            Err(error) => Err(failed(&staged.path, error)),
            Ok(stat)
                if beneath::kind(&stat) == FileType::RegularFile
                    && expected == Some(Identity::from(&stat)) =>
            {
                Ok(RenameFlags::empty())
            }
            Ok(_) => Err(OutputError::Foreign(staged.path.clone())),
        }
    }
}
