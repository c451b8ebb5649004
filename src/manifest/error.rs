//! Why the manifest can't be used, and what to do about it.

use std::path::{Path, PathBuf};

use rusqlite::{Error, ErrorCode, ffi};

/// Why the manifest can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A later version of the program wrote it.
    #[error(
        "{}: written by a newer smartnotesd (manifest version {found}, this one knows {known}); run that version, or move the file away to have it rebuilt by comparing",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// Its schema version.
        found: i64,
        /// The latest schema version that this program knows.
        known: i64,
    },
    /// An earlier version of the program wrote it, and it was opened for reading only.
    #[error(
        "{}: written by an older smartnotesd; run `smartnotesd run` or `smartnotesd export` once to bring it up to date",
        path.display()
    )]
    Older {
        /// The database file.
        path: PathBuf,
    },
    /// There is none, and it was opened for reading only.
    #[error("{}: no such manifest: nothing was exported yet; run `smartnotesd run` or `smartnotesd export` first", path.display())]
    Missing {
        /// The database file.
        path: PathBuf,
    },
    /// What it holds makes no sense. [`Manifest::start_over`](super::Manifest::start_over) helps.
    #[error("{}: the manifest is damaged ({what}); smartnotesd rebuilds it by comparing, with its next batch or start", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What was found.
        what: String,
    },
    /// The database or the system below it refused.
    #[error("{}: {error}; {}", path.display(), advice(error))]
    Database {
        /// The database file.
        path: PathBuf,
        /// What the database said.
        error: Error,
    },
    /// A damaged manifest could not be moved aside, or its folder or the export tree not be flushed.
    #[error("{}: {error}; check the folder's permissions and its disk", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl ManifestError {
    /// Whether the cure is [`Manifest::start_over`](super::Manifest::start_over).
    pub fn is_corruption(&self) -> bool {
        matches!(self, Self::Corrupt { .. })
    }

    /// What the damage is, where there is one.
    pub fn damage(&self) -> Option<&str> {
        match self {
            Self::Corrupt { what, .. } => Some(what),
            _ => None,
        }
    }

    /// Says what `error` means for the database at `path`.
    pub(super) fn of(path: Option<&Path>, error: Error) -> Self {
        let path = path.unwrap_or(Path::new(":memory:")).to_owned();
        if is_damage(&error) {
            let what = error.to_string();
            Self::Corrupt { path, what }
        } else {
            Self::Database { path, error }
        }
    }
}

/// Whether `error` comes from what the file holds, rather than from the system around it.
fn is_damage(error: &Error) -> bool {
    match error {
        Error::SqliteFailure(error, _) | Error::SqlInputError { error, .. } => {
            matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
                // Every statement of ours fits our schema: one that doesn't compile has met another.
                || error.extended_code == ffi::SQLITE_ERROR
        }
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => true,
        _ => false,
    }
}

/// What to do about an error of the system around the file.
fn advice(error: &Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "make room on the disk of the state folder",
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "end the other program that has the manifest open"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "make the state folder writable for the user that smartnotesd runs as, or set state_dir"
        }
        Some(ErrorCode::SystemIoFailure) => "check the disk of the state folder",
        _ => "check the state folder",
    }
}
