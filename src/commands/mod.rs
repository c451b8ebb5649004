//! The commands of the command line: each opens what it needs, does its work and says how it went.
//!
//! What a script may read goes to stdout; the one line that names what is wrong goes to stderr.

mod batches;
mod check;
mod explain;
mod export;
mod fresh;
mod interrupt;
mod remote;
mod run;
mod verify;

use std::io::Write as _;
use std::process::ExitCode;

use crate::cli::{Cli, Command};
use crate::config::{self, ConfigErrors, Loaded};
use crate::control::ControlError;
use crate::daemon::DaemonError;
use crate::engine::EngineError;
use crate::export::FormatError;
use crate::log::{self, LogError};
use crate::manifest::{MANIFEST_NAME, Manifest, ManifestError, state_path};
use crate::session::SessionError;

/// How a command ends when nothing stopped it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// Done, and what it found or did was not all well.
    Failed,
}

/// What stops a command, with the exit code that scripts know it by.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The config is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A template is wrong.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A folder can't be used, or the export tree is held.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// The notes can't be looked at.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The daemon ended.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// The log can't be set up.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The daemon can't be asked.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// The manifest can't be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// The daemon was asked and says no, or something that is no answer: the text is for the user as it is.
    #[error("{0}")]
    Refused(String),
    /// It was told to end.
    #[error("told to end before it was done")]
    Interrupted,
    /// The system refused.
    #[error("{what}: {error}")]
    Io {
        /// What was asked for.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

const FAILED: u8 = 1;
const UNAVAILABLE: u8 = 69;
const IO_ERROR: u8 = 74;
const CONFIG_ERROR: u8 = 78;

impl CommandError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Format(_) | Self::Log(LogError::Filter { .. }) => CONFIG_ERROR,
            Self::Session(error) | Self::Daemon(DaemonError::Session(error)) => session_code(error),
            // One that is stopped or stuck serves nobody either, and has rejected nothing.
            Self::Control(
                ControlError::NoDaemon(_) | ControlError::HungUp(_) | ControlError::Timeout { .. },
            ) => UNAVAILABLE,
            Self::Engine(_)
            | Self::Daemon(_)
            | Self::Manifest(_)
            | Self::Control(ControlError::Io { .. })
            | Self::Io { .. } => IO_ERROR,
            Self::Log(_)
            | Self::Control(_)
            | Self::NotFound(_)
            | Self::Refused(_)
            | Self::Interrupted => FAILED,
        }
    }
}

fn session_code(error: &SessionError) -> u8 {
    match error {
        SessionError::Held(_) => UNAVAILABLE,
        SessionError::Folder { .. } | SessionError::Manifest(_) => IO_ERROR,
        SessionError::Format(_) => CONFIG_ERROR,
    }
}

/// Runs the command line; what stopped it is said on stderr, in one line (of a config: one for each problem).
pub fn main(cli: &Cli) -> ExitCode {
    match dispatch(cli) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::from(FAILED),
        Err(error) => {
            log::say_error(&format!("smartnotesd: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: &Cli) -> Result<Outcome, CommandError> {
    let source = cli.config_source();
    let load = || config::load(&source);
    match &cli.command {
        Command::Run => run::run(load()?, source.clone()),
        Command::Export { full } => export::export(load()?, *full),
        Command::Check => check::check(&load()?),
        // What is wrong with the config is for the daemon to say.
        Command::Status { json } => remote::status(&source, *json),
        Command::Reload => remote::reload(&source),
        Command::Batches(args) => batches::batches(&load()?, args),
        Command::Verify { json } => verify::verify(&load()?, *json),
        Command::Explain { json, note } => explain::explain(&load()?, note, *json),
    }
}

/// What the export tree of a config is known by, to be read; `None` where nothing was exported to it.
fn manifest_of(loaded: &Loaded) -> Result<Option<Manifest>, ManifestError> {
    let state = state_path(&loaded.config.state_dir, &loaded.config.export_dir);
    match Manifest::open_read_only(&state.join(MANIFEST_NAME)) {
        Err(ManifestError::Missing { .. }) => Ok(None),
        opened => opened.map(Some),
    }
}

/// Prints to stdout. A reader that has gone (`| head`) is no failure.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(CommandError::Io {
            what: "stdout".to_owned(),
            error,
        }),
        _ => Ok(()),
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), CommandError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| CommandError::Io {
        what: "JSON".to_owned(),
        error: error.into(),
    })?;
    text.push('\n');
    print(&text)
}

/// Threads for blocking work besides those that the jobs of a batch may all be on: for its waves, for a reload, and for each
/// client of the control socket.
const SPARE_THREADS: usize = 64;

/// The runtime that the daemon and `export` wait on: one thread that only waits and decides; files are for the threads
/// for blocking work. Each is begun when it is needed, so there may be as many as the highest limit asks for.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, CommandError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(usize::from(config::MOST_CONCURRENT) + SPARE_THREADS)
        .build()
        .map_err(|error| CommandError::Io {
            what: "runtime".to_owned(),
            error,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_does_not_answer_is_none() {
        let (path, timeout) = ("state".into(), std::time::Duration::from_secs(10));
        let silent = ControlError::Timeout { path, timeout };
        for error in [silent, ControlError::NoDaemon("state".into())] {
            assert_eq!(CommandError::from(error).exit_code(), 69);
        }
    }
}
