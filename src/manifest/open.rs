//! How a manifest is opened, and how a damaged one gives way to a fresh one.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags};

use super::schema::{self, MIGRATIONS, Version};
use super::{Manifest, ManifestError};
use crate::inode::Inode;

/// How many damaged manifests are kept; the last one gives way to the next.
const KEPT_DAMAGED: u32 = 9;

/// A manifest that can be worked with.
#[derive(Debug)]
pub struct Opened {
    /// The manifest.
    pub manifest: Manifest,
    /// Set when what lay there was damaged and a fresh one was begun: a line for the log.
    pub recovered: Option<String>,
}

impl Manifest {
    /// Opens the manifest at `path`, or begins one. Its folder must exist, and its
    /// [`Lock`](super::Lock) be held.
    ///
    /// One that is damaged is moved aside and a fresh one begun. After an unclean end (a log was left)
    /// the whole file is checked; otherwise only what is read, when it is read.
    ///
    /// # Errors
    /// When it is of a newer version, or the system refuses.
    pub fn open(path: &Path) -> Result<Opened, ManifestError> {
        let what = match open_writer(path) {
            Ok(manifest) => {
                let recovered = None;
                return Ok(Opened {
                    manifest,
                    recovered,
                });
            }
            Err(ManifestError::Corrupt { what, .. }) => what,
            Err(error) => return Err(error),
        };
        let aside = move_aside(path)?;
        Ok(Opened {
            manifest: open_writer(path)?,
            recovered: Some(recovery(path, &what, &aside)),
        })
    }

    /// Opens the manifest at `path` for reading, also beside the daemon that writes it. What would
    /// write fails.
    ///
    /// # Errors
    /// When there is none, it is damaged or of another version, or the system refuses.
    pub fn open_read_only(path: &Path) -> Result<Self, ManifestError> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.len() > 0 => {}
            Ok(_) => return Err(ManifestError::Missing { path: path.into() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(ManifestError::Missing { path: path.into() });
            }
            Err(error) => {
                return Err(ManifestError::Io {
                    path: path.into(),
                    error,
                });
            }
        }
        let manifest = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        match manifest.check_version(path)? {
            (Version::Older, _) => Err(ManifestError::Older { path: path.into() }),
            _ => Ok(manifest),
        }
    }

    /// A manifest that lives in memory and is gone with its value.
    ///
    /// # Errors
    /// When memory runs out.
    pub fn in_memory() -> Result<Self, ManifestError> {
        let begin = || {
            let mut connection = Connection::open_in_memory()?;
            schema::configure(&connection)?;
            schema::migrate(&mut connection, MIGRATIONS, 0)?;
            Ok(connection)
        };
        let connection = begin().map_err(|error| ManifestError::of(None, error))?;
        Ok(Self {
            path: None,
            inode: None,
            log: None,
            connection,
            undurable: false,
            announced_batch: 0,
        })
    }

    /// Moves this manifest aside as damaged (`what` says how) and begins a fresh one in its place: for
    /// damage that is found after opening, by [`ManifestError::is_corruption`] or in the record of a
    /// note. Everything that was loaded from it must be forgotten. Returns a line for the log.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn start_over(&mut self, what: &str) -> Result<String, ManifestError> {
        // Taking the place of the connection closes it before the file is moved.
        let path = std::mem::replace(self, Self::in_memory()?).path;
        let Some(path) = path else {
            return Ok(format!(
                "the manifest in memory was damaged ({what}); begun afresh"
            ));
        };
        let aside = move_aside(&path)?;
        *self = open_writer(&path)?;
        Ok(recovery(&path, what, &aside))
    }

    /// Whether the database's file and its log still lie where they were opened: what is written to one that was deleted
    /// is gone with the process. Nothing is with the log's index, which is made again from the log.
    pub fn is_in_place(&self) -> bool {
        let has_log = || {
            let log = self.log.as_ref();
            log.is_none_or(|(path, inode)| inode.is_at(path))
        };
        let is_ours = |path| self.is_at(path) && has_log();
        self.path.as_deref().is_none_or(is_ours)
    }

    /// Whether the database's file lies at this path.
    fn is_at(&self, path: &Path) -> bool {
        self.inode.is_some_and(|inode| inode.is_at(path))
    }

    /// Puts a copy of the database at its path, from which it or its log was deleted or moved away, and goes on with
    /// that. Nothing of it is lost. Another database that lies there is moved aside.
    ///
    /// # Errors
    /// When it can't be read any more or the system refuses; this manifest then goes on as it was.
    pub fn put_back(&mut self) -> Result<(), ManifestError> {
        let Some(path) = self.path.clone() else {
            return Ok(());
        };
        *self = self.copied_to(&path)?;
        Ok(())
    }

    /// A copy of the database at `path`, opened. Another database that lies there is moved aside.
    ///
    /// # Errors
    /// When it can't be read any more or the system refuses.
    pub fn copied_to(&self, path: &Path) -> Result<Self, ManifestError> {
        let copy = beside(path, ".copy");
        remove_if_there(&copy)?;
        self.copy_to(&copy)?;
        if fs::symlink_metadata(path).is_ok() && !self.is_at(path) {
            move_aside(path)?;
        } else {
            // Of the file that gives way to the copy, which has what our log held. One that is not ours belongs to none.
            remove_if_there(&beside(path, "-wal"))?;
            remove_if_there(&beside(path, "-shm"))?;
        }
        fs::rename(&copy, path).map_err(|error| ManifestError::Io {
            path: copy.clone(),
            error,
        })?;
        flush_folder(path)?;
        open_writer(path)
    }

    /// Writes all that is committed to a new file, and that to the disk.
    fn copy_to(&self, copy: &Path) -> Result<(), ManifestError> {
        let name = ToSqlOutput::Borrowed(ValueRef::Text(copy.as_os_str().as_bytes()));
        self.connection
            .execute("VACUUM INTO ?1", [name])
            .map_err(|error| self.error(error))?;
        File::open(copy)
            .and_then(|file| file.sync_all())
            .map_err(|error| ManifestError::Io {
                path: copy.into(),
                error,
            })
    }

    /// The version of the database and its number; one that we can't use is an error.
    fn check_version(&self, path: &Path) -> Result<(Version, usize), ManifestError> {
        let (version, step) =
            schema::version(&self.connection, MIGRATIONS).map_err(|error| self.error(error))?;
        match version {
            Version::Newer(found) => Err(ManifestError::Newer {
                path: path.into(),
                found,
                known: schema::latest(MIGRATIONS),
            }),
            Version::Foreign => Err(ManifestError::Corrupt {
                path: path.into(),
                what: "it is the database of another program".into(),
            }),
            Version::Current | Version::Older => Ok((version, step)),
        }
    }
}

