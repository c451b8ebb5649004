//! From hints to a batch: look, apply, plan, and what each job must know before it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::audit::want;
use super::texts::Texts;
use super::threads::Threads;
use super::{Context, Engine, EngineError, FolderListener};
use crate::disk::{OutputState, Owned};
use crate::log::events::Trigger;
use crate::manifest::{FailureKey, Owner, StoredOutput};
use crate::path::{NotePath, OutputPath};
use crate::plan::{BlockedJob, FormatPlan, Job, Plan, Planner, Work};
use crate::vault::{Because, Delta, FileId, Page};
use crate::watch::Dirty;

/// What a batch is asked to do.
pub struct Request<'a> {
    /// Why.
    pub trigger: Trigger,
    /// Where to look.
    pub dirty: &'a Dirty,
    /// Export everything again.
    pub full: bool,
    /// Compare the export tree with the manifest too.
    pub audit: bool,
    /// Run a batch even if there is nothing to do.
    pub always: bool,
    /// The time: failures due by then are tried again, and no others unless what they are made of changed.
    pub now: Instant,
}

/// Whose the file at a job's output is, as an owned value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody's that we know.
    No,
    /// Announced before the process ended.
    Announced,
    /// Ours. Of most files of a large export nothing is known.
    Yes(Box<OutputState>),
}

impl Ownership {
    /// What the manifest's row means for the file.
    pub fn of(row: Option<&StoredOutput>) -> Self {
        match row {
            None => Self::No,
            Some(row) if row.replacing => Self::Announced,
            Some(row) => row
                .state
                .map_or(Self::Announced, |state| Self::Yes(Box::new(state))),
        }
    }

    /// As the disk takes it.
    pub fn owned(&self) -> Owned<'_> {
        match self {
            Self::No => Owned::No,
            Self::Announced => Owned::Announced,
            Self::Yes(state) => Owned::Yes(state),
        }
    }
}

/// A job with what it must know of its output.
#[derive(Clone, Debug)]
pub struct BatchJob {
    /// The job.
    pub job: Job,
    /// Whose the file there is.
    pub ownership: Ownership,
}

/// Work for the runner, and what to say about it.
pub struct Batch {
    /// Its number, counted over restarts.
    pub number: u64,
    /// Why it was started.
    pub trigger: Trigger,
    /// Files that are new or changed.
    pub changed: usize,
    /// Files that are gone.
    pub removed: usize,
    /// Notes to export again.
    pub affected: usize,
    /// How many of the jobs are one note in one format, the blocked ones among them.
    pub note_jobs: usize,
    /// The jobs in the order in which they are begun and reported.
    pub jobs: Vec<BatchJob>,
    /// Jobs that have failed before they began.
    pub blocked: Vec<BlockedJob>,
    /// Whether the export tree was compared with the manifest.
    pub(super) audited: bool,
    /// Outputs that go.
    pub(super) withdraw: BTreeSet<OutputPath>,
    /// Folders of ours in the place of jobs' files.
    pub(super) in_the_way: BTreeSet<OutputPath>,
    /// What the jobs read from.
    pub context: Arc<Context>,
    /// Problems of notes that are new or changed, for the log.
    pub problems: Vec<(NotePath, crate::vault::Problem)>,
    /// Files that could not be read, for the log: only those that were not reported before.
    pub unreadable: Vec<(String, String)>,
    /// Why the manifest was begun anew for this batch, if it was.
    pub renewed: Option<String>,
}

impl Batch {
    /// Whether any output or folder goes.
    pub fn has_withdrawals(&self) -> bool {
        !self.withdraw.is_empty() || !self.in_the_way.is_empty()
    }
}

impl Engine {
    /// Looks, takes in what changed and plans a batch; `None` when there is nothing to do and nothing to say. Where the
    /// manifest turns out to be damaged, it is begun anew and everything looked at.
    ///
    /// # Errors
    /// When the notes folder can't be looked at, or the manifest can't be read. Nothing is lost: the same hints lead to
    /// the same batch later.
    pub fn prepare(
        &mut self,
        request: &Request<'_>,
        listener: &dyn FolderListener,
    ) -> Result<Option<Batch>, EngineError> {
        if self.ledger.damage.is_none() {
            match self.prepare_from(request, listener) {
                Err(EngineError::Manifest(error)) if error.is_corruption() => {
                    self.ledger.mind_damage(&error);
                }
                prepared => return prepared,
            }
        }
        let damage = self.ledger.damage.take().unwrap_or_default();
        let renewed = Some(self.renew(&damage)?);
        let anew = Request {
            dirty: &Dirty {
                everything: true,
                ..Dirty::default()
            },
            audit: true,
            always: true,
            ..*request
        };
        let batch = self.prepare_from(&anew, listener)?;
        Ok(batch.map(|batch| Batch { renewed, ..batch }))
    }

