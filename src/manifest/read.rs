//! What the manifest remembers, read back.
//!
//! Owns the queries. Values come out, row by row where a table is as large as the vault; it never writes, and never says
//! what a row means for the export.

use rusqlite::{OptionalExtension as _, Params, Row, params};

use super::rows::{self, failure_columns, file_columns, output_columns};
use super::schema;
use super::{Failure, FormatKey, Manifest, ManifestError, Owner, StoredFile, StoredOutput};
use crate::hash::Key;
use crate::path::OutputPath;

impl Manifest {
    /// Hands over every file, in the order of ids.
    ///
    /// # Errors
    /// When the system refuses or a row is malformed; what was handed over is then not to be relied on.
    pub fn load_files(&self, mut each: impl FnMut(StoredFile<&[u8]>)) -> Result<(), ManifestError> {
        const SQL: &str = concat!("SELECT ", file_columns!(), " FROM files ORDER BY id");
        self.read_through(SQL, |row| {
            each(StoredFile::read(row)?);
            Ok(())
        })
    }

    /// An id that is above those of all files.
    ///
    /// # Errors
    /// When the system refuses, or the database is damaged.
    pub fn end_of_files(&self) -> Result<usize, ManifestError> {
        let highest = self.one("SELECT max(id) FROM files", [], |row| {
            row.get::<_, Option<u32>>(0)
        })?;
        Ok(highest.flatten().map_or(0, |id| id as usize + 1))
    }

    /// Hands over every output, in path order.
    ///
    /// # Errors
    /// As [`Self::load_files`].
    pub fn load_outputs(&self, mut each: impl FnMut(StoredOutput)) -> Result<(), ManifestError> {
        const SQL: &str = concat!("SELECT ", output_columns!(), " FROM outputs ORDER BY path");
        self.read_through(SQL, |row| {
            each(StoredOutput::read(row)?);
            Ok(())
        })
    }

    /// The outputs of `owner`, in path order.
    ///
    /// # Errors
    /// When the system refuses or a row is malformed.
    pub fn outputs_of(&self, owner: &Owner) -> Result<Vec<StoredOutput>, ManifestError> {
        const SQL: &str = concat!(
            "SELECT ",
            output_columns!(),
            " FROM outputs WHERE owner_kind = ?1 AND owner = ?2 ORDER BY path"
        );
        let (kind, id) = owner.columns();
        self.all(SQL, params![kind, id], StoredOutput::read)
    }

    /// The output at `path`.
    ///
    /// # Errors
    /// When the system refuses or the row is malformed.
    pub fn output_at(&self, path: &OutputPath) -> Result<Option<StoredOutput>, ManifestError> {
        const SQL: &str = concat!(
            "SELECT ",
            output_columns!(),
            " FROM outputs WHERE path = ?1"
        );
        self.one(SQL, [path.as_str()], StoredOutput::read)
    }

    /// Whether any output is known: while none is, nothing that lies in the export tree can be ours.
    ///
    /// # Errors
    /// When the system refuses, or the database is damaged.
    pub fn has_outputs(&self) -> Result<bool, ManifestError> {
        self.connection
            .query_row("SELECT EXISTS (SELECT 1 FROM outputs)", [], |row| {
                row.get(0)
            })
            .map_err(|error| self.error(error))
    }

    /// The folders of the export tree that we made, each before what lies in it.
    ///
    /// # Errors
    /// When the system refuses or a row is malformed.
    pub fn folders(&self) -> Result<Vec<OutputPath>, ManifestError> {
        self.all("SELECT path FROM folders ORDER BY path", [], |row| {
            rows::path(row, 0, OutputPath::new)
        })
    }

    /// What failed and is to be tried again.
    ///
    /// # Errors
    /// When the system refuses or a row is malformed.
    pub fn failures(&self) -> Result<Vec<Failure>, ManifestError> {
        const SQL: &str = concat!("SELECT ", failure_columns!(), " FROM failures");
        self.all(SQL, [], Failure::read)
    }

    /// The formats as they were when the export tree was last brought up to date, by name.
    ///
    /// # Errors
    /// When the system refuses or a row is malformed.
    pub fn formats(&self) -> Result<Vec<FormatKey>, ManifestError> {
        self.all("SELECT name, key FROM formats ORDER BY name", [], |row| {
            Ok(FormatKey {
                name: rows::text(row, 0)?.into(),
                key: Key(rows::unsigned(row, 1)?),
            })
        })
    }

    /// The value that was last set for `name`.
    ///
    /// # Errors
    /// When the system refuses or the row is malformed.
    pub fn meta(&self, name: &str) -> Result<Option<String>, ManifestError> {
        self.one("SELECT value FROM meta WHERE name = ?1", [name], |row| {
            row.get(0)
        })
    }

    /// Gives back the memory that reading everything filled.
    pub(super) fn give_back(&self) -> Result<(), ManifestError> {
        self.connection
            .execute_batch("PRAGMA shrink_memory")
            .map_err(|error| self.error(error))
    }

    /// Runs a query over a whole table. Each page is needed once: with few of them at hand, the pages are not strewn among
    /// what the caller makes of the rows, where they leave holes of 4 MB.
    fn read_through(
        &self,
        sql: &str,
        each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), ManifestError> {
        self.keep_pages(schema::FEW_PAGES)?;
        let read = self.each(sql, [], each);
        self.keep_pages(schema::PAGES)?;
        read?;
        self.give_back()
    }

    fn keep_pages(&self, cache_size: i64) -> Result<(), ManifestError> {
        let set = self
            .connection
            .pragma_update(None, "cache_size", cache_size);
        set.map_err(|error| self.error(error))
    }

    /// Runs a query and hands each row to `each`.
    fn each(
        &self,
        sql: &str,
        params: impl Params,
        mut each: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), ManifestError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| {
                let mut rows = statement.query(params)?;
                while let Some(row) = rows.next()? {
                    each(row)?;
                }
                Ok(())
            })
            .map_err(|error| self.error(error))
    }

    /// The rows of a query.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, ManifestError> {
        let mut found = Vec::new();
        self.each(sql, params, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// The only row of a query, if there is one.
    pub(super) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, ManifestError> {
        self.connection
            .prepare_cached(sql)
            .and_then(|mut statement| statement.query_row(params, |row| read(row)).optional())
            .map_err(|error| self.error(error))
    }
}
