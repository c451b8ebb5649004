//! Runs the jobs of one batch: at most `max_concurrent` at once, and exactly that many as long as jobs wait.
//!
//! Each unit of the limit is a *lane* that takes one job after the other from the front of the queue. A job that
//! renders runs on a thread for blocking work and its lane stays there for the next ones, so that a group of jobs costs
//! one hand-over; a job that is a command is awaited. Results come together in one outbox and are reported in the
//! order of the jobs, whatever finished first. Nothing in here writes to the manifest or renames a file: that is the
//! engine's, which is handed what was staged.

mod gather;

use std::future::ready;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::config::OnError;
use crate::disk::Staged;
use crate::engine::{Batch, Engine, Finished, JobError, Withdrawn};
use crate::export::{CommandError, command};
use crate::manifest::ManifestError;
use crate::plan::Work;
use crate::sync::{lock, off_the_loop, task_ended};
use crate::vault::FileId;
use gather::Gather;

/// Staged files are published in waves while the batch goes on: the disk writes one while the lanes make the next. A wave
/// begins so often …
const WAVE: Duration = Duration::from_secs(1);
/// … and as soon as so many files wait. While one is on its way, more can gather for the next.
const WAVE_FILES: usize = 512;

/// What the running jobs are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Halt {
    /// Go on.
    #[default]
    No,
    /// Begin no further job.
    Drain,
    /// End those that run too.
    Now,
}

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
}

/// A batch that ran.
pub struct Ran {
    /// The engine, back again.
    pub engine: Engine,
    /// What the batch did.
    pub finished: Finished,
    /// Whether the manifest remembers it.
    pub committed: Result<(), ManifestError>,
    /// What there is to tell of each job that wrote a file, in order.
    pub exported: Vec<Exported>,
}

/// A job that wrote a file.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The note.
    pub note: String,
    /// The format's name.
    pub format: Box<str>,
    /// The file, in the export folder.
    pub output: String,
    /// Why.
    pub because: String,
    /// From the batch's start to the job's.
    pub queued: Duration,
    /// The job's own time.
    pub elapsed: Duration,
}

/// How to run a batch.
pub struct Run {
    /// Most jobs at once.
    pub limit: usize,
    /// What a failure means for the rest.
    pub on_error: OnError,
    /// When the batch began: before it was planned.
    pub began: Instant,
    /// Whether jobs that wrote a file are told one by one.
    pub tell_exported: bool,
    /// Orders from outside.
    pub halt: watch::Receiver<Halt>,
    /// Where to tell how far it is.
    pub progress: Arc<Progress>,
}

/// Why a job has no output.
#[derive(Debug, thiserror::Error)]
enum Fault {
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

struct Outcome {
    index: usize,
    result: Result<Staged, Fault>,
    queued: Duration,
    elapsed: Duration,
    lane: usize,
}

/// The jobs, shared by all lanes.
struct Queue {
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
struct Outbox {
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

