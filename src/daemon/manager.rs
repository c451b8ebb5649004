//! What the service manager hears of the daemon: what it is at, in plain words, and that its work goes on.
//!
//! Owns when it is told, and how it comes to the words; [`service`](crate::service) has the words themselves and the socket.

use std::sync::atomic::Ordering;

use super::{DRAIN_TICK, Daemon, Work};
use crate::log::events;
use crate::report::BatchRow;
use crate::service;

impl Daemon<'_> {
    /// What the daemon is at, in plain words.
    pub(super) fn sentence(&self) -> String {
        if self.trouble.notes.is_some() {
            return service::waiting_sentence(&self.config().notes_dir);
        }
        if self.trouble.tree.is_some() {
            return service::waiting_for_exports_sentence(&self.config().export_dir);
        }
        if let Some(current) = &self.current {
            let done = self.progress.done.load(Ordering::Relaxed);
            return service::exporting_sentence(current.batch, done, current.jobs);
        }
        let last = self.past.batches.first().map(service_row);
        let sentence =
            service::watching_sentence(self.counts.notes, last.as_ref(), self.counts.failing);
        match &self.trouble.config {
            Some(error) => format!("{sentence}; config rejected: {error}"),
            None => sentence,
        }
    }

    /// Shows the service manager what the daemon is at. To be called whenever that may have changed.
    pub(super) fn say_state(&mut self) {
        if self.is_ready && !self.stopping {
            let told = self.service.status(&self.sentence());
            Self::heed(told);
        }
    }

    /// The service manager could not be told something: that is no reason to end.
    pub(super) fn heed(told: std::io::Result<()>) {
        if let Err(error) = told {
            events::service_unreachable(&error);
        }
    }

    /// Tells the watchdog, and at the end whoever waits for it, that the work goes on: that the loop turns and that, if a
    /// step runs, it has got further or only waits: for commands, which have a time limit of their own, or for the disk. A
    /// flush that never ends hangs in the kernel, where no signal reaches it, and the next process would hang in its own:
    /// to end this one mends nothing, while to end one on a slow disk loses all that the batch has done.
    pub(super) fn ping(&mut self) {
        if !self.is_ready && !self.stopping {
            // A start has a time limit of its own; a ping would put the watchdog's in its place.
            return;
        }
        let beats = self.progress.beats();
        let running = matches!(self.work, Work::Running(_));
        let waits =
            self.progress.commands.load(Ordering::Relaxed) > 0 || self.progress.waits_for_disk();
        if running && !waits && beats == self.beats_told {
            return;
        }
        self.beats_told = beats;
        let told = self.service.ping();
        Self::heed(told);
        if self.stopping {
            let told = self.service.extend_timeout(2 * DRAIN_TICK);
            Self::heed(told);
        }
    }
}

fn service_row(row: &BatchRow) -> service::Finished {
    service::Finished {
        batch: row.batch,
        exported: row.exported,
        failed: row.failed,
        elapsed_ms: row.elapsed_ms,
        speedup: row.speedup,
    }
}
