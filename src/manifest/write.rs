//! What a batch changes, in one transaction.
//!
//! Owns every statement that changes the database, and when what was written is safe from a power loss. It asks neither
//! folder whether what it is told is true, and never leaves half of what it was given.

use std::borrow::Borrow;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::schema::{LOG_PAGES, checkpoint_after};
use super::{
    Announcement, Changes, Failure, FailureKey, FormatKey, Manifest, ManifestError, StoredFile,
    StoredOutput, history,
};
use crate::disk::OutputState;
use crate::path::OutputPath;
use crate::vault::FileId;

/// So many outputs are a large export's, whose many announcements would make a log as large as the database.
const MANY: usize = 64;

impl Manifest {
    /// Says which outputs of a batch, by its number, are about to be published, and returns when that is safe from a
    /// power loss: only then may they be. A path that has no row gets one without a state; one that has keeps all
    /// that is known of it and is marked as being replaced. No other batch is to get the number, however this one ends.
    ///
    /// # Errors
    /// When the system refuses: nothing may be published then.
    pub fn announce(&mut self, batch: u64, outputs: &[Announcement]) -> Result<(), ManifestError> {
        let number = self.unannounced(batch);
        let wrote = ahead(&mut self.connection, outputs, |connection| {
            fully_synchronous(connection, |transaction| mark(transaction, number, outputs))
        });
        let wrote = wrote.map_err(|error| self.error(error))?;
        self.announced_batch = batch;
        if wrote {
            self.undurable = false;
        } else if self.undurable && !outputs.is_empty() {
            self.sync()?;
        }
        Ok(())
    }

    /// As [`Self::announce`], for a caller who flushes the file system that the manifest lies on before it
    /// publishes anything, and then says [`Self::flushed`]: one flush does for both.
    ///
    /// # Errors
    /// As [`Self::announce`].
    pub fn announce_before_flush(
        &mut self,
        batch: u64,
        outputs: &[Announcement],
    ) -> Result<(), ManifestError> {
        let number = self.unannounced(batch);
        let wrote = ahead(&mut self.connection, outputs, |connection| {
            write(connection, |transaction| mark(transaction, number, outputs))
        });
        self.undurable |= wrote.map_err(|error| self.error(error))?;
        self.announced_batch = batch;
        Ok(())
    }

    /// The number of this batch, unless an earlier wave of it has announced that.
    fn unannounced(&self, batch: u64) -> Option<u64> {
        (self.announced_batch != batch).then_some(batch)
    }

    /// Records that folders of the export tree are about to be made: whoever finds them after a crash knows them as
    /// ours. To be called before the announcement of what will lie in them, which makes it durable.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn announce_folders(&mut self, folders: &[OutputPath]) -> Result<(), ManifestError> {
        if folders.is_empty() {
            return Ok(());
        }
        let wrote = write(&mut self.connection, |transaction| {
            change_folders(transaction, &[], folders)
        });
        wrote.map_err(|error| self.error(error))?;
        self.undurable = true;
        Ok(())
    }

    /// The file system that the manifest lies on has been flushed since the last transaction.
    pub fn flushed(&mut self) {
        self.undurable = false;
    }

    /// Makes everything that was committed so far safe from a power loss.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn sync(&mut self) -> Result<(), ManifestError> {
        let synced = fully_synchronous(&mut self.connection, |transaction| {
            // Only a transaction that changes something is flushed, and with it all before.
            transaction.execute(
                "INSERT INTO meta (name, value) VALUES ('synced', '1') \
                 ON CONFLICT (name) DO UPDATE SET value = CAST(value AS INTEGER) + 1",
                [],
            )
        });
        synced.map_err(|error| self.error(error))?;
        self.undurable = false;
        Ok(())
    }

    /// Records all that a batch changed: all of it, or nothing when it fails.
    ///
    /// # Errors
    /// When the system refuses. The export tree may then be ahead of the manifest: what the batch did
    /// will be looked at again.
    pub fn commit(&mut self, changes: &Changes) -> Result<(), ManifestError> {
        let batches = std::slice::from_ref(changes);
        self.commit_all(batches, std::iter::empty(), std::iter::empty())
    }

    /// Records several batches, the oldest first, and `outputs` and `files` as they are after the last: all of it, or
    /// nothing. Those of a first export are as large as the whole database, so that each is asked for when it is written.
    ///
    /// # Errors
    /// As [`Self::commit`].
    pub fn commit_all(
        &mut self,
        batches: &[Changes],
        outputs: impl Iterator<Item = StoredOutput>,
        files: impl Iterator<Item = StoredFile>,
    ) -> Result<(), ManifestError> {
        let (mut outputs, mut files) = (outputs.peekable(), files.peekable());
        let nothing = batches.iter().all(|changes| *changes == Changes::default());
        if nothing && outputs.peek().is_none() && files.peek().is_none() {
            return Ok(());
        }
        let rows = |changes: &Changes| changes.files.len() + changes.outputs.len();
        let mut rows: usize = batches.iter().map(rows).sum();
        let added = write(&mut self.connection, |transaction| {
            let mut added = false;
            for changes in batches {
                added |= apply(transaction, changes)?;
            }
            added |= put_outputs(transaction, outputs.inspect(|_| rows += 1))?;
            put_files(transaction, files.inspect(|_| rows += 1))?;
            Ok(added)
        });
        self.undurable |= added.map_err(|error| self.error(error))?;
        if rows > 10_000 {
            self.give_back()?;
        }
        Ok(())
    }
}