    fn take(&self) -> Vec<Outcome> {
        std::mem::take(&mut lock(&self.outcomes))
    }
}

/// Runs a batch to its end.
///
/// Dropping this future ends the commands and loses the engine. Waves that are on their way may still get their names;
/// other staged files stay in the temporary folder until the next start sweeps it. Of the batch, the manifest knows the
/// names that were announced and no more: the next start plans it again.
pub async fn run(engine: Engine, batch: Batch, run: Run) -> Ran {
    off_the_loop(move || begin(engine, batch, run))
        .await
        .finish()
        .await
}

/// A batch that was begun.
pub enum Begun {
    /// It is over already.
    Ended(Box<Ran>),
    /// Its jobs wait for their lanes.
    Lanes(Box<Lanes>),
}

/// Withdraws what must go first, and runs the job of a batch that has but one, mostly a note that was just saved: whoever
/// has planned a batch on a thread for blocking work begins it there, as each hand-over takes as long as such a job.
/// Blocks.
pub fn begin(mut engine: Engine, mut batch: Batch, run: Run) -> Begun {
    let started_at = unix_ms();
    run.progress.begin();
    let withdrawn = if batch.has_withdrawals() {
        engine.withdraw_first(&mut batch)
    } else {
        Withdrawn::default()
    };
    let (stop, stopped) = watch::channel(Halt::No);
    let batch = Arc::new(batch);
    let queue = Queue {
        batch: batch.clone(),
        next: AtomicUsize::new(0),
        began: run.began,
        halt: run.halt.clone(),
        on_error: run.on_error,
        stop,
        progress: run.progress.clone(),
        outbox: Arc::default(),
    };
    let ending = Ending {
        outbox: queue.outbox.clone(),
        gather: Gather::new(batch),
        engine,
        withdrawn,
        started_at,
        run,
    };
    if !queue.is_one_quick_job() {
        return Begun::Lanes(Box::new(Lanes {
            queue: Arc::new(queue),
            stopped,
            ending,
        }));
    }
    if let Some(index) = queue.take() {
        queue.run_here(index, 0);
    }
    drop(queue);
    Begun::Ended(Box::new(ending.end()))
}

impl Begun {
    /// Runs what is left of it. Dropping this future is as bad as dropping that of [`run`].
    pub async fn finish(self) -> Ran {
        match self {
            Self::Ended(ran) => *ran,
            Self::Lanes(lanes) => lanes.run().await,
        }
    }
}

/// A batch whose jobs wait for their lanes.
pub struct Lanes {
    queue: Arc<Queue>,
    stopped: watch::Receiver<Halt>,
    ending: Ending,
}

impl Lanes {
    async fn run(self) -> Ran {
        let Self {
            queue,
            stopped,
            mut ending,
        } = self;
        let mut lanes = JoinSet::new();
        for lane in 0..ending.run.limit.min(queue.batch.jobs.len()) {
            lanes.spawn(queue.clone().run_lane(lane, stopped.clone()));
        }
        drop(queue);
        let mut wave = tokio::time::interval_at(tokio::time::Instant::now() + WAVE, WAVE);
        wave.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let mut is_due = false;
            tokio::select! {
                lane = lanes.join_next() => match lane {
                    Some(lane) => task_ended(ready(lane)).await,
                    None => break,
                },
                () = ending.outbox.full.notified() => {}
                _ = wave.tick() => is_due = true,
            }
            ending.gather.take_all(ending.outbox.take());
            if is_due || ending.gather.staged() >= WAVE_FILES {
                ending = ending.publish_wave().await;
            }
        }
        off_the_loop(move || ending.end()).await
    }
}

/// What it takes to end a batch: what its lanes report, and who is told.
struct Ending {
    outbox: Arc<Outbox>,
    gather: Gather,
    engine: Engine,
    withdrawn: Withdrawn,
    started_at: i64,
    run: Run,
}

impl Ending {
    /// Publishes what is staged so far, while the lanes go on.
    async fn publish_wave(self) -> Self {
        let (engine, gather) = self.gather.publish_wave(self.engine).await;
        Self {
            gather,
            engine,
            ..self
        }
    }

    /// Takes in all that is left, publishes it and ends the batch. Blocks.
    fn end(mut self) -> Ran {
        self.gather.take_all(self.outbox.take());
        self.gather
            .finish(self.engine, self.withdrawn, self.started_at, &self.run)
    }
}

fn unix_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Queue {
    /// Takes jobs until none is left or a halt comes.
    async fn run_lane(self: Arc<Self>, lane: usize, mut stopped: watch::Receiver<Halt>) {
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
    fn take(&self) -> Option<usize> {
        if *self.halt.borrow() != Halt::No || *self.stop.borrow() != Halt::No {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.batch.jobs.len()).then_some(index)
    }

    /// Whether there is one job, and that needs no command: it can't be cut short.
    fn is_one_quick_job(&self) -> bool {
        self.batch.jobs.len() == 1 && self.command(0).is_none()
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
    fn run_here(&self, first: usize, lane: usize) -> Option<usize> {
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
        let running = self.progress.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        self.progress.peak.fetch_max(running, Ordering::Relaxed);
        Instant::now()
    }

    fn end(&self, index: usize, lane: usize, begun: Instant, result: Result<Staged, Fault>) {
        let elapsed = begun.elapsed();
        self.progress.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.progress.done.fetch_add(1, Ordering::Relaxed);
        self.progress.beat();
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
mod tests;
