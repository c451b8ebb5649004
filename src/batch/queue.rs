//! The jobs of a batch, shared by its lanes.
//!
//! Owns which job is begun next, when none is begun any more, how a job is run and where its outcome goes. What becomes of
//! the outcomes, it doesn't know.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::{Halt, Progress, Run, WAVE_FILES};
use crate::config::OnError;
use crate::disk::Staged;
use crate::engine::{Batch, JobError};
use crate::export::{CommandError, command};
use crate::plan::Work;
use crate::sync::{lock, off_the_loop};
use crate::vault::FileId;

/// Why a job has no output.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Job(#[from] JobError),
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error("cancelled")]
    Cancelled,
}

impl Fault {
    /// Whether the job can't be done: neither cut short nor overtaken by a change of its note.
    fn is_failure(&self) -> bool {
        match self {
            Self::Job(error) => error.superseded().is_none(),
            Self::Command(_) => true,
            Self::Cancelled => false,
        }
    }
}

/// What a job with a command is: its format and note.
type CommandJob = (usize, FileId);

/// How a job ended, and when.
pub(super) struct Outcome {
    /// Its index in the batch.
    pub(super) index: usize,
    pub(super) result: Result<Staged, Fault>,
    /// From the batch's start to its own.
    pub(super) queued: Duration,
    pub(super) elapsed: Duration,
    pub(super) lane: usize,
}

/// The jobs, shared by all lanes.
pub(super) struct Queue {
    batch: Arc<Batch>,
    next: AtomicUsize,
    began: Instant,
    halt: watch::Receiver<Halt>,
    on_error: OnError,
    /// Set by a failure under `on_error: stop`, before its lane could begin another job.
    stop: watch::Sender<Halt>,
    progress: Arc<Progress>,
    outbox: Arc<Outbox>,
}

/// What the lanes are done with and nobody has taken yet. Who takes it is woken when there is enough for a wave, and not
/// for each job: that would take as long as the job of a small note.
#[derive(Default)]
pub(super) struct Outbox {
    outcomes: Mutex<Vec<Outcome>>,
    full: Notify,
}

impl Outbox {
    fn put(&self, outcome: Outcome) {
        let mut outcomes = lock(&self.outcomes);
        outcomes.push(outcome);
        if outcomes.len() == WAVE_FILES {
            self.full.notify_one();
        }
    }

    pub(super) fn take(&self) -> Vec<Outcome> {
        std::mem::take(&mut lock(&self.outcomes))
    }

    /// Waits until there is enough for a wave.
    pub(super) async fn filled(&self) {
        self.full.notified().await;
    }
}

impl Queue {
    /// All jobs of a batch, and who hears when one fails under `on_error: stop`.
    pub(super) fn of(batch: Arc<Batch>, run: &Run) -> (Self, watch::Receiver<Halt>) {
        let (stop, stopped) = watch::channel(Halt::No);
        let queue = Self {
            batch,
            next: AtomicUsize::new(0),
            began: run.began,
            halt: run.halt.clone(),
            on_error: run.on_error,
            stop,
            progress: run.progress.clone(),
            outbox: Arc::default(),
        };
        (queue, stopped)
    }

    /// How many jobs there are.
    pub(super) fn jobs(&self) -> usize {
        self.batch.jobs.len()
    }

    /// Where the outcomes of jobs go.
    pub(super) fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// Takes jobs until none is left or a halt comes.
    pub(super) async fn run_lane(self: Arc<Self>, lane: usize, mut stopped: watch::Receiver<Halt>) {
        let mut next = self.take();
        while let Some(index) = next {
            next = if let Some((format, id)) = self.command(index) {
                self.run_command(index, lane, (format, id), &mut stopped)
                    .await;
                self.take()
            } else {
                let queue = self.clone();
                off_the_loop(move || queue.run_here(index, lane)).await
            };
        }
    }

    /// The next job to begin.
    pub(super) fn take(&self) -> Option<usize> {
        if *self.halt.borrow() != Halt::No || *self.stop.borrow() != Halt::No {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.jobs()).then_some(index)
    }

    /// Whether there is one job, and that needs no command: it can't be cut short.
    pub(super) fn is_one_quick_job(&self) -> bool {
        self.jobs() == 1 && self.command(0).is_none()
    }

