//! The state folder: whether lock, manifest and socket still lie where this process made them.
//!
//! It holds them open, so it could go on with them after they were deleted or moved away. But all that it remembers would
//! be gone with the process, and meanwhile nobody could ask it anything.

use std::path::Path;

use super::{Daemon, DaemonError, Work};
use crate::control::{SOCKET_NAME, Socket};
use crate::inode::Inode;
use crate::log::events;
use crate::session::{Session, SessionError};

/// Listens in a state folder. The second value is the file by which clients find the socket.
pub(super) fn listen_in(state: &Path) -> std::io::Result<(Socket, Option<Inode>)> {
    let socket = Socket::listen_in(state)?;
    Ok((socket, Inode::at(&state.join(SOCKET_NAME)).ok()))
}

impl Daemon<'_> {
    /// Looks whether the state folder holds what this process has open, and makes it anew if not. Only between two
    /// batches.
    ///
    /// # Errors
    /// When another process has taken its place.
    pub(super) async fn check_state(&mut self) -> Result<(), DaemonError> {
        let (Some(session), Work::Idle(engine)) = (&self.session, &self.work) else {
            return Ok(());
        };
        let has_socket =
            || (self.socket).is_some_and(|socket| socket.is_at(&session.state.join(SOCKET_NAME)));
        if session.has_state(engine) && has_socket() {
            self.trouble.state = None;
            return Ok(());
        }
        let path = session.state.clone();
        match self.restore_state().await {
            Ok(()) => {
                events::state_folder_renewed(&path);
                self.trouble.state = None;
            }
            Err(error @ SessionError::Held(_)) => return Err(error.into()),
            Err(error) => self.lose_state(error.to_string()),
        }
        Ok(())
    }

    async fn restore_state(&mut self) -> Result<(), SessionError> {
        let (Some(mut session), Work::Idle(mut engine)) = (
            self.session.take(),
            std::mem::replace(&mut self.work, Work::Moving),
        ) else {
            unreachable!("it was looked at between two batches");
        };
        let (session, engine, listening) = crate::sync::off_the_loop(move || {
            let restored = session.restore_state(&mut engine);
            let listening = restored.and_then(|()| listen(&session));
            (session, engine, listening)
        })
        .await;
        self.session = Some(session);
        self.work = Work::Idle(engine);
        let (socket, name) = listening?;
        self.socket = name;
        // Nobody takes it only when the server has ended, and then the loop does too.
        let _ = self.sockets.send(socket);
        Ok(())
    }

    /// Nothing is lost while the process lives, so it goes on, and tries again at every look.
    fn lose_state(&mut self, error: String) {
        if self.trouble.state.as_ref() != Some(&error) {
            events::state_folder_lost(&error);
            self.trouble.state = Some(error);
        }
    }
}

fn listen(session: &Session) -> Result<(Socket, Option<Inode>), SessionError> {
    listen_in(&session.state).map_err(|error| session.state_unusable(error))
}
