//! What a program has to remember to know its files again, in the same kind of database as ours: the part of the floors that
//! keep promises.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::hint::black_box;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use rusqlite::Connection;

use crate::floor;

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: i64,
    length: i64,
    mtime: i64,
}

impl Stamp {
    fn of(file: &Metadata) -> Self {
        Self {
            inode: file.ino().cast_signed(),
            length: file.len().cast_signed(),
            mtime: file.mtime() * 1_000_000_000 + file.mtime_nsec(),
        }
    }
}

/// The database.
pub(crate) struct Known(Connection);

impl Known {
    /// Begins one at `path`.
    pub(crate) fn begin(path: &Path) -> Result<Self> {
        let database = Connection::open(path)?;
        database.pragma_update(None, "journal_mode", "wal")?;
        database.pragma_update(None, "synchronous", "normal")?;
        database.execute_batch(
            "create table files (id integer primary key, path blob, inode, length, mtime, says blob)",
        )?;
        Ok(Self(database))
    }

    /// Writes down files, with so many bytes that each says, in one transaction.
    pub(crate) fn remember(
        &mut self,
        files: impl IntoIterator<Item = (PathBuf, Metadata)>,
        says: usize,
    ) -> Result<()> {
        let says = vec![0x61; says];
        let transaction = self.0.transaction()?;
        let mut insert = transaction.prepare_cached(
            "insert into files (path, inode, length, mtime, says) values (?, ?, ?, ?, ?)",
        )?;
        for (path, file) in files {
            let path = path.as_os_str().as_encoded_bytes();
            let stamp = Stamp::of(&file);
            insert.execute((path, stamp.inode, stamp.length, stamp.mtime, &says))?;
        }
        drop(insert);
        Ok(transaction.commit()?)
    }

    /// Writes down that a file is about to be replaced, so that it is ours whatever comes.
    pub(crate) fn announce(&self, path: &Path) -> Result<()> {
        let mut insert = self
            .0
            .prepare_cached("insert into files (path) values (?)")?;
        insert.execute([path.as_os_str().as_encoded_bytes()])?;
        Ok(())
    }
}

/// Writes down all files of two trees in a new database at `path`: what lies in the first says so many bytes each.
pub(crate) fn remember_trees(path: &Path, trees: [&Path; 2], says: usize) -> Result<()> {
    let mut known = Known::begin(path)?;
    for (tree, says) in trees.into_iter().zip([says, 0]) {
        let mut files = Vec::new();
        let mut folders = vec![tree.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                } else {
                    files.push((entry.path(), entry.metadata()?));
                }
            }
        }
        known.remember(files, says)?;
    }
    Ok(())
}

/// Finds out that nothing has changed in two trees since they were written down: reads all that is known of them, and looks at
/// every file. How long that took.
pub(crate) fn nothing_has_changed(path: &Path, trees: [&Path; 2]) -> Result<Duration> {
    let began = Instant::now();
    let known = read_halves(path)?;
    let unknown = AtomicUsize::new(0);
    for tree in trees {
        floor::look_at_all(tree, &|file, metadata| {
            let is_it =
                |half: &HashMap<PathBuf, Stamp>| half.get(file) == Some(&Stamp::of(metadata));
            if !known.iter().any(is_it) {
                unknown.fetch_add(1, Ordering::Relaxed);
            }
        })?;
    }
    let unknown = unknown.into_inner();
    ensure!(unknown == 0, "{unknown} files are not as they are known");
    Ok(began.elapsed())
}

/// All that is known, read by two threads.
fn read_halves(path: &Path) -> Result<[HashMap<PathBuf, Stamp>; 2]> {
    let middle: i64 = Connection::open(path)?.query_row(
        "select coalesce(max(id), 0) / 2 from files",
        [],
        |row| row.get(0),
    )?;
    thread::scope(|scope| {
        let other = scope.spawn(|| read(path, "select * from files where id > ?", middle));
        let first = read(path, "select * from files where id <= ?", middle)?;
        match other.join() {
            Ok(second) => Ok([first, second?]),
            Err(_) => bail!("a thread of the floor panicked"),
        }
    })
}

fn read(path: &Path, sql: &str, middle: i64) -> Result<HashMap<PathBuf, Stamp>> {
    let database = Connection::open(path)?;
    let mut known = HashMap::new();
    let mut select = database.prepare(sql)?;
    let mut rows = select.query([middle])?;
    while let Some(row) = rows.next()? {
        let path = String::from_utf8_lossy(row.get_ref(1)?.as_blob()?);
        let stamp = Stamp {
            inode: row.get(2)?,
            length: row.get(3)?,
            mtime: row.get(4)?,
        };
        black_box(row.get_ref(5)?.as_blob()?.to_vec());
        known.insert(PathBuf::from(&*path), stamp);
    }
    Ok(known)
}
