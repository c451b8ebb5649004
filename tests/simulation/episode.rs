//! One seed: a config, some notes, a life with accidents, then quiet; and what must then be true.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use smartnotesd::config::{
    Attachments, Config, Debounce, Format, FormatKind, Layout, Log, LogFormat, OnError,
    TemplateFile, Watch, WatchMode,
};
use smartnotesd::disk::select::Select;
use smartnotesd::engine::Finished;
use smartnotesd::hash::ContentHash;
use smartnotesd::manifest::Manifest;

use crate::counts::Counts;
use crate::notes::Root;
use crate::process::Process;
use crate::rng::Rng;
use crate::state::State;
use crate::user;
use crate::world::{Clock, Disks, Killed, Malice, World, lock};

/// A promise that did not hold.
pub(crate) struct Failure {
    pub(crate) what: String,
    pub(crate) trace: Vec<String>,
}

struct Episode {
    disks: Disks,
    clock: Clock,
    config: Config,
    state: Arc<Mutex<State>>,
    process: Option<Process>,
}

/// How many steps the life of a seed has.
pub(crate) fn length(seed: u64) -> u64 {
    10 + Rng::new(seed ^ 0xABCD).below(50)
}

/// Lives through the first `steps` steps of a seed.
pub(crate) fn run(seed: u64, steps: u64) -> Result<Counts, Failure> {
    let mut rng = Rng::new(seed ^ 0x5EED);
    let config = any_config(&mut rng);
    let select = Select::new(&config.include, &config.exclude).expect("the globs are right");
    let state = Arc::new(Mutex::new(State::new()));
    let mut world = World::new(seed, select);
    world.state = Some(state.clone());
    world.one_disk = rng.chance(50);
    world.power_may_go = rng.chance(50);
    let disks = Disks::new(world);
    let mut episode = Episode {
        disks: disks.clone(),
        clock: Clock::new(),
        config,
        state,
        process: None,
    };
    let lived = catch_unwind(AssertUnwindSafe(|| episode.live(steps)));
    let mut world = disks.world();
    world.counts.events = world.kernel.counts;
    match lived {
        Ok(Ok(())) => Ok(world.counts),
        Ok(Err(what)) => Err(Failure {
            what,
            trace: std::mem::take(&mut world.trace),
        }),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let what = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let what = format!("panic: {}", what.unwrap_or_default());
            Err(Failure {
                what,
                trace: std::mem::take(&mut world.trace),
            })
        }
    }
}

fn any_config(rng: &mut Rng) -> Config {
    let template = |source: &str| TemplateFile {
        path: "/t".into(),
        source: source.to_owned(),
    };
    let text = "{{ title }}|{{ path }}|{{ body }}|{% if 'fail' in tags %}{{ 1 / 0 }}{% endif %}";
    let links =
        "{{ title }}{% for link in backlinks %} <{{ link.title }} {{ link.href }}>{% endfor %}";
    let all = [
        ("markdown", "", "md", FormatKind::Markdown(None)),
        ("json", "", "json", FormatKind::Json),
        ("html", "", "html", FormatKind::Html(None)),
        ("csv", "tables", "csv", FormatKind::Csv),
        ("text", "", "txt", FormatKind::Template(template(text))),
        (
            "links",
            "links",
            "links",
            FormatKind::Template(template(links)),
        ),
    ];
    let mut formats: Vec<Format> = Vec::new();
    for (name, dir, extension, kind) in all {
        if rng.chance(45) {
            formats.push(Format {
                name: name.into(),
                dir: dir.into(),
                extension: extension.into(),
                kind,
            });
        }
    }
    if formats.is_empty() {
        formats.push(Format {
            name: "html".into(),
            dir: "".into(),
            extension: "html".into(),
            kind: FormatKind::Html(None),
        });
    }
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect();
    Config {
        notes_dir: "/notes".into(),
        export_dir: "/export".into(),
        state_dir: "/state".into(),
        formats,
        max_concurrent: NonZeroUsize::MIN,
        debounce: Debounce {
            quiet: Duration::from_millis(*rng.pick(&[&0, &5, &200])),
            max_wait: Duration::from_secs(2),
        },
        layout: if rng.chance(60) {
            Layout::Mirror
        } else {
            Layout::Slug
        },
        include: tags(&["*.md", "*.markdown"]),
        exclude: Vec::new(),
        skip_tags: if rng.chance(15) {
            tags(&["work"])
        } else {
            Vec::new()
        },
        only_tags: if rng.chance(7) {
            tags(&["home", "work"])
        } else {
            Vec::new()
        },
        attachments: rng
            .choose(&[
                Attachments::Referenced,
                Attachments::Referenced,
                Attachments::All,
                Attachments::None,
            ])
            .expect("there are some"),
        on_error: OnError::Continue,
        watch: Watch {
            mode: WatchMode::Auto,
            poll_interval: Duration::from_secs(2),
            rescan: None,
        },
        log: Log {
            format: LogFormat::Auto,
            level: "info".into(),
        },
    }
}

