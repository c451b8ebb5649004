//! The control socket: how other processes ask the daemon that holds an export tree what it does, or to do something.
//!
//! One JSON object a line each way. `server` takes requests in and hands them to the daemon's loop, which alone
//! decides; `client` asks. Neither knows what an answer means.

mod client;
mod server;
pub mod status;

use serde::{Deserialize, Serialize};

pub use client::{ControlError, ask};
pub use server::{Asked, Limits, Socket, serve};
pub use status::Status;

/// The socket's name in the state folder of an export tree.
pub const SOCKET_NAME: &str = "control.sock";

/// What the daemon can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// What it is doing now. Answered with [`Response::Status`].
    Status,
    /// To read its config again. Answered with [`Response::Reloaded`] once the new one is in force.
    Reload,
    /// Why a note is exported, as JSON. Answered with [`Response::Value`].
    Explain {
        /// The note as the user named it.
        note: String,
    },
}

/// What the daemon answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "response", content = "data", rename_all = "snake_case")]
pub enum Response {
    /// What it is doing now.
    Status(Box<Status>),
    /// The new config is in force.
    Reloaded {
        /// The keys whose values are others.
        changed: Vec<String>,
    },
    /// What was asked for.
    Value(serde_json::Value),
    /// It is about to end, and does nothing more that it is asked for.
    Stopping,
    /// It can't or won't, in one line that says why.
    Failed {
        /// Why.
        error: String,
    },
}

impl Response {
    /// It can't or won't.
    pub fn failed(error: impl Into<String>) -> Self {
        Self::Failed {
            error: error.into(),
        }
    }
}

/// The address of a name in an open folder. A socket's own path may be no longer than 107 bytes; this one always is.
fn address_in(
    folder: std::os::fd::BorrowedFd<'_>,
    name: &str,
) -> rustix::io::Result<rustix::net::SocketAddrUnix> {
    use std::os::fd::AsRawFd as _;
    rustix::net::SocketAddrUnix::new(format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()))
}

/// Opens a folder only to find names in it.
fn open_folder(path: &std::path::Path) -> rustix::io::Result<std::os::fd::OwnedFd> {
    use rustix::fs::{Mode, OFlags};
    rustix::fs::open(
        path,
        OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
}

#[cfg(test)]
mod tests;
