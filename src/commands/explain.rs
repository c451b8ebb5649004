//! `explain`: asks the daemon, which knows the vault; where none runs, reads the notes itself.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{CommandError, Outcome, fresh, manifest_of, print, print_json};
use crate::config::Loaded;
use crate::control::{self, ControlError, Request, Response};
use crate::disk::{Beat, Content, OutputDisk, OutputError, OutputState, Owned, Staged, StagedFile};
use crate::engine::Failures;
use crate::explain::{self, Explanation, Known};
use crate::manifest::{Failure, FailureKey, ManifestError, Owner, state_path};
use crate::path::OutputPath;
use crate::session::open_notes;
use crate::vault::{FileId, Vault};

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
        read_and_explain(loaded, &named)?
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

fn read_and_explain(loaded: &Loaded, note: &str) -> Result<Explanation, CommandError> {
    let notes = Arc::new(open_notes(loaded)?);
    let now = Instant::now();
    // Only the look is wanted; the batch that it would lead to is not run.
    let (engine, _) = fresh::full_export(loaded, notes, Arc::new(NoTree), now)?;
    // One that can't be read, or is of another version, tells of no failure; all else is known without it.
    let failures = last_failures(loaded, engine.vault(), now).unwrap_or_default();
    let known = Known {
        vault: engine.vault(),
        config: &loaded.config,
        failures: &failures,
        unreadable: engine.unreadable(),
        not_withdrawn: engine.not_withdrawn(),
    };
    explain::explain(&known, note).map_err(CommandError::NotFound)
}

/// What of the notes failed when they were last exported, as the manifest knows it. Its ids are not those of `vault`.
fn last_failures(loaded: &Loaded, vault: &Vault, now: Instant) -> Result<Failures, ManifestError> {
    let mut failures = Failures::default();
    let Some(manifest) = manifest_of(loaded)? else {
        return Ok(failures);
    };
    let mut failed: BTreeMap<FileId, Vec<Failure>> = BTreeMap::new();
    for failure in manifest.failures()? {
        if let Owner::Note(id) = failure.owner {
            failed.entry(id).or_default().push(failure);
        }
    }
    if failed.is_empty() {
        return Ok(failures);
    }
    manifest.load_files(|file| {
        let Some(id) = vault.files().find(file.path.as_str()) else {
            return;
        };
        for failure in failed.remove(&file.id).into_iter().flatten() {
            let key = FailureKey {
                owner: Owner::Note(id),
                format: failure.format,
            };
            failures.remember(key, failure.error, failure.attempt, failure.failed_at, now);
        }
    })?;
    Ok(failures)
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
