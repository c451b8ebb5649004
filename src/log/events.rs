//! Everything that the log says, with its level and fields: one function a message. Nowhere else in the program
//! is a `tracing` macro called with a message of the contract.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tracing::{debug, error, info, warn};

/// Why a batch was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The daemon has started.
    Startup,
    /// Something has changed.
    Watch,
    /// The whole tree was compared afresh.
    Rescan,
    /// What failed is due again.
    Retry,
    /// The config is another.
    Reload,
    /// `export` was called.
    Once,
}

impl Trigger {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Startup,
        Self::Watch,
        Self::Rescan,
        Self::Retry,
        Self::Reload,
        Self::Once,
    ];

    /// The contract's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Startup => "startup",
            Self::Watch => "watch",
            Self::Rescan => "rescan",
            Self::Retry => "retry",
            Self::Reload => "reload",
            Self::Once => "once",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a batch sets out to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchStarted {
    /// Its number.
    pub batch: u64,
    /// Why it was started.
    pub trigger: Trigger,
    /// Notes and attachments that are new or changed.
    pub changed: usize,
    /// Notes and attachments that are gone.
    pub removed: usize,
    /// Notes to export again.
    pub affected: usize,
    /// Notes times formats.
    pub jobs: usize,
    /// Jobs that may be in flight at once.
    pub limit: usize,
}

/// What a batch has done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BatchFinished<'a> {
    /// What it set out to do.
    pub started: BatchStarted,
    /// Files written.
    pub exported: usize,
    /// Files that were already right.
    pub unchanged: usize,
    /// Files deleted.
    pub deleted: usize,
    /// Jobs that failed.
    pub failed: usize,
    /// Jobs that were not run to their end.
    pub cancelled: usize,
    /// Attachments copied.
    pub attachments: usize,
    /// Pages written that belong to no single note.
    pub pages: usize,
    /// Most jobs in flight at once.
    pub peak: usize,
    /// From start to end.
    pub elapsed: Duration,
    /// The jobs' own times added up.
    pub sequential: Duration,
    /// The note whose job took longest.
    pub slowest: Option<(&'a str, Duration)>,
}

impl BatchFinished<'_> {
    /// How many times faster than one job after the other.
    pub fn speedup(&self) -> f64 {
        speedup(self.sequential, self.elapsed)
    }
}

/// `sequential` over `elapsed`, to two places.
pub fn speedup(sequential: Duration, elapsed: Duration) -> f64 {
    if elapsed.is_zero() {
        return 1.0;
    }
    (sequential.as_secs_f64() / elapsed.as_secs_f64() * 100.0).round() / 100.0
}

/// Milliseconds, to three places.
pub fn milliseconds(duration: Duration) -> f64 {
    // Cut off, as the manifest's microseconds are: the slowest job's figure is that of its own record.
    duration.as_micros() as f64 / 1000.0
}

fn whole_milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Says where the exports go.
pub fn exporting(notes_dir: &Path, export_dir: &Path, version: &str) {
    info!(target: "smartnotesd", notes_dir = %notes_dir.display(), export_dir = %export_dir.display(), version, "exporting");
}

/// From here on no change is missed.
pub fn ready(notes: usize, watch: &str) {
    info!(target: "smartnotesd", notes, watch, "ready");
}

/// A batch begins.
pub fn batch_started(batch: &BatchStarted) {
    info!(
        target: "smartnotesd",
        batch = batch.batch,
        trigger = batch.trigger.as_str(),
        changed = batch.changed,
        removed = batch.removed,
        affected = batch.affected,
        jobs = batch.jobs,
        limit = batch.limit,
        "batch started"
    );
}

/// One job that is done.
#[derive(Clone, Copy, Debug)]
pub struct NoteExported<'a> {
    /// Its batch.
    pub batch: u64,
    /// The note.
    pub note: &'a str,
    /// The format's name.
    pub format: &'a str,
    /// The file, in the export folder.
    pub output: &'a str,
    /// Why it was exported, in a few words.
    pub because: &'a str,
    /// How long it waited for its turn.
    pub queued: Duration,
    /// How long it took.
    pub elapsed: Duration,
}

/// A job is done.
pub fn note_exported(job: &NoteExported<'_>) {
    debug!(
        target: "smartnotesd",
        batch = job.batch,
        note = job.note,
        format = job.format,
        output = job.output,
        because = job.because,
        queued_ms = milliseconds(job.queued),
        elapsed_ms = milliseconds(job.elapsed),
        "note exported"
    );
}

/// One job that has failed.
#[derive(Clone, Copy)]
pub struct NoteFailed<'a> {
    /// Its batch.
    pub batch: u64,
    /// The note.
    pub note: &'a str,
    /// The format's name.
    pub format: &'a str,
    /// Why.
    pub error: &'a dyn fmt::Display,
    /// How often it has been tried, from 1.
    pub attempt: u32,
    /// When it is due again: a daemon tries it then, and `export` whenever it is run.
    pub retry_in: Duration,
}

