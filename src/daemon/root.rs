//! The notes folder itself: whether it is there, what to do while it is not, and when the work goes on.

use std::time::Instant;

use super::{Daemon, DaemonError, Work};
use crate::disk::FolderState;
use crate::engine::EngineError;
use crate::log::events::{self, Trigger};
use crate::service;
use crate::session::SessionError;

const HINT: &str = "what was exported stays; the work goes on when the folder is back";

/// The notes folder, as far as the loop knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Root {
    /// It is there.
    Here,
    /// It is gone: nothing is looked at.
    Gone,
    /// It was gone or replaced and something lies there again; only a look tells whether that is the folder. After a
    /// start on an empty mount point it is the mount point itself, every time.
    Doubtful {
        /// Whether the user has been told that it is gone.
        told: bool,
    },
}

impl Root {
    fn is_told_gone(self) -> bool {
        matches!(self, Self::Gone | Self::Doubtful { told: true })
    }
}

impl Daemon<'_> {
    /// Looks whether the notes folder is there, and has it looked at when it may be back.
    pub(super) fn check_root(&mut self, now: Instant) {
        let Some(session) = &self.session else { return };
        match session.notes.root_state() {
            Ok(FolderState::Same) if self.root == Root::Gone => self.try_again(),
            Ok(FolderState::Same) => {}
            Ok(FolderState::Replaced) if session.notes.reopen().is_ok() => {
                if let Work::Idle(engine) = &mut self.work {
                    engine.set_device(session.notes.device());
                }
                self.try_again();
            }
            Ok(_) | Err(_) => {
                let path = session.loaded.config.notes_dir.display();
                let reason = format!("{path}: the notes folder is gone");
                self.lose(reason);
            }
        }
        self.schedule.checked_root(now, self.root != Root::Here);
    }

    fn try_again(&mut self) {
        let told = self.root.is_told_gone();
        self.root = Root::Doubtful { told };
        self.watch.restart();
        self.pending.trigger = Some(Trigger::Rescan);
    }

    /// A look succeeded: the folder is there.
    pub(super) fn found_root(&mut self) {
        if std::mem::replace(&mut self.root, Root::Here) != Root::Here {
            self.degraded = None;
            events::watch_restored(self.watch.coverage().word());
        }
    }

    /// The notes folder can't be looked at. Before the first look that ends the process, later it is waited for.
    pub(super) fn lose_notes(&mut self, error: &EngineError) -> Result<(), DaemonError> {
        let reason = match error {
            EngineError::Manifest(error) => return Err(DaemonError::Broken(error.to_string())),
            EngineError::Notes { path, error } if !self.is_ready => {
                let error = std::io::Error::new(error.kind(), error.to_string());
                return Err(DaemonError::Session(SessionError::Folder {
                    path: path.clone(),
                    error,
                    hint: "notes_dir must be a folder that can be read",
                }));
            }
            EngineError::Notes { .. } | EngineError::NotesGone(_) => error.to_string(),
        };
        if !self.is_ready {
            // The manifest knows notes, and the folder is an empty mount point: wait for the mount.
            self.become_ready(0);
        }
        self.lose(reason);
        self.schedule.checked_root(Instant::now(), true);
        Ok(())
    }

    /// Says once that the folder is gone, however often it is looked for in vain.
    fn lose(&mut self, reason: String) {
        if !std::mem::replace(&mut self.root, Root::Gone).is_told_gone() {
            self.degrade(reason, HINT);
            self.say_status(&service::waiting_sentence(&self.config().notes_dir.clone()));
        }
    }
}
