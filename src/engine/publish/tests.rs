//! What whoever watches over the process sees of a batch that waits for the disk.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::watch;

use super::*;
use crate::batch::{self, Halt, Run};
use crate::config::OnError;
use crate::disk::output::ExportTree;
use crate::disk::{Beat, Content, Owned, Staged};
use crate::engine::tests::parts;
use crate::engine::{Parts, Request, Unwatched};
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

#[tokio::test]
async fn a_flush_is_known_as_one_while_it_lasts() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("notes")).unwrap();
    fs::write(dir.path().join("notes/a.md"), "text").unwrap();
    let progress = Arc::<Progress>::default();
    let mut outputs = None;
    let parts = Parts {
        flush_covers_manifest: true,
        ..parts(dir.path(), Manifest::in_memory().unwrap(), |tree| {
            let flushed = Flushed {
                tree,
                progress: progress.clone(),
                told: AtomicUsize::new(0),
                untold: AtomicUsize::new(0),
            };
            outputs.insert(Arc::new(flushed)).clone()
        })
    };
    let outputs = outputs.expect("the tree is opened");
    let began = Instant::now();
    let (mut engine, _) = Engine::open(parts, began).unwrap();
    engine.set_progress(progress.clone());
    let request = Request {
        trigger: Trigger::Startup,
        dirty: &Dirty {
            everything: true,
            ..Dirty::default()
        },
        full: false,
        audit: false,
        always: false,
        now: began,
    };
    let batch = engine.prepare(&request, &Unwatched).unwrap().unwrap();
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