/// A job has failed.
pub fn note_failed(job: &NoteFailed<'_>) {
    error!(
        target: "smartnotesd",
        batch = job.batch,
        note = job.note,
        format = job.format,
        error = %job.error,
        attempt = job.attempt,
        retry_in_ms = whole_milliseconds(job.retry_in),
        "note failed"
    );
}

/// Another folder lies where the export tree was, or none: what should be there is written there.
pub fn export_folder_renewed(path: &Path) {
    warn!(target: "smartnotesd", path = %path.display(), "export folder begun anew");
}

/// The folder of the export tree is gone and can't be had again.
pub fn export_folder_lost(error: &dyn fmt::Display) {
    error!(target: "smartnotesd", error = %error, "export folder lost");
}

/// What this process has in the state folder was deleted or moved away, and lies there again.
pub fn state_folder_renewed(path: &Path) {
    warn!(
        target: "smartnotesd",
        path = %path.display(),
        hint = "nothing is lost; stop the daemon before its state folder is deleted, moved or put back",
        "state folder begun anew"
    );
}

/// The state folder is gone and can't be had again: what the manifest knows would be gone with the process.
pub fn state_folder_lost(error: &dyn fmt::Display) {
    error!(target: "smartnotesd", error = %error, "state folder lost");
}

/// An output that should go could not be deleted; it is tried again, less and less often.
pub fn withdrawal_refused(batch: u64, error: &dyn fmt::Display) {
    error!(target: "smartnotesd", batch, error = %error, "output not withdrawn");
}

/// The manifest could not be written: what the batch did is kept and written with the next.
pub fn manifest_refused(batch: u64, error: &dyn fmt::Display) {
    error!(target: "smartnotesd", batch, error = %error, "manifest not written");
}

/// The manifest was begun anew.
pub fn manifest_renewed(reason: &str) {
    warn!(target: "smartnotesd", reason, "manifest begun anew");
}

/// The service manager could not be told something.
pub fn service_unreachable(error: &dyn fmt::Display) {
    warn!(target: "smartnotesd", error = %error, "service manager unreachable");
}

/// A batch has ended. The face of the program.
pub fn batch_finished(batch: &BatchFinished<'_>) {
    let (slowest, slowest_time) = batch.slowest.unwrap_or_default();
    info!(
        target: "smartnotesd",
        batch = batch.started.batch,
        trigger = batch.started.trigger.as_str(),
        changed = batch.started.changed,
        removed = batch.started.removed,
        affected = batch.started.affected,
        jobs = batch.started.jobs,
        limit = batch.started.limit,
        exported = batch.exported,
        unchanged = batch.unchanged,
        deleted = batch.deleted,
        failed = batch.failed,
        cancelled = batch.cancelled,
        attachments = batch.attachments,
        pages = batch.pages,
        peak = batch.peak,
        elapsed_ms = milliseconds(batch.elapsed),
        sequential_ms = milliseconds(batch.sequential),
        speedup = batch.speedup(),
        slowest,
        slowest_ms = milliseconds(slowest_time),
        "batch finished"
    );
}

/// Something in a note that its writer should know of.
pub fn problem(note: &str, line: u32, column: u32, problem: &str) {
    warn!(target: "smartnotesd", note, line, column, problem, "note has a problem");
}

/// Something in the notes folder that can't be looked at; what is known of it stays.
pub fn unreadable(path: &str, error: &dyn fmt::Display) {
    warn!(target: "smartnotesd", path, error = %error, "file unreadable");
}

/// A new config is in force.
pub fn config_reloaded(changed: &[impl AsRef<str>]) {
    let changed: Vec<&str> = changed.iter().map(AsRef::as_ref).collect();
    info!(target: "smartnotesd", changed = changed.join(","), "config reloaded");
}

/// A new config is wrong; the old one stays in force.
pub fn config_rejected(error: &dyn fmt::Display) {
    error!(target: "smartnotesd", error = %error, "config rejected");
}

/// Changes may come late, or the notes are out of reach.
pub fn watch_degraded(reason: &str, hint: &str) {
    warn!(target: "smartnotesd", reason, hint, "watch degraded");
}

/// Changes come as they should again.
pub fn watch_restored(watch: &str) {
    info!(target: "smartnotesd", watch, "watch restored");
}

/// The process begins to end.
pub fn stopping(signal: &str) {
    info!(target: "smartnotesd", signal, "stopping");
}

/// The process has done all it had to do.
pub fn stopped(batches: u64, uptime: Duration) {
    info!(target: "smartnotesd", batches, uptime_ms = whole_milliseconds(uptime), "stopped");
}
