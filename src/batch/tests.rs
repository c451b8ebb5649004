//! What a batch waits for before it ends, how many of its jobs run at once, and what a failure ends.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, mpsc};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

use super::*;
use crate::config::{ConfigSource, load};
use crate::disk::notes::NotesFolder;
use crate::disk::select::Select;
use crate::disk::{
    Beat, Content, OutputDisk, OutputError, OutputState, Owned, Staged, StagedFile, TemporaryId,
};
use crate::engine::{Parts, Request, Unwatched};
use crate::export::Formats;
use crate::log::events::Trigger;
use crate::manifest::Manifest;
use crate::path::{NotePath, OutputPath};
use crate::sync::lock;
use crate::watch::Dirty;

/// What happens when a file is staged.
type Meanwhile = Box<dyn Fn(&OutputPath) -> Result<(), OutputError> + Send + Sync>;

/// An export tree that keeps nothing: each file that is staged first does what the test wants.
struct Door {
    meanwhile: Meanwhile,
    staging: AtomicUsize,
    flushed: Arc<Flushed>,
}

/// Whether the export tree has been flushed.
#[derive(Default)]
struct Flushed {
    is_so: Mutex<bool>,
    told: Condvar,
}

impl Flushed {
    fn tell(&self) {
        *lock(&self.is_so) = true;
        self.told.notify_all();
    }

    /// Waits for a flush, and says whether it came.
    fn wait(&self) -> bool {
        let waits = |is_so: &mut bool| !*is_so;
        let waited = self
            .told
            .wait_timeout_while(lock(&self.is_so), PATIENCE, waits);
        *waited.unwrap().0
    }
}

impl OutputDisk for Door {
    fn stage(
        &self,
        path: &OutputPath,
        _: Content<'_>,
        _: Owned<'_>,
        _: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        self.staging.fetch_add(1, Ordering::SeqCst);
        let done = (self.meanwhile)(path);
        self.staging.fetch_sub(1, Ordering::SeqCst);
        done?;
        Ok(Staged::Ready(StagedFile {
            temporary: TemporaryId {
                number: 0,
                folder: 0,
            },
            path: path.clone(),
            replace: true,
            state: OutputState {
                hash: 0.into(),
                size: 0,
                mtime: 0,
                inode: 0,
                birth: 0,
            },
        }))
    }

    fn flush(&self) -> io::Result<()> {
        self.flushed.tell();
        Ok(())
    }

    fn publish(
        &self,
        staged: StagedFile,
        _: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        Ok(staged.state)
    }

    fn delete(&self, _: &OutputPath, _: Owned<'_>, _: Beat<'_>) -> Result<bool, OutputError> {
        Ok(false)
    }

    fn remove_folder(&self, _: &OutputPath) -> io::Result<bool> {
        Ok(false)
    }

    fn is_intact(&self, _: &OutputPath, _: &OutputState) -> bool {
        true
    }

    fn sweep(&self) -> io::Result<()> {
        let staging = self.staging.load(Ordering::SeqCst);
        assert_eq!(staging, 0, "a file is staged while others are swept away");
        Ok(())
    }
}

/// Notes that are all new, in a folder of their own.
struct World {
    dir: TempDir,
}