/// Opens or begins the database at `path`, brought up to date.
fn open_writer(path: &Path) -> Result<Manifest, ManifestError> {
    let unclean = fs::metadata(beside(path, "-wal")).is_ok_and(|log| log.len() > 0);
    let fresh = fs::metadata(path).map_or(true, |file| file.len() == 0);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let mut manifest = connect(path, flags)?;
    let (version, step) = manifest.check_version(path)?;
    if unclean {
        quick_check(&manifest, path)?;
    }
    schema::configure_writer(&manifest.connection).map_err(|error| manifest.error(error))?;
    if version == Version::Older {
        schema::migrate(&mut manifest.connection, MIGRATIONS, step)
            .map_err(|error| manifest.error(error))?;
    }
    if fresh {
        flush_folder(path)?;
    }
    // It stays the same file for as long as the connection is open: only the last one that closes deletes it.
    let log = beside(path, "-wal");
    manifest.log = Inode::at(&log).ok().map(|inode| (log, inode));
    // What an earlier process committed without a flush may still be in the system's memory alone.
    manifest.undurable = unclean;
    Ok(manifest)
}

/// Connects to the file; nothing of it is read yet but what the settings need.
fn connect(path: &Path, flags: OpenFlags) -> Result<Manifest, ManifestError> {
    let failed = |error| ManifestError::of(Some(path), error);
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    schema::configure(&connection).map_err(failed)?;
    Ok(Manifest {
        path: Some(path.into()),
        inode: Inode::at(path).ok(),
        log: None,
        connection,
        undurable: false,
        announced_batch: 0,
    })
}

/// Checks the structure of the whole file.
pub(super) fn quick_check(manifest: &Manifest, path: &Path) -> Result<(), ManifestError> {
    let answer: String = manifest
        .connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| manifest.error(error))?;
    if answer == "ok" {
        return Ok(());
    }
    let what = answer.lines().map(str::trim).collect::<Vec<_>>().join(", ");
    Err(ManifestError::Corrupt {
        path: path.into(),
        what,
    })
}

/// Makes the entry of a new file in its folder durable: the database flushes only what is in it.
fn flush_folder(path: &Path) -> Result<(), ManifestError> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| ManifestError::Io {
            path: folder.into(),
            error,
        })
}

/// Moves the database and its log to names that keep them together as a database. The database goes
/// first: a log without one is ignored, but a database without its log could be taken for whole.
fn move_aside(path: &Path) -> Result<PathBuf, ManifestError> {
    let name = |n: u32| beside(path, &format!(".corrupt-{n}"));
    let aside = (1..KEPT_DAMAGED)
        .map(name)
        .find(|aside| fs::symlink_metadata(aside).is_err())
        .unwrap_or_else(|| name(KEPT_DAMAGED));
    for suffix in ["", "-wal", "-shm"] {
        let from = beside(path, suffix);
        match fs::rename(&from, beside(&aside, suffix)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(ManifestError::Io { path: from, error }),
        }
    }
    Ok(aside)
}

fn remove_if_there(path: &Path) -> Result<(), ManifestError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(ManifestError::Io {
            path: path.into(),
            error,
        }),
        _ => Ok(()),
    }
}

/// `path` with `suffix` put to its name.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// The line for the log.
fn recovery(path: &Path, what: &str, aside: &Path) -> String {
    format!(
        "{}: the manifest was damaged ({what}); it now lies at {}, and a new one is rebuilt by comparing",
        path.display(),
        aside.display()
    )
}
