//! The tables, and how an older database becomes one of today.
//!
//! Every table is STRICT, so that a value of a wrong type is damage and never a surprise. `u64`s are
//! kept as the `i64` of the same bits. An owner is a kind and a value: 0 and 1 with a file's id (note,
//! copy), 2 with a page's name.

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

/// Marks the file as a manifest (`SNmf` in ASCII), so that no other program's database is ever taken for one.
pub(super) const APPLICATION_ID: i32 = 0x534e_6d66;

/// What leads from each version to the next, the first from an empty file. Only ever append.
pub(super) const MIGRATIONS: &[&str] = &[
    // Records come last, so that long ones spill to pages that nobody else reads. Paths of files have no
    // index: they are looked up in memory. Output rows are looked up by path and by owner while nobody
    // keeps them in memory; rows in path order put a folder's outputs on neighbouring pages.
    "
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    mtime INTEGER NOT NULL,
    ctime INTEGER NOT NULL,
    size INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    trusted INTEGER NOT NULL,
    view INTEGER NOT NULL,
    record BLOB NOT NULL
) STRICT;
CREATE TABLE outputs (
    path TEXT PRIMARY KEY,
    owner_kind INTEGER NOT NULL,
    owner ANY NOT NULL,
    format TEXT NOT NULL,
    key INTEGER NOT NULL,
    replacing INTEGER NOT NULL,
    hash BLOB,
    size INTEGER,
    mtime INTEGER,
    inode INTEGER,
    birth INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX outputs_by_owner ON outputs (owner, owner_kind);
CREATE TABLE folders (path TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE failures (
    owner_kind INTEGER NOT NULL,
    owner ANY NOT NULL,
    format TEXT NOT NULL,
    error TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    failed_at INTEGER NOT NULL,
    retry_at INTEGER NOT NULL,
    PRIMARY KEY (owner, owner_kind, format)
) STRICT, WITHOUT ROWID;
CREATE TABLE formats (name TEXT PRIMARY KEY, key INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE batches (
    batch INTEGER PRIMARY KEY,
    cause TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    affected INTEGER NOT NULL,
    jobs INTEGER NOT NULL,
    job_limit INTEGER NOT NULL,
    exported INTEGER NOT NULL,
    unchanged INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    peak INTEGER NOT NULL,
    attachments INTEGER NOT NULL,
    pages INTEGER NOT NULL,
    elapsed_us INTEGER NOT NULL,
    sequential_us INTEGER NOT NULL,
    slowest TEXT,
    slowest_us INTEGER NOT NULL
) STRICT;
CREATE TABLE batch_jobs (batch INTEGER PRIMARY KEY, jobs BLOB NOT NULL) STRICT;
",
    // Records have another layout. All notes are read again, and compared with the outputs that are known.
    "DELETE FROM files;",
    // Batches count what was cancelled, and each job says why it was run: those from before say neither.
    "
ALTER TABLE batches ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;
DELETE FROM batch_jobs;
",
];

/// How a database's version relates to ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// The same.
    Current,
    /// It can be migrated.
    Older,
    /// A later program wrote it: this version.
    Newer(i64),
    /// It is some other program's database.
    Foreign,
}

/// The version that the last of `migrations` leads to.
pub(super) fn latest(migrations: &[&str]) -> i64 {
    i64::try_from(migrations.len()).unwrap_or(i64::MAX)
}

/// Looks which version a database has; a file with nothing in it is the oldest.
pub(super) fn version(
    connection: &Connection,
    migrations: &[&str],
) -> rusqlite::Result<(Version, usize)> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let application: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let begun = tables > 0 || found != 0;
    let step = usize::try_from(found).unwrap_or(usize::MAX);
    let version = if begun && application != APPLICATION_ID {
        Version::Foreign
    } else if step > migrations.len() {
        Version::Newer(found)
    } else if step < migrations.len() {
        Version::Older
    } else {
        Version::Current
    };
    Ok((version, step))
}

/// Brings a database from version `from` to the latest, in one transaction.
pub(super) fn migrate(
    connection: &mut Connection,
    migrations: &[&str],
    from: usize,
) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Exclusive)?;
    for step in migrations.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", latest(migrations))?;
    transaction.commit()
}

/// How many pages are kept at hand, as `cache_size` takes it (negative: in KiB): a few MiB keep the inner pages of a million
/// rows.
pub(super) const PAGES: i64 = -4096;

/// The same while a table is read through.
pub(super) const FEW_PAGES: i64 = -128;

/// Sets up a connection.
pub(super) fn configure(connection: &Connection) -> rusqlite::Result<()> {
    // The CLI reads beside the daemon, and a checkpoint may keep it for a moment.
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(32);
    // One plan for a statement, whatever is bound to it. Otherwise a 0 or 1 that is bound compiles it
    // anew, which took two thirds of each lookup by owner.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", PAGES)?;
    // A file that was cut off must be an error and no SIGBUS, and its pages would count as our memory.
    connection.pragma_update(None, "mmap_size", 0)?;
    // Nothing in here is worth a file of its own for temporary tables.
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // A malformed schema must not run code of someone else's choice.
    connection.pragma_update(None, "trusted_schema", false)
}

/// Sets up a connection that writes.
pub(super) fn configure_writer(connection: &Connection) -> rusqlite::Result<()> {
    let mode = |row: &rusqlite::Row<'_>| row.get::<_, String>(0);
    connection.pragma_update_and_check(None, "journal_mode", "WAL", mode)?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // A first export writes a log as large as the database: don't keep it on the disk for ever.
    let ignore = |_: &rusqlite::Row<'_>| Ok(());
    connection.pragma_update_and_check(None, "journal_size_limit", 16 << 20, ignore)?;
    checkpoint_after(connection, LOG_PAGES)
}

/// After so many pages of log what they hold is written into the database and flushed. At every 16 MiB rather than every 4
/// it costs a large commit a quarter less, and one save in hundreds meets it.
pub(super) const LOG_PAGES: u32 = 4096;

/// Has the transactions that follow do so after so many pages; 0: never.
pub(super) fn checkpoint_after(connection: &Connection, pages: u32) -> rusqlite::Result<()> {
    let ignore = |_: &rusqlite::Row<'_>| Ok(());
    connection.pragma_update_and_check(None, "wal_autocheckpoint", pages, ignore)
}