impl World {
    fn new(notes: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("notes")).unwrap();
        for note in 0..notes {
            fs::write(dir.path().join(format!("notes/{note}.md")), "text").unwrap();
        }
        Self { dir }
    }

    /// What runs the first batch under this config.
    fn batch(&self, config: &str, meanwhile: impl Fn() + Send + Sync + 'static) -> Begun {
        let meanwhile = move |_: &OutputPath| {
            meanwhile();
            Ok(())
        };
        self.batch_into(config, Arc::default(), meanwhile)
    }

    /// The same, where each file can be refused and flushes are told of.
    fn batch_into(
        &self,
        config: &str,
        flushed: Arc<Flushed>,
        meanwhile: impl Fn(&OutputPath) -> Result<(), OutputError> + Send + Sync + 'static,
    ) -> Begun {
        let at = |name: &str| self.dir.path().join(name);
        let state = at("state");
        let text = format!("state_dir: {}\n{config}", state.display());
        fs::write(at("config.yaml"), text).unwrap();
        let mut source = ConfigSource {
            file: Some(at("config.yaml")),
            ..ConfigSource::default()
        };
        source.overrides.notes = Some(at("notes"));
        source.overrides.export = Some(at("export"));
        let config = load(&source).unwrap().config;
        let select = Select::new(&config.include, &config.exclude).unwrap();
        let (limit, on_error) = (config.max_concurrent.get(), config.on_error);
        let parts = Parts {
            formats: Arc::new(Formats::new(&config).unwrap()),
            notes: Arc::new(NotesFolder::open(&config.notes_dir, select).unwrap()),
            config: Arc::new(config),
            outputs: Arc::new(Door {
                meanwhile: Box::new(meanwhile),
                staging: AtomicUsize::new(0),
                flushed,
            }),
            manifest: Manifest::in_memory().unwrap(),
            shelf: None,
            device: 0,
            flush_covers_manifest: false,
        };
        let (mut engine, _) = Engine::open(parts, Instant::now()).unwrap();
        let request = Request {
            trigger: Trigger::Once,
            dirty: &Dirty {
                everything: true,
                ..Dirty::default()
            },
            full: true,
            audit: false,
            always: true,
            now: Instant::now(),
        };
        let batch = engine.prepare(&request, &Unwatched).unwrap().unwrap();
        let (halt, halted) = watch::channel(Halt::No);
        let run = Run {
            limit,
            on_error,
            began: Instant::now(),
            tell_exported: false,
            halt: halted,
            progress: Arc::default(),
        };
        Begun {
            engine,
            batch,
            run,
            halt,
        }
    }
}

/// A batch that can run.
struct Begun {
    engine: Engine,
    batch: Batch,
    run: Run,
    halt: watch::Sender<Halt>,
}

/// Lets the other tasks go on until something is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

/// A file that is being staged, until the test lets it go on.
struct HeldBack {
    staging: mpsc::Receiver<()>,
    release: mpsc::Sender<()>,
}

/// A batch in which the first file to be staged is held back, once `before` is done.
fn hold_back(
    world: &World,
    config: &str,
    before: impl Fn() + Send + Sync + 'static,
) -> (Begun, HeldBack) {
    let (tell, staging) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let begun = world.batch(config, move || {
        before();
        // Whoever hears neither, or says nothing any more, is a test that is over.
        let _ = tell.send(());
        let _ = lock(&released).recv();
    });
    (begun, HeldBack { staging, release })
}

/// Lets every lane that was woken go on.
async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_that_is_being_staged_is_waited_for_when_another_job_ends_the_batch() {
    let world = World::new(1);
    let fifo = world.dir.path().join("go");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let config = format!(
        "on_error: stop\nmax_concurrent: 2\nformats:\n  \
         good: {{extension: good, command: [cat, '{{input}}']}}\n  \
         bad: {{extension: bad, command: [sh, -c, 'read go < {}; exit 1']}}\n",
        fifo.display()
    );
    // Waits until the one command reads, which then fails.
    let fail = move || fs::write(&fifo, "go\n").unwrap();
    let (begun, held) = hold_back(&world, &config, fail);
    let progress = begun.run.progress.clone();
    let batch = tokio::spawn(run(begun.engine, begun.batch, begun.run));
    until(|| progress.done.load(Ordering::Relaxed) > 0).await;
    settle().await;
    assert_eq!(progress.in_flight.load(Ordering::Relaxed), 1);
    held.release.send(()).unwrap();
    let record = batch.await.unwrap().finished.record;
    assert_eq!((record.exported, record.failed), (1, 1));
}

#[tokio::test]
async fn a_file_that_is_being_staged_is_waited_for_when_all_must_end_at_once() {
    let world = World::new(1);
    let config = "formats: {good: {extension: good, command: [cat, '{input}']}}\n";
    let (begun, held) = hold_back(&world, config, || ());
    let progress = begun.run.progress.clone();
    let batch = tokio::spawn(run(begun.engine, begun.batch, begun.run));
    until(|| held.staging.try_recv().is_ok()).await;
    begun.halt.send_replace(Halt::Now);
    settle().await;
    assert_eq!(progress.in_flight.load(Ordering::Relaxed), 1);
    held.release.send(()).unwrap();
    let record = batch.await.unwrap().finished.record;
    assert_eq!(record.exported, 1);
}

