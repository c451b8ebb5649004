//! The end of a batch: what the manifest remembers of it, and what there is to say about it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::ended::Ended;
use super::ledger::Unsaved;
use super::withdraw::Withdrawn;
use super::{Batch, BatchJob, Engine, JobEnd, JobReport};
use crate::manifest::{
    self, BatchRecord, Changes, Failure, FailureKey, FinishedBatch, FormatKey, JobOutcome,
    JobRecord, ManifestError, Owner, StoredFile, StoredOutput,
};
use crate::path::{NotePath, OutputPath};
use crate::plan::{Job, Work, name_of, owner_name};
use crate::vault::{FileId, Vault};

/// A failed job, for the log.
#[derive(Clone, Debug)]
pub struct FailedJob {
    /// The note.
    pub note: String,
    /// The format; "" for a copy.
    pub format: Box<str>,
    /// Why.
    pub error: String,
    /// How often it has been tried.
    pub attempt: u32,
    /// When it is due again.
    pub due: Instant,
}

/// What a batch did.
#[derive(Debug)]
pub struct Finished {
    /// What is kept of it in the history.
    pub record: BatchRecord,
    /// Those that failed, in path order.
    pub failed: Vec<FailedJob>,
    /// What must be looked at again at once.
    pub again: Vec<NotePath>,
    /// What went wrong with withdrawing, in one line each.
    pub refused: Vec<String>,
}

/// What the runner measured.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// When the batch began, ms since the epoch.
    pub started_at: i64,
    /// From start to end.
    pub elapsed: Duration,
    /// Most jobs in flight at once.
    pub peak: usize,
    /// The limit that held.
    pub limit: usize,
}

/// The manifest's changes and the report, on their way.
struct Tally {
    changes: Changes,
    finished: Finished,
    /// Outputs that no longer should be there, unless a job wrote them.
    stale: BTreeSet<OutputPath>,
}

impl Engine {
    /// Ends a batch: withdraws the older outputs of what failed, and commits what happened. The reports are those of all
    /// jobs, in order.
    ///
    /// # Errors
    /// When the manifest can't be written. What happened is kept and committed with the next batch, for which [`Self::next_due`]
    /// sees to it that there is one.
    pub fn finish(
        &mut self,
        batch: Batch,
        withdrawn: Withdrawn,
        reports: Vec<JobReport>,
        measured: &Measured,
        now: Instant,
    ) -> (Finished, Result<(), ManifestError>) {
        let mut tally = Tally::new(record_of(&batch, measured));
        let wall_ms = self.notes.now() / 1_000_000;
        // Of a first export it is as large as all that stays.
        drop(batch.context);
        let kept = self.kept_jobs(&batch.jobs, &reports);
        let audited = batch.audited;
        tally.stale = batch.withdraw;
        for blocked in &batch.blocked {
            let key = self.failure_key(&Work::Note(blocked.id, blocked.format));
            self.fail(&mut tally, &key, blocked.blocked.to_string(), now, wall_ms);
        }
        let ended = Ended {
            jobs: batch.jobs,
            reports,
        };
        for (job, report) in ended.iter() {
            self.take_report(job, report, &mut tally, (now, wall_ms));
        }
        let stale = ended.not_written(std::mem::take(&mut tally.stale));
        let withdrawn = self.withdraw_rest(withdrawn, stale, audited);
        let deleted = self.take_withdrawn(withdrawn, &mut tally, now);
        tally.put_record(deleted, kept);
        self.settle_announced(&mut tally);
        self.forget_failures(&mut tally.changes);
        self.save_rest(&mut tally.changes);
        if let Err(error) = self.outputs.sweep() {
            tally
                .finished
                .refused
                .push(format!("temporary folder of the export tree: {error}"));
        }
        let committed = self.commit_secured(tally.changes, &ended, now);
        if let Err(error) = &committed {
            self.ledger.mind_damage(error);
        }
        (tally.finished, committed)
    }

