//! From rows to values and back: the columns of a table stand beside the code that reads them.

use rusqlite::Row;
use rusqlite::types::{ToSqlOutput, Type, ValueRef};

use super::{Failure, Owner, StoredFile, StoredOutput};
use crate::disk::{OutputState, Stamp};
use crate::hash::{ContentHash, Key};
use crate::log::events::Trigger;
use crate::path::{NotePath, OutputPath, PathError};
use crate::vault::FileId;

/// The columns that [`StoredFile::read`] expects.
macro_rules! file_columns {
    () => {
        "id, path, mtime, ctime, size, inode, trusted, view, record"
    };
}
/// The columns that [`StoredOutput::read`] expects.
macro_rules! output_columns {
    () => {
        "path, owner_kind, owner, format, key, replacing, hash, size, mtime, inode, birth"
    };
}
/// The columns that [`Failure::read`] expects.
macro_rules! failure_columns {
    () => {
        "owner_kind, owner, format, error, attempt, failed_at, retry_at"
    };
}
pub(super) use {failure_columns, file_columns, output_columns};

impl Owner {
    /// Its two columns.
    pub(super) fn columns(&self) -> (i64, ToSqlOutput<'_>) {
        match self {
            Self::Note(id) => (0, i64::from(id.0).into()),
            Self::Copy(id) => (1, i64::from(id.0).into()),
            Self::Page(name) => (2, ToSqlOutput::Borrowed(ValueRef::Text(name.as_bytes()))),
        }
    }

    /// Reads its two columns, `kind` and the one after.
    fn read(row: &Row<'_>, kind: usize) -> rusqlite::Result<Self> {
        match row.get::<_, i64>(kind)? {
            0 => Ok(Self::Note(FileId(row.get(kind + 1)?))),
            1 => Ok(Self::Copy(FileId(row.get(kind + 1)?))),
            2 => Ok(Self::Page(text(row, kind + 1)?.into())),
            other => Err(malformed(kind, format!("no owner has the kind {other}"))),
        }
    }
}

impl<'a> StoredFile<&'a [u8]> {
    /// Reads a row of `file_columns!()`.
    pub(super) fn read(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: FileId(row.get(0)?),
            path: path(row, 1, NotePath::new)?,
            stamp: Stamp {
                mtime: row.get(2)?,
                ctime: row.get(3)?,
                size: unsigned(row, 4)?,
                inode: unsigned(row, 5)?,
            },
            trusted: row.get(6)?,
            view: Key(unsigned(row, 7)?),
            record: row.get_ref(8)?.as_blob()?,
        })
    }
}

impl StoredOutput {
    /// Reads a row of `output_columns!()`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            path: path(row, 0, OutputPath::new)?,
            owner: Owner::read(row, 1)?,
            format: text(row, 3)?.into(),
            key: Key(unsigned(row, 4)?),
            replacing: row.get(5)?,
            state: read_state(row, 6)?,
        })
    }
}

impl Failure {
    /// Reads a row of `failure_columns!()`.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            owner: Owner::read(row, 0)?,
            format: text(row, 2)?.into(),
            error: row.get(3)?,
            attempt: row.get(4)?,
            failed_at: row.get(5)?,
            retry_at: row.get(6)?,
        })
    }
}

/// Reads the five columns of an output's state from `first` on; no hash, no state.
fn read_state(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<OutputState>> {
    let Some(hash) = row.get::<_, Option<[u8; 16]>>(first)? else {
        return Ok(None);
    };
    Ok(Some(OutputState {
        hash: ContentHash::from_le_bytes(hash),
        size: unsigned(row, first + 1)?,
        mtime: row.get(first + 2)?,
        inode: unsigned(row, first + 3)?,
        birth: row.get(first + 4)?,
    }))
}

/// A text, borrowed from the row.
pub(super) fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// A trigger, stored as the log's word.
pub(super) fn trigger(row: &Row<'_>, column: usize) -> rusqlite::Result<Trigger> {
    let word = text(row, column)?;
    let known = Trigger::ALL.into_iter();
    let mut found = known.filter(|trigger| trigger.as_str() == word);
    found
        .next()
        .ok_or_else(|| malformed(column, format!("{word:?} is no trigger")))
}

/// A `u64` that was stored as the `i64` of the same bits.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get(column).map(i64::cast_unsigned)
}

/// A path that was safe when it was stored; one that no longer is makes the row malformed.
pub(super) fn path<P>(
    row: &Row<'_>,
    column: usize,
    new: fn(&str) -> Result<P, PathError>,
) -> rusqlite::Result<P> {
    let text = text(row, column)?;
    new(text).map_err(|error| malformed(column, format!("{text:?}: {error}")))
}

/// A value that can't have been stored by us.
pub(super) fn malformed(column: usize, what: String) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Null, what.into())
}