/// Runs `work` in a transaction.
fn write<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    // Immediate: waits for another writer at the beginning, where nothing has to be undone.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

/// Announces `outputs` by what `announce` does. A save waits for that, so that the log stays as long as it is: to write it
/// into the database takes up to 20 ms, and the commit that follows is soon enough for it.
fn ahead<T>(
    connection: &mut Connection,
    outputs: &[Announcement],
    announce: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if outputs.len() >= MANY {
        return announce(connection);
    }
    checkpoint_after(connection, 0)?;
    let done = announce(connection);
    checkpoint_after(connection, LOG_PAGES)?;
    done
}

/// Runs `work` in a transaction that is on the disk when this returns.
pub(super) fn fully_synchronous<T>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.pragma_update(None, "synchronous", "FULL")?;
    let done = write(connection, work);
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    done
}

/// Announces outputs, and the number of their batch. True when that changed anything, so that the transaction will be
/// flushed.
fn mark(
    transaction: &Transaction<'_>,
    number: Option<u64>,
    outputs: &[Announcement],
) -> rusqlite::Result<bool> {
    if let Some(number) = number {
        let value = number.to_string().into();
        put_meta(transaction, &[(history::ANNOUNCED_BATCH.into(), value)])?;
    }
    let mut add = transaction.prepare_cached(
        "INSERT INTO outputs (path, owner_kind, owner, format, key, replacing) \
         VALUES (?1, ?2, ?3, ?4, 0, 0) ON CONFLICT (path) DO NOTHING",
    )?;
    let mut replace = transaction.prepare_cached(
        "UPDATE outputs SET replacing = 1 WHERE path = ?1 AND NOT replacing AND hash IS NOT NULL",
    )?;
    let mut changed = 0;
    for Announcement {
        path,
        owner,
        format,
    } in outputs
    {
        let (kind, owner) = owner.columns();
        let added = add.execute(params![path.as_str(), kind, owner, format])?;
        changed += added;
        if added == 0 {
            changed += replace.execute([path.as_str()])?;
        }
    }
    Ok(changed > 0 || number.is_some())
}

/// Applies all of `changes`. True when an output was added that had not been announced.
fn apply(transaction: &Transaction<'_>, changes: &Changes) -> rusqlite::Result<bool> {
    remove_files(transaction, &changes.files_removed)?;
    put_files(transaction, &changes.files)?;
    remove_outputs(transaction, &changes.outputs_removed)?;
    let added = put_outputs(transaction, &changes.outputs)?;
    change_folders(transaction, &changes.folders_removed, &changes.folders)?;
    clear_failures(transaction, &changes.failures_cleared)?;
    put_failures(transaction, &changes.failures)?;
    if let Some(formats) = &changes.formats {
        replace_formats(transaction, formats)?;
    }
    put_meta(transaction, &changes.meta)?;
    if let Some(batch) = &changes.batch {
        history::store(transaction, batch)?;
    }
    Ok(added)
}

fn remove_files(transaction: &Transaction<'_>, ids: &[FileId]) -> rusqlite::Result<()> {
    let mut remove = transaction.prepare_cached("DELETE FROM files WHERE id = ?1")?;
    // The id may be taken again by another file, which has not failed. Kinds 0 and 1 are those of files.
    let mut forget =
        transaction.prepare_cached("DELETE FROM failures WHERE owner = ?1 AND owner_kind < 2")?;
    for id in ids {
        remove.execute([id.0])?;
        forget.execute([id.0])?;
    }
    Ok(())
}