    fn prepare_from(
        &mut self,
        request: &Request<'_>,
        listener: &dyn FolderListener,
    ) -> Result<Option<Batch>, EngineError> {
        self.clear_shelf();
        let look = self.look(request.dirty, request.now, listener)?;
        if std::mem::take(&mut self.ledger.is_saved) {
            self.vault_mut().recycle();
        }
        self.shelf.looked(look.changes.len(), self.vault.notes());
        let helpers = Threads(self.progress.clone());
        let delta = self.vault_mut().apply(look.changes, &helpers);
        listener.looked(&self.vault);
        // At once, as of a first look the paths in what was looked at take as much as the plan that follows.
        let texts = Texts::new(look.texts, self.vault.files());
        self.ledger
            .unsaved
            .touched
            .extend(delta.touched.iter().copied());
        for (id, _) in &delta.removed {
            self.ledger.unsaved.touched.remove(id);
            self.ledger.unsaved.removed.insert(*id);
        }
        let unreadable = look.newly_unreadable;
        let mut wanted = Wanted::from_delta(&delta);
        if !request.full && self.pending.failures.some_wait(request.now) {
            wanted.changed = Some(wanted.owners().collect());
        }
        if request.full {
            wanted.everything(self);
        }
        // Before the audit: what failed has no output, but that is not why it is made.
        let overtaken = std::mem::take(&mut self.pending.overtaken);
        let retries = self.retries(request);
        self.want_retries(&retries, &overtaken, &mut wanted)?;
        wanted.overtaken = overtaken;
        if request.audit || self.ledger.unsaved.settings {
            self.audit(&mut wanted)?;
        }
        let plan = self.plan(&wanted, request)?;
        drop(wanted);
        self.drop_failures_without_job(&retries, &plan);
        let nothing = plan.is_empty() && delta.is_empty() && unreadable.is_empty();
        let waiting = self.ledger.backlog.next_due();
        let commits_again = waiting.is_some_and(|due| due <= request.now);
        if nothing && !request.always && !commits_again {
            return Ok(None);
        }
        self.batch(request, &delta, plan, texts, unreadable)
            .map(Some)
    }

    /// What failed and is tried again. Changes don't wait for it: theirs are batches of their own.
    fn retries(&self, request: &Request<'_>) -> Vec<FailureKey> {
        match request.trigger {
            Trigger::Watch => Vec::new(),
            _ => self.pending.failures.due(request.now).cloned().collect(),
        }
    }

    fn want_retries(
        &mut self,
        retries: &[FailureKey],
        overtaken: &BTreeSet<FailureKey>,
        wanted: &mut Wanted,
    ) -> Result<(), EngineError> {
        self.pending.left_over.tried();
        for path in self.pending.left_over.paths().clone().keys() {
            // Its owner may want it again by now: that is for the planner to say.
            if let Some(row) = self.ledger.output_at(path)? {
                want(wanted, row, Because::Retry);
            }
        }
        for key in retries.iter().chain(overtaken) {
            match &key.owner {
                Owner::Note(id) => {
                    wanted.notes.entry(*id).or_insert(Because::Retry);
                }
                Owner::Copy(id) => {
                    wanted.copies.entry(*id).or_insert(Because::Retry);
                }
                Owner::Page(name) => wanted.pages.extend(Page::from_name(name)),
            }
        }
        Ok(())
    }

    /// What is to be tried again and has no job any more is no longer wanted. It must not stay due for ever.
    fn drop_failures_without_job(&mut self, retries: &[FailureKey], plan: &Plan) {
        if retries.is_empty() {
            return;
        }
        let jobs = plan.jobs.iter().map(|job| self.failure_key(&job.work));
        let blocked = plan.blocked.iter();
        let blocked = blocked.map(|job| self.failure_key(&Work::Note(job.id, job.format)));
        let planned: BTreeSet<FailureKey> = jobs.chain(blocked).collect();
        for key in retries.iter().filter(|key| !planned.contains(key)) {
            self.failures_mut().clear(key);
            self.ledger.unsaved.failures_over.push(key.clone());
        }
    }

