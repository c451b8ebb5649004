//! `explain`: asks the daemon, which knows the vault; where none runs, reads the notes itself.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CommandError, Outcome, fresh, print, print_json};
use crate::config::Loaded;
use crate::control::{self, ControlError, Request, Response};
use crate::disk::{Beat, Content, OutputDisk, OutputError, OutputState, Owned, Staged, StagedFile};
use crate::explain::{self, Explanation};
use crate::manifest::state_path;
use crate::path::OutputPath;
use crate::session::open_notes;
use crate::vault::Vault;

/// How long the daemon may take to answer.
const WAIT: Duration = Duration::from_secs(60);

pub(super) fn explain(loaded: &Loaded, note: &Path, json: bool) -> Result<Outcome, CommandError> {
    let name = std::fs::canonicalize(note)
        .unwrap_or_else(|_| note.to_owned())
        .to_string_lossy()
        .into_owned();
    let named = note.to_string_lossy().into_owned();
    let explanation = if let Some(explanation) = ask(loaded, &named, &name)? {
        explanation
    } else {
        let vault = read_vault(loaded)?;
        explain::explain(&vault, &loaded.config, &named).map_err(CommandError::NotFound)?
    };
    if json {
        print_json(&explanation)?;
    } else {
        print(&explain::text(&explanation))?;
    }
    Ok(Outcome::Done)
}

/// What the daemon says; `None` where none runs. It has another current folder, so a path that leads to a file from here
/// is tried in full too.
fn ask(loaded: &Loaded, note: &str, full: &str) -> Result<Option<Explanation>, CommandError> {
    let state = state_path(&loaded.config.state_dir, &loaded.config.export_dir);
    let mut failed = String::new();
    for note in [note, full] {
        match control::ask(
            &state,
            &Request::Explain {
                note: note.to_owned(),
            },
            WAIT,
        ) {
            Ok(Response::Value(value)) => {
                let explanation = serde_json::from_value(value);
                return explanation.map(Some).map_err(|error| {
                    CommandError::Refused(format!("the daemon's answer: {error}"))
                });
            }
            Ok(Response::Failed { error }) => failed = error,
            Ok(_) => {
                return Err(CommandError::Refused(
                    "the daemon gave an answer to another question".to_owned(),
                ));
            }
            // One that ends needs no asking: the notes are there.
            Err(ControlError::NoDaemon(_) | ControlError::HungUp(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        }
    }
    Err(CommandError::Refused(failed))
}

fn read_vault(loaded: &Loaded) -> Result<Arc<Vault>, CommandError> {
    let notes = Arc::new(open_notes(loaded)?);
    // Only the look is wanted; the batch that it would lead to is not run.
    let (engine, _) = fresh::full_export(loaded, notes, Arc::new(NoTree), Instant::now())?;
    Ok(engine.vault().clone())
}

/// No export tree: nothing is written to explain something.
struct NoTree;

impl OutputDisk for NoTree {
    fn stage(
        &self,
        path: &OutputPath,
        _: Content<'_>,
        _: Owned<'_>,
        _: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        Err(OutputError::Blocked(path.clone()))
    }

    fn flush(&self) -> std::io::Result<()> {
        Ok(())
    }

    fn publish(
        &self,
        staged: StagedFile,
        _: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        Err(OutputError::Blocked(staged.path))
    }

    fn delete(&self, _: &OutputPath, _: Owned<'_>, _: Beat<'_>) -> Result<bool, OutputError> {
        Ok(false)
    }

    fn remove_folder(&self, _: &OutputPath) -> std::io::Result<bool> {
        Ok(false)
    }

    fn is_intact(&self, _: &OutputPath, _: &OutputState) -> bool {
        false
    }

    fn sweep(&self) -> std::io::Result<()> {
        Ok(())
    }
}