impl Episode {
    fn live(&mut self, steps: u64) -> Result<(), String> {
        user::begin(&mut self.disks.world());
        self.start();
        for _ in 0..steps {
            self.step()?;
        }
        self.come_to_rest()?;
        self.compare()?;
        self.expect_idle("a rescan", |episode| {
            episode.process().rescan();
        })?;
        self.expect_idle("a restart", |episode| {
            episode.stop();
            episode.start();
        })
    }

    fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the daemon runs")
    }

    fn start(&mut self) {
        let root = self.disks.world().notes.root;
        if matches!(root, Root::Deleted | Root::MovedAway) {
            // A daemon doesn't start without its notes folder.
            return;
        }
        let manifest = lock(&self.state).open();
        self.process = Some(Process::start(
            &self.disks,
            self.clock,
            &self.config,
            manifest,
        ));
    }

    /// Ends the process in order.
    fn stop(&mut self) {
        lock(&self.state).accept();
        self.process = None;
        let mut world = self.disks.world();
        world.kernel.forget_all();
        // A closed manifest is on the disk.
        world.export.synced();
        world.export.inherit();
        world.note("stopped");
    }

    /// The process was killed, or the machine stopped.
    fn die(&mut self, power: bool) {
        let mut world = self.disks.world();
        let power = power && world.power_may_go;
        world.fuse = None;
        world.malice = Malice::default();
        world.kernel.forget_all();
        world.export.inherit();
        if power {
            world.counts.power_losses += 1;
            world.note("power lost");
            let mut rng = world.rng.clone();
            let (kept, lost) = lock(&self.state).lose_power(&mut rng);
            world.note(format!("of the manifest's log {kept} bytes are left"));
            world.counts.lost_transactions += u64::from(lost);
            world.export.lose_power(&mut rng);
            world.rng = rng;
        } else {
            world.counts.crashes += 1;
            lock(&self.state).crash();
        }
        drop(world);
        self.process = None;
    }

    /// Runs `work`; a process that is killed in it is gone afterwards.
    fn survive<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => Some(done),
            Err(payload) if payload.is::<Killed>() => {
                let power = self.disks.world().rng.chance(50);
                self.die(power);
                None
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    fn step(&mut self) -> Result<(), String> {
        let what = self.disks.world().rng.below(100);
        match what {
            0..=39 => user::change_notes(&mut self.disks.world()),
            40..=54 => {
                let mut world = self.disks.world();
                let pause =
                    world
                        .rng
                        .choose(&[1_000, 3_000_000, 30_000_000, 300_000_000, 3_000_000_000]);
                world.pass(Duration::from_nanos(pause.expect("there are some")));
            }
            55..=60 => user::meddle(&mut self.disks.world()),
            61..=63 => self.change_root(),
            64..=66 => self.restart(),
            67 => {
                let power = self.disks.world().rng.chance(50);
                if self.process.is_some() {
                    self.die(power);
                }
            }
            68 => {
                if let Some(process) = &mut self.process {
                    process.rescan();
                }
            }
            _ => self.be_awake()?,
        }
        let starts = self.disks.world().rng.chance(60);
        if self.process.is_none() && starts {
            self.start();
        }
        self.require_promises()
    }

    /// Some events come, and the daemon does what is due, while everybody acts.
    fn be_awake(&mut self) -> Result<(), String> {
        let Some(process) = &mut self.process else {
            return Ok(());
        };
        {
            let mut world = self.disks.world();
            let world = &mut *world;
            world.kernel.deliver(&mut world.rng, &process.inbox, false);
        }
        process.noticed();
        if self.disks.world().rng.chance(50) {
            self.disks.world().pass(Duration::from_millis(250));
        }
        {
            let mut world = self.disks.world();
            let wild = world.rng.chance(50);
            world.malice = Malice {
                faults: if world.rng.chance(20) { 60 } else { 0 },
                edits: if wild { 40 } else { 0 },
                root_losses: if world.rng.chance(8) { 30 } else { 0 },
                meddling: if world.rng.chance(15) { 20 } else { 0 },
            };
            if world.rng.chance(20) {
                world.fuse = Some(world.rng.below(60));
            }
            process.cancel = world.rng.chance(5);
            let refuses = world.rng.chance(6).then(|| world.rng.chance(40));
            if let Some(announcements) = refuses {
                lock(&self.state).refuse(announcements);
            } else {
                lock(&self.state).accept();
            }
        }
        let turned = self.survive(|episode| episode.process().turn());
        {
            let mut world = self.disks.world();
            world.malice = Malice::default();
            world.fuse = None;
        }
        if let Some(Some(finished)) = turned {
            self.after_batch(&finished)?;
        }
        Ok(())
    }

    /// What a batch saw as private is in no output any more, unless something kept the batch from its work.
    fn after_batch(&mut self, finished: &Finished) -> Result<(), String> {
        let Some(process) = &self.process else {
            return Ok(());
        };
        let whole = process.engine.failures().is_empty()
            && finished.failed.is_empty()
            && finished.refused.is_empty()
            && finished.again.is_empty()
            && finished.record.cancelled == 0;
        if !whole {
            return Ok(());
        }
        let world = self.disks.world();
        let exports = world.export.files();
        for (_, file) in process.engine.vault().files().iter() {
            let Some(bytes) = world.notes.bytes(file.path.as_str()) else {
                continue;
            };
            let Some(facts) = file.facts() else {
                continue;
            };
            let is_out = process
                .engine
                .vault()
                .rules()
                .lets_out(facts.privacy, &facts.tags);
            if is_out || facts.content != ContentHash::of(bytes) {
                continue;
            }
            let text = String::from_utf8_lossy(bytes);
            let tokens = user::tokens(&text).filter(|token| !process.is_public(&world, token));
            for token in tokens {
                let leak = exports.iter().find(|(path, export)| {
                    // A copy is somebody's own file, whatever words it shares with a note.
                    let is_copy = process.engine.vault().files().find(path).is_some();
                    !export.foreign
                        && !is_copy
                        && String::from_utf8_lossy(&export.bytes).contains(token)
                });
                if let Some((path, _)) = leak {
                    return Err(format!(
                        "{path}: has `{token}` of {}, which is private",
                        file.path
                    ));
                }
            }
        }
        Ok(())
    }

    fn change_root(&mut self) {
        let mut world = self.disks.world();
        if world.notes.root == Root::Here {
            user::lose_root(&mut world);
        } else {
            world.notes.root = Root::Here;
            world.note("the notes folder is back");
        }
    }

    fn restart(&mut self) {
        if self.process.is_none() {
            return;
        }
        self.stop();
        self.disks.world().counts.restarts += 1;
        let other = self.disks.world().rng.chance(40);
        if other {
            let mut rng = self.disks.world().rng.clone();
            self.config = any_config(&mut rng);
            let mut world = self.disks.world();
            world.rng = rng;
            world.counts.reconfigured += 1;
            world.note("another config");
        }
    }

    /// Nothing happens any more, and what failed is tried again.
    fn come_to_rest(&mut self) -> Result<(), String> {
        lock(&self.state).accept();
        if let Some(process) = &mut self.process {
            process.cancel = false;
        }
        {
            let mut world = self.disks.world();
            world.note("quiet from here on");
            if world.notes.root != Root::Here {
                world.notes.root = Root::Here;
                world.note("the notes folder is back");
            }
            user::open_all(&mut world);
            if world.rng.chance(50) {
                for path in world.export.foreign() {
                    world.note(format!("somebody takes away their file {path}"));
                    world.export.take_away(&path);
                }
            }
        }
        if self.process.is_none() {
            self.start();
        }
        if std::mem::take(&mut self.disks.world().rescan_needed) {
            self.process().rescan();
        }
        for _ in 0..3 {
            self.settle()?;
            // Longer than any failure waits.
            self.disks.world().pass(Duration::from_secs(700));
        }
        if self.process().uncommitted {
            return Err("the manifest is not told what was done".to_owned());
        }
        self.require_promises()
    }

    fn settle(&mut self) -> Result<(), String> {
        for _ in 0..60 {
            let quiet = self.hear_all();
            self.disks.world().pass(Duration::from_millis(2100));
            // One for what has changed, one for what is tried again.
            self.process().turn();
            self.process().turn();
            self.require_sleep()?;
            let events = !self.disks.world().kernel.is_quiet();
            if quiet && !events && self.process().is_quiet() {
                return Ok(());
            }
        }
        Err("the daemon does not come to rest".to_owned())
    }

    /// Every event comes; true when there was none and nothing waited.
    fn hear_all(&mut self) -> bool {
        let process = self.process.as_mut().expect("the daemon runs");
        let quiet = {
            let mut world = self.disks.world();
            let world = &mut *world;
            let quiet = world.kernel.is_quiet();
            world.kernel.deliver(&mut world.rng, &process.inbox, true);
            quiet
        };
        process.noticed();
        quiet && process.is_quiet()
    }

    /// Nothing may be due at once again after a turn that did all that was due.
    fn require_sleep(&mut self) -> Result<(), String> {
        let now = self.clock.at(&self.disks.world());
        let spins = self
            .process()
            .engine
            .next_due()
            .is_some_and(|due| due <= now);
        if spins {
            Err("something stays due for ever".to_owned())
        } else {
            Ok(())
        }
    }

    fn require_promises(&mut self) -> Result<(), String> {
        self.disks.world().export.broken.take().map_or(Ok(()), Err)
    }

    /// What a full export into an empty folder writes.
    fn expected(&mut self) -> Result<BTreeMap<String, Vec<u8>>, String> {
        let disks = Disks::new(self.disks.world().fresh());
        let manifest = Manifest::in_memory().expect("there is memory");
        let mut process = Process::start(&disks, self.clock, &self.config, manifest);
        process.turn();
        let world = disks.world();
        if let Some(broken) = &world.export.broken {
            return Err(format!("in a fresh export: {broken}"));
        }
        Ok(world
            .export
            .files()
            .into_iter()
            .map(|(path, file)| (path, file.bytes.clone()))
            .collect())
    }

    fn compare(&mut self) -> Result<(), String> {
        let expected = self.expected()?;
        let world = self.disks.world();
        let actual = world.export.files();
        let mut difference = String::new();
        let paths: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
        for path in paths {
            let foreign = actual.get(path).is_some_and(|file| file.foreign);
            let blocked = world.export.is_in_the_way(path);
            let line = match (expected.get(path), actual.get(path)) {
                (_, Some(_)) if foreign => continue,
                (Some(_), None) if blocked => continue,
                (Some(wanted), Some(there)) if *wanted == there.bytes => continue,
                (Some(wanted), Some(there)) => format!(
                    "differs  {path}\n  wanted {:?}\n  there  {:?}",
                    String::from_utf8_lossy(wanted),
                    String::from_utf8_lossy(&there.bytes)
                ),
                (Some(_), None) => format!("missing  {path}"),
                (None, Some(_)) => format!("stale    {path}"),
                (None, None) => continue,
            };
            let _ = writeln!(difference, "{line}");
        }
        if difference.is_empty() {
            Ok(())
        } else {
            Err(difference)
        }
    }

    /// After `work`, the daemon must find that all is as it should be.
    fn expect_idle(&mut self, what: &str, work: impl FnOnce(&mut Self)) -> Result<(), String> {
        let before = self.disks.world().export.changes;
        work(self);
        self.settle()?;
        let after = self.disks.world().export.changes;
        if before == after {
            Ok(())
        } else {
            Err(format!(
                "{what} changed {} names in a right tree",
                after - before
            ))
        }
    }
}
