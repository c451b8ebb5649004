//! One step of the daemon's work: look, plan, run the batch, say what it did. It takes the engine along and brings it
//! back; the loop goes on meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot, watch as channel};

use super::answer::Seen;
use crate::agenda::Asked;
use crate::batch::{self, Halt, Progress, Run};
use crate::engine::{Engine, EngineError, FolderListener, Request};
use crate::log::events::Trigger;
use crate::path::NotePath;
use crate::report::BatchRow;
use crate::sync::{lock, off_the_loop};
use crate::tell;
use crate::vault::Vault;
use crate::watch::{Dirty, Watch};

/// A step to take.
pub(super) struct Step {
    pub(super) engine: Engine,
    pub(super) dirty: Dirty,
    pub(super) asked: Asked,
    pub(super) began: Instant,
    pub(super) watch: Arc<Watch>,
    /// Given back before the look asks for watches: there may not be enough of them for both.
    pub(super) former_watches: Vec<Arc<Watch>>,
    pub(super) progress: Arc<Progress>,
    pub(super) halt: channel::Receiver<Halt>,
    pub(super) tell: mpsc::UnboundedSender<StepEvent>,
    /// Where the loop has something to say in the log before `batch started`.
    pub(super) before_batch: Option<BeforeBatch>,
}

/// Has a step wait until the loop has heard of the end of its look. Mostly nobody waits: the loop's thread would have to be
/// woken, and a save's output with it.
pub(super) struct BeforeBatch {
    heard: oneshot::Sender<()>,
    told: oneshot::Receiver<()>,
}

impl BeforeBatch {
    pub(super) fn new() -> Self {
        let (heard, told) = oneshot::channel();
        Self { heard, told }
    }
}

/// What the loop hears while a step runs.
pub(super) enum StepEvent {
    /// The notes folder has been looked at; the watch stands. What that means for the export is still being found out.
    Looked {
        notes: usize,
        asked: Asked,
        everything: bool,
        began: Instant,
        /// Where the step goes on only when the loop has said so in the log: `ready` comes before `batch started`.
        heard: Option<oneshot::Sender<()>>,
    },
    /// A batch has begun.
    Started(Current),
}

/// A batch that runs.
pub(super) struct Current {
    /// What is known of the notes until it is over.
    pub(super) seen: Seen,
    pub(super) batch: u64,
    pub(super) trigger: Trigger,
    pub(super) jobs: usize,
    pub(super) began: Instant,
}

/// A step that is over.
pub(super) struct StepDone {
    pub(super) engine: Engine,
    pub(super) result: Result<StepResult, StepFailed>,
}

/// What came of a step.
pub(super) struct StepResult {
    pub(super) row: Option<BatchRow>,
    pub(super) again: Vec<NotePath>,
    pub(super) counts: Counts,
}

/// A step that could not look: nothing has been taken in, and the same hints lead to the same batch later. One that could
/// not plan has failed at the manifest, which ends the daemon.
pub(super) struct StepFailed {
    pub(super) error: EngineError,
    pub(super) dirty: Dirty,
    pub(super) asked: Asked,
}

/// Figures of the vault that cost nothing to know.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) notes: usize,
    pub(super) failing: usize,
}

/// The watch as the engine's look sees it, and who is told of the look's end.
struct Watching {
    watch: Arc<Watch>,
    asked: Asked,
    everything: bool,
    began: Instant,
    tell: mpsc::UnboundedSender<StepEvent>,
    /// A second look, since the manifest was damaged, has nothing new to say.
    is_told: AtomicBool,
    heard: Mutex<Option<oneshot::Sender<()>>>,
}

impl FolderListener for Watching {
    fn enter(&self, folders: &[&str]) {
        self.watch.enter(folders);
    }

    fn listed(&self, top: &str, folders: &[&str]) {
        self.watch.retain(top, folders);
    }

    fn leave(&self, folder: &str) {
        self.watch.leave(folder);
    }

    fn looked(&self, vault: &Vault) {
        if self.is_told.swap(true, Ordering::Relaxed) {
            return;
        }
        // The loop hears nothing only when it has ended.
        let _ = self.tell.send(StepEvent::Looked {
            notes: vault.notes(),
            asked: self.asked,
            everything: self.everything,
            began: self.began,
            heard: lock(&self.heard).take(),
        });
    }
}

/// How far a step is when it leaves the thread that it looked on.
enum Halfway {
    /// There is nothing to do, or it could not look.
    Over(Box<StepDone>),
    /// A batch was begun.
    Begun(Box<batch::Begun>),
}

impl Step {
    /// Takes the step. Dropping it while a batch runs ends that batch's commands and loses the engine.
    pub(super) async fn run(self) -> StepDone {
        match off_the_loop(move || self.look_and_begin()).await {
            Halfway::Over(done) => *done,
            Halfway::Begun(batch) => {
                let ran = batch.finish().await;
                let row = tell::finished(&ran);
                done(ran.engine, Some(row), ran.finished.again)
            }
        }
    }

    /// Looks, and begins the batch that comes of it. Blocks.
    fn look_and_begin(self) -> Halfway {
        let Self {
            mut engine,
            dirty,
            asked,
            began,
            watch,
            former_watches,
            progress,
            halt,
            tell,
            before_batch,
        } = self;
        drop(former_watches);
        let (heard, told) = before_batch
            .map(|BeforeBatch { heard, told }| (heard, told))
            .unzip();
        let listener = Watching {
            watch,
            asked,
            everything: dirty.everything,
            began,
            tell: tell.clone(),
            is_told: AtomicBool::new(false),
            heard: Mutex::new(heard),
        };
        let request = Request {
            trigger: asked.trigger,
            dirty: &dirty,
            full: false,
            audit: asked.audit,
            always: asked.always,
            now: began,
        };
        let batch = match engine.prepare(&request, &listener) {
            Ok(batch) => batch,
            Err(error) => {
                let failed = StepFailed {
                    error,
                    dirty,
                    asked,
                };
                return Halfway::Over(Box::new(StepDone {
                    engine,
                    result: Err(failed),
                }));
            }
        };
        // A loop that says nothing has ended, since there is no watch as required, say: nothing is to be begun then.
        let goes_on = told.is_none_or(|told| told.blocking_recv().is_ok());
        let Some(batch) = batch.filter(|_| goes_on) else {
            return Halfway::Over(Box::new(done(engine, None, Vec::new())));
        };
        let limit = engine.config().max_concurrent.get();
        let current = Current {
            seen: Seen::of(&engine),
            batch: batch.number,
            trigger: asked.trigger,
            jobs: batch.jobs.len(),
            began,
        };
        progress.begin();
        // As above: a loop that has ended wants to know nothing.
        let _ = tell.send(StepEvent::Started(current));
        tell::started(&batch, limit);
        let run = Run {
            limit,
            on_error: engine.config().on_error,
            began,
            tell_exported: tell::wants_exported(),
            halt,
            progress,
        };
        Halfway::Begun(Box::new(batch::begin(engine, batch, run)))
    }
}

/// A step that did what there was to do.
fn done(engine: Engine, row: Option<BatchRow>, again: Vec<NotePath>) -> StepDone {
    let counts = Counts {
        notes: engine.vault().notes(),
        failing: engine.failures().len(),
    };
    StepDone {
        engine,
        result: Ok(StepResult { row, again, counts }),
    }
}

#[cfg(test)]
mod tests;
