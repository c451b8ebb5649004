//! What the lanes of a batch report, and the waves in which what they staged is published.
//!
//! Owns the reports of a batch until it ends, and what of it is on its way to its final names. Begins no job.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use super::queue::{Fault, Outcome};
use super::{Exported, Ran, Run};
use crate::disk::{Staged, StagedFile};
use crate::engine::{
    Batch, Engine, JobEnd, JobError, JobReport, JobTime, Measured, Published, Secured, Withdrawn,
};
use crate::plan::name_of;
use crate::sync::{joined, off_the_loop};

/// Collects what the lanes report, and sees to it that what they staged is published, wave by wave: one is flushed while
/// the one before gets its names.
pub(super) struct Gather {
    batch: Arc<Batch>,
    reports: Vec<JobReport>,
    staged: Vec<(StagedFile, JobReport)>,
    renaming: Option<Wave<JoinHandle<Published>>>,
}

/// Files that are published together, with what there is to report of them when they are.
struct Wave<T> {
    waiting: Vec<JobReport>,
    files: T,
}

impl Gather {
    pub(super) fn new(batch: Arc<Batch>) -> Self {
        Self {
            reports: Vec::with_capacity(batch.jobs.len()),
            batch,
            staged: Vec::new(),
            renaming: None,
        }
    }

    /// How many files wait to be published.
    pub(super) fn staged(&self) -> usize {
        self.staged.len()
    }

    pub(super) fn take_all(&mut self, outcomes: Vec<Outcome>) {
        for outcome in outcomes {
            self.take(outcome);
        }
    }

    /// Takes in one outcome.
    fn take(&mut self, outcome: Outcome) {
        let Outcome {
            index,
            result,
            queued,
            elapsed,
            lane,
        } = outcome;
        let report = |end| JobReport {
            index,
            end,
            queued: queued.into(),
            elapsed: elapsed.into(),
            lane,
        };
        let end = match result {
            Ok(Staged::Ready(file)) => {
                // How it really ended is known once it is published.
                self.staged.push((file, report(JobEnd::Cancelled)));
                return;
            }
            Ok(Staged::Unchanged(state)) => JobEnd::Unchanged(state),
            Err(fault) => end_of(fault),
        };
        self.reports.push(report(end));
    }

    /// Announces and flushes what is staged so far, and has it renamed by a thread that is waited for by the next wave.
    pub(super) async fn publish_wave(mut self, mut engine: Engine) -> (Engine, Self) {
        if self.staged.is_empty() {
            return (engine, self);
        }
        off_the_loop(move || {
            let secured = self.secure(&mut engine);
            self.settle_renamed(&mut engine);
            self.renaming = secured.map(|Wave { waiting, files }| Wave {
                waiting,
                files: std::thread::spawn(move || files.publish()),
            });
            (engine, self)
        })
        .await
    }

    /// Publishes all that is staged, to the end. Blocks.
    fn publish_rest(&mut self, engine: &mut Engine) {
        let secured = self.secure(engine);
        self.settle_renamed(engine);
        if let Some(Wave { waiting, files }) = secured {
            self.settle(engine, waiting, files.publish());
        }
    }

    /// Announces and flushes what is staged so far. Blocks.
    fn secure(&mut self, engine: &mut Engine) -> Option<Wave<Secured>> {
        if self.staged.is_empty() {
            return None;
        }
        let (files, waiting): (Vec<StagedFile>, Vec<JobReport>) =
            std::mem::take(&mut self.staged).into_iter().unzip();
        let indices = waiting.iter().map(|report| report.index);
        match engine.secure(&self.batch, indices.zip(files).collect()) {
            Ok(files) => Some(Wave { waiting, files }),
            Err(failed) => {
                self.settle(engine, waiting, failed);
                None
            }
        }
    }

    /// Waits for the files that get their names. Blocks.
    fn settle_renamed(&mut self, engine: &mut Engine) {
        if let Some(Wave { waiting, files }) = self.renaming.take() {
            self.settle(engine, waiting, joined(files.join()));
        }
    }

    /// Takes in how a wave ended.
    fn settle(&mut self, engine: &mut Engine, waiting: Vec<JobReport>, published: Published) {
        let results = engine.published(&self.batch, published);
        for (mut report, (index, result)) in waiting.into_iter().zip(results) {
            debug_assert_eq!(report.index, index, "what is published keeps its order");
            report.end = match result {
                Ok(state) => JobEnd::Exported(state),
                Err(error) => end_of(Fault::Job(JobError::Output(error))),
            };
            self.reports.push(report);
        }
    }

    /// Publishes the rest, and ends the batch. Blocks.
    pub(super) fn finish(
        mut self,
        mut engine: Engine,
        withdrawn: Withdrawn,
        started_at: i64,
        run: &Run,
    ) -> Ran {
        self.publish_rest(&mut engine);
        let Self {
            batch, mut reports, ..
        } = self;
        add_cancelled(&mut reports, batch.jobs.len());
        let exported = if run.tell_exported {
            tell_exported(&engine, &batch, &reports)
        } else {
            Vec::new()
        };
        let batch = Arc::into_inner(batch).expect("the lanes that held it have been awaited");
        let measured = Measured {
            started_at,
            elapsed: run.began.elapsed(),
            peak: run.progress.peak(),
            limit: run.limit,
        };
        let (finished, committed) =
            engine.finish(batch, withdrawn, reports, &measured, Instant::now());
        Ran {
            engine,
            finished,
            committed,
            exported,
        }
    }
}

fn end_of(fault: Fault) -> JobEnd {
    match fault {
        Fault::Cancelled => JobEnd::Cancelled,
        Fault::Job(error) => error.into(),
        Fault::Command(error) => JobEnd::Failed(error.to_string()),
    }
}

/// Puts the reports in the order of the jobs, and adds those that were never begun.
fn add_cancelled(reports: &mut Vec<JobReport>, jobs: usize) {
    reports.sort_unstable_by_key(|report| report.index);
    if reports.len() == jobs {
        return;
    }
    let mut begun = std::mem::take(reports).into_iter().peekable();
    for index in 0..jobs {
        let report = begun
            .next_if(|report| report.index == index)
            .unwrap_or(JobReport {
                index,
                end: JobEnd::Cancelled,
                queued: JobTime::default(),
                elapsed: JobTime::default(),
                lane: 0,
            });
        reports.push(report);
    }
}

fn tell_exported(engine: &Engine, batch: &Batch, reports: &[JobReport]) -> Vec<Exported> {
    reports
        .iter()
        .filter(|report| matches!(report.end, JobEnd::Exported(_)))
        .map(|report| {
            let job = &batch.jobs[report.index].job;
            Exported {
                note: name_of(engine.vault(), &job.work),
                format: job
                    .work
                    .format()
                    .map_or("".into(), |format| engine.format_name(format)),
                output: job.output.to_string(),
                because: job.because.to_string(),
                queued: report.queued.into(),
                elapsed: report.elapsed.into(),
            }
        })
        .collect()
}