    /// Takes note of all that a batch withdrew; how many files it deleted.
    fn take_withdrawn(&mut self, withdrawn: Withdrawn, tally: &mut Tally, now: Instant) -> u32 {
        let unmade = withdrawn.folders.into_iter();
        let unmade = unmade.filter(|path| !self.made.contains(path));
        tally.changes.folders_removed.extend(unmade);
        tally.changes.outputs_removed.extend(withdrawn.gone);
        tally.finished.refused = withdrawn
            .refused
            .iter()
            .map(|(path, why)| format!("{path}: {why}"))
            .collect();
        self.pending
            .left_over
            .refused(withdrawn.refused.into_iter().collect(), now);
        withdrawn.deleted
    }

    /// Commits what happened once the files' names are on the disk.
    fn commit_secured(
        &mut self,
        mut changes: Changes,
        ended: &Ended,
        now: Instant,
    ) -> Result<(), ManifestError> {
        let wrote = ended.written().next().is_some();
        self.ledger.has_outputs |= wrote || !changes.outputs.is_empty();
        match self.secure_names(&changes, wrote) {
            Ok(()) => self.commit(changes, ended, now),
            Err(error) => {
                changes.outputs.extend(ended.outputs(&self.format_plans));
                self.ledger.backlog.hold(changes, now);
                let path = self.config.export_dir.clone();
                Err(ManifestError::Io { path, error })
            }
        }
    }

    /// Has the names of the files on the disk before the manifest tells of them. Were the power lost in between, the
    /// manifest would know files whose names still lead to older ones, and those would be taken for somebody else's. One
    /// file system for both is no help: what the database writes over its older log is in no journal, so it can be on the
    /// disk first.
    fn secure_names(&self, changes: &Changes, wrote: bool) -> std::io::Result<()> {
        let nothing = !wrote && changes.outputs.is_empty() && changes.outputs_removed.is_empty();
        if nothing {
            return Ok(());
        }
        self.progress.wait_for_disk(|| self.outputs.flush())
    }

    /// Files that were announced and not published are, again, whose they were before.
    fn settle_announced(&mut self, tally: &mut Tally) {
        for path in std::mem::take(&mut self.ledger.announced) {
            if tally.changes.outputs_removed.contains(&path) {
                continue;
            }
            match self.ledger.output_at(&path) {
                Ok(Some(row)) if row.state.is_some() => {
                    tally.changes.outputs.push(StoredOutput {
                        replacing: false,
                        ..row
                    });
                }
                Ok(Some(_)) => tally.changes.outputs_removed.push(path),
                Ok(None) => {}
                // The mark stays: at worst a file that someone puts there is taken for ours.
                Err(error) => tally.finished.refused.push(error.to_string()),
            }
        }
    }

    fn take_report(
        &mut self,
        job: &Job,
        report: &JobReport,
        tally: &mut Tally,
        (now, wall_ms): (Instant, i64),
    ) {
        tally.count(&job.work, report, &self.vault);
        let key = self.failure_key(&job.work);
        match &report.end {
            JobEnd::Exported(_) | JobEnd::Unchanged(_) => {
                if self.failures_mut().clear(&key) {
                    tally.changes.failures_cleared.push(key);
                }
            }
            JobEnd::Failed(error) => {
                tally.stale.insert(job.output.clone());
                self.fail(tally, &key, error.clone(), now, wall_ms);
            }
            JobEnd::Refused(error) => self.fail(tally, &key, error.clone(), now, wall_ms),
            JobEnd::Superseded(path) => {
                self.failures_mut().overtaken(&key, now);
                // The look may find the note as it was planned after all: then no change asks for the job.
                self.pending.overtaken.insert(key);
                tally.finished.again.push(path.clone());
            }
            JobEnd::Cancelled => {
                tally.finished.record.cancelled += 1;
                let failed = self.failures_mut().cancelled(key.clone(), now, wall_ms);
                tally
                    .changes
                    .failures
                    .push(stored_failure(&key, failed, now));
            }
        }
    }