    fn plan(&self, wanted: &Wanted, request: &Request<'_>) -> Result<Plan, EngineError> {
        let planner = Planner {
            vault: &self.vault,
            formats: &self.format_plans,
            full: request.full,
        };
        let mut known = self.known(wanted)?;
        known.doubt(|path, key| {
            wanted.damaged.contains(path)
                || wanted.overtaken.contains(key)
                || self.pending.failures.get(key).is_some()
        });
        let mut plan = Plan {
            // Grown bit by bit it would take half as much again, when an export takes most.
            jobs: Vec::with_capacity(wanted.most_jobs(self.format_plans.len())),
            withdraw: wanted.withdraw.clone(),
            ..Plan::default()
        };
        for (id, because) in self.in_path_order(&wanted.notes) {
            self.progress.beat();
            planner.note(&mut plan, id, because, known.of(&Owner::Note(id)));
        }
        for (id, because) in self.in_path_order(&wanted.copies) {
            planner.copy(&mut plan, id, because, known.of(&Owner::Copy(id)));
        }
        for page in &wanted.pages {
            let place = |format| self.formats.page_path(format, page);
            planner.page(&mut plan, page, place, known.of(&Owner::Page(page.name())));
        }
        self.leave_waiting(&mut plan, wanted, request.now);
        for page in self.displaced_pages(&plan, wanted) {
            let place = |format| self.formats.page_path(format, &page);
            let rows = self.ledger.outputs_of(&Owner::Page(page.name()))?;
            planner.page(&mut plan, &page, place, &rows);
        }
        Ok(plan)
    }

    /// Pages that are not wanted for their own sake, but a note or an attachment comes to their place or goes from it.
    fn displaced_pages(&self, plan: &Plan, wanted: &Wanted) -> Vec<Page> {
        let outputs = plan
            .jobs
            .iter()
            .map(|job| &job.output)
            .chain(&plan.withdraw);
        let places: BTreeSet<&OutputPath> = outputs
            .filter(|output| (0..self.formats.len()).any(|at| self.formats.may_be_page(at, output)))
            .collect();
        if places.is_empty() {
            return Vec::new();
        }
        let formats = (0..self.formats.len()).filter(|&format| self.formats.pages(format));
        let formats: Vec<usize> = formats.collect();
        let is_there = |page: &Page| {
            let mut at = formats
                .iter()
                .map(|&format| self.formats.page_path(format, page));
            at.any(|path| places.contains(&path))
        };
        let pages = self.vault.pages().iter();
        pages
            .filter(|page| !wanted.pages.contains(page) && is_there(page))
            .collect()
    }

    fn in_path_order<'a>(
        &self,
        wanted: &'a BTreeMap<FileId, Because>,
    ) -> Vec<(FileId, &'a Because)> {
        let mut ordered: Vec<_> = wanted.iter().map(|(id, because)| (*id, because)).collect();
        // Files that are gone come first: they only have outputs to withdraw.
        ordered.sort_by_cached_key(|(id, _)| self.name_of(*id));
        ordered
    }

    /// What the manifest knows of the outputs of those who are wanted.
    fn known(&self, wanted: &Wanted) -> Result<Known, EngineError> {
        /// From so many on, reading all rows once is faster than looking each up.
        const BULK: usize = 2000;
        let mut known = Known::default();
        if !self.ledger.has_outputs {
            return Ok(known);
        }
        let owners = wanted.owners();
        if wanted.len() < BULK {
            for owner in owners {
                let rows = self.ledger.outputs_of(&owner)?;
                known.rows.insert(owner, rows);
            }
        } else {
            known.rows = owners.map(|owner| (owner, Vec::new())).collect();
            self.ledger.load_outputs(|row| {
                self.progress.beat();
                if let Some(rows) = known.rows.get_mut(&row.owner) {
                    rows.push(row);
                }
            })?;
        }
        Ok(known)
    }

    fn batch(
        &mut self,
        request: &Request<'_>,
        delta: &Delta,
        plan: Plan,
        texts: Texts,
        unreadable: Vec<(String, String)>,
    ) -> Result<Batch, EngineError> {
        let number = self.ledger.number_batch();
        let affected = plan.notes();
        let note_jobs = plan.note_jobs();
        let mut jobs = Vec::with_capacity(plan.jobs.len());
        for job in plan.jobs {
            self.progress.beat();
            let row = if self.ledger.has_outputs {
                self.ledger.output_at(&job.output)?
            } else {
                None
            };
            jobs.push(BatchJob {
                ownership: Ownership::of(row.as_ref()),
                job,
            });
        }
        let problems = delta.problems.iter();
        let problems = problems
            .filter_map(|(id, problem)| Some((self.name_of(*id)?.clone(), problem.clone())))
            .collect();
        let context = Context::new(self, texts);
        let outputs = jobs.iter().map(|job| &job.job.output);
        let in_the_way = outputs.filter(|output| self.made.contains(*output));
        let in_the_way = in_the_way.cloned().collect();
        Ok(Batch {
            number,
            trigger: request.trigger,
            changed: delta.changed.len(),
            removed: delta.removed.len(),
            affected,
            note_jobs,
            jobs,
            blocked: plan.blocked,
            audited: request.audit,
            withdraw: plan.withdraw,
            in_the_way,
            context: Arc::new(context),
            problems,
            unreadable,
            renewed: None,
        })
    }

    /// The failure that a job's work is known by.
    pub(super) fn failure_key(&self, work: &Work) -> FailureKey {
        failure_key(&self.format_plans, work)
    }
}

