//! One life of the daemon: the real engine, inbox and agenda, on one thread.
//!
//! Jobs run one after the other in any order and are published in any groups; the runner's own threads are not part of
//! the simulation.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use smartnotesd::agenda::{Agenda, Hints, Periodic, RootNews, RootSeen};
use smartnotesd::config::Config;
use smartnotesd::disk::{Staged, StagedFile};
use smartnotesd::engine::{
    Batch, Engine, EngineError, Finished, JobEnd, JobReport, JobTime, Measured, Parts, Published,
    Request, Secured,
};
use smartnotesd::export::Formats;
use smartnotesd::log::events::Trigger;
use smartnotesd::manifest::Manifest;
use smartnotesd::vault::Shelf;
use smartnotesd::vault::facts::Place;
use smartnotesd::watch::{Dirty, Inbox};

use crate::notes::Root;
use crate::world::{Clock, Disks, Watcher, World};

/// Which device the notes folder lies on, and which an empty mount point.
const DEVICE: u64 = 1;
const OTHER_DEVICE: u64 = 2;

/// A shelf in memory.
#[derive(Debug, Default)]
struct Attic(Mutex<Vec<u8>>);

impl Shelf for Attic {
    fn put(&self, bytes: &[u8]) -> Option<Place> {
        let mut all = self.0.lock().unwrap();
        let place = Place::new(all.len() as u64, bytes.len());
        all.extend_from_slice(bytes);
        place
    }

    fn get(&self, place: Place) -> Vec<u8> {
        let begin = usize::try_from(place.begin()).unwrap();
        self.0.lock().unwrap()[begin..begin + place.len()].to_vec()
    }

    fn size(&self) -> u64 {
        // Large enough that it is cleared now and then.
        (self.0.lock().unwrap().len() as u64) << 12
    }

    fn empty(&self) -> Option<Arc<dyn Shelf>> {
        Some(Arc::new(Self::default()))
    }
}

/// A running daemon.
pub(crate) struct Process {
    pub(crate) engine: Engine,
    disks: Disks,
    clock: Clock,
    pub(crate) inbox: Inbox,
    agenda: Agenda,
    /// Some jobs of the next batch are cancelled, as by a stop.
    pub(crate) cancel: bool,
    /// The manifest refused what the last batch did.
    pub(crate) uncommitted: bool,
}

impl Process {
    pub(crate) fn start(disks: &Disks, clock: Clock, config: &Config, manifest: Manifest) -> Self {
        let (now, root, one_disk) = {
            let mut world = disks.world();
            world.held = world.notes.root;
            (clock.at(&world), world.notes.root, world.one_disk)
        };
        let parts = Parts {
            config: Arc::new(config.clone()),
            formats: Arc::new(Formats::new(config).expect("the templates are right")),
            notes: Arc::new(disks.clone()),
            outputs: Arc::new(disks.clone()),
            manifest,
            shelf: Some(Arc::new(Attic::default())),
            device: if root == Root::Unmounted {
                OTHER_DEVICE
            } else {
                DEVICE
            },
            flush_covers_manifest: one_disk,
        };
        let (engine, lost) = Engine::open(parts, now).expect("the manifest can be read");
        assert_eq!(lost, None, "what the manifest remembers fits together");
        let process = Self {
            engine,
            disks: disks.clone(),
            clock,
            inbox: Inbox::new(),
            agenda: Agenda::new(config.debounce, config.watch, Trigger::Startup, now),
            cancel: false,
            uncommitted: false,
        };
        process.inbox.mark_all();
        process
    }

    /// Whether a word is also in a file that is exported, as far as the daemon knows: copies and links share words.
    pub(crate) fn is_public(&self, world: &World, word: &str) -> bool {
        let vault = self.engine.vault();
        vault.files().iter().any(|(id, file)| {
            let shown = file.exported || (!file.is_note() && vault.is_copied(id));
            let text = world.notes.bytes(file.path.as_str()).unwrap_or_default();
            shown && String::from_utf8_lossy(text).contains(word)
        })
    }

    fn now(&self) -> Instant {
        self.clock.at(&self.disks.world())
    }

    /// Asks for a comparison of everything.
    pub(crate) fn rescan(&mut self) {
        self.inbox.mark_all();
        self.agenda.ask_audit();
    }

    /// Hints have come.
    pub(crate) fn noticed(&mut self) {
        if !self.inbox.is_empty() {
            let now = self.now();
            self.agenda.changed(now);
        }
    }

