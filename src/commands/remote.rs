//! `status` and `reload`: asked of the daemon that holds the export tree.

use std::time::Duration;

use super::{CommandError, Outcome, print, print_json};
use crate::config::Loaded;
use crate::control::{self, Request, Response};
use crate::manifest::state_path;
use crate::report::{self, View};

/// The daemon's loop answers at once.
const STATUS_WAIT: Duration = Duration::from_secs(10);
/// A reload waits for the batch that runs.
const RELOAD_WAIT: Duration = Duration::from_secs(3600);

pub(super) fn status(loaded: &Loaded, json: bool) -> Result<Outcome, CommandError> {
    match ask(loaded, &Request::Status, STATUS_WAIT)? {
        Response::Status(status) if json => print_json(&status)?,
        Response::Status(status) => print(&report::status(&status, View::detect()))?,
        other => return Err(unexpected(other)),
    }
    Ok(Outcome::Done)
}

pub(super) fn reload(loaded: &Loaded) -> Result<Outcome, CommandError> {
    match ask(loaded, &Request::Reload, RELOAD_WAIT)? {
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

fn ask(loaded: &Loaded, request: &Request, wait: Duration) -> Result<Response, CommandError> {
    let state = state_path(&loaded.config.state_dir, &loaded.config.export_dir);
    Ok(control::ask(&state, request, wait)?)
}

fn unexpected(response: Response) -> CommandError {
    CommandError::NotFound(match response {
        Response::Failed { error } => error,
        _ => "the daemon gave an answer to another question; are both of the same version?"
            .to_owned(),
    })
}
