//! What a process makes of the export of one before it: its files, the names that it announced, and its folders.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::watch;

use super::*;
use crate::batch::{self, Halt, Run};
use crate::config::{ConfigSource, OnError, load};
use crate::disk::notes::NotesFolder;
use crate::disk::output::ExportTree;
use crate::disk::select::Select;
use crate::disk::{Beat, Content, OutputError, OutputState, Owned, Staged, StagedFile};
use crate::log::events::Trigger;
use crate::manifest::BatchRecord;
use crate::watch::Dirty;

/// What happens before a file is staged.
type Before = Box<dyn Fn() + Send + Sync>;

/// The real tree.
struct Tree {
    real: ExportTree,
    before: Before,
    /// Whether no file gets its name.
    refuses: bool,
}

impl OutputDisk for Tree {
    fn stage(
        &self,
        path: &OutputPath,
        content: Content<'_>,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        (self.before)();
        self.real.stage(path, content, owned, beat)
    }

    fn flush(&self) -> io::Result<()> {
        self.real.flush()
    }

    fn publish(
        &self,
        staged: StagedFile,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        if self.refuses {
            return Err(OutputError::Io {
                path: staged.path.to_string(),
                error: io::ErrorKind::PermissionDenied.into(),
            });
        }
        self.real.publish(staged, made)
    }

    fn delete(
        &self,
        path: &OutputPath,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<bool, OutputError> {
        self.real.delete(path, owned, beat)
    }

    fn remove_folder(&self, path: &OutputPath) -> io::Result<bool> {
        self.real.remove_folder(path)
    }

    fn is_intact(&self, path: &OutputPath, state: &OutputState) -> bool {
        self.real.is_intact(path, state)
    }

    fn sweep(&self) -> io::Result<()> {
        self.real.sweep()
    }
}

/// What an engine works with whose folders, `notes` and `export`, lie in `dir`.
pub(crate) fn parts(
    dir: &Path,
    manifest: Manifest,
    outputs: impl FnOnce(ExportTree) -> Arc<dyn OutputDisk>,
) -> Parts {
    let at = |name: &str| dir.join(name);
    let mut source = ConfigSource::default();
    source.overrides.notes = Some(at("notes"));
    source.overrides.export = Some(at("export"));
    let config = load(&source).unwrap().config;
    let select = Select::new(&config.include, &config.exclude).unwrap();
    let notes = Arc::new(NotesFolder::open(&at("notes"), select).unwrap());
    Parts {
        formats: Arc::new(Formats::new(&config).unwrap()),
        config: Arc::new(config),
        notes: notes.clone(),
        outputs: outputs(ExportTree::open(&at("export"), notes).unwrap()),
        manifest,
        shelf: None,
        device: 0,
        flush_covers_manifest: false,
    }
}

/// Two folders and a manifest, which one process after the other works with.
struct World {
    dir: TempDir,
    manifest: Option<Manifest>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("notes")).unwrap();
        Self {
            dir,
            manifest: Some(Manifest::in_memory().unwrap()),
        }
    }

    fn note(&self, path: &str) -> PathBuf {
        self.dir.path().join("notes").join(path)
    }

    fn output(&self, path: &str) -> PathBuf {
        self.dir.path().join("export").join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.note(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Another process begins.
    fn start(&mut self, refuses: bool, before: Before) -> Engine {
        let manifest = self.manifest.take().unwrap();
        let parts = parts(self.dir.path(), manifest, |real| {
            Arc::new(Tree {
                real,
                before,
                refuses,
            })
        });
        Engine::open(parts, Instant::now()).unwrap().0
    }

    /// What a process does that begins and ends.
    async fn export(&mut self, audit: bool, refuses: bool, before: Before) -> BatchRecord {
        let mut engine = self.start(refuses, before);
        let batch = plan(&mut engine, audit);
        let run = Run {
            limit: 1,
            on_error: OnError::Continue,
            began: Instant::now(),
            tell_exported: false,
            halt: watch::channel(Halt::No).1,
            progress: Arc::default(),
        };
        let ran = batch::run(engine, batch, run).await;
        ran.committed.unwrap();
        self.manifest = Some(ran.engine.into_manifest());
        ran.finished.record
    }
}

fn plan(engine: &mut Engine, audit: bool) -> Batch {
    let request = Request {
        trigger: Trigger::Once,
        dirty: &Dirty {
            everything: true,
            ..Dirty::default()
        },
        full: false,
        audit,
        always: true,
        // Late enough for all that failed before.
        now: Instant::now() + Duration::from_secs(86400),
    };
    engine.prepare(&request, &Unwatched).unwrap().unwrap()
}

fn nothing() -> Before {
    Box::new(|| ())
}

#[tokio::test]
async fn what_was_published_before_a_crash_stays_ours_though_the_next_process_cannot_replace_it() {
    let mut world = World::new();
    world.write("a.md", "old");
    // Ended between the rename and the commit.
    let mut engine = world.start(false, nothing());
    let batch = plan(&mut engine, false);
    let Ok(Staged::Ready(file)) = batch.context.run(&batch.jobs[0]) else {
        panic!("there is a file to write");
    };
    let secured = engine.secure(&batch, vec![(0, file)]);
    drop(secured.ok().unwrap().publish());
    drop(batch);
    world.manifest = Some(engine.into_manifest());
    assert_eq!(fs::read(world.output("a.md")).unwrap(), b"old");

    world.write("a.md", "new");
    assert_eq!(world.export(true, true, nothing()).await.failed, 1);
    let record = world.export(true, false, nothing()).await;
    assert_eq!((record.exported, record.failed), (1, 0));
    assert_eq!(fs::read(world.output("a.md")).unwrap(), b"new");
}

#[tokio::test]
async fn what_goes_is_gone_before_anything_is_made() {
    let mut world = World::new();
    world.write("secret.md", "text");
    world.export(false, false, nothing()).await;
    fs::remove_file(world.note("secret.md")).unwrap();
    world.write("other.md", "text");
    let output = world.output("secret.md");
    let is_gone = move || assert!(!output.exists(), "it is still there");
    let record = world.export(false, false, Box::new(is_gone)).await;
    assert_eq!((record.exported, record.deleted), (1, 1));
}

#[tokio::test]
async fn a_file_that_another_note_takes_over_is_never_missing() {
    let mut world = World::new();
    world.write("a.md", "old");
    world.export(false, false, nothing()).await;
    fs::rename(world.note("a.md"), world.note("a.markdown")).unwrap();
    world.write("a.markdown", "new");
    let output = world.output("a.md");
    let is_there = move || assert!(output.exists(), "it went before it was made anew");
    let record = world.export(false, false, Box::new(is_there)).await;
    assert_eq!((record.exported, record.deleted), (1, 0));
    assert_eq!(fs::read(world.output("a.md")).unwrap(), b"new");
}

#[tokio::test]
async fn a_folder_that_was_emptied_behind_our_back_goes_with_the_next_audit() {
    let mut world = World::new();
    world.write("d/a.md", "text");
    world.export(false, false, nothing()).await;
    fs::write(world.output("d/theirs"), "").unwrap();
    fs::remove_dir_all(world.note("d")).unwrap();
    assert_eq!(world.export(false, false, nothing()).await.deleted, 1);
    assert!(world.output("d/theirs").exists());
    fs::remove_file(world.output("d/theirs")).unwrap();
    world.export(true, false, nothing()).await;
    assert!(!world.output("d").exists());
}
