//! The last batches and their jobs, bounded: what `batches` and its timeline show.
//!
//! A thousand batches are kept, and the jobs of the last hundred. A batch with more than
//! [`KEPT_JOBS`] jobs keeps its slowest and an even sample of the others: a timeline with more bars
//! can't be read, and a hundred such batches stay below 35 MB.

use std::cmp::Reverse;
use std::time::Duration;

use rusqlite::{Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::rows::{malformed, trigger, unsigned};
use super::{Manifest, ManifestError};
use crate::log::events::Trigger;

/// The name of the last announced batch's number: one that is killed comes to no history, but was told of by the log.
pub(super) const ANNOUNCED_BATCH: &str = "announced_batch";

/// How many batches are kept.
pub(super) const KEPT_BATCHES: u64 = 1000;
/// Of how many batches the jobs are kept.
pub(super) const KEPT_BATCH_JOBS: u64 = 100;
/// How many jobs of one batch are kept …
pub(super) const KEPT_JOBS: usize = 5000;
/// … of which so many are the slowest, if there were more.
pub(super) const KEPT_SLOWEST: usize = 1000;

/// A batch that came to its end: the figures of its `batch finished` record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord {
    /// Its number; numbers rise, also over restarts.
    pub batch: u64,
    /// What set it off.
    pub trigger: Trigger,
    /// When it began, ms since the epoch.
    pub started_at: i64,
    /// Notes that changed.
    pub changed: u32,
    /// Notes that went.
    pub removed: u32,
    /// Notes to export again.
    pub affected: u32,
    /// Jobs.
    pub jobs: u32,
    /// Most jobs that might be in flight at once.
    pub limit: u32,
    /// Files written.
    pub exported: u32,
    /// Outputs that were already right.
    pub unchanged: u32,
    /// Files deleted.
    pub deleted: u32,
    /// Jobs that failed.
    pub failed: u32,
    /// Jobs that were not run to their end.
    pub cancelled: u32,
    /// Most jobs that were in flight at once.
    pub peak: u32,
    /// Attachments copied.
    pub attachments: u32,
    /// Pages made from the vault as a whole.
    pub pages: u32,
    /// From its beginning to its end.
    pub elapsed_us: u64,
    /// The jobs' own times added up.
    pub sequential_us: u64,
    /// The slowest job's note.
    pub slowest: Option<Box<str>>,
    /// How long that took.
    pub slowest_us: u64,
}

/// What came of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobOutcome {
    /// A file was written.
    Exported,
    /// What lay there was already right.
    Unchanged,
    /// It failed.
    Failed,
    /// It was not run to its end, or its note changed meanwhile: a later batch has it.
    Cancelled,
}

/// One job of a batch: a bar of the timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRecord {
    /// The note's path.
    pub note: Box<str>,
    /// The format's name.
    pub format: Box<str>,
    /// The lane it ran in: below the batch's limit, one job at a time.
    pub slot: u32,
    /// When it began, from the batch's beginning.
    pub start_us: u64,
    /// When it ended, from the batch's beginning.
    pub end_us: u64,
    /// What came of it.
    pub outcome: JobOutcome,
    /// Why it was run, in the log's words.
    pub because: Box<str>,
}

/// A batch for the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinishedBatch {
    /// Its figures.
    pub record: BatchRecord,
    /// Its jobs, those that are [`kept_jobs`].
    pub jobs: Vec<JobRecord>,
}

impl Manifest {
    /// The last `count` batches, the oldest first.
    ///
    /// # Errors
    /// When the system refuses or a row is malformed.
    pub fn batches(&self, count: usize) -> Result<Vec<BatchRecord>, ManifestError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut batches = self.all(SELECT_BATCHES, [count], read_batch)?;
        batches.reverse();
        Ok(batches)
    }

    /// The jobs that are kept of a batch, as they were given; fewer than its record says when it had
    /// too many, none when it is too old or there is no such batch.
    ///
    /// # Errors
    /// When the system refuses or the row is malformed.
    pub fn batch_jobs(&self, batch: u64) -> Result<Vec<JobRecord>, ManifestError> {
        const SQL: &str = "SELECT jobs FROM batch_jobs WHERE batch = ?1";
        let jobs = self.one(SQL, [batch.cast_signed()], |row| {
            postcard::from_bytes(row.get_ref(0)?.as_blob()?)
                .map_err(|error| malformed(0, format!("jobs of batch {batch}: {error}")))
        })?;
        Ok(jobs.unwrap_or_default())
    }

    /// The number of the last batch that was announced or committed, 0 before the first.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn last_batch_number(&self) -> Result<u64, ManifestError> {
        const SQL: &str = "SELECT coalesce(max(batch), 0) FROM batches";
        let committed = self.one(SQL, [], |row| unsigned(row, 0))?.unwrap_or(0);
        let announced = self.meta(ANNOUNCED_BATCH)?;
        let announced = announced.and_then(|number| number.parse().ok());
        Ok(committed.max(announced.unwrap_or(0)))
    }
}

