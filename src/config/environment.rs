//! What the config may ask of the machine: environment variables, and the few files it names.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};

/// The process's surroundings as values, so that every rule can be tried without touching them.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Environment variables.
    pub variables: HashMap<OsString, OsString>,
    /// The home folder, where there is one.
    pub home: Option<PathBuf>,
    /// The current folder, absolute.
    pub current_folder: PathBuf,
}

impl Environment {
    /// That of this process.
    ///
    /// # Errors
    /// When the current folder is gone.
    pub fn of_process() -> io::Result<Self> {
        Ok(Self {
            variables: std::env::vars_os().collect(),
            home: std::env::home_dir().filter(|home| home.is_absolute()),
            current_folder: std::env::current_dir()?,
        })
    }

    /// A variable's value; an empty one counts as unset.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        self.variables
            .get(OsStr::new(name))
            .map(OsString::as_os_str)
            .filter(|value| !value.is_empty())
    }

    /// The absolute folders in a variable that systemd sets, parted by `:`.
    pub(super) fn folders(&self, name: &str) -> Vec<PathBuf> {
        let value = self.variable(name).unwrap_or_default();
        std::env::split_paths(value)
            .filter(|folder| folder.is_absolute())
            .collect()
    }

    /// An XDG base folder: the variable where it is absolute (as its specification asks), else below the home folder.
    pub(super) fn base_folder(&self, variable: &str, below_home: &str) -> Option<PathBuf> {
        let given = self
            .variable(variable)
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute());
        given.or_else(|| self.home.as_ref().map(|home| home.join(below_home)))
    }
}

/// The files that a config names.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The text of a template.
    ///
    /// # Errors
    /// When it is no regular file, cannot be read, or is not UTF-8.
    fn read_template(&self, path: &Path) -> io::Result<String>;

    /// The absolute path with the symlinks and `..` in it resolved, as far as it exists.
    fn real_path(&self, path: &Path) -> PathBuf;
}

/// Those of the machine.
#[derive(Clone, Copy, Debug)]
pub struct RealFiles;

impl Files for RealFiles {
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }

    fn read_template(&self, path: &Path) -> io::Result<String> {
        // A FIFO would block for ever.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no regular file",
            ));
        }
        std::fs::read_to_string(path)
    }

    fn real_path(&self, path: &Path) -> PathBuf {
        let existing = path
            .ancestors()
            .find_map(|ancestor| Some((ancestor, std::fs::canonicalize(ancestor).ok()?)));
        let Some((ancestor, real)) = existing else {
            return without_dots(path);
        };
        // What does not exist holds no symlink, so that `..` may be resolved as text.
        match path.strip_prefix(ancestor) {
            Ok(rest) => without_dots(&real.join(rest)),
            Err(_) => real,
        }
    }
}

/// `path` with `.` and `..` resolved as text.
pub(super) fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_or_relative_base_folder_counts_as_unset() {
        let mut environment = Environment {
            home: Some("/home/u".into()),
            ..Environment::default()
        };
        let state =
            |environment: &Environment| environment.base_folder("XDG_STATE_HOME", ".local/state");
        assert_eq!(state(&environment), Some("/home/u/.local/state".into()));
        for ignored in ["", "relative/state"] {
            environment
                .variables
                .insert("XDG_STATE_HOME".into(), ignored.into());
            assert_eq!(state(&environment), Some("/home/u/.local/state".into()));
        }
        environment
            .variables
            .insert("XDG_STATE_HOME".into(), "/var/state".into());
        assert_eq!(state(&environment), Some("/var/state".into()));
    }

    #[test]
    fn a_real_path_sees_through_symlinks_as_far_as_it_exists() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("real/inner")).unwrap();
        std::os::unix::fs::symlink("real/inner", root.join("link")).unwrap();
        assert_eq!(
            RealFiles.real_path(&root.join("link/new/file")),
            root.join("real/inner/new/file")
        );
        assert_eq!(
            RealFiles.real_path(&root.join("link/../new")),
            root.join("real/new")
        );
        assert_eq!(
            RealFiles.real_path(&root.join("new/../other")),
            root.join("other")
        );
    }

    #[test]
    fn a_template_is_a_regular_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = RealFiles.read_template(folder.path()).unwrap_err();
        assert_eq!(error.to_string(), "it is no regular file");
    }
}
