//! What a step does whose loop has ended, or has not.

use std::fs;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::agenda::Agenda;
use crate::engine::tests::parts;
use crate::manifest::Manifest;

/// Far more than a step takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first step of a daemon with one note, and who hears of it.
fn first_step(dir: &TempDir) -> (Step, mpsc::UnboundedReceiver<StepEvent>) {
    let at = |name: &str| dir.path().join(name);
    fs::create_dir(at("notes")).unwrap();
    fs::write(at("notes/a.md"), "text").unwrap();
    let parts = parts(dir.path(), Manifest::in_memory().unwrap(), |tree| {
        Arc::new(tree)
    });
    let config = parts.config.clone();
    let watch = Watch::start(&at("notes"), config.watch.mode, Arc::default()).unwrap();
    let now = Instant::now();
    let asked = Agenda::new(config.debounce, config.watch, Trigger::Startup, now).take(now);
    let (tell, told) = mpsc::unbounded_channel();
    let step = Step {
        engine: Engine::open(parts, now).unwrap().0,
        dirty: Dirty {
            everything: true,
            ..Dirty::default()
        },
        asked,
        began: now,
        watch: Arc::new(watch),
        former_watches: Vec::new(),
        progress: Arc::default(),
        halt: channel::channel(Halt::No).1,
        tell,
        before_batch: Some(BeforeBatch::new()),
    };
    (step, told)
}

async fn over(step: impl Future<Output = StepDone>) -> StepResult {
    let done = tokio::time::timeout(PATIENCE, step).await;
    let Ok(result) = done.expect("the step ends").result else {
        panic!("the step could look");
    };
    result
}

#[tokio::test]
async fn nothing_is_begun_for_a_loop_that_has_ended() {
    let dir = tempfile::tempdir().unwrap();
    let (step, told) = first_step(&dir);
    drop(told);
    assert!(over(step.run()).await.row.is_none());
    assert!(!dir.path().join("export/a.md").exists());
}

#[tokio::test]
async fn a_batch_begins_when_the_loop_has_heard_of_the_look() {
    let dir = tempfile::tempdir().unwrap();
    let (step, mut told) = first_step(&dir);
    let step = tokio::spawn(step.run());
    let Some(StepEvent::Looked {
        notes: 1, heard, ..
    }) = told.recv().await
    else {
        panic!("first it tells what it saw");
    };
    assert!(told.try_recv().is_err(), "it waits");
    heard.expect("it waits").send(()).unwrap();
    let step = async { step.await.unwrap() };
    assert!(over(step).await.row.is_some());
    assert!(matches!(told.recv().await, Some(StepEvent::Started(_))));
    assert!(dir.path().join("export/a.md").exists());
}
