//! What the daemon answers to the control socket.
//!
//! Owns the questions that wait for an answer and the figures of the last `status`. It changes nothing of the daemon's
//! work and never reads a note: what takes long (`explain`) is done on another thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::{Daemon, Work};
use crate::control::status::{Failure, Links, Queue, Refused, Running, State, WatchState};
use crate::control::{Request, Response, Status};
use crate::engine::{Engine, Failures, NotWithdrawn, Unreadable};
use crate::explain::{self, Known};
use crate::log::events::milliseconds;
use crate::plan::owner_name;
use crate::vault::Vault;
use crate::watch::Coverage;

/// How long the status waits for a look to end; whoever asks waits longer.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);
/// How long an explanation does, which can't do without what the look finds; whoever asks waits longer still.
const EXPLAIN_PATIENCE: Duration = Duration::from_secs(30);

impl Daemon<'_> {
    pub(super) fn answer(&mut self, request: Request, answer: oneshot::Sender<Response>) {
        match request {
            // Told in the turn that follows.
            Request::Status => self
                .status_asked
                .push((Instant::now() + LOOK_PATIENCE, answer)),
            Request::Reload => self.ask_reload(Some(answer)),
            Request::Explain { note } => {
                let until = Instant::now() + EXPLAIN_PATIENCE;
                self.explain_asked.push((until, note, answer));
            }
        }
    }

    /// Answers who asked for the status. While the notes are being looked at, what the vault holds can't be seen: that is
    /// waited for, but not for long, and not at the start, when nothing is known yet.
    pub(super) fn tell_status(&mut self, now: Instant) {
        let looking = matches!(self.work, Work::Running(_)) && self.current.is_none();
        let waits = |(until, _): &(Instant, _)| *until > now;
        if self.is_ready && looking && self.status_asked.iter().all(waits) {
            return;
        }
        for (_, answer) in std::mem::take(&mut self.status_asked) {
            let status = self.status();
            // Whoever asked may have gone meanwhile: nobody is left to tell.
            let _ = answer.send(Response::Status(Box::new(status)));
        }
    }

    /// Answers who asked for an explanation, once the notes can be seen.
    pub(super) fn tell_explanations(&mut self, now: Instant) {
        for (until, note, answer) in std::mem::take(&mut self.explain_asked) {
            if let Some(seen) = self.seen() {
                self.explain(seen, note, answer);
            } else if until > now {
                self.explain_asked.push((until, note, answer));
            } else {
                let _ = answer.send(Response::failed(
                    "the notes are being looked at; ask again in a moment",
                ));
            }
        }
    }

    fn explain(&self, seen: Seen, note: String, answer: oneshot::Sender<Response>) {
        let config = self.config().clone();
        // Looks whether the outputs are there, which is not for this thread. It ends by itself, and the next batch only
        // has to copy the vault if it comes first.
        tokio::task::spawn_blocking(move || {
            let known = Known {
                vault: &seen.vault,
                config: &config,
                failures: &seen.failures,
                unreadable: &seen.unreadable,
                not_withdrawn: &seen.not_withdrawn,
            };
            let response = match explain::explain(&known, &note) {
                Ok(explanation) => serde_json::to_value(&explanation)
                    .map_or_else(|error| Response::failed(error.to_string()), Response::Value),
                Err(error) => Response::failed(error),
            };
            let _ = answer.send(response);
        });
    }

    /// What is known of the notes; `None` while they are being looked at.
    fn seen(&self) -> Option<Seen> {
        match (&self.work, &self.current) {
            (Work::Idle(engine), _) => Some(Seen::of(engine)),
            (_, Some(current)) => Some(current.seen.clone()),
            (_, None) => None,
        }
    }

    fn status(&mut self) -> Status {
        let now = Instant::now();
        // While the notes are being looked at, what was told last is still true enough.
        if let Some(seen) = self.seen() {
            self.census = Census::of(&seen, now);
        }
        let census = self.census.clone();
        let config = self.config();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_ms: whole_ms(self.started.elapsed()),
            config: self
                .session
                .as_ref()
                .and_then(|session| session.loaded.file.clone()),
            notes_dir: config.notes_dir.clone(),
            export_dir: config.export_dir.clone(),
            formats: config
                .formats
                .iter()
                .map(|format| format.name.to_string())
                .collect(),
            state: self.state(),
            watch: self.watch_state(),
            degraded: [&self.trouble.notes, &self.trouble.tree, &self.trouble.watch]
                .into_iter()
                .find_map(Clone::clone),
            notes: census.notes,
            withheld: census.withheld,
            attachments: census.attachments,
            problems: census.problems,
            unreadable: census.unreadable,
            not_withdrawn: census.not_withdrawn,
            links: census.links,
            queue: Queue {
                paths: self.inbox.count(),
                due_in_ms: self
                    .agenda
                    .changes_due()
                    .map(|due| whole_ms(due.saturating_duration_since(now))),
            },
            running: self.current.as_ref().map(|current| Running {
                batch: current.batch,
                trigger: current.trigger,
                done: self.progress.done.load(Ordering::Relaxed),
                jobs: current.jobs,
                in_flight: self.progress.in_flight.load(Ordering::Relaxed),
                elapsed_ms: milliseconds(current.began.elapsed()),
            }),
            last_rescan_ms_ago: self.past.last_rescan.map(|last| whole_ms(last.elapsed())),
            batches: self.past.batches.clone(),
            failures: census.failures,
            config_error: self.trouble.config.clone(),
        }
    }

    fn state(&self) -> State {
        if self.stopping {
            State::Stopping
        } else if !self.agenda.root_is_here() {
            State::WaitingForNotes
        } else if !self.is_ready {
            State::Starting
        } else if self.current.is_some() {
            State::Exporting
        } else {
            State::Watching
        }
    }

    fn watch_state(&self) -> WatchState {
        match self.watch.coverage() {
            _ if !self.agenda.root_is_here() => WatchState::Lost,
            Coverage::Native => WatchState::Native,
            Coverage::Partial { unwatched } => WatchState::Partial {
                polled_folders: unwatched,
            },
            Coverage::Poll => WatchState::Poll,
        }
    }
}

