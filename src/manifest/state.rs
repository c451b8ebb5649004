//! The folder below the state folder that belongs to one export tree, and who holds it.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::hash::KeyHasher;
use crate::inode::Inode;

/// The folder for the export tree at `export_dir`: its name, cut, and a hash of its whole path. Pure.
///
/// It goes by the path as the config has it: under a symlink's name a tree has another folder than under its own.
pub fn state_path(state_dir: &Path, export_dir: &Path) -> PathBuf {
    const LONGEST: usize = 48;
    let name = export_dir.file_name().unwrap_or_default();
    let name: String = name.to_string_lossy().chars().take(LONGEST).collect();
    let path = export_dir.as_os_str().as_encoded_bytes();
    let hash = KeyHasher::new().bytes(path).finish().0;
    state_dir.join(format!("{name}-{hash:016x}"))
}

/// Makes the folder, and those above it as needed, for its owner's eyes only: it names every note.
///
/// # Errors
/// As `mkdir`.
pub fn make_state_folder(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Why an export tree's state can't be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process works on the export tree.
    #[error("{}: another smartnotesd ({}) holds this export tree; stop it first", path.display(), process(*pid))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process, where it has said so.
        pid: Option<u32>,
    },
    /// The system refused.
    #[error("{}: {error}; make the state folder writable for the user that smartnotesd runs as, or set state_dir", path.display())]
    Io {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

fn process(pid: Option<u32>) -> String {
    pid.map_or_else(
        || "a process that has just started".into(),
        |pid| format!("process {pid}"),
    )
}

/// The manifest's name in the state folder of an export tree.
pub const MANIFEST_NAME: &str = "manifest.db";
/// The lock's.
const LOCK_NAME: &str = "lock";

/// The right to work on one export tree; given back when dropped or when the process ends, however it does.
#[derive(Debug)]
pub struct Lock {
    /// Held open: the system's lock goes with it. The file itself stays, since to delete it would let
    /// two processes lock two files of one name.
    file: File,
}

impl Lock {
    /// Takes the lock of a state folder (see [`state_path`]), without waiting.
    ///
    /// # Errors
    /// When another process has it, or the system refuses.
    pub fn acquire(folder: &Path) -> Result<Self, LockError> {
        let path = folder.join(LOCK_NAME);
        match lock(&path) {
            Ok(Some(file)) => Ok(Self { file }),
            Ok(None) => Err(LockError::Held {
                pid: holder(&path),
                path,
            }),
            Err(error) => Err(LockError::Io { path, error }),
        }
    }

    /// Whether it still is the lock of this folder: others lock what lies there now.
    pub fn is_in(&self, folder: &Path) -> bool {
        Inode::of(&self.file).is_ok_and(|inode| inode.is_at(&folder.join(LOCK_NAME)))
    }
}

/// Locks the file and puts our process id in it; `None` when another process has it.
fn lock(path: &Path) -> io::Result<Option<File>> {
    let mut options = OpenOptions::new();
    options
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600);
    let mut file = options.open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(Some(file))
}

/// The process id in the lock file, where there is one: only for the message.
fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    fs::File::open(path)
        .ok()?
        .take(32)
        .read_to_string(&mut text)
        .ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_folder_for_each_tree() {
        let of = |tree: &str| state_path(Path::new("/state"), Path::new(tree));
        let name = of("/a/site")
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            name.starts_with("site-") && name.len() == "site-".len() + 16,
            "{name}"
        );
        assert_eq!(of("/a/site"), of("/a/site"));
        assert_ne!(of("/a/site"), of("/b/site"));
        assert_eq!(of("/").parent(), Some(Path::new("/state")));
        let long = of(&format!("/{}", "ü".repeat(127)));
        assert!(long.file_name().unwrap().len() <= 255);
    }

    #[test]
    fn the_folder_is_private() {
        let temporary = tempfile::tempdir().unwrap();
        let folder = temporary.path().join("a/b");
        make_state_folder(&folder).unwrap();
        make_state_folder(&folder).unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_second_holder_is_told_who_has_it() {
        let folder = tempfile::tempdir().unwrap();
        let first = Lock::acquire(folder.path()).unwrap();
        let error = Lock::acquire(folder.path()).unwrap_err();
        let us = std::process::id();
        assert!(
            matches!(error, LockError::Held { pid: Some(pid), .. } if pid == us),
            "{error}"
        );
        assert!(
            error.to_string().contains(&format!("process {us}")),
            "{error}"
        );
        drop(first);
        Lock::acquire(folder.path()).unwrap();
    }

    #[test]
    fn an_older_longer_id_leaves_no_digits() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("lock"), "99999999999999\n").unwrap();
        let _held = Lock::acquire(folder.path()).unwrap();
        let path = folder.path().join("lock");
        assert_eq!(holder(&path), Some(std::process::id()));
    }

    #[test]
    fn a_folder_that_is_not_there_is_no_holder() {
        let folder = tempfile::tempdir().unwrap();
        let error = Lock::acquire(&folder.path().join("gone")).unwrap_err();
        assert!(matches!(error, LockError::Io { .. }), "{error}");
    }
}
