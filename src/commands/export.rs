//! `export`: brings the export tree up to date once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch as channel;

use super::interrupt::Interrupt;
use super::{CommandError, Outcome, runtime};
use crate::batch::{self, Halt, Progress, Run};
use crate::config::Loaded;
use crate::engine::{Batch, Engine, Request, Unwatched};
use crate::export::command;
use crate::log::{self, LogHandle, events, events::Trigger};
use crate::session::Session;
use crate::sync::off_the_loop;
use crate::tell;
use crate::watch::Dirty;

/// How often a tree that changes while it is exported is looked at again before it is left as it is.
const PASSES: usize = 10;
const REDRAW: Duration = Duration::from_millis(100);

pub(super) fn export(loaded: Loaded, full: bool) -> Result<Outcome, CommandError> {
    log::install_panic_hook();
    let log = log::init(&loaded.config.log)?;
    let config = loaded.config.clone();
    let (session, engine) = Session::open(loaded, Instant::now())?;
    if let Some(lost) = &session.lost {
        events::manifest_renewed(lost);
    }
    let runtime = runtime()?;
    let ran = runtime.block_on(async {
        drop(tokio::task::spawn_blocking(command::sweep));
        let interrupt = Interrupt::listen()?;
        let halt = interrupt.halt.clone();
        let outcome = run(engine, config.max_concurrent.get(), full, &log, halt).await?;
        Ok::<_, CommandError>((outcome, interrupt))
    });
    log.flush();
    let (outcome, interrupt) = ran?;
    interrupt.end_if_heard()?;
    Ok(outcome)
}

async fn run(
    mut engine: Engine,
    limit: usize,
    full: bool,
    log: &LogHandle,
    halt: channel::Receiver<Halt>,
) -> Result<Outcome, CommandError> {
    let mut dirty = Dirty {
        everything: true,
        ..Dirty::default()
    };
    let mut first = true;
    for _ in 0..PASSES {
        let began = Instant::now();
        let (returned, prepared) = off_the_loop(move || {
            let request = Request {
                trigger: Trigger::Once,
                dirty: &dirty,
                full: full && first,
                audit: first,
                always: first,
                now: began,
            };
            let prepared = engine.prepare(&request, &Unwatched);
            (engine, prepared)
        })
        .await;
        engine = returned;
        let Some(batch) = prepared? else { break };
        tell::started(&batch, limit);
        let progress = Arc::<Progress>::default();
        let bar = Bar::start(&batch, progress.clone(), log);
        let run = Run {
            limit,
            on_error: engine.config().on_error,
            began,
            tell_exported: tell::wants_exported(),
            halt: halt.clone(),
            progress,
        };
        let ran = batch::run(engine, batch, run).await;
        bar.finish(log);
        tell::finished(&ran);
        engine = ran.engine;
        ran.committed?;
        if ran.finished.again.is_empty() || *halt.borrow() != Halt::No {
            break;
        }
        dirty = Dirty {
            paths: ran.finished.again.into_iter().collect(),
            ..Dirty::default()
        };
        first = false;
    }
    Ok(if is_all_exported(&engine) {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}

/// What could not be read could not be exported, or is there as it was before; what could not be withdrawn may be private.
fn is_all_exported(engine: &Engine) -> bool {
    engine.failures().is_empty()
        && engine.unreadable().refused().next().is_none()
        && engine.not_withdrawn().is_empty()
}

/// A progress bar on stderr, where that is a terminal.
struct Bar {
    bar: ProgressBar,
    redraw: tokio::task::JoinHandle<()>,
}

impl Bar {
    fn start(batch: &Batch, progress: Arc<Progress>, log: &LogHandle) -> Self {
        let bar = ProgressBar::with_draw_target(
            Some(batch.jobs.len() as u64),
            ProgressDrawTarget::stderr(),
        );
        if let Ok(style) =
            ProgressStyle::with_template("{wide_bar} {pos}/{len} jobs  {elapsed}, {eta} left")
        {
            bar.set_style(style);
        }
        if !bar.is_hidden() {
            let drawn = bar.clone();
            log.draw_around(Some(Box::new(move |write| drawn.suspend(write))));
        }
        let drawn = bar.clone();
        let redraw = tokio::spawn(async move {
            let mut tick = tokio::time::interval(REDRAW);
            loop {
                tick.tick().await;
                drawn.set_position(progress.done.load(Ordering::Relaxed) as u64);
            }
        });
        Self { bar, redraw }
    }

    fn finish(self, log: &LogHandle) {
        self.redraw.abort();
        self.bar.finish_and_clear();
        log.draw_around(None);
    }
}
