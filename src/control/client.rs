//! The asking end of the control socket: blocking, with one deadline for the whole exchange.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, socket_with};

use super::{Request, Response, SOCKET_NAME, address_in, open_folder};

/// An answer is never larger.
const MAX_ANSWER: u64 = 256 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error("{}: no daemon is running for this export folder; start it with smartnotesd run", .0.display())]
    NoDaemon(PathBuf),
    /// It listens and says nothing.
    #[error("{}: the daemon has not answered within {}; is it stopped?", .path.display(), humantime::format_duration(*.timeout))]
    Timeout {
        /// The folder of the socket.
        path: PathBuf,
        /// How long it was waited for.
        timeout: Duration,
    },
    /// It is stopping, or has ended without an answer.
    #[error("{}: the daemon is stopping, or has just ended, and did not do what it was asked for", .0.display())]
    HungUp(PathBuf),
    /// What it said makes no sense.
    #[error("{}: the daemon's answer makes no sense ({reason}); is it of another version?", .path.display())]
    BadAnswer {
        /// The folder of the socket.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The system refused.
    #[error("{}: {error}", .path.display())]
    Io {
        /// The folder of the socket.
        path: PathBuf,
        /// What it said.
        error: io::Error,
    },
}

/// Asks the daemon whose socket lies in `folder`, and waits for its answer no longer than `timeout`.
///
/// # Errors
/// See [`ControlError`]. That the daemon refuses is an answer, [`Response::Failed`].
pub fn ask(folder: &Path, request: &Request, timeout: Duration) -> Result<Response, ControlError> {
    let deadline = Instant::now() + timeout;
    let path = || folder.to_owned();
    exchange(folder, request, deadline).map_err(|error| match error {
        Failure::HungUp => ControlError::HungUp(path()),
        Failure::BadAnswer(reason) => ControlError::BadAnswer {
            path: path(),
            reason,
        },
        Failure::Io(error) => match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => ControlError::NoDaemon(path()),
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => ControlError::HungUp(path()),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => ControlError::Timeout {
                path: path(),
                timeout,
            },
            _ => ControlError::Io {
                path: path(),
                error,
            },
        },
    })
}

enum Failure {
    Io(io::Error),
    HungUp,
    BadAnswer(String),
}

impl<E: Into<io::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Io(error.into())
    }
}

fn exchange(folder: &Path, request: &Request, deadline: Instant) -> Result<Response, Failure> {
    let stream = connect_in(folder, deadline)?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    (&stream).write_all(&line)?;

    let mut answer = Vec::new();
    let mut reader = BufReader::new(&stream).take(MAX_ANSWER);
    while answer.last() != Some(&b'\n') {
        stream.set_read_timeout(Some(left(deadline)?))?;
        let chunk = match reader.fill_buf() {
            Ok(chunk) => chunk,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        if chunk.is_empty() {
            return Err(if answer.is_empty() {
                Failure::HungUp
            } else {
                Failure::BadAnswer("it breaks off".into())
            });
        }
        let length = memchr::memchr(b'\n', chunk).map_or(chunk.len(), |at| at + 1);
        answer.extend_from_slice(&chunk[..length]);
        reader.consume(length);
    }
    match serde_json::from_slice(&answer) {
        Ok(Response::Stopping) => Err(Failure::HungUp),
        Ok(response) => Ok(response),
        Err(error) => Err(Failure::BadAnswer(error.to_string())),
    }
}

fn connect_in(folder: &Path, deadline: Instant) -> Result<UnixStream, Failure> {
    let folder = open_folder(folder)?;
    let socket = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // Holds for the connect too, which waits while a stopped daemon's backlog is full.
    set_socket_timeout(&socket, Timeout::Send, Some(left(deadline)?))?;
    let address = address_in(folder.as_fd(), SOCKET_NAME)?;
    loop {
        match connect(&socket, &address) {
            Ok(()) => return Ok(socket.into()),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    // Zero would mean for ever.
    if left.is_zero() {
        Err(ErrorKind::TimedOut.into())
    } else {
        Ok(left)
    }
}
