//! The log: `tracing` events become records, records become lines in one of four forms, on stderr or in the journal.
//!
//! What is said, at which level and with which fields stands in [`events`] alone. Whoever logs never waits for the
//! log: records go through a bounded `queue` to one thread.

pub mod events;
mod journald;
mod json;
mod output;
mod panic;
mod plain;
mod pretty;
mod queue;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

pub use output::DrawAround;
pub use panic::install_panic_hook;

use crate::config::{self, LogFormat};
use crate::report::clock;
use crate::report::paint::Paint;
use crate::report::safe::safe;
use journald::Journal;
use output::{Form, Output};
use pretty::Pretty;
use queue::Queue;
use record::Record;
use writer::Writer;

/// How long the end of the process waits for the last records to be written.
const PATIENCE: Duration = Duration::from_secs(2);

/// Why the log could not be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter makes no sense.
    #[error(
        "{source_name}: {text:?} is no log filter ({error}); write for example info or smartnotesd=debug"
    )]
    Filter {
        /// The variable or key it comes from.
        source_name: &'static str,
        /// What was written there.
        text: String,
        /// What is wrong with it.
        error: tracing_subscriber::filter::ParseError,
    },
    /// stderr or a thread could not be had.
    #[error("log: {0}")]
    Io(#[from] io::Error),
    /// There is one already.
    #[error("log: it is already set up")]
    Twice,
}

/// The log of this process. Dropped, it waits a moment for the last records to be written: keep it to the end of
/// `main`, and leave by returning from there.
pub struct LogHandle {
    filter: reload::Handle<EnvFilter, Registry>,
    writer: Arc<Writer>,
}

/// Sets up the log of this process.
///
/// # Errors
/// See [`LogError`].
pub fn init(settings: &config::Log) -> Result<LogHandle, LogError> {
    let (filter, handle) = reload::Layer::new(filter(settings, rust_log())?);
    let writer = Writer::start(output(settings.format)?, Queue::new())?;
    let queue = ToQueue {
        writer: Arc::clone(&writer),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(queue)
        .try_init()
        .map_err(|_| LogError::Twice)?;
    writer.activate();
    Ok(LogHandle {
        filter: handle,
        writer,
    })
}

impl LogHandle {
    /// Goes on as `settings` say. Records made before keep the form that they had.
    ///
    /// # Errors
    /// See [`LogError`]; then nothing has changed.
    pub fn reload(&self, settings: &config::Log) -> Result<(), LogError> {
        let filter = filter(settings, rust_log())?;
        let output = output(settings.format)?;
        // The subscriber lives as long as the process does.
        self.filter
            .reload(filter)
            .map_err(|error| LogError::Io(io::Error::other(error)))?;
        self.writer.queue.redirect(output);
        Ok(())
    }

    /// Has every write to stderr made inside `around`, so that a progress bar can step aside; `None` ends it.
    pub fn draw_around(&self, around: Option<DrawAround>) {
        self.writer.draw_around(around);
    }

    /// Waits until all records so far are written, but only for a moment. Whether they are.
    pub fn flush(&self) -> bool {
        self.writer.queue.flush(PATIENCE)
    }
}

impl Drop for LogHandle {
    fn drop(&mut self) {
        self.writer.queue.close();
        self.flush();
    }
}

/// Hands every event that the filter lets through to the writer.
struct ToQueue {
    writer: Arc<Writer>,
}

impl<S: Subscriber> Layer<S> for ToQueue {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        self.writer
            .queue
            .push(Record::of_event(SystemTime::now(), event));
    }
}

/// `RUST_LOG`, where it says anything.
fn rust_log() -> Option<String> {
    std::env::var("RUST_LOG")
        .ok()
        .filter(|filter| !filter.trim().is_empty())
}

/// `RUST_LOG`, else the config's level.
fn filter(settings: &config::Log, rust_log: Option<String>) -> Result<EnvFilter, LogError> {
    let (source_name, text) = match rust_log {
        Some(text) => ("RUST_LOG", text),
        None => ("log.level", settings.level.clone()),
    };
    EnvFilter::builder()
        .parse(&text)
        .map_err(|error| LogError::Filter {
            source_name,
            text,
            error,
        })
}

fn output(format: LogFormat) -> io::Result<Output> {
    let form = match format {
        LogFormat::Auto if stderr_is_the_journal() => journal(),
        LogFormat::Auto if io::stderr().is_terminal() => pretty(),
        LogFormat::Auto | LogFormat::Plain => Form::Plain,
        LogFormat::Pretty => pretty(),
        LogFormat::Json => Form::Json,
        LogFormat::Journald => journal(),
    };
    Output::to_stderr(form)
}

fn pretty() -> Form {
    Form::Pretty(Pretty {
        paint: Paint::detect(io::stderr().is_terminal()),
        clock: clock::time_of_day,
    })
}

/// journald, or plain lines where it cannot be reached.
fn journal() -> Form {
    Journal::open(journald::SOCKET).map_or(Form::Plain, Form::Journal)
}

/// Says what ended the process on stderr, outside of the log: a line of text, or several of them. In the journal each is an
/// error, which it takes from the prefix; without one they would be at the level of what is only said.
pub fn say_error(text: &str) {
    let prefix = if stderr_is_the_journal() { "<3>" } else { "" };
    let lines = text.lines().map(|line| format!("{prefix}{}\n", safe(line)));
    let lines: String = lines.collect();
    // stderr may be closed: then nobody can be told, and the exit code says it.
    let _ = io::stderr().write_all(lines.as_bytes());
}

/// Whether systemd connected our stderr to the journal, and nobody has redirected it since.
fn stderr_is_the_journal() -> bool {
    let Ok(stat) = rustix::fs::fstat(io::stderr().as_fd()) else {
        return false;
    };
    std::env::var("JOURNAL_STREAM")
        .is_ok_and(|stream| names_file(&stream, stat.st_dev, stat.st_ino))
}

/// Whether `JOURNAL_STREAM`'s `device:inode` is this file.
fn names_file(stream: &str, device: u64, inode: u64) -> bool {
    stream
        .split_once(':')
        .is_some_and(|(dev, ino)| dev.parse() == Ok(device) && ino.parse() == Ok(inode))
}
