//! How far a batch is, told by whoever works on it and read by whoever wants to know: `status`, the watchdog, a progress bar.
//!
//! Owns counters and nothing else: nobody waits in here, and no decision about a job hangs on them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How far a batch is, for whoever wants to know.
#[derive(Debug, Default)]
pub struct Progress {
    /// Jobs that ended.
    pub done: AtomicUsize,
    /// Jobs that run.
    pub in_flight: AtomicUsize,
    /// Of those, commands: they have a time limit of their own.
    pub commands: AtomicUsize,
    /// Calls that wait for the disk.
    disk_waits: AtomicUsize,
    /// Most jobs that ran at once.
    peak: AtomicUsize,
    beats: AtomicU64,
}

impl Progress {
    /// Something was done: the work goes on.
    pub fn beat(&self) {
        self.beats.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something was done so far.
    pub fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Makes a call that waits for the disk, and that can't tell how far it is: a flush, a commit.
    pub fn wait_for_disk<T>(&self, call: impl FnOnce() -> T) -> T {
        self.disk_waits.fetch_add(1, Ordering::Relaxed);
        let done = call();
        self.disk_waits.fetch_sub(1, Ordering::Relaxed);
        self.beat();
        done
    }

    /// Whether such a call is under way.
    pub fn waits_for_disk(&self) -> bool {
        self.disk_waits.load(Ordering::Relaxed) > 0
    }

    /// A new batch begins. Whoever tells others of it calls this before: what they see else is how the last one ended.
    pub fn begin(&self) {
        self.done.store(0, Ordering::Relaxed);
        self.peak.store(0, Ordering::Relaxed);
    }

    /// A job begins.
    pub(super) fn job_begins(&self) {
        let running = self.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.peak.fetch_max(running, Ordering::Relaxed);
    }

    /// A job has ended.
    pub(super) fn job_ended(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.done.fetch_add(1, Ordering::Relaxed);
        self.beat();
    }

    /// Most jobs that ran at once in this batch.
    pub(super) fn peak(&self) -> usize {
        self.peak.load(Ordering::Relaxed)
    }
}
