//! What the service manager is told: `sd_notify`'s words, sent so that a manager that does not listen costs nothing.
//!
//! Outside a service manager everything in here does nothing. The environment is only read: whoever starts commands
//! gives them an environment of their own.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use sd_notify::NotifyState;

use crate::report::words::{counted, milliseconds};

/// State changes that may wait for a manager that takes nothing just now.
const MAX_UNSENT: usize = 64;

/// The service manager, if there is one.
pub struct Service {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Duration>,
    /// State changes that could not be sent yet. They matter (a lost `READY=1` fails the start), so each later
    /// message tries them again first; pings are not kept.
    unsent: VecDeque<String>,
}

impl Service {
    /// The manager that `NOTIFY_SOCKET` names.
    ///
    /// # Errors
    /// When it names no socket that can be used.
    pub fn from_env() -> io::Result<Self> {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        Self::at(socket.as_deref(), sd_notify::watchdog_enabled())
    }

    /// No manager.
    pub fn none() -> Self {
        Self {
            socket: None,
            watchdog: None,
            unsent: VecDeque::new(),
        }
    }

    fn at(name: Option<&OsStr>, watchdog: Option<Duration>) -> io::Result<Self> {
        let Some(name) = name else {
            return Ok(Self {
                watchdog,
                ..Self::none()
            });
        };
        let address = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: Some((socket, address)),
            watchdog,
            unsent: VecDeque::new(),
        })
    }

    /// How often [`Self::ping`] is due: twice in the time after which the manager restarts us.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog
            .map(|patience| patience / 2)
            .filter(|interval| !interval.is_zero())
    }

    /// The watch stands, or a reload is done.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn ready(&mut self, status: &str) -> io::Result<()> {
        self.tell(&[NotifyState::Ready, NotifyState::Status(&one_line(status))])
    }

    /// What goes on, in a sentence.
    ///
    /// # Errors
    /// When the manager's socket is gone. One that is full is no error: the message is kept.
    pub fn status(&mut self, status: &str) -> io::Result<()> {
        self.tell(&[NotifyState::Status(&one_line(status))])
    }

    /// The config is being read again; [`Self::ready`] must follow.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn reloading(&mut self) -> io::Result<()> {
        // In one message, as the manager wants it; the time tells this reload from an earlier one.
        self.tell(&[NotifyState::Reloading, NotifyState::monotonic_usec_now()?])
    }

    /// The end begins.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn stopping(&mut self, status: &str) -> io::Result<()> {
        self.tell(&[
            NotifyState::Stopping,
            NotifyState::Status(&one_line(status)),
        ])
    }

    /// The step under way may take so long from now.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn extend_timeout(&mut self, by: Duration) -> io::Result<()> {
        let microseconds = u32::try_from(by.as_micros()).unwrap_or(u32::MAX);
        self.tell(&[NotifyState::ExtendTimeoutUsec(microseconds)])
    }

    /// The loop that does the work still turns.
    ///
    /// # Errors
    /// As [`Self::status`].
    pub fn ping(&mut self) -> io::Result<()> {
        if self.send_unsent()? {
            self.send(&words(&[NotifyState::Watchdog]))?;
        }
        Ok(())
    }

    fn tell(&mut self, states: &[NotifyState<'_>]) -> io::Result<()> {
        if self.socket.is_none() {
            return Ok(());
        }
        if self.unsent.len() == MAX_UNSENT {
            // A sentence can go, a state cannot while a sentence is left.
            let at = self
                .unsent
                .iter()
                .position(|message| message.starts_with("STATUS="))
                .unwrap_or(0);
            self.unsent.remove(at);
        }
        self.unsent.push_back(words(states));
        self.send_unsent().map(|_| ())
    }

    /// Sends what waits, in order. Whether nothing waits any more.
    fn send_unsent(&mut self) -> io::Result<bool> {
        while let Some(message) = self.unsent.front() {
            if !self.send(message)? {
                return Ok(false);
            }
            self.unsent.pop_front();
        }
        Ok(true)
    }

    /// Whether the manager has taken it.
    fn send(&self, message: &str) -> io::Result<bool> {
        let Some((socket, address)) = &self.socket else {
            return Ok(true);
        };
        match socket.send_to_addr(message.as_bytes(), address) {
            Ok(_) => Ok(true),
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }
}

fn words(states: &[NotifyState<'_>]) -> String {
    let mut message = String::new();
    for state in states {
        let _infallible = writeln!(message, "{state}");
    }
    message
}

/// A status is one line; a line break in a note's name must not become another assignment.
fn one_line(text: &str) -> String {
    text.replace(|c: char| c.is_control(), " ")
}

/// The batch that a sentence tells of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Finished {
    /// Its number.
    pub batch: u64,
    /// Files written.
    pub exported: usize,
    /// Jobs that failed.
    pub failed: usize,
    /// How long it took.
    pub elapsed_ms: f64,
    /// How many times faster than one job after the other.
    pub speedup: f64,
}

/// `watching 1,204 notes; batch 17: 5 exported in 41 ms, 3.9x`
pub fn watching_sentence(notes: usize, last: Option<&Finished>, failing: usize) -> String {
    let mut sentence = format!("watching {}", counted(notes as u64, "note", "notes"));
    if let Some(last) = last {
        let _infallible = write!(
            sentence,
            "; batch {}: {} exported",
            last.batch, last.exported
        );
        if last.failed > 0 {
            let _infallible = write!(sentence, ", {} failed", last.failed);
        }
        let _infallible = write!(sentence, " in {}", milliseconds(last.elapsed_ms));
        // A single job is no faster than itself.
        if last.speedup >= 1.05 {
            let _infallible = write!(sentence, ", {:.1}x", last.speedup);
        }
    }
    if failing > 0 {
        let _infallible = write!(
            sentence,
            "; {} failing",
            counted(failing as u64, "output", "outputs")
        );
    }
    sentence
}

/// `exporting batch 18: 120 of 300 jobs`
pub fn exporting_sentence(batch: u64, done: usize, jobs: usize) -> String {
    format!(
        "exporting batch {batch}: {done} of {}",
        counted(jobs as u64, "job", "jobs")
    )
}

/// `waiting for the notes folder /srv/notes`
pub fn waiting_sentence(notes_dir: &std::path::Path) -> String {
    format!("waiting for the notes folder {}", notes_dir.display())
}

/// `waiting for the export folder /srv/site`
pub fn waiting_for_exports_sentence(export_dir: &std::path::Path) -> String {
    format!("waiting for the export folder {}", export_dir.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn managed() -> (tempfile::TempDir, UnixDatagram, Service) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let service = Service::at(Some(path.as_os_str()), Some(Duration::from_secs(30))).unwrap();
        (folder, manager, service)
    }

    fn next(manager: &UnixDatagram) -> String {
        let mut buffer = [0; 1024];
        let length = manager.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    #[test]
    fn the_words_of_the_protocol() {
        let (_folder, manager, mut service) = managed();
        service.ready("watching\n3 notes").unwrap();
        assert_eq!(next(&manager), "READY=1\nSTATUS=watching 3 notes\n");
        service.reloading().unwrap();
        let reloading = next(&manager);
        let time = reloading
            .strip_prefix("RELOADING=1\nMONOTONIC_USEC=")
            .unwrap()
            .trim_end();
        assert!(time.parse::<u64>().unwrap() > 0);
        service.stopping("finishing").unwrap();
        assert_eq!(next(&manager), "STOPPING=1\nSTATUS=finishing\n");
        service.extend_timeout(Duration::from_secs(5)).unwrap();
        assert_eq!(next(&manager), "EXTEND_TIMEOUT_USEC=5000000\n");
        service.ping().unwrap();
        assert_eq!(next(&manager), "WATCHDOG=1\n");
        assert_eq!(service.watchdog_interval(), Some(Duration::from_secs(15)));
    }

    #[test]
    fn an_abstract_socket() {
        let name = format!("smartnotesd-test-{}", std::process::id());
        let manager =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        let mut service = Service::at(Some(format!("@{name}").as_ref()), None).unwrap();
        service.status("here").unwrap();
        assert_eq!(next(&manager), "STATUS=here\n");
    }

    #[test]
    fn a_manager_that_does_not_listen_costs_nothing_and_misses_no_state() {
        let (_folder, manager, mut service) = managed();
        // Fill its socket; the ping that finds no room is forgotten.
        let mut pings = 0;
        while service.send("WATCHDOG=1\n").unwrap() {
            pings += 1;
        }
        service.ready("now").unwrap();
        service.ping().unwrap();
        service.stopping("later").unwrap();
        for _ in 0..pings {
            assert_eq!(next(&manager), "WATCHDOG=1\n");
        }
        service.ping().unwrap();
        assert_eq!(next(&manager), "READY=1\nSTATUS=now\n");
        assert_eq!(next(&manager), "STOPPING=1\nSTATUS=later\n");
        assert_eq!(next(&manager), "WATCHDOG=1\n");
    }

    #[test]
    fn without_a_manager_nothing_happens() {
        let mut service = Service::at(None, None).unwrap();
        service.ready("x").unwrap();
        service.ping().unwrap();
        assert!(service.socket.is_none());
        assert_eq!(service.watchdog_interval(), None);
    }

    #[test]
    fn sentences() {
        let mut last = Finished {
            batch: 17,
            exported: 5,
            failed: 0,
            elapsed_ms: 41.2,
            speedup: 3.9,
        };
        assert_eq!(
            watching_sentence(1204, Some(&last), 0),
            "watching 1,204 notes; batch 17: 5 exported in 41 ms, 3.9x"
        );
        last.failed = 2;
        last.speedup = 1.0;
        assert_eq!(
            watching_sentence(1, Some(&last), 1),
            "watching 1 note; batch 17: 5 exported, 2 failed in 41 ms; 1 output failing"
        );
        assert_eq!(watching_sentence(0, None, 0), "watching 0 notes");
        assert_eq!(
            exporting_sentence(18, 120, 300),
            "exporting batch 18: 120 of 300 jobs"
        );
        assert_eq!(
            waiting_sentence("/srv/notes".as_ref()),
            "waiting for the notes folder /srv/notes"
        );
    }
}
