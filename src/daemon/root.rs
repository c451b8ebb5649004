//! The notes folder itself: what lies at its path, and what the loop does when that is gone, back or another folder.
//! What follows for the next step, the [agenda](crate::agenda) decides.

use std::time::Instant;

use super::{Daemon, DaemonError, Work};
use crate::agenda::{Asked, RootNews, RootSeen};
use crate::disk::FolderState;
use crate::disk::notes::NotesFolder;
use crate::engine::EngineError;
use crate::log::events;
use crate::session::SessionError;

const HINT: &str = "what was exported stays; the work goes on when the folder is back";

impl Daemon<'_> {
    /// Looks whether the notes folder is there, and has it looked at when it may be back.
    pub(super) fn check_root(&mut self, now: Instant) {
        let Some(session) = &self.session else { return };
        let idle = matches!(self.work, Work::Idle(_));
        let (seen, why) = match session.notes.root_state() {
            Ok(FolderState::Same) => (RootSeen::Same, None),
            Ok(FolderState::Replaced) if idle => take_anew(&session.notes),
            Ok(FolderState::Replaced) => (RootSeen::ReplacedMidway, None),
            Ok(FolderState::Gone | FolderState::EmptyMountPoint) => (RootSeen::Gone, None),
            Err(error) => (RootSeen::Gone, Some(error)),
        };
        if seen == RootSeen::Replaced
            && let Work::Idle(engine) = &mut self.work
        {
            engine.set_device(session.notes.device());
        }
        match self.agenda.saw_root(seen, now) {
            RootNews::None => {}
            RootNews::Anew => self.watch.restart(),
            RootNews::Lost => {
                let path = session.loaded.config.notes_dir.display();
                let reason = match why {
                    Some(error) => format!("{path}: the notes folder can't be opened: {error}"),
                    None => format!("{path}: the notes folder is gone"),
                };
                self.lose_notes(reason);
            }
        }
    }

    /// A look succeeded, and the folder had been gone or replaced.
    pub(super) fn found_notes(&mut self) {
        // A folder that was replaced between two looks was never told of as gone.
        if self.trouble.notes.take().is_some() {
            events::watch_restored(self.watch.coverage().word());
        }
        self.say_state();
    }

    /// A step could not look at the notes folder. Before the first look that ends the process, later it is waited for.
    pub(super) fn could_not_look(
        &mut self,
        asked: Asked,
        error: EngineError,
    ) -> Result<(), DaemonError> {
        let reason = match error {
            EngineError::Manifest(error) => return Err(DaemonError::Manifest(error)),
            EngineError::Notes { path, error } if !self.is_ready => {
                return Err(DaemonError::Session(SessionError::Folder {
                    path,
                    error,
                    hint: "notes_dir must be a folder that can be read",
                }));
            }
            error @ (EngineError::Notes { .. } | EngineError::NotesGone(_)) => error.to_string(),
        };
        if !self.is_ready {
            // The manifest knows notes, and the folder is an empty mount point: wait for the mount.
            self.become_ready(0);
        }
        match self.agenda.failed(asked, Instant::now()) {
            RootNews::Lost => self.lose_notes(reason),
            RootNews::None | RootNews::Anew => {}
        }
        Ok(())
    }

    fn lose_notes(&mut self, reason: String) {
        events::watch_degraded(&reason, HINT);
        self.trouble.notes = Some(reason);
        self.say_state();
    }
}

/// Takes the folder that lies at the path now for the notes folder.
fn take_anew(notes: &NotesFolder) -> (RootSeen, Option<std::io::Error>) {
    match notes.reopen() {
        Ok(()) => (RootSeen::Replaced, None),
        Err(error) => (RootSeen::Gone, Some(error)),
    }
}
