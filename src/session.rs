//! All that one config needs while it is in force: the two folders, the lock, the manifest and the engine over them.
//!
//! Owns opening them in an order in which nothing is touched before it is known to be ours, and what a failure of each
//! means for the process.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::Loaded;
use crate::disk::notes::NotesFolder;
use crate::disk::output::{ExportTree, OpenError};
use crate::disk::select::Select;
use crate::disk::shelf::FileShelf;
use crate::engine::{Engine, Parts};
use crate::export::{FormatError, Formats};
use crate::manifest::{
    Lock, LockError, MANIFEST_NAME, Manifest, ManifestError, make_state_folder, state_path,
};

/// A config in force.
pub struct Session {
    /// The config, and where it came from.
    pub loaded: Loaded,
    /// The notes folder.
    pub notes: Arc<NotesFolder>,
    /// The export tree, held against other processes.
    pub outputs: Arc<ExportTree>,
    /// The state folder of this export tree.
    pub state: PathBuf,
    /// What the manifest had to be begun anew for, if it had.
    pub lost: Option<String>,
    lock: Lock,
}

/// Why a config can't be put in force.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// A folder can't be used.
    #[error("{path}: {error}; {hint}")]
    Folder {
        /// The folder.
        path: String,
        /// What the system said.
        error: std::io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// Another process holds the export tree.
    #[error("{0}")]
    Held(String),
    /// The manifest can't be used.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// A template has a mistake.
    #[error(transparent)]
    Format(#[from] FormatError),
}

/// Why another config was not put in force.
pub enum Reopen {
    /// It can't be: the old one goes on.
    Rejected(Box<(Session, Engine)>, SessionError),
    /// Nothing can go on.
    Broken(SessionError),
}

impl From<LockError> for SessionError {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Held { .. } => Self::Held(error.to_string()),
            LockError::Io { path, error } => Self::Folder {
                path: path.display().to_string(),
                error,
                hint: "the state folder must be writable",
            },
        }
    }
}

/// Opens the notes folder of a config.
///
/// # Errors
/// When it can't be used.
pub fn open_notes(loaded: &Loaded) -> Result<NotesFolder, SessionError> {
    let path = &loaded.config.notes_dir;
    NotesFolder::open(path, select(loaded)).map_err(|error| SessionError::Folder {
        path: path.display().to_string(),
        error,
        hint: "notes_dir must be a folder that can be read",
    })
}

fn select(loaded: &Loaded) -> Select {
    Select::new(&loaded.config.include, &loaded.config.exclude).expect("the config has valid globs")
}

/// Opens the manifest of an export tree.
fn open_manifest(state: &std::path::Path) -> Result<(Manifest, Option<String>), SessionError> {
    let opened = Manifest::open(&state.join(MANIFEST_NAME))?;
    Ok((opened.manifest, opened.recovered))
}

impl Session {
    /// Puts a config in force.
    ///
    /// # Errors
    /// When something that it needs can't be had; then nothing was changed.
    pub fn open(loaded: Loaded, now: Instant) -> Result<(Self, Engine), SessionError> {
        let formats = Formats::new(&loaded.config)?;
        let notes = Arc::new(open_notes(&loaded)?);
        let outputs = Arc::new(patiently(|| open_tree(&loaded, notes.clone()))?);
        let state = state_path(&loaded.config.state_dir, &loaded.config.export_dir);
        make_state_folder(&state).map_err(|error| state_unusable(&state, error))?;
        let lock = patiently(|| Ok(Lock::acquire(&state)?))?;
        let (manifest, lost) = open_manifest(&state)?;
        let session = Self {
            loaded,
            notes,
            outputs,
            state,
            lost,
            lock,
        };
        session.with_engine(formats, manifest, now)
    }