    /// Whether nothing waits but what failed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.inbox.is_empty() && self.agenda.is_settled()
    }

    /// What is due by now.
    pub(crate) fn turn(&mut self) -> Option<Finished> {
        let now = self.now();
        self.check_root(now);
        if self.agenda.periodic(false, now) == Some(Periodic::Rescan) {
            self.inbox.mark_all();
        }
        self.agenda
            .step_is_due(self.engine.next_due(), now)
            .then(|| self.step(now))?
    }

    /// As the daemon does every few seconds and when a hint says so: here, before each step.
    fn check_root(&mut self, now: Instant) {
        let seen = {
            let mut world = self.disks.world();
            if (world.held, world.notes.root) == (Root::Unmounted, Root::Here) {
                world.held = Root::Here;
                RootSeen::Replaced
            } else if world.is_same_root() {
                RootSeen::Same
            } else {
                RootSeen::Gone
            }
        };
        if seen == RootSeen::Replaced {
            self.engine.set_device(DEVICE);
        }
        if self.agenda.saw_root(seen, now) == RootNews::Anew {
            self.disks.world().kernel.forget_all();
            self.inbox.mark_all();
        }
    }

    /// Takes in what has changed, or else only tries again what failed.
    fn step(&mut self, now: Instant) -> Option<Finished> {
        let asked = self.agenda.take(now);
        let dirty = match asked.hints {
            Hints::Take => self.inbox.take(),
            Hints::Leave => Dirty::default(),
        };
        let request = Request {
            trigger: asked.trigger,
            dirty: &dirty,
            full: false,
            audit: asked.audit,
            always: asked.always,
            now,
        };
        let watcher = Watcher {
            disks: &self.disks,
            inbox: &self.inbox,
        };
        let prepared = self.engine.prepare(&request, &watcher);
        match prepared {
            Ok(batch) => {
                self.agenda.looked(asked, dirty.everything, now, self.now());
                batch.map(|batch| self.run(batch))
            }
            Err(EngineError::Manifest(error)) => panic!("the manifest can't be read: {error}"),
            Err(error) => {
                self.disks.world().note(format!("no look: {error}"));
                self.inbox.put_back(dirty);
                // Whoever is told is not simulated.
                let _ = self.agenda.failed(asked, now);
                None
            }
        }
    }

    fn run(&mut self, mut batch: Batch) -> Finished {
        {
            let mut world = self.disks.world();
            world.counts.batches += 1;
            world.counts.jobs += batch.jobs.len() as u64;
            let number = batch.number;
            world.note(format!(
                "batch {number} by {}, {} jobs",
                batch.trigger.as_str(),
                batch.jobs.len()
            ));
        }
        let withdrawn = self.engine.withdraw_first(&mut batch);
        let reports = self.run_jobs(&batch);
        let measured = Measured {
            started_at: 0,
            elapsed: Duration::ZERO,
            peak: 1,
            limit: 1,
        };
        let now = self.now();
        let (finished, committed) = self
            .engine
            .finish(batch, withdrawn, reports, &measured, now);
        self.uncommitted = committed.is_err();
        let mut world = self.disks.world();
        for path in &finished.again {
            world.counts.superseded += 1;
            self.inbox.mark(path.clone());
        }
        for failed in &finished.failed {
            world.note(format!(
                "failed {} ({}): {}",
                failed.note, failed.format, failed.error
            ));
        }
        match committed {
            Ok(()) => {
                let may_go = world.power_may_go;
                world.export.remembered(may_go);
            }
            Err(error) => {
                world.counts.refused_transactions += 1;
                world.note(format!("not committed: {error}"));
            }
        }
        drop(world);
        self.noticed();
        finished
    }

    fn run_jobs(&mut self, batch: &Batch) -> Vec<JobReport> {
        let mut order: Vec<usize> = (0..batch.jobs.len()).collect();
        self.disks.world().rng.shuffle(&mut order);
        let mut ends: Vec<(usize, JobEnd)> = Vec::new();
        let mut staged = Vec::new();
        let mut renaming = None;
        let stops_after = if std::mem::take(&mut self.cancel) {
            order.len() / 2
        } else {
            order.len()
        };
        for (at, &index) in order.iter().enumerate() {
            if at >= stops_after {
                ends.push((index, JobEnd::Cancelled));
                continue;
            }
            match batch.context.run(&batch.jobs[index]) {
                Ok(Staged::Ready(file)) => staged.push((index, file)),
                Ok(Staged::Unchanged(state)) => ends.push((index, JobEnd::Unchanged(state))),
                Err(error) => ends.push((index, error.into())),
            }
            // The engine publishes many files on several threads: here there is one.
            if staged.len() >= 100 || self.disks.world().rng.chance(10) {
                self.publish_wave(batch, std::mem::take(&mut staged), &mut renaming, &mut ends);
            }
        }
        self.publish_wave(batch, staged, &mut renaming, &mut ends);
        self.settle_renamed(batch, &mut renaming, &mut ends);
        ends.sort_by_key(|(index, _)| *index);
        let report = |(index, end)| JobReport {
            index,
            end,
            queued: JobTime::default(),
            elapsed: JobTime::default(),
            lane: 0,
        };
        ends.into_iter().map(report).collect()
    }

    /// Secures a wave while the one before gets its names: some calls later, or at once.
    fn publish_wave(
        &mut self,
        batch: &Batch,
        staged: Vec<(usize, StagedFile)>,
        renaming: &mut Option<Secured>,
        ends: &mut Vec<(usize, JobEnd)>,
    ) {
        if self.disks.world().rng.chance(50) {
            self.settle_renamed(batch, renaming, ends);
        }
        if staged.is_empty() {
            return;
        }
        let secured = self.engine.secure(batch, staged);
        self.settle_renamed(batch, renaming, ends);
        match secured {
            Ok(secured) => *renaming = Some(secured),
            Err(failed) => self.settle(batch, failed, ends),
        }
    }

    fn settle_renamed(
        &mut self,
        batch: &Batch,
        renaming: &mut Option<Secured>,
        ends: &mut Vec<(usize, JobEnd)>,
    ) {
        if let Some(secured) = renaming.take() {
            self.settle(batch, secured.publish(), ends);
        }
    }

    fn settle(&mut self, batch: &Batch, published: Published, ends: &mut Vec<(usize, JobEnd)>) {
        for (index, result) in self.engine.published(batch, published) {
            ends.push((
                index,
                result.map_or_else(
                    |error| smartnotesd::engine::JobError::from(error).into(),
                    JobEnd::Exported,
                ),
            ));
        }
    }
}