    fn fail(
        &mut self,
        tally: &mut Tally,
        key: &FailureKey,
        error: String,
        now: Instant,
        wall_ms: i64,
    ) {
        let failed = self.failures_mut().failed(key.clone(), error, now, wall_ms);
        tally
            .changes
            .failures
            .push(stored_failure(key, failed, now));
        let job = FailedJob {
            note: String::new(),
            format: key.format.clone(),
            error: failed.error.clone(),
            attempt: failed.attempt,
            due: failed.due,
        };
        let note = owner_name(&self.vault, &key.owner);
        tally.finished.failed.push(FailedJob { note, ..job });
    }

    /// The jobs that the history keeps.
    fn kept_jobs(&self, jobs: &[BatchJob], reports: &[JobReport]) -> Vec<JobRecord> {
        let durations: Vec<Duration> = reports.iter().map(|report| report.elapsed.into()).collect();
        let kept = manifest::kept_jobs(&durations).into_iter();
        kept.map(|index| {
            let (job, report) = (&jobs[index].job, &reports[index]);
            let (queued, elapsed) = (report.queued.into(), durations[index]);
            JobRecord {
                note: name_of(&self.vault, &job.work).into(),
                format: self.failure_key(&job.work).format,
                slot: small(report.lane),
                start_us: micros(queued),
                end_us: micros(queued + elapsed),
                outcome: outcome(&report.end),
                because: job.because.to_string().into(),
            }
        })
        .collect()
    }

    /// Failures of what is no longer wanted are over.
    fn forget_failures(&mut self, changes: &mut Changes) {
        let over: Vec<FailureKey> = self
            .pending
            .failures
            .iter()
            .map(|(key, _)| key)
            .filter(|key| !self.is_wanted(key))
            .cloned()
            .collect();
        for key in over {
            self.failures_mut().clear(&key);
            changes
                .failures
                .retain(|failure| failure.owner != key.owner || failure.format != key.format);
            changes.failures_cleared.push(key);
        }
    }

    fn is_wanted(&self, key: &FailureKey) -> bool {
        let format = || {
            self.format_plans
                .iter()
                .position(|format| format.name == key.format)
        };
        match &key.owner {
            Owner::Note(id) => format().is_some_and(|format| {
                self.vault
                    .files()
                    .try_get(*id)
                    .is_some_and(|file| file.exported)
                    || (self.vault.files().try_get(*id).is_some()
                        && self.vault.blocked(*id, format).is_some())
            }),
            Owner::Copy(id) => {
                self.vault.files().try_get(*id).is_some() && self.vault.is_copied(*id)
            }
            Owner::Page(name) => crate::vault::Page::from_name(name)
                .is_some_and(|page| self.vault.pages().key(&page).is_some()),
        }
    }

    /// What the vault knows and the manifest doesn't, but for the files that are there.
    fn save_rest(&mut self, changes: &mut Changes) {
        changes
            .files_removed
            .extend(self.ledger.unsaved.removed.iter().copied());
        changes
            .folders
            .extend(self.ledger.unsaved.made.iter().cloned());
        let over = self.ledger.unsaved.failures_over.iter();
        changes.failures_cleared.extend(
            over.filter(|key| self.pending.failures.get(key).is_none())
                .cloned(),
        );
        if self.ledger.unsaved.settings {
            let keys = self.format_plans.iter();
            changes.formats = Some(
                keys.map(|format| FormatKey {
                    name: format.name.clone(),
                    key: format.fingerprint,
                })
                .collect(),
            );
            changes.meta.push((
                super::open::RULES.into(),
                super::open::rules_text(&self.vault),
            ));
            changes
                .meta
                .push((super::open::DEVICE.into(), self.device.to_string().into()));
            changes
                .meta
                .push((super::open::READER.into(), super::open::reader_text()));
        }
    }