/// Which jobs of a batch are kept in its [`FinishedBatch`], by their index, in order. `durations` are those of all.
pub fn kept_jobs(durations: &[Duration]) -> Vec<usize> {
    const SAMPLE: usize = KEPT_JOBS - KEPT_SLOWEST;
    let mut order: Vec<usize> = (0..durations.len()).collect();
    if order.len() <= KEPT_JOBS {
        return order;
    }
    order.select_nth_unstable_by_key(KEPT_SLOWEST, |&job| (Reverse(durations[job]), job));
    let (slowest, others) = order.split_at_mut(KEPT_SLOWEST);
    others.sort_unstable();
    let sample = (0..SAMPLE).map(|n| others[n * others.len() / SAMPLE]);
    let mut kept: Vec<usize> = slowest.iter().copied().chain(sample).collect();
    kept.sort_unstable();
    kept
}

/// Adds a batch and lets go of what is too old.
pub(super) fn store(
    transaction: &Transaction<'_>,
    FinishedBatch { record, jobs }: &FinishedBatch,
) -> rusqlite::Result<()> {
    put_batch(transaction, record)?;
    let batch = record.batch.cast_signed();
    if !jobs.is_empty() {
        let jobs = postcard::to_allocvec(jobs)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO batch_jobs (batch, jobs) VALUES (?1, ?2)")?
            .execute(params![batch, jobs])?;
    }
    let last_gone = |kept: u64| record.batch.saturating_sub(kept).cast_signed();
    transaction
        .prepare_cached("DELETE FROM batches WHERE batch <= ?1")?
        .execute([last_gone(KEPT_BATCHES)])?;
    transaction
        .prepare_cached("DELETE FROM batch_jobs WHERE batch <= ?1")?
        .execute([last_gone(KEPT_BATCH_JOBS)])?;
    Ok(())
}

const SELECT_BATCHES: &str = "SELECT batch, cause, started_at, changed, removed, affected, jobs, \
    job_limit, exported, unchanged, deleted, failed, peak, attachments, pages, elapsed_us, \
    sequential_us, slowest, slowest_us, cancelled FROM batches ORDER BY batch DESC LIMIT ?1";

/// Reads a row of [`SELECT_BATCHES`].
fn read_batch(row: &Row<'_>) -> rusqlite::Result<BatchRecord> {
    Ok(BatchRecord {
        batch: unsigned(row, 0)?,
        trigger: trigger(row, 1)?,
        started_at: row.get(2)?,
        changed: row.get(3)?,
        removed: row.get(4)?,
        affected: row.get(5)?,
        jobs: row.get(6)?,
        limit: row.get(7)?,
        exported: row.get(8)?,
        unchanged: row.get(9)?,
        deleted: row.get(10)?,
        failed: row.get(11)?,
        peak: row.get(12)?,
        attachments: row.get(13)?,
        pages: row.get(14)?,
        elapsed_us: unsigned(row, 15)?,
        sequential_us: unsigned(row, 16)?,
        slowest: row.get(17)?,
        slowest_us: unsigned(row, 18)?,
        cancelled: row.get(19)?,
    })
}

fn put_batch(transaction: &Transaction<'_>, record: &BatchRecord) -> rusqlite::Result<()> {
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO batches (batch, cause, started_at, changed, removed, affected, jobs, \
         job_limit, exported, unchanged, deleted, failed, peak, attachments, pages, elapsed_us, \
         sequential_us, slowest, slowest_us, cancelled) VALUES \
         (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
    )?;
    put.execute(params![
        record.batch.cast_signed(),
        record.trigger.as_str(),
        record.started_at,
        record.changed,
        record.removed,
        record.affected,
        record.jobs,
        record.limit,
        record.exported,
        record.unchanged,
        record.deleted,
        record.failed,
        record.peak,
        record.attachments,
        record.pages,
        record.elapsed_us.cast_signed(),
        record.sequential_us.cast_signed(),
        record.slowest,
        record.slowest_us.cast_signed(),
        record.cancelled,
    ])?;
    Ok(())
}
