//! The jobs of a batch that has ended, and what they left in the export tree.

use std::collections::BTreeSet;
use std::time::Duration;

use super::prepare::failure_key;
use super::{BatchJob, JobError};
use crate::disk::OutputState;
use crate::manifest::{FailureKey, StoredOutput};
use crate::path::{NotePath, OutputPath};
use crate::plan::{FormatPlan, Job};

/// How a job ended.
#[derive(Debug)]
pub enum JobEnd {
    /// Its file is under its final name.
    Exported(OutputState),
    /// The file there was already right.
    Unchanged(OutputState),
    /// It can't be made from the note as it is: an older output doesn't stay either.
    Failed(String),
    /// The disk or the system refused: an older output stays until it can be replaced.
    Refused(String),
    /// What it read changed since the plan was made: this path must be looked at again.
    Superseded(NotePath),
    /// It was not run to its end.
    Cancelled,
}

impl From<JobError> for JobEnd {
    fn from(error: JobError) -> Self {
        match error.superseded() {
            Some(path) => Self::Superseded(path.clone()),
            None if error.is_refusal() => Self::Refused(error.to_string()),
            None => Self::Failed(error.to_string()),
        }
    }
}

/// A time that a job took, in ns: of a first export there are two for each note, and a [`Duration`] takes twice the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct JobTime(u64);

impl From<Duration> for JobTime {
    fn from(time: Duration) -> Self {
        Self(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<JobTime> for Duration {
    fn from(JobTime(ns): JobTime) -> Self {
        Self::from_nanos(ns)
    }
}

/// One job of a batch, done or not.
#[derive(Debug)]
pub struct JobReport {
    /// Its index in the batch.
    pub index: usize,
    /// How it ended.
    pub end: JobEnd,
    /// From the batch's start to its own.
    pub queued: JobTime,
    /// From its start to its end.
    pub elapsed: JobTime,
    /// Which of the concurrent lanes ran it.
    pub lane: usize,
}

/// The jobs of a batch and how each ended, in order.
pub(super) struct Ended {
    pub(super) jobs: Vec<BatchJob>,
    pub(super) reports: Vec<JobReport>,
}

impl Ended {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Job, &JobReport)> {
        self.jobs.iter().map(|job| &job.job).zip(&self.reports)
    }

    /// The jobs whose output is there, and as what.
    pub(super) fn written(&self) -> impl Iterator<Item = (&Job, OutputState)> {
        self.iter().filter_map(|(job, report)| match report.end {
            JobEnd::Exported(state) | JobEnd::Unchanged(state) => Some((job, state)),
            _ => None,
        })
    }

    /// Those of the paths that no job wrote.
    pub(super) fn not_written(&self, mut paths: BTreeSet<OutputPath>) -> BTreeSet<OutputPath> {
        if !paths.is_empty() {
            let written = self.written().map(|(job, _)| &job.output);
            let written: BTreeSet<&OutputPath> = written.collect();
            paths.retain(|path| !written.contains(path));
        }
        paths
    }

    /// What the manifest keeps of the outputs that are there, each made when it is asked for.
    pub(super) fn outputs(&self, formats: &[FormatPlan]) -> impl Iterator<Item = StoredOutput> {
        self.written().map(|(job, state)| {
            let FailureKey { owner, format } = failure_key(formats, &job.work);
            StoredOutput {
                path: job.output.clone(),
                owner,
                format,
                key: job.key,
                state: Some(state),
                replacing: false,
            }
        })
    }
}
