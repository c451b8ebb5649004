//! The rules file of a folder, as it lies there.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{FileType, OFlags};

use super::super::beneath;
use super::{Root, is_nothing, read_whole};
use crate::disk::select::RULES_FILE;
use crate::path::child;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct RulesFile {
    /// Nothing where there is none.
    pub(super) text: Option<String>,
    /// Whether it can be changed by another name: it is a symlink, or has hard links. The kernel tells of that at the other
    /// name only.
    pub(super) has_other_names: bool,
}

impl RulesFile {
    /// Reads that of an open folder. What is no regular file is no rules file.
    ///
    /// # Errors
    /// When it can't be read. A symlink to no file inside is not "no rules": what they leave out must not be shown.
    pub(super) fn read(root: &Root, folder: &str, handle: &OwnedFd) -> io::Result<Self> {
        let stat = match beneath::stat_entry(handle, RULES_FILE) {
            Ok(stat) => stat,
            Err(error) if beneath::is_absence(error) => return Ok(Self::default()),
            Err(error) => return Err(error.into()),
        };
        let has_other_names = match beneath::kind(&stat) {
            FileType::RegularFile => stat.stx_nlink > 1,
            FileType::Symlink => true,
            _ => return Ok(Self::default()),
        };
        let text = text(root, folder)?;
        if text.is_none() && beneath::kind(&stat) == FileType::Symlink {
            let error = format!("its {RULES_FILE} is a symlink to no file inside the notes folder");
            return Err(io::Error::other(error));
        }
        Ok(Self {
            text,
            has_other_names,
        })
    }
}

fn text(root: &Root, folder: &str) -> io::Result<Option<String>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = match root.open_inside(&child(folder, RULES_FILE), flags) {
        Ok(file) => file,
        Err(error) if is_nothing(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    let stat = beneath::stat_open(&file)?;
    if beneath::kind(&stat) != FileType::RegularFile {
        return Ok(None);
    }
    let bytes = read_whole(&File::from(file), stat.stx_size)?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