    fn command(&self, index: usize) -> Option<CommandJob> {
        match self.batch.jobs[index].job.work {
            Work::Note(id, format) if self.batch.context.formats.command(format).is_some() => {
                Some((format, id))
            }
            _ => None,
        }
    }

    /// Runs jobs that need no command, one after the other, on this thread. Returns the first that needs one.
    pub(super) fn run_here(&self, first: usize, lane: usize) -> Option<usize> {
        let mut index = first;
        loop {
            let begun = self.begin();
            let result = self
                .batch
                .context
                .run(&self.batch.jobs[index])
                .map_err(Fault::from);
            self.end(index, lane, begun, result);
            index = self.take()?;
            if self.command(index).is_some() {
                return Some(index);
            }
        }
    }

    /// Runs a command and stages what it wrote. Dropped on the way, it ends the command with all its children.
    async fn run_command(
        self: &Arc<Self>,
        index: usize,
        lane: usize,
        job: CommandJob,
        stopped: &mut watch::Receiver<Halt>,
    ) {
        let begun = self.begin();
        self.progress.commands.fetch_add(1, Ordering::Relaxed);
        let result = self.command_result(index, job, stopped).await;
        self.progress.commands.fetch_sub(1, Ordering::Relaxed);
        self.end(index, lane, begun, result);
    }

    /// A halt ends the program only. What runs on a thread for blocking work can't be ended and is waited for: once the
    /// lane has ended, nothing of it holds the batch or stages a file.
    async fn command_result(
        self: &Arc<Self>,
        index: usize,
        (format, id): CommandJob,
        stopped: &mut watch::Receiver<Halt>,
    ) -> Result<Staged, Fault> {
        let context = self.batch.context.clone();
        let invocation = off_the_loop(move || context.invocation(id, format)).await;
        let Some(invocation) = invocation.map_err(JobError::from)? else {
            unreachable!("only jobs of formats with a command come here");
        };
        let mut halt = self.halt.clone();
        let bytes = tokio::select! {
            // In this order no program is started that would be ended at once.
            biased;
            () = now(&mut halt) => return Err(Fault::Cancelled),
            () = now(stopped) => return Err(Fault::Cancelled),
            bytes = command::run(invocation) => bytes?,
        };
        self.stage(index, bytes).await
    }

    async fn stage(self: &Arc<Self>, index: usize, bytes: Vec<u8>) -> Result<Staged, Fault> {
        let queue = self.clone();
        Ok(
            off_the_loop(move || queue.batch.context.stage(&queue.batch.jobs[index], &bytes))
                .await?,
        )
    }

    fn begin(&self) -> Instant {
        self.progress.job_begins();
        Instant::now()
    }

    fn end(&self, index: usize, lane: usize, begun: Instant, result: Result<Staged, Fault>) {
        let elapsed = begun.elapsed();
        self.progress.job_ended();
        if self.on_error == OnError::Stop && result.as_ref().is_err_and(Fault::is_failure) {
            self.stop.send_replace(Halt::Now);
        }
        let queued = begun.saturating_duration_since(self.began);
        self.outbox.put(Outcome {
            index,
            result,
            queued,
            elapsed,
            lane,
        });
    }
}

/// Waits until what runs must end too.
async fn now(halt: &mut watch::Receiver<Halt>) {
    if halt.wait_for(|halt| *halt == Halt::Now).await.is_err() {
        // Whoever could say so is gone: it will never be said.
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_takes_the_outcomes_is_woken_when_there_are_enough_for_a_wave_and_not_before() {
        let outbox = Outbox::default();
        let put = |indices: std::ops::Range<usize>| {
            for index in indices {
                outbox.put(Outcome {
                    index,
                    result: Err(Fault::Cancelled),
                    queued: Duration::ZERO,
                    elapsed: Duration::ZERO,
                    lane: 0,
                });
            }
        };
        let is_filled = async |patience| {
            let filled = tokio::time::timeout(patience, outbox.filled());
            filled.await.is_ok()
        };
        put(0..WAVE_FILES - 1);
        assert!(!is_filled(Duration::ZERO).await);
        put(WAVE_FILES - 1..WAVE_FILES);
        assert!(is_filled(Duration::from_secs(60)).await);
        assert_eq!(outbox.take().len(), WAVE_FILES);
        put(0..1);
        assert!(!is_filled(Duration::ZERO).await, "they were taken");
    }
}
