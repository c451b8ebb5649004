//! What the daemon says of itself.
//!
//! Owns the form in which it crosses the socket, which `status --json` prints as it is: names stay, and what is added may be
//! missing in what an older daemon sends. It counts nothing and words nothing: `daemon::answer` fills it in, `report` shows it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::log::events::Trigger;
use crate::report::BatchRow;

/// What the daemon is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It looks at the notes for the first time.
    Starting,
    /// All is exported; it waits for changes.
    Watching,
    /// A batch runs.
    Exporting,
    /// The notes folder is gone; what was exported stays.
    WaitingForNotes,
    /// It finishes the jobs in flight and ends.
    Stopping,
}

impl State {
    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Watching => "watching",
            Self::Exporting => "exporting",
            Self::WaitingForNotes => "waiting for the notes folder",
            Self::Stopping => "stopping",
        }
    }
}

/// Where changes come from at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum WatchState {
    /// Kernel events for every folder.
    Native,
    /// Kernel events, but for some folders polling.
    Partial {
        /// How many are polled.
        polled_folders: usize,
    },
    /// Polling.
    Poll,
    /// Nothing: there is nothing to watch.
    Lost,
}

/// A batch that runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// Its number.
    pub batch: u64,
    /// Why it was started.
    pub trigger: Trigger,
    /// Jobs that have ended.
    pub done: usize,
    /// All its jobs.
    pub jobs: usize,
    /// Jobs that run now.
    pub in_flight: usize,
    /// Since it started.
    pub elapsed_ms: f64,
}

/// What waits for the next batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// Paths that may have changed.
    pub paths: usize,
    /// Until the batch is due, if nothing more changes.
    pub due_in_ms: Option<u64>,
}

/// A job that has failed and is tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The note.
    pub note: String,
    /// The format's name.
    pub format: String,
    /// Why.
    pub error: String,
    /// How often it has been tried.
    pub attempt: u32,
    /// Until it is tried again.
    pub retry_in_ms: Option<u64>,
}

/// Something that the system refuses to let us read or delete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The file or folder, below the notes or the export folder.
    pub path: String,
    /// Why.
    pub error: String,
}

/// Links that need a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Lead nowhere.
    pub unresolved: usize,
    /// Have several equally near candidates.
    pub ambiguous: usize,
}

/// Everything that `status` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Of the daemon.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Since it started.
    pub uptime_ms: u64,
    /// The config file; `None` where it runs on flags alone.
    pub config: Option<PathBuf>,
    /// The watched folder.
    pub notes_dir: PathBuf,
    /// Where exports go.
    pub export_dir: PathBuf,
    /// The names of the formats.
    pub formats: Vec<String>,
    /// What it is doing.
    pub state: State,
    /// Where changes come from.
    pub watch: WatchState,
    /// What is wrong with the watch, if anything.
    pub degraded: Option<String>,
    /// Notes known.
    pub notes: usize,
    /// Notes kept out of the export.
    pub withheld: usize,
    /// Attachments exported along.
    pub attachments: usize,
    /// Notes with a problem: their front matter, or all that they say, can't be read as it is.
    pub problems: usize,
    /// What can't be read at the moment, in path order.
    #[serde(default)]
    pub unreadable: Vec<Refused>,
    /// What could not be deleted and may be private by now, in path order. It is tried again with each batch.
    #[serde(default)]
    pub not_withdrawn: Vec<Refused>,
    /// Links that need a look.
    pub links: Links,
    /// What waits for the next batch.
    pub queue: Queue,
    /// The batch that runs.
    pub running: Option<Running>,
    /// Since the whole tree was last compared.
    pub last_rescan_ms_ago: Option<u64>,
    /// The last batches, newest first.
    pub batches: Vec<BatchRow>,
    /// What fails at the moment, in path order.
    pub failures: Vec<Failure>,
    /// Why the config file was last rejected, if it was: the config in force is an older one.
    pub config_error: Option<String>,
}