/// The same, of these formats.
pub(super) fn failure_key(formats: &[FormatPlan], work: &Work) -> FailureKey {
    let format = work.format();
    FailureKey {
        owner: work.owner(),
        format: format.map_or("".into(), |format| formats[format].name.clone()),
    }
}

/// Outputs of some owners.
#[derive(Default)]
struct Known {
    rows: BTreeMap<Owner, Vec<StoredOutput>>,
}

impl Known {
    fn of(&self, owner: &Owner) -> &[StoredOutput] {
        self.rows.get(owner).map_or(&[], Vec::as_slice)
    }

    /// What was damaged since it was written is not up to date, whatever its key says; nor is what failed since, as it
    /// may have been made anew for that reason.
    fn doubt(&mut self, is_doubtful: impl Fn(&OutputPath, &FailureKey) -> bool) {
        for row in self.rows.values_mut().flatten() {
            let key = FailureKey {
                owner: row.owner.clone(),
                format: row.format.clone(),
            };
            if is_doubtful(&row.path, &key) {
                row.state = None;
            }
        }
    }
}

/// Whose outputs to compare with what the manifest knows.
#[derive(Default)]
pub(super) struct Wanted {
    pub(super) notes: BTreeMap<FileId, Because>,
    pub(super) copies: BTreeMap<FileId, Because>,
    pub(super) pages: BTreeSet<Page>,
    /// Outputs that are not as the manifest remembers them.
    pub(super) damaged: BTreeSet<OutputPath>,
    /// Jobs that read something other than what was planned.
    pub(super) overtaken: BTreeSet<FailureKey>,
    /// Those that are wanted because something changed, where that makes a difference: while anything that failed waits.
    pub(super) changed: Option<BTreeSet<Owner>>,
    /// Outputs that nobody wants any more, whoever had them.
    pub(super) withdraw: BTreeSet<OutputPath>,
}

impl Wanted {
    fn from_delta(delta: &Delta) -> Self {
        let mut wanted = Self::default();
        for affected in &delta.affected {
            wanted.notes.insert(affected.id, affected.because.clone());
        }
        for id in &delta.withdrawn {
            wanted.notes.entry(*id).or_insert(Because::Changed);
        }
        for id in &delta.copies {
            wanted.copies.insert(*id, Because::Changed);
        }
        for (id, _) in &delta.removed {
            wanted.notes.insert(*id, Because::Changed);
            wanted.copies.insert(*id, Because::Changed);
        }
        wanted.pages.clone_from(&delta.pages);
        wanted
    }

    fn everything(&mut self, engine: &Engine) {
        for (id, file) in engine.vault.files().iter() {
            if file.is_note() {
                self.notes.entry(id).or_insert(Because::Full);
            } else {
                self.copies.entry(id).or_insert(Because::Full);
            }
        }
        self.pages.extend(engine.vault.pages().iter());
    }

    fn owners(&self) -> impl Iterator<Item = Owner> {
        let notes = self.notes.keys().map(|id| Owner::Note(*id));
        let copies = self.copies.keys().map(|id| Owner::Copy(*id));
        let pages = self.pages.iter().map(|page| Owner::Page(page.name()));
        notes.chain(copies).chain(pages)
    }

    fn len(&self) -> usize {
        self.notes.len() + self.copies.len() + self.pages.len()
    }

    /// How many jobs it can come to with so many formats.
    fn most_jobs(&self, formats: usize) -> usize {
        (self.notes.len() + self.pages.len()) * formats + self.copies.len()
    }
}