    /// Puts another config in force in the place of this one. What both use is kept, so that no other process can take
    /// it in between.
    ///
    /// # Errors
    /// When something that it needs can't be had; the old config then is still in force.
    pub fn reopen(
        self,
        engine: Engine,
        loaded: Loaded,
        now: Instant,
    ) -> Result<(Self, Engine), Reopen> {
        let opened = match self.open_what_differs(loaded, engine.manifest()) {
            Ok(opened) => opened,
            Err(error) => return Err(Reopen::Rejected(Box::new((self, engine)), error)),
        };
        let Opened {
            loaded,
            formats,
            notes,
            outputs,
            elsewhere,
        } = opened;
        let (state, lock, manifest, lost) = match elsewhere {
            Some((state, lock, manifest, lost)) => (state, lock, manifest, lost),
            None => (self.state, self.lock, engine.into_manifest(), None),
        };
        let session = Self {
            loaded,
            notes,
            outputs,
            state,
            lost,
            lock,
        };
        // From here on only the manifest can fail, and without it the old config can't go on either.
        session
            .with_engine(formats, manifest, now)
            .map_err(Reopen::Broken)
    }

    /// Opens the export tree anew, since another folder lies at its path, or none.
    ///
    /// # Errors
    /// When it can't be had; the old one stays.
    pub fn reopen_tree(&mut self, engine: &mut Engine, now: Instant) -> Result<(), SessionError> {
        let outputs = Arc::new(open_tree(&self.loaded, self.notes.clone())?);
        let flush_covers_manifest = same_file_system(&self.state, outputs.path());
        engine.set_outputs(outputs.clone(), flush_covers_manifest, now);
        self.outputs = outputs;
        Ok(())
    }

    /// Whether the state folder holds the lock and the manifest that this process has open.
    pub fn has_state(&self, engine: &Engine) -> bool {
        self.lock.is_in(&self.state) && engine.manifest().is_in_place()
    }

    /// Makes anew what the state folder does not hold any more. The lock comes first: what lies there may be another
    /// process's by now.
    ///
    /// # Errors
    /// When it can't be had, or another process holds it. What was open stays so.
    pub fn restore_state(&mut self, engine: &mut Engine) -> Result<(), SessionError> {
        make_state_folder(&self.state).map_err(|error| self.state_unusable(error))?;
        if !self.lock.is_in(&self.state) {
            self.lock = Lock::acquire(&self.state)?;
        }
        if !engine.manifest().is_in_place() {
            engine.put_manifest_back(same_file_system(&self.state, self.outputs.path()))?;
        }
        Ok(())
    }

    /// Says what it means when the system refuses something in the state folder.
    pub fn state_unusable(&self, error: std::io::Error) -> SessionError {
        state_unusable(&self.state, error)
    }

    fn open_what_differs(
        &self,
        loaded: Loaded,
        manifest: &Manifest,
    ) -> Result<Opened, SessionError> {
        let formats = Formats::new(&loaded.config)?;
        let (old, new) = (&self.loaded.config, &loaded.config);
        let notes = if old.notes_dir == new.notes_dir {
            self.notes.clone()
        } else {
            Arc::new(open_notes(&loaded)?)
        };
        let same_tree = old.export_dir == new.export_dir;
        let outputs = if same_tree {
            let again = self.outputs.reading_from(notes.clone());
            Arc::new(again.map_err(|error| tree_unusable(&loaded, error))?)
        } else {
            Arc::new(open_tree(&loaded, notes.clone())?)
        };
        let state = state_path(&new.state_dir, &new.export_dir);
        // Also where it is the old one: that may be gone, and once the old engine is, nothing can be refused any more.
        make_state_folder(&state).map_err(|error| state_unusable(&state, error))?;
        let elsewhere = if state == self.state {
            None
        } else {
            let lock = Lock::acquire(&state)?;
            let (manifest, lost) = if same_tree {
                // What was written in this tree is known here alone: a new manifest would take it for somebody else's, and
                // so would one that was left there earlier.
                (manifest.copied_to(&state.join(MANIFEST_NAME))?, None)
            } else {
                open_manifest(&state)?
            };
            Some((state, lock, manifest, lost))
        };
        // Last, since it changes what the old config's look would see.
        notes.select_by(select(&loaded));
        Ok(Opened {
            loaded,
            formats,
            notes,
            outputs,
            elsewhere,
        })
    }