fn put_files<File: Borrow<StoredFile>>(
    transaction: &Transaction<'_>,
    files: impl IntoIterator<Item = File>,
) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO files \
         (id, path, mtime, ctime, size, inode, trusted, view, record) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for file in files {
        let file = file.borrow();
        put.execute(params![
            file.id.0,
            file.path.as_str(),
            file.stamp.mtime,
            file.stamp.ctime,
            file.stamp.size.cast_signed(),
            file.stamp.inode.cast_signed(),
            file.trusted,
            file.view.0.cast_signed(),
            file.record,
        ])?;
    }
    Ok(())
}

fn remove_outputs(transaction: &Transaction<'_>, paths: &[OutputPath]) -> rusqlite::Result<()> {
    let mut remove = transaction.prepare_cached("DELETE FROM outputs WHERE path = ?1")?;
    for path in paths {
        remove.execute([path.as_str()])?;
    }
    Ok(())
}

/// True when one of them had no row.
fn put_outputs<Output: Borrow<StoredOutput>>(
    transaction: &Transaction<'_>,
    outputs: impl IntoIterator<Item = Output>,
) -> rusqlite::Result<bool> {
    let mut update = transaction.prepare_cached(
        "UPDATE outputs SET owner_kind = ?2, owner = ?3, format = ?4, key = ?5, replacing = ?6, \
         hash = ?7, size = ?8, mtime = ?9, inode = ?10, birth = ?11 WHERE path = ?1",
    )?;
    let mut add = transaction.prepare_cached(
        "INSERT INTO outputs \
         (path, owner_kind, owner, format, key, replacing, hash, size, mtime, inode, birth) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    let mut added = false;
    for output in outputs {
        let output = output.borrow();
        let (kind, owner) = output.owner.columns();
        let state = output.state.as_ref();
        let hash = state.map(|state| state.hash.to_le_bytes());
        let number = |of: fn(&OutputState) -> i64| state.map(of);
        let columns = params![
            output.path.as_str(),
            kind,
            owner,
            output.format,
            output.key.0.cast_signed(),
            output.replacing,
            hash,
            number(|state| state.size.cast_signed()),
            number(|state| state.mtime),
            number(|state| state.inode.cast_signed()),
            number(|state| state.birth),
        ];
        // Nearly always it was announced; and the answer tells whether it was.
        if update.execute(columns)? == 0 {
            add.execute(columns)?;
            added = true;
        }
    }
    Ok(added)
}

fn change_folders(
    transaction: &Transaction<'_>,
    removed: &[OutputPath],
    made: &[OutputPath],
) -> rusqlite::Result<()> {
    let mut remove = transaction.prepare_cached("DELETE FROM folders WHERE path = ?1")?;
    for path in removed {
        remove.execute([path.as_str()])?;
    }
    let mut put = transaction.prepare_cached("INSERT OR IGNORE INTO folders (path) VALUES (?1)")?;
    for path in made {
        put.execute([path.as_str()])?;
    }
    Ok(())
}

fn clear_failures(transaction: &Transaction<'_>, keys: &[FailureKey]) -> rusqlite::Result<()> {
    let mut clear = transaction.prepare_cached(
        "DELETE FROM failures WHERE owner_kind = ?1 AND owner = ?2 AND format = ?3",
    )?;
    for FailureKey { owner, format } in keys {
        let (kind, owner) = owner.columns();
        clear.execute(params![kind, owner, format])?;
    }
    Ok(())
}

fn put_failures(transaction: &Transaction<'_>, failures: &[Failure]) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO failures \
         (owner_kind, owner, format, error, attempt, failed_at, retry_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for failure in failures {
        let (kind, owner) = failure.owner.columns();
        put.execute(params![
            kind,
            owner,
            failure.format,
            failure.error,
            failure.attempt,
            failure.failed_at,
            failure.retry_at,
        ])?;
    }
    Ok(())
}

fn replace_formats(transaction: &Transaction<'_>, formats: &[FormatKey]) -> rusqlite::Result<()> {
    transaction.execute("DELETE FROM formats", [])?;
    let mut put =
        transaction.prepare_cached("INSERT OR REPLACE INTO formats (name, key) VALUES (?1, ?2)")?;
    for FormatKey { name, key } in formats {
        put.execute(params![name, key.0.cast_signed()])?;
    }
    Ok(())
}

fn put_meta(
    transaction: &Transaction<'_>,
    values: &[(Box<str>, Box<str>)],
) -> rusqlite::Result<()> {
    let mut put =
        transaction.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    for (name, value) in values {
        put.execute(params![name, value])?;
    }
    Ok(())
}
