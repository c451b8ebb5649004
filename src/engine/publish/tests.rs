//! What whoever watches over the process sees of a batch that waits for the disk.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use super::*;
use crate::batch::{self, Halt, Run};
use crate::config::{ConfigSource, OnError, load};
use crate::disk::notes::NotesFolder;
use crate::disk::output::ExportTree;
use crate::disk::select::Select;
use crate::disk::{Beat, Content, Owned, Staged};
use crate::engine::{Parts, Request, Unwatched};
use crate::export::Formats;
use crate::log::events::Trigger;
use crate::manifest::Manifest;
use crate::watch::Dirty;

/// The real tree. It looks what is told of its flushes while they last.
struct Flushed {
    tree: ExportTree,
    progress: Arc<Progress>,
    told: AtomicUsize,
    untold: AtomicUsize,
}

impl OutputDisk for Flushed {
    fn stage(
        &self,
        path: &OutputPath,
        content: Content<'_>,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<Staged, OutputError> {
        self.tree.stage(path, content, owned, beat)
    }

    fn flush(&self) -> std::io::Result<()> {
        let count = if self.progress.waits_for_disk() {
            &self.told
        } else {
            &self.untold
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.tree.flush()
    }

    fn publish(
        &self,
        staged: StagedFile,
        made: &mut dyn FnMut(OutputPath),
    ) -> Result<OutputState, OutputError> {
        self.tree.publish(staged, made)
    }

    fn delete(
        &self,
        path: &OutputPath,
        owned: Owned<'_>,
        beat: Beat<'_>,
    ) -> Result<bool, OutputError> {
        self.tree.delete(path, owned, beat)
    }

    fn remove_folder(&self, path: &OutputPath) -> std::io::Result<bool> {
        self.tree.remove_folder(path)
    }

    fn is_intact(&self, path: &OutputPath, state: &OutputState) -> bool {
        self.tree.is_intact(path, state)
    }

    fn sweep(&self) -> std::io::Result<()> {
        self.tree.sweep()
    }
}

/// A folder for notes and one for their export, made for a test.
struct Folders(tempfile::TempDir);

impl Folders {
    fn with_notes(names: &[&str]) -> Self {
        let folders = Self(tempfile::tempdir().unwrap());
        fs::create_dir(folders.at("notes")).unwrap();
        for name in names {
            fs::write(folders.at("notes").join(name), "text").unwrap();
        }
        folders
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// An engine over them, and its export tree.
    fn engine(&self, manifest: Manifest, progress: &Arc<Progress>) -> (Engine, Arc<Flushed>) {
        let mut source = ConfigSource::default();
        source.overrides.notes = Some(self.at("notes"));
        source.overrides.export = Some(self.at("export"));
        let config = load(&source).unwrap().config;
        let select = Select::new(&config.include, &config.exclude).unwrap();
        let notes = Arc::new(NotesFolder::open(&self.at("notes"), select).unwrap());
        let outputs = Arc::new(Flushed {
            tree: ExportTree::open(&self.at("export"), notes.clone()).unwrap(),
            progress: progress.clone(),
            told: AtomicUsize::new(0),
            untold: AtomicUsize::new(0),
        });
        let parts = Parts {
            formats: Arc::new(Formats::new(&config).unwrap()),
            config: Arc::new(config),
            notes,
            outputs: outputs.clone(),
            manifest,
            shelf: None,
            device: 0,
            flush_covers_manifest: true,
        };
        let (mut engine, _) = Engine::open(parts, Instant::now()).unwrap();
        engine.set_progress(progress.clone());
        (engine, outputs)
    }
}

fn look_at_everything(engine: &mut Engine, audit: bool) -> Batch {
    let request = Request {
        trigger: Trigger::Startup,
        dirty: &Dirty {
            everything: true,
            ..Dirty::default()
        },
        full: false,
        audit,
        always: false,
        now: Instant::now(),
    };
    engine.prepare(&request, &Unwatched).unwrap().unwrap()
}

#[tokio::test]
async fn a_flush_is_known_as_one_while_it_lasts() {
    let folders = Folders::with_notes(&["a.md"]);
    let progress = Arc::<Progress>::default();
    let (mut engine, outputs) = folders.engine(Manifest::in_memory().unwrap(), &progress);
    let began = Instant::now();
    let batch = look_at_everything(&mut engine, false);
    let before = progress.beats();
    let run = Run {
        limit: 1,
        on_error: OnError::Continue,
        began,
        tell_exported: false,
        halt: watch::channel(Halt::No).1,
        progress: progress.clone(),
    };
    let ran = batch::run(engine, batch, run).await;
    assert_eq!(ran.finished.record.exported, 1);
    // One for the bytes, one for the names.
    assert_eq!(outputs.told.load(Ordering::Relaxed), 2);
    assert_eq!(outputs.untold.load(Ordering::Relaxed), 0);
    assert!(!progress.waits_for_disk());
    assert!(progress.beats() >= before + 4, "the work went on");
}

#[test]
fn the_files_of_a_large_batch_are_known_before_its_outputs() {
    let folders = Folders::with_notes(&["a.md", "b.md", "c.md", "d.md"]);
    let progress = Arc::default();
    let (mut engine, outputs) = folders.engine(Manifest::in_memory().unwrap(), &progress);
    let batch = look_at_everything(&mut engine, false);
    let staged = batch.context.run(&batch.jobs[0]).unwrap();
    let Staged::Ready(file) = staged else {
        panic!("there is nothing in the export tree yet");
    };
    let secured = engine.secure(&batch, vec![(0, file)]);
    assert!(secured.is_ok());

    // The end comes before that file has its name.
    let manifest = engine.into_manifest();
    drop((secured, batch, outputs));
    let (mut engine, _outputs) = folders.engine(manifest, &progress);
    assert_eq!(engine.vault().notes(), 4);
    assert_eq!(look_at_everything(&mut engine, true).jobs.len(), 4);
}