    fn with_engine(
        mut self,
        formats: Formats,
        manifest: Manifest,
        now: Instant,
    ) -> Result<(Self, Engine), SessionError> {
        let shelf = FileShelf::new_in(&self.state);
        let shelf = shelf.map_err(|error| self.state_unusable(error))?;
        let parts = Parts {
            config: Arc::new(self.loaded.config.clone()),
            formats: Arc::new(formats),
            notes: self.notes.clone(),
            outputs: self.outputs.clone(),
            manifest,
            shelf: Some(Arc::new(shelf)),
            device: self.notes.device(),
            flush_covers_manifest: same_file_system(&self.state, &self.loaded.config.export_dir),
        };
        let (engine, lost) = Engine::open(parts, now)?;
        self.lost = self.lost.take().or(lost);
        Ok((self, engine))
    }
}

/// What a new config needs besides what the old one has.
struct Opened {
    loaded: Loaded,
    formats: Formats,
    notes: Arc<NotesFolder>,
    outputs: Arc<ExportTree>,
    elsewhere: Option<(PathBuf, Lock, Manifest, Option<String>)>,
}

fn state_unusable(path: &std::path::Path, error: std::io::Error) -> SessionError {
    SessionError::Folder {
        path: path.display().to_string(),
        error,
        hint: "state_dir must be a folder that can be written",
    }
}

fn open_tree(loaded: &Loaded, notes: Arc<NotesFolder>) -> Result<ExportTree, SessionError> {
    let path = &loaded.config.export_dir;
    ExportTree::open(path, notes).map_err(|error| match error {
        OpenError::Held { .. } => SessionError::Held(error.to_string()),
        OpenError::Io { path, error } => {
            no_folder(&path).unwrap_or_else(|| tree_unusable(loaded, error))
        }
    })
}

/// Says that something other than a folder lies at the path of the export folder, or at that of one above it, if so.
pub fn no_folder(path: &std::path::Path) -> Option<SessionError> {
    let (at, there) = path
        .ancestors()
        .find_map(|at| Some((at, std::fs::symlink_metadata(at).ok()?)))?;
    let what = if at.is_dir() {
        return None;
    } else if there.is_file() {
        "a file lies there"
    } else if there.is_symlink() {
        "a symlink lies there that leads to no folder"
    } else {
        "something lies there that is no folder"
    };
    Some(SessionError::Folder {
        path: at.display().to_string(),
        error: std::io::Error::new(std::io::ErrorKind::NotADirectory, what),
        hint: "export_dir needs a folder: move it away, or set another export_dir",
    })
}

fn tree_unusable(loaded: &Loaded, error: std::io::Error) -> SessionError {
    SessionError::Folder {
        path: loaded.config.export_dir.display().to_string(),
        error,
        hint: "export_dir must be a folder that can be written",
    }
}

/// Whether both folders lie on one file system, as far as can be told.
fn same_file_system(a: &std::path::Path, b: &std::path::Path) -> bool {
    let device =
        |path: &std::path::Path| std::fs::metadata(path).map(|metadata| metadata.dev()).ok();
    device(a).is_some() && device(a) == device(b)
}

/// Tries for a moment what another process holds. One that was killed while it started a command leaves its locks with the
/// child until that has become the command.
fn patiently<T>(mut take: impl FnMut() -> Result<T, SessionError>) -> Result<T, SessionError> {
    const TRIES: u32 = 25;
    const PAUSE: Duration = Duration::from_millis(20);
    for _ in 1..TRIES {
        match take() {
            Err(SessionError::Held(_)) => std::thread::sleep(PAUSE),
            taken => return taken,
        }
    }
    take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_holds_for_a_moment_is_had() {
        let held = || SessionError::Held("held".into());
        let mut tries = 0;
        let taken = patiently(|| {
            tries += 1;
            if tries < 3 { Err(held()) } else { Ok(tries) }
        });
        assert_eq!(taken.unwrap(), 3);
        let mut tries = 0;
        let refused: Result<(), _> = patiently(|| {
            tries += 1;
            let error = std::io::ErrorKind::Other.into();
            Err(state_unusable("state".as_ref(), error))
        });
        assert!(refused.is_err());
        assert_eq!(tries, 1, "nothing to wait for");
        let refused: Result<(), _> = patiently(|| Err(held()));
        assert!(matches!(refused, Err(SessionError::Held(_))));
    }
}
