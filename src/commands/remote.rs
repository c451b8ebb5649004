//! `status` and `reload`: asked of the daemon that holds the export tree.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{CommandError, Outcome, print, print_json};
use crate::config::{self, ConfigSource, Whereabouts};
use crate::control::{self, ControlError, Request, Response};
use crate::manifest::state_path;
use crate::report::{self, View};

/// The daemon answers at once, or two seconds later when it looks at the notes; a reload that is put in force comes before.
const STATUS_WAIT: Duration = Duration::from_secs(10);
/// A reload waits for the batch that runs.
const RELOAD_WAIT: Duration = Duration::from_secs(3600);

pub(super) fn status(source: &ConfigSource, json: bool) -> Result<Outcome, CommandError> {
    match ask(source, &Request::Status, STATUS_WAIT)? {
        Response::Status(status) if json => print_json(&status)?,
        Response::Status(status) => print(&report::status(&status, View::detect()))?,
        other => return Err(unexpected(other)),
    }
    Ok(Outcome::Done)
}

pub(super) fn reload(source: &ConfigSource) -> Result<Outcome, CommandError> {
    match ask(source, &Request::Reload, RELOAD_WAIT)? {
        Response::Reloaded { changed } if changed.is_empty() => {
            print("config reloaded: nothing changed\n")?;
        }
        Response::Reloaded { changed } => {
            print(&format!("config reloaded: {}\n", changed.join(", ")))?;
        }
        other => return Err(unexpected(other)),
    }
    Ok(Outcome::Done)
}

/// Asks the daemon of this config. The file may be wrong by now, or name other folders than the daemon has: then the
/// daemon is found by the file.
fn ask(source: &ConfigSource, request: &Request, wait: Duration) -> Result<Response, CommandError> {
    let asked = config::load(source)
        .map_err(CommandError::from)
        .and_then(|loaded| {
            let config = &loaded.config;
            let state = state_path(&config.state_dir, &config.export_dir);
            Ok(control::ask(&state, request, wait)?)
        });
    match asked {
        Err(
            error @ (CommandError::Config(_) | CommandError::Control(ControlError::NoDaemon(_))),
        ) => {
            let state = daemon_of(source).ok_or(error)?;
            Ok(control::ask(&state, request, wait)?)
        }
        asked => asked,
    }
}

/// The state folder of the daemon that runs on this config file and nothing else.
fn daemon_of(source: &ConfigSource) -> Option<PathBuf> {
    if source.overrides.notes.is_some() || source.overrides.export.is_some() {
        return None;
    }
    let Whereabouts { file, state_dir } = config::whereabouts(source)?;
    let runs_on_it = |state: &PathBuf| {
        let status = control::ask(state, &Request::Status, STATUS_WAIT);
        matches!(status, Ok(Response::Status(status)) if status.config.as_ref().is_some_and(|config| is_same(config, &file)))
    };
    let states = std::fs::read_dir(state_dir).ok()?;
    states
        .filter_map(|state| Some(state.ok()?.path()))
        .find(runs_on_it)
}

fn is_same(a: &Path, b: &Path) -> bool {
    a == b || matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

fn unexpected(response: Response) -> CommandError {
    CommandError::Refused(match response {
        Response::Failed { error } => error,
        _ => "the daemon gave an answer to another question; are both of the same version?"
            .to_owned(),
    })
}
