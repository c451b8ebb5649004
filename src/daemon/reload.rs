//! A new config: read at once while the loop turns, put in force between two batches. Whatever it changes, the export tree is
//! compared with it afterwards, and no event is lost, since everything is looked at again behind a watch that stands.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Daemon, DaemonError, Work, state, system};
use crate::agenda::Agenda;
use crate::config::{ConfigErrors, ConfigSource, Loaded, changed_keys, load_again};
use crate::control::Response;
use crate::engine::Engine;
use crate::log::events::{self, Trigger};
use crate::session::{Reopen, Session};
use crate::watch::{Inbox, Watch};

/// A reload that was asked for and is on its way.
pub(super) struct Asked {
    config: Config,
    /// Those who wait for an answer; a signal waits for none.
    answers: Vec<oneshot::Sender<Response>>,
}

/// The config that was asked for.
enum Config {
    /// It is being read, for ever maybe: its file system may hang. Until then the old one is worked with.
    Awaited(JoinHandle<Result<Loaded, ConfigErrors>>),
    /// It waits for a batch to end.
    Read(Box<Result<Loaded, ConfigErrors>>),
}

impl Asked {
    /// Whether there is something to put in force, or to reject.
    pub(super) fn is_read(&self) -> bool {
        matches!(self.config, Config::Read(_))
    }
}

impl Daemon<'_> {
    /// A signal or a request asks for the config to be read again.
    pub(super) fn ask_reload(&mut self, answer: Option<oneshot::Sender<Response>>) {
        if self.stopping {
            if let Some(answer) = answer {
                let _ = answer.send(Response::Stopping);
            }
            return;
        }
        let told = self.service.reloading();
        Self::heed(told);
        let source = self.reload_source();
        let reading = tokio::task::spawn_blocking(move || load_again(&source));
        // A later request reads a later state of the file, so that is the one that counts for all who wait.
        let mut answers = self
            .reload
            .take()
            .map_or_else(Vec::new, |asked| asked.answers);
        answers.extend(answer);
        self.reload = Some(Asked {
            config: Config::Awaited(reading),
            answers,
        });
    }

    /// The file that the config came from, whatever other one might be found by now.
    fn reload_source(&self) -> ConfigSource {
        let file = self
            .session
            .as_ref()
            .and_then(|session| session.loaded.file.clone());
        ConfigSource {
            file: file.or_else(|| self.source.file.clone()),
            overrides: self.source.overrides.clone(),
        }
    }

    /// Puts the config that was asked for in force, or says why not. Between two batches.
    pub(super) async fn reload_now(&mut self) -> Result<(), DaemonError> {
        let Some(Asked { config, answers }) = self.reload.take_if(|asked| asked.is_read()) else {
            return Ok(());
        };
        let Config::Read(read) = config else {
            unreachable!("it is only taken when it is read");
        };
        let outcome = match *read {
            Ok(loaded) => self.put_in_force(loaded).await?,
            Err(errors) => Err(errors.to_string()),
        };
        let response = match outcome {
            Ok(changed) => {
                events::config_reloaded(&changed);
                self.trouble.config = None;
                Response::Reloaded { changed }
            }
            Err(error) => {
                events::config_rejected(&error);
                self.trouble.config = Some(error.clone());
                Response::failed(error)
            }
        };
        // Before the answers: `systemctl reload` is over when the client that it started has ended and the reload is told
        // to be over, and should not have to wait for the one after the other.
        let told = self.service.ready(&self.sentence());
        Self::heed(told);
        for answer in answers {
            // Whoever asked may have gone meanwhile.
            let _ = answer.send(response.clone());
        }
        Ok(())
    }

    /// The outer error ends the daemon, the inner one leaves the old config in force.
    async fn put_in_force(
        &mut self,
        loaded: Loaded,
    ) -> Result<Result<Vec<String>, String>, DaemonError> {
        let changed = changed_keys(self.config(), &loaded.config);
        let config = loaded.config.clone();
        // The new watch first: if it can't be had, nothing has changed yet.
        let inbox = Arc::new(Inbox::new());
        let watch = match Watch::start(&config.notes_dir, config.watch.mode, inbox.clone()) {
            Ok(watch) => Arc::new(watch),
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Err(error) = self.log.reload(&config.log) {
            return Ok(Err(error.to_string()));
        }
        let reopened = self.reopen(loaded).await?;
        if let Err(error) = reopened {
            // What was changed of the log is changed back.
            let back = self.log.reload(&self.config().log);
            return Ok(Err(match back {
                Ok(()) => error,
                Err(log) => format!("{error}; only its log settings are in force: {log}"),
            }));
        }
        self.inbox = inbox;
        let former = std::mem::replace(&mut self.watch, watch);
        self.former_watches.push(former);
        let now = Instant::now();
        self.agenda = Agenda::new(config.debounce, config.watch, Trigger::Reload, now);
        self.trouble.notes = None;
        self.trouble.watch = None;
        self.inbox.mark_all();
        Ok(Ok(changed))
    }

    async fn reopen(&mut self, loaded: Loaded) -> Result<Result<(), String>, DaemonError> {
        let (Some(session), Work::Idle(engine)) = (
            self.session.take(),
            std::mem::replace(&mut self.work, Work::Moving),
        ) else {
            unreachable!(
                "a config is put in force between two batches, and sessions are only taken here"
            );
        };
        let state_before = session.state.clone();
        let reopened: Result<(Session, Engine), Reopen> =
            crate::sync::off_the_loop(move || session.reopen(*engine, loaded, Instant::now()))
                .await;
        let (session, engine, outcome) = match reopened {
            Ok((session, engine)) => (session, engine, Ok(())),
            Err(Reopen::Rejected(old, error)) => (old.0, old.1, Err(error.to_string())),
            Err(Reopen::Broken(error)) => return Err(DaemonError::Session(error)),
        };
        if session.state != state_before {
            let (socket, name) =
                state::listen_in(&session.state).map_err(system("control socket"))?;
            self.socket = name;
            // Nobody takes it only when the server has ended, and then the loop does too.
            let _ = self.sockets.send(socket);
        }
        if let (Ok(()), Some(lost)) = (&outcome, &session.lost) {
            events::manifest_renewed(lost);
        }
        self.session = Some(session);
        self.work = Work::Idle(Box::new(engine));
        Ok(outcome)
    }
}

/// Waits until the config that was asked for is read, if one is. Dropped, it is waited for again at the next turn.
pub(super) async fn config_read(reload: &mut Option<Asked>) {
    if let Some(Asked { config, .. }) = reload
        && let Config::Awaited(reading) = config
    {
        let read = crate::sync::task_ended(reading).await;
        *config = Config::Read(Box::new(read));
    } else {
        std::future::pending::<()>().await;
    }
}
