//! What a batch says in the log: the one way from the engine's figures to the records of the contract.

use std::time::{Duration, Instant};

use crate::batch::Ran;
use crate::engine::{Batch, FailedJob};
use crate::log::events::{self, BatchFinished, BatchStarted, NoteExported, NoteFailed};
use crate::manifest::BatchRecord;
use crate::report::BatchRow;

/// A batch begins.
pub fn started(batch: &Batch, limit: usize) {
    if let Some(renewed) = &batch.renewed {
        events::manifest_renewed(renewed);
    }
    for (path, error) in &batch.unreadable {
        events::unreadable(path, error);
    }
    for (path, problem) in &batch.problems {
        events::problem(
            path.as_str(),
            problem.line,
            problem.column,
            &problem.message,
        );
    }
    events::batch_started(&BatchStarted {
        batch: batch.number,
        trigger: batch.trigger,
        changed: batch.changed,
        removed: batch.removed,
        affected: batch.affected,
        jobs: batch.note_jobs,
        limit,
    });
}

/// Whether anybody listens to `note exported`: if not, it need not be put together.
pub fn wants_exported() -> bool {
    tracing::enabled!(target: "smartnotesd", tracing::Level::DEBUG)
}

/// A batch has ended.
pub fn finished(ran: &Ran) -> BatchRow {
    let finished = &ran.finished;
    let record = &finished.record;
    for job in &ran.exported {
        events::note_exported(&NoteExported {
            batch: record.batch,
            note: &job.note,
            format: &job.format,
            output: &job.output,
            because: &job.because,
            queued: job.queued,
            elapsed: job.elapsed,
        });
    }
    failures(record.batch, &finished.failed);
    for refused in &finished.refused {
        events::withdrawal_refused(record.batch, refused);
    }
    if let Err(error) = &ran.committed {
        events::manifest_refused(record.batch, error);
    }
    events::batch_finished(&batch_finished(record));
    row(record)
}

fn failures(batch: u64, failed: &[FailedJob]) {
    let now = Instant::now();
    for job in failed {
        events::note_failed(&NoteFailed {
            batch,
            note: &job.note,
            format: &job.format,
            error: &job.error,
            attempt: job.attempt,
            retry_in: job.due.saturating_duration_since(now),
        });
    }
}

fn batch_finished(record: &BatchRecord) -> BatchFinished<'_> {
    BatchFinished {
        started: BatchStarted {
            batch: record.batch,
            trigger: record.trigger,
            changed: record.changed as usize,
            removed: record.removed as usize,
            affected: record.affected as usize,
            jobs: record.jobs as usize,
            limit: record.limit as usize,
        },
        exported: record.exported as usize,
        unchanged: record.unchanged as usize,
        deleted: record.deleted as usize,
        failed: record.failed as usize,
        cancelled: record.cancelled as usize,
        attachments: record.attachments as usize,
        pages: record.pages as usize,
        peak: record.peak as usize,
        elapsed: Duration::from_micros(record.elapsed_us),
        sequential: Duration::from_micros(record.sequential_us),
        slowest: record
            .slowest
            .as_deref()
            .map(|note| (note, Duration::from_micros(record.slowest_us))),
    }
}

/// A batch of the history as reports show it.
pub fn row(record: &BatchRecord) -> BatchRow {
    let finished = batch_finished(record);
    BatchRow {
        batch: record.batch,
        trigger: finished.started.trigger,
        started_ms: u64::try_from(record.started_at).unwrap_or_default(),
        changed: finished.started.changed,
        removed: finished.started.removed,
        affected: finished.started.affected,
        jobs: finished.started.jobs,
        limit: finished.started.limit,
        exported: finished.exported,
        unchanged: finished.unchanged,
        deleted: finished.deleted,
        failed: finished.failed,
        cancelled: finished.cancelled,
        attachments: finished.attachments,
        pages: finished.pages,
        peak: finished.peak,
        elapsed_ms: events::milliseconds(finished.elapsed),
        sequential_ms: events::milliseconds(finished.sequential),
        speedup: finished.speedup(),
        slowest: record.slowest.as_deref().map(Into::into),
        slowest_ms: events::milliseconds(Duration::from_micros(record.slowest_us)),
    }
}
