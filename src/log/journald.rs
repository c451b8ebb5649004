//! `journald`: the native protocol, one datagram a record. Fields are there as `SN_<NAME>`, the phrase as MESSAGE.
//!
//! Everything sent is printable UTF-8, because `journalctl -o json` shows anything else as an array of bytes.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use tracing::Level;

use super::record::Record;
use crate::report::safe::safe;

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// A stopped journald is asked again so often; the writer waits as long as it takes.
const RETRY: Duration = Duration::from_secs(1);
/// journald takes longer names for nonsense.
const MAX_NAME: usize = 64;

/// A way to journald.
pub(super) struct Journal {
    socket: UnixDatagram,
    // Sent to by name each time: a journald that was started afresh has a new socket there.
    path: PathBuf,
}

impl Journal {
    /// A way to the journald that listens at `path`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(super) fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(RETRY))?;
        UnixDatagram::unbound()?.connect(&path)?;
        Ok(Self { socket, path })
    }

    /// Sends a record, waiting for a journald that is there but takes nothing just now.
    ///
    /// # Errors
    /// When journald is gone or refuses the record.
    pub(super) fn send(&self, record: &Record) -> io::Result<()> {
        let entry = entry(record);
        loop {
            match self.socket.send_to(&entry, &self.path) {
                Ok(_) => return Ok(()),
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                Err(error) if is_too_large(&error) => return self.send_file(&entry),
                Err(error) => return Err(error),
            }
        }
    }

    /// What no datagram holds goes as a sealed memory file.
    fn send_file(&self, entry: &[u8]) -> io::Result<()> {
        use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
        use rustix::net::{
            SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketAddrUnix, sendmsg_addr,
        };

        let memory = memfd_create(
            "smartnotesd-log",
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
        )?;
        let mut file = File::from(memory);
        file.write_all(entry)?;
        fcntl_add_seals(
            &file,
            SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
        )?;

        let address = SocketAddrUnix::new(&self.path)?;
        let files = [file.as_fd()];
        loop {
            let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = SendAncillaryBuffer::new(&mut space);
            control.push(SendAncillaryMessage::ScmRights(&files));
            match sendmsg_addr(
                &self.socket,
                &address,
                &[],
                &mut control,
                SendFlags::empty(),
            ) {
                Ok(_) => return Ok(()),
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn is_too_large(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MSGSIZE | Errno::NOBUFS)
    )
}

/// The record as journald reads it.
pub(super) fn entry(record: &Record) -> Vec<u8> {
    let mut out = Vec::new();
    field_into(&mut out, "MESSAGE", &safe(&record.message));
    field_into(&mut out, "PRIORITY", priority(record.level));
    field_into(&mut out, "SYSLOG_IDENTIFIER", "smartnotesd");
    for (name, value) in &record.fields {
        field_into(&mut out, &field_name(name), &printable(&value.to_string()));
    }
    out
}

fn priority(level: Level) -> &'static str {
    match level {
        Level::ERROR => "3",
        Level::WARN => "4",
        Level::INFO => "6",
        _ => "7",
    }
}

/// `SN_` and the name in capitals.
fn field_name(name: &str) -> String {
    let capital = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let mut out = String::from("SN_");
    out.extend(name.chars().map(capital).take(MAX_NAME - out.len()));
    out
}

/// A value with its lines kept and all else that cannot be shown escaped.
fn printable(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(safe).collect();
    lines.join("\n")
}

/// `NAME=value`, or for a value of several lines its length in binary.
fn field_into(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        out.push(b'\n');
        out.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        out.push(b'=');
    }
    out.extend_from_slice(value.as_bytes());
    out.push(b'\n');
}
