//! The folder of the export tree itself: whether it is still the one that was opened.
//!
//! The daemon writes below a handle of that folder. Once it was deleted or moved away, what is written there can't be
//! seen at its path, so the folder that lies there now is taken in its place and compared as after a start.

use std::time::Instant;

use super::{Daemon, Work};
use crate::disk::FolderState;
use crate::log::events;
use crate::session;

impl Daemon<'_> {
    /// Looks whether the export tree lies where it should, and begins it anew if not. Only between two batches.
    pub(super) fn check_tree(&mut self) {
        let (Some(session), Work::Idle(engine)) = (&mut self.session, &mut self.work) else {
            return;
        };
        let outputs = &session.outputs;
        let path = outputs.path().to_owned();
        let renewed = match outputs.root_state() {
            Ok(FolderState::Same) => return self.has_tree(),
            Ok(FolderState::Gone) if let Some(error) = session::no_folder(&path) => Err(error),
            Ok(FolderState::Gone) if outputs.may_be_made_again() => {
                session.reopen_tree(engine, Instant::now())
            }
            Ok(FolderState::Replaced) => session.reopen_tree(engine, Instant::now()),
            Ok(FolderState::Gone | FolderState::EmptyMountPoint) => {
                let error = format!(
                    "{}: its file system is gone; mount it again",
                    path.display()
                );
                return self.lose_tree(error);
            }
            Err(error) => return self.lose_tree(format!("{}: {error}", path.display())),
        };
        match renewed {
            Ok(()) => {
                events::export_folder_renewed(&path);
                self.has_tree();
                self.agenda.ask_audit();
            }
            Err(error) => self.lose_tree(error.to_string()),
        }
    }

    fn has_tree(&mut self) {
        self.agenda.hold(false);
        if self.trouble.tree.take().is_some() {
            self.say_state();
        }
    }

    fn lose_tree(&mut self, error: String) {
        self.agenda.hold(true);
        if self.trouble.tree.as_ref() != Some(&error) {
            events::export_folder_lost(&error);
            self.trouble.tree = Some(error);
            self.say_state();
        }
    }
}