fn whole_ms(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn refused((path, error): (&str, &str)) -> Refused {
    let (path, error) = (path.to_owned(), error.to_owned());
    Refused { path, error }
}

/// What is known of the notes, and does not change while it is held.
#[derive(Clone)]
pub(super) struct Seen {
    /// The notes themselves.
    vault: Arc<Vault>,
    /// What failed and waits to be tried again.
    failures: Arc<Failures>,
    /// What the last look could not read.
    unreadable: Arc<Unreadable>,
    /// What the last batch could not withdraw.
    not_withdrawn: Arc<NotWithdrawn>,
}

impl Seen {
    /// What the engine knows now.
    pub(super) fn of(engine: &Engine) -> Self {
        Self {
            vault: engine.vault().clone(),
            failures: engine.failures().clone(),
            unreadable: engine.unreadable().clone(),
            not_withdrawn: engine.not_withdrawn().clone(),
        }
    }
}

/// What the engine knows that `status` shows. While a batch has the engine, the last one made is shown.
#[derive(Clone, Debug, Default)]
pub(super) struct Census {
    notes: usize,
    withheld: usize,
    attachments: usize,
    problems: usize,
    unreadable: Vec<Refused>,
    not_withdrawn: Vec<Refused>,
    links: Links,
    failures: Vec<Failure>,
}

impl Census {
    /// Counts. Costs a walk through the vault's table, and reads nothing from the disk: it is the loop's thread that waits.
    fn of(seen: &Seen, now: Instant) -> Self {
        let vault = &*seen.vault;
        let mut census = Self {
            notes: vault.notes(),
            ..Self::default()
        };
        for (id, file) in vault.files().iter() {
            census.links.unresolved += usize::from(file.unresolved);
            census.links.ambiguous += usize::from(file.ambiguous);
            if file.is_note() {
                census.withheld += usize::from(!file.exported);
                census.problems += usize::from(file.has_problem);
            } else {
                census.attachments += usize::from(vault.is_copied(id));
            }
        }
        census.unreadable = seen.unreadable.iter().map(refused).collect();
        let not_withdrawn = seen.not_withdrawn.iter();
        census.not_withdrawn = not_withdrawn
            .map(|(path, error)| refused((path.as_str(), error)))
            .collect();
        census.failures = seen
            .failures
            .iter()
            .map(|(key, failed)| Failure {
                note: owner_name(vault, &key.owner),
                format: key.format.to_string(),
                error: failed.error.clone(),
                attempt: failed.attempt,
                retry_in_ms: Some(whole_ms(failed.due.saturating_duration_since(now))),
            })
            .collect();
        census
            .failures
            .sort_by(|a, b| (&a.note, &a.format).cmp(&(&b.note, &b.format)));
        census
    }
}
