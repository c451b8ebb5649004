//! Which file it is: tells one that is held open from another that lies at its path by now.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What no two files of a machine have in common while both exist; one that is held open exists though it has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inode {
    device: u64,
    number: u64,
}

impl Inode {
    /// Of an open file.
    ///
    /// # Errors
    /// As `fstat`.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// Of what lies at a path.
    ///
    /// # Errors
    /// As `stat`.
    pub fn at(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Whether it lies at this path. What can't be looked at does not.
    pub fn is_at(self, path: &Path) -> bool {
        Self::at(path).is_ok_and(|there| there == self)
    }
}

impl From<&Metadata> for Inode {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            number: metadata.ino(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_where_it_was_made_until_another_lies_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let file = File::create(&path).unwrap();
        let inode = Inode::of(&file).unwrap();
        assert!(inode.is_at(&path));
        fs::remove_file(&path).unwrap();
        assert!(!inode.is_at(&path));
        fs::write(&path, "another").unwrap();
        assert!(!inode.is_at(&path));
    }
}
