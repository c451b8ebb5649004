//! Finding the config file and reading it.

use std::io;
use std::path::{Path, PathBuf};

use super::Config;
use super::check::{Document, Overrides, parse, state_dir};
use super::environment::{Environment, Files, RealFiles};
use super::error::ConfigErrors;
use super::yaml::Position;

/// What the command line says of the config.
#[derive(Clone, Debug, Default)]
pub struct ConfigSource {
    /// `--config FILE`.
    pub file: Option<PathBuf>,
    /// `--notes` and `--export`.
    pub overrides: Overrides,
}

/// A config and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Loaded {
    /// The config.
    pub config: Config,
    /// The file it was read from, absolute; `None` where the command line said enough.
    pub file: Option<PathBuf>,
}

impl Loaded {
    /// What it resolves to, as YAML that reads back as the same config; its first line is a comment that names the file.
    pub fn to_yaml(&self) -> String {
        let origin = match &self.file {
            Some(file) => file.display().to_string(),
            None => "the command line".to_owned(),
        };
        self.config.to_yaml(&origin)
    }
}

/// Finds and reads the config.
///
/// # Errors
/// Everything that is wrong with it, or where none was found.
pub fn load(source: &ConfigSource) -> Result<Loaded, ConfigErrors> {
    let environment = Environment::of_process().map_err(|error| {
        ConfigErrors::new([format!(
            "current folder: cannot be used ({error}); change to another"
        )])
    })?;
    load_in(source, &environment, &RealFiles)
}

/// [`load`] for a config that is to take the place of one in force.
///
/// # Errors
/// As [`load`], and where the file is no regular one: a pipe that a config came through at the start has nothing more to
/// say, and whoever waits for it waits for ever.
pub fn load_again(source: &ConfigSource) -> Result<Loaded, ConfigErrors> {
    if let Some(file) = &source.file
        && std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file())
    {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
        return Err(unreadable(file, &error));
    }
    load(source)
}

/// What it takes to find the daemon that runs on a config, however wrong the file has become since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whereabouts {
    /// The config file, absolute.
    pub file: PathBuf,
    /// The folder that the file names, or the default.
    pub state_dir: PathBuf,
}

/// Finds the config file as [`load`] does, and takes from it no more than where the daemon's state is.
pub fn whereabouts(source: &ConfigSource) -> Option<Whereabouts> {
    let environment = Environment::of_process().ok()?;
    let (file, bytes) = find(source, &environment, &RealFiles).ok()??;
    let text = String::from_utf8_lossy(&bytes);
    let absolute = environment.current_folder.join(file);
    let document = Document {
        name: None,
        text: &text,
        folder: absolute.parent().unwrap_or(&environment.current_folder),
    };
    let state_dir = state_dir(&document, &source.overrides, &environment, &RealFiles)?;
    Some(Whereabouts {
        file: absolute,
        state_dir,
    })
}

/// [`load`] with given surroundings.
///
/// # Errors
/// As [`load`].
pub fn load_in(
    source: &ConfigSource,
    environment: &Environment,
    files: &dyn Files,
) -> Result<Loaded, ConfigErrors> {
    let overrides = &source.overrides;
    let Some((file, bytes)) = find(source, environment, files)? else {
        let document = Document {
            name: None,
            text: "",
            folder: &environment.current_folder,
        };
        return Ok(Loaded {
            config: parse(&document, overrides, environment, files)?,
            file: None,
        });
    };
    let name = file.display().to_string();
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(&name, &error))?;
    let absolute = environment.current_folder.join(&file);
    let folder = absolute.parent().unwrap_or(&environment.current_folder);
    let document = Document {
        name: Some(&name),
        text: &text,
        folder,
    };
    Ok(Loaded {
        config: parse(&document, overrides, environment, files)?,
        file: Some(absolute),
    })
}

/// The file and what it holds; `None` where there is none and the command line says enough.
fn find(
    source: &ConfigSource,
    environment: &Environment,
    files: &dyn Files,
) -> Result<Option<(PathBuf, Vec<u8>)>, ConfigErrors> {
    if let Some(file) = &source.file {
        return read(file, environment, files)
            .map(Some)
            .map_err(|error| unreadable(file, &error));
    }
    let candidates = usual_places(environment);
    for file in &candidates {
        match read(file, environment, files) {
            Ok(found) => return Ok(Some(found)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) => {}
            Err(error) => return Err(unreadable(file, &error)),
        }
    }
    if source.overrides.notes.is_some() && source.overrides.export.is_some() {
        return Ok(None);
    }
    let looked: Vec<String> = candidates
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    Err(ConfigErrors::new([format!(
        "config: no file found (looked for {}); give --config FILE, or both --notes FOLDER and --export FOLDER",
        looked.join(", ")
    )]))
}

fn read(
    file: &Path,
    environment: &Environment,
    files: &dyn Files,
) -> io::Result<(PathBuf, Vec<u8>)> {
    files
        .read(&environment.current_folder.join(file))
        .map(|bytes| (file.to_owned(), bytes))
}

/// Where a config is looked for, in that order.
fn usual_places(environment: &Environment) -> Vec<PathBuf> {
    let named = environment
        .variable("SMARTNOTESD_CONFIG")
        .map(PathBuf::from);
    let of_systemd = environment
        .folders("CONFIGURATION_DIRECTORY")
        .into_iter()
        .map(|folder| folder.join("config.yaml"));
    let of_user = environment.base_folder("XDG_CONFIG_HOME", ".config");
    let of_user = of_user.map(|folder| folder.join("smartnotesd/config.yaml"));
    named
        .into_iter()
        .chain(of_systemd)
        .chain(of_user)
        .chain([PathBuf::from("/etc/smartnotesd/config.yaml")])
        .collect()
}

fn unreadable(file: &Path, error: &io::Error) -> ConfigErrors {
    ConfigErrors::new([format!(
        "{}: cannot be read: {error}; name a config file that can",
        file.display()
    )])
}

fn not_utf8(name: &str, error: &std::string::FromUtf8Error) -> ConfigErrors {
    let valid = error.utf8_error().valid_up_to();
    let text = String::from_utf8_lossy(&error.as_bytes()[..valid]);
    let position = Position::of_offset(&text, valid);
    ConfigErrors::new([format!(
        "{name}:{position}: the text is not UTF-8; save the file as UTF-8"
    )])
}
