//! Where records go and in which form. Used by the writer thread alone, which may wait here as long as it likes.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd};

use super::journald::Journal;
use super::pretty::Pretty;
use super::record::Record;
use super::{json, plain};

/// How a record becomes bytes.
pub(super) enum Form {
    /// `key=value`.
    Plain,
    /// Coloured.
    Pretty(Pretty),
    /// JSON lines.
    Json,
    /// journald's own protocol; plain for what it does not take.
    Journal(Journal),
}

/// A form and the stream for it.
pub(super) struct Output {
    form: Form,
    stream: File,
}

/// Makes room for the log in a terminal that something else draws on: is given the write and calls it.
pub type DrawAround = Box<dyn Fn(&mut dyn FnMut()) + Send>;

impl Output {
    pub(super) fn new(form: Form, stream: File) -> Self {
        Self { form, stream }
    }

    /// An output to this process's stderr.
    pub(super) fn to_stderr(form: Form) -> io::Result<Self> {
        let stream = io::stderr().as_fd().try_clone_to_owned()?;
        Ok(Self::new(form, stream.into()))
    }

    /// Writes records in order, those that follow each other in one piece.
    pub(super) fn write(&self, records: &[Record], around: Option<&DrawAround>) {
        let text: String = match &self.form {
            Form::Plain => records.iter().map(plain::line).collect(),
            Form::Pretty(pretty) => records.iter().map(|record| pretty.line(record)).collect(),
            Form::Json => records.iter().map(json::line).collect(),
            Form::Journal(journal) => {
                let refused = records
                    .iter()
                    .filter(|record| journal.send(record).is_err());
                refused.map(plain::line).collect()
            }
        };
        if text.is_empty() {
            return;
        }
        let mut write = || {
            // There is nowhere left to report that stderr is closed or its disk is full.
            let _unreportable = write_fully(&self.stream, text.as_bytes());
        };
        match around {
            Some(around) => around(&mut write),
            None => write(),
        }
    }
}

/// `write_all` that also waits where someone has made the stream non-blocking: stderr is shared with others.
fn write_fully(mut stream: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_writable(stream.as_fd())?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn wait_writable(fd: BorrowedFd<'_>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};
    let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::OUT)];
    match poll(&mut fds, None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