/// Jobs that each wait until so many run at once, or give up after a while.
struct Meeting {
    here: Mutex<usize>,
    all_here: Condvar,
    wanted: usize,
}

impl Meeting {
    fn wait(&self) {
        let mut here = lock(&self.here);
        *here += 1;
        self.all_here.notify_all();
        let waits = |here: &mut usize| *here < self.wanted;
        drop(self.all_here.wait_timeout_while(here, PATIENCE, waits));
    }
}

/// How long a job waits for the others.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn as_many_jobs_run_at_once_as_the_limit_says_also_where_it_is_high() {
    const LIMIT: usize = 600;
    let world = World::new(LIMIT);
    let meeting = Meeting {
        here: Mutex::new(0),
        all_here: Condvar::new(),
        wanted: LIMIT,
    };
    let config = format!("max_concurrent: {LIMIT}\n");
    let begun = world.batch(&config, move || meeting.wait());
    let runtime = crate::commands::runtime().unwrap();
    let ran = runtime.block_on(run(begun.engine, begun.batch, begun.run));
    let record = ran.finished.record;
    assert_eq!((record.exported, record.peak), (600, 600));
}

/// Runs the jobs of three notes one after the other under `on_error: stop`; that of the first is refused.
async fn refuse_the_first(refusal: impl Fn() -> OutputError + Send + Sync + 'static) -> Finished {
    let world = World::new(3);
    let config = "on_error: stop\nmax_concurrent: 1\n";
    let begun = world.batch_into(config, Arc::default(), move |path| match path.as_str() {
        "0.md" => Err(refusal()),
        _ => Ok(()),
    });
    run(begun.engine, begun.batch, begun.run).await.finished
}

#[tokio::test]
async fn under_stop_no_job_is_begun_after_a_failure() {
    let error = || OutputError::Io {
        path: "0.md".to_owned(),
        error: io::ErrorKind::PermissionDenied.into(),
    };
    let record = refuse_the_first(error).await.record;
    assert_eq!(
        (record.failed, record.cancelled, record.exported),
        (1, 2, 0)
    );
}

#[tokio::test]
async fn a_job_that_a_change_overtook_is_no_failure() {
    let path = || NotePath::new("0.md").unwrap();
    let finished = refuse_the_first(move || OutputError::Superseded(path())).await;
    let record = finished.record;
    assert_eq!(
        (record.failed, record.cancelled, record.exported),
        (0, 0, 2)
    );
    assert_eq!(finished.again, [path()], "it is looked at again");
}

#[tokio::test]
async fn under_stop_a_failure_ends_the_commands_that_run() {
    let world = World::new(1);
    let fifo = world.dir.path().join("runs");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
    // The one fails once the other runs, which would never end.
    let config = format!(
        "on_error: stop\nmax_concurrent: 2\nformats:\n  \
         bad: {{extension: bad, command: [sh, -c, 'read runs < {0}; exit 1']}}\n  \
         endless: {{extension: endless, command: [sh, -c, 'echo runs > {0}; exec sleep infinity']}}\n",
        fifo.display()
    );
    let begun = world.batch(&config, || ());
    let ran = run(begun.engine, begun.batch, begun.run);
    let ran = tokio::time::timeout(PATIENCE, ran).await;
    let record = ran.expect("the batch ends").finished.record;
    assert_eq!((record.failed, record.cancelled), (1, 1));
}

#[tokio::test]
async fn files_get_their_names_while_a_job_takes_long() {
    let world = World::new(2);
    let flushed = Arc::<Flushed>::default();
    let flush = flushed.clone();
    let config = "max_concurrent: 1\n";
    let begun = world.batch_into(config, flushed, move |path| {
        if path.as_str() == "1.md" {
            assert!(flush.wait(), "the first file waits for the second");
        }
        Ok(())
    });
    let ran = run(begun.engine, begun.batch, begun.run).await;
    assert_eq!(ran.finished.record.exported, 2);
}
