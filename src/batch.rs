//! Runs the jobs of one batch: at most `max_concurrent` at once, and exactly that many as long as jobs wait.
//!
//! Each unit of the limit is a *lane* that takes one job after the other from the front of the queue. A job that
//! renders runs on a thread for blocking work and its lane stays there for the next ones, so that a group of jobs costs
//! one hand-over; a job that is a command is awaited. Results come together in one outbox and are reported in the
//! order of the jobs, whatever finished first. Nothing in here writes to the manifest or renames a file: that is the
//! engine's, which is handed what was staged.

mod gather;
mod progress;
mod queue;

use std::future::ready;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::OnError;
use crate::engine::{Batch, Engine, Finished, Withdrawn};
use crate::manifest::ManifestError;
use crate::sync::{off_the_loop, task_ended};
use gather::Gather;
pub use progress::Progress;
use queue::{Outbox, Queue};

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
    let batch = Arc::new(batch);
    let (queue, stopped) = Queue::of(batch.clone(), &run);
    let ending = Ending {
        outbox: queue.outbox().clone(),
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
        for lane in 0..ending.run.limit.min(queue.jobs()) {
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
                () = ending.outbox.filled() => {}
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

#[cfg(test)]
mod tests;