    fn commit(
        &mut self,
        changes: Changes,
        ended: &Ended,
        now: Instant,
    ) -> Result<(), ManifestError> {
        let outputs = || ended.outputs(&self.format_plans);
        let vault = &self.vault;
        let touched = self.ledger.unsaved.touched.iter();
        let files = touched.filter_map(|&id| stored_file(vault, id));
        let backlog = &mut self.ledger.backlog;
        let manifest = &mut self.ledger.manifest;
        self.progress
            .wait_for_disk(|| backlog.commit(manifest, changes, outputs, files, now))?;
        self.ledger.unsaved = Unsaved::default();
        // From here on the folder on this file system is the one that the manifest tells of.
        self.ledger.known_device = Some(self.device);
        self.ledger.is_saved = true;
        Ok(())
    }
}

impl Tally {
    fn new(record: BatchRecord) -> Self {
        Self {
            changes: Changes::default(),
            finished: Finished {
                record,
                failed: Vec::new(),
                again: Vec::new(),
                refused: Vec::new(),
            },
            stale: BTreeSet::new(),
        }
    }

    /// Counts a job that has ended.
    fn count(&mut self, work: &Work, report: &JobReport, vault: &Vault) {
        let record = &mut self.finished.record;
        let elapsed = micros(report.elapsed.into());
        record.sequential_us += elapsed;
        if elapsed > record.slowest_us || record.slowest.is_none() {
            record.slowest_us = elapsed;
            record.slowest = Some(name_of(vault, work).into());
        }
        match (work, &report.end) {
            (Work::Note(..), JobEnd::Exported(_)) => record.exported += 1,
            (Work::Note(..), JobEnd::Unchanged(_)) => record.unchanged += 1,
            (Work::Copy(_), JobEnd::Exported(_)) => record.attachments += 1,
            (Work::Page(..), JobEnd::Exported(_)) => record.pages += 1,
            _ => {}
        }
    }

    /// Completes the batch's record and hands it to the history.
    fn put_record(&mut self, deleted: u32, jobs: Vec<JobRecord>) {
        let record = &mut self.finished.record;
        record.failed = small(self.finished.failed.len());
        record.deleted = deleted;
        let record = record.clone();
        self.changes.batch = Some(FinishedBatch { record, jobs });
    }
}

/// What there is to say of a batch before its jobs are counted.
fn record_of(batch: &Batch, measured: &Measured) -> BatchRecord {
    BatchRecord {
        batch: batch.number,
        trigger: batch.trigger,
        started_at: measured.started_at,
        changed: small(batch.changed),
        removed: small(batch.removed),
        affected: small(batch.affected),
        jobs: small(batch.note_jobs),
        limit: small(measured.limit),
        exported: 0,
        unchanged: 0,
        deleted: 0,
        failed: 0,
        cancelled: 0,
        peak: small(measured.peak),
        attachments: 0,
        pages: 0,
        elapsed_us: micros(measured.elapsed),
        sequential_us: 0,
        slowest: None,
        slowest_us: 0,
    }
}

/// A file as the manifest keeps it; none where it has gone.
fn stored_file(vault: &Vault, id: FileId) -> Option<StoredFile> {
    let file = vault.files().try_get(id)?;
    Some(StoredFile {
        id,
        path: file.path.clone(),
        stamp: file.stamp,
        trusted: file.trusted,
        record: file.to_record(),
        view: file.view,
    })
}

fn stored_failure(key: &FailureKey, failed: &super::Failed, now: Instant) -> Failure {
    let wait =
        i64::try_from(failed.due.saturating_duration_since(now).as_millis()).unwrap_or(i64::MAX);
    Failure {
        owner: key.owner.clone(),
        format: key.format.clone(),
        error: failed.error.clone(),
        attempt: failed.attempt,
        failed_at: failed.failed_at,
        retry_at: failed.failed_at.saturating_add(wait),
    }
}

fn outcome(end: &JobEnd) -> JobOutcome {
    match end {
        JobEnd::Exported(_) => JobOutcome::Exported,
        JobEnd::Unchanged(_) => JobOutcome::Unchanged,
        JobEnd::Failed(_) | JobEnd::Refused(_) => JobOutcome::Failed,
        JobEnd::Superseded(_) | JobEnd::Cancelled => JobOutcome::Cancelled,
    }
}

fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
