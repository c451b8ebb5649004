//! The checked configuration: nothing after this module ever sees a wrong value.
//!
//! `load` finds the file, `yaml` reads it, `check` (with `formats`, `folders` and `values`) turns it into a
//! [`Config`] or into every problem at once, `render` writes it out again. Only `load` and `environment` read files and
//! the machine's variables; all else is pure, and what it must know of the machine comes through [`Environment`] and
//! [`Files`].

mod check;
mod environment;
mod error;
mod folders;
mod formats;
mod load;
mod reader;
mod render;
mod values;
mod yaml;

#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

pub use check::{Document, MOST_CONCURRENT, Overrides, parse};
pub use environment::{Environment, Files, RealFiles};
pub use error::ConfigErrors;
pub use load::{ConfigSource, Loaded, Whereabouts, load, load_again, load_in, whereabouts};
pub use render::changed_keys;

/// Everything a run needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The watched folder, absolute.
    pub notes_dir: PathBuf,
    /// Where exports go, absolute. Neither folder lies inside the other.
    pub export_dir: PathBuf,
    /// Where the manifest, the lock and the control socket live, absolute.
    pub state_dir: PathBuf,
    /// The outputs of every note, in the order of the config; at least one.
    pub formats: Vec<Format>,
    /// Jobs in flight at once, over all notes and formats.
    pub max_concurrent: NonZeroUsize,
    /// When a batch starts.
    pub debounce: Debounce,
    /// How an output is named.
    pub layout: Layout,
    /// Which files are notes (gitignore-style globs, known to be valid).
    pub include: Vec<String>,
    /// What else is left out (gitignore-style globs, known to be valid).
    pub exclude: Vec<String>,
    /// Notes with one of these tags stay out (no `#`).
    pub skip_tags: Vec<String>,
    /// When not empty: only notes with one of these tags go in (no `#`).
    pub only_tags: Vec<String>,
    /// Which other files are copied along.
    pub attachments: Attachments,
    /// What one job's failure means for the others.
    pub on_error: OnError,
    /// Where changes come from.
    pub watch: Watch,
    /// How the log is written.
    pub log: Log,
}

/// One output of every note.
#[derive(Clone, Debug, PartialEq)]
pub struct Format {
    /// Its name in config and log: letters, digits, `-` and `_`.
    pub name: Box<str>,
    /// Subfolder of the export folder, normalised; "" for the export folder itself.
    pub dir: Box<str>,
    /// Extension of its files, without the dot.
    pub extension: Box<str>,
    /// What makes it.
    pub kind: FormatKind,
}

impl Format {
    /// Whether its outputs are made from the content of the pictures that a note shows, not only from their names.
    pub fn reads_pictures(&self) -> bool {
        matches!(&self.kind, FormatKind::Command(command) if command.names("{folder}"))
    }

    /// Whether it has pages that no single note stands behind: the index and one a tag.
    pub fn has_pages(&self) -> bool {
        matches!(self.kind, FormatKind::Html(_))
    }
}

/// What makes an output.
#[derive(Clone, Debug, PartialEq)]
pub enum FormatKind {
    /// Portable Markdown, or a template around it.
    Markdown(Option<TemplateFile>),
    /// A page, built in or by a template.
    Html(Option<TemplateFile>),
    /// The note as one JSON object.
    Json,
    /// A header and one row.
    Csv,
    /// A template of the user's.
    Template(TemplateFile),
    /// A command of the user's.
    Command(CommandLine),
}

/// A template, read when the config was loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateFile {
    /// Where it was read, for messages.
    pub path: PathBuf,
    /// Its text.
    pub source: String,
}

/// A command that makes an output; run with no shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The program and its arguments with their placeholders; never empty.
    pub arguments: Vec<String>,
    /// Past it the whole process group is ended.
    pub timeout: Duration,
}

impl CommandLine {
    /// Whether the command writes `{output}` itself; otherwise its stdout is the output.
    pub fn writes_output(&self) -> bool {
        self.names("{output}")
    }

    /// Whether an argument names a placeholder.
    pub fn names(&self, placeholder: &str) -> bool {
        self.arguments
            .iter()
            .any(|argument| argument.contains(placeholder))
    }
}

/// When a batch starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Debounce {
    /// After no change has come for so long …
    pub quiet: Duration,
    /// … or when the first change is so old.
    pub max_wait: Duration,
}

/// How an output is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// As the note, below the same folders.
    Mirror,
    /// Flat, after the title.
    Slug,
}

/// Which files that are no notes are copied along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attachments {
    /// Those that an exported note refers to.
    Referenced,
    /// All.
    All,
    /// None.
    None,
}

/// What one job's failure means for the rest of its batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Nothing.
    Continue,
    /// The jobs that have not finished are cancelled.
    Stop,
}

/// Where changes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    /// Kernel events or polling.
    pub mode: WatchMode,
    /// Between two polls.
    pub poll_interval: Duration,
    /// Between two comparisons of the whole tree; `None` for never.
    pub rescan: Option<Duration>,
}

/// Kernel events or polling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchMode {
    /// Kernel events where they can be had, else polling.
    Auto,
    /// Kernel events only.
    Native,
    /// Polling only.
    Poll,
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its form.
    pub format: LogFormat,
    /// A `tracing` filter, known to be valid.
    pub level: String,
}

/// The log's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// journald under systemd, coloured on a terminal, plain elsewhere.
    Auto,
    /// Coloured, for a terminal.
    Pretty,
    /// One line a record, `key=value`.
    Plain,
    /// One flat JSON object a record.
    Json,
    /// journald's native protocol.
    Journald,
}
