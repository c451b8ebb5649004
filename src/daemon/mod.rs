//! The daemon: one loop that waits for changes, timers, signals and requests, and decides when a batch runs.
//!
//! The loop's thread reads and writes no file; all that it asks the disk is, every third second and before a step, whether
//! the two folders and its state are still there. A batch runs as a task that takes the engine along and brings it back, so
//! there is at most one at a time, and changes that come meanwhile wait in the inbox for the next. Who joins the task:
//! the loop, before it ends.

mod alarm;
mod answer;
mod manager;
mod reload;
mod root;
mod state;
mod step;
mod timers;
mod tree;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::{mpsc, oneshot, watch as channel};
use tokio::task::JoinHandle;

use crate::agenda::{Agenda, Hints};
use crate::batch::{Halt, Progress};
use crate::config::{ConfigSource, Loaded};
use crate::control::{self, Response};
use crate::engine::Engine;
use crate::inode::Inode;
use crate::log::events::Trigger;
use crate::log::{LogHandle, events};
use crate::manifest::ManifestError;
use crate::report::BatchRow;
use crate::service::Service;
use crate::session::{Session, SessionError};
use crate::watch::{Dirty, Inbox, Notice, Watch, WatchError};
use alarm::Alarm;
use step::{Step, StepDone, StepEvent};

/// How many batches `status` shows.
const SHOWN_BATCHES: usize = 5;
/// How often, while jobs are finished before the end, the service manager is asked for more time.
const DRAIN_TICK: Duration = Duration::from_secs(5);

/// Why the daemon ended other than by a signal.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The config can't be put in force.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// `watch.mode: native`, and no watch can be had.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The system refused something that the loop can't do without.
    #[error("{what}: {error}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        error: std::io::Error,
    },
    /// The manifest can't be read any more.
    #[error(transparent)]
    Manifest(ManifestError),
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> DaemonError {
    move |error| DaemonError::System { what, error }
}

/// What the loop owns.
struct Daemon<'a> {
    source: ConfigSource,
    log: &'a LogHandle,
    service: Service,
    session: Option<Session>,
    work: Work,
    watch: Arc<Watch>,
    /// Of configs before: the next step gives them back, since that can take seconds.
    former_watches: Vec<Arc<Watch>>,
    inbox: Arc<Inbox>,
    /// What to do next.
    agenda: Agenda,
    progress: Arc<Progress>,
    halt: channel::Sender<Halt>,
    /// Takes the control socket of another state folder.
    sockets: mpsc::UnboundedSender<control::Socket>,
    /// The file by which clients find the one in use.
    socket: Option<Inode>,
    steps: mpsc::UnboundedSender<StepEvent>,
    started: Instant,
    is_ready: bool,
    /// Waits for the config to be read and for a batch to end before it can be put in force.
    reload: Option<reload::Asked>,
    stopping: bool,
    /// Who asked for the status, and until when that may wait.
    status_asked: Vec<(Instant, oneshot::Sender<Response>)>,
    /// Who asked for an explanation, of which note, and until when that may wait.
    explain_asked: Vec<(Instant, String, oneshot::Sender<Response>)>,
    counts: step::Counts,
    /// What `status` shows while a batch has the engine.
    census: answer::Census,
    past: Past,
    current: Option<step::Current>,
    trouble: Trouble,
    beats_told: u64,
}

/// What is wrong at the moment, each with its reason.
#[derive(Default)]
struct Trouble {
    /// The notes folder can't be looked at.
    notes: Option<String>,
    /// Some folders, or all, are polled.
    watch: Option<String>,
    /// The export folder is gone and can't be had again; told once.
    tree: Option<String>,
    /// The state folder is gone and can't be had again; told once.
    state: Option<String>,
    /// The config file was last rejected.
    config: Option<String>,
}

/// The batches that have ended.
#[derive(Default)]
struct Past {
    /// How many.
    count: u64,
    /// The last few, the newest first.
    batches: Vec<BatchRow>,
    /// When everything was last looked at.
    last_rescan: Option<Instant>,
}

impl Past {
    fn add(&mut self, row: BatchRow) {
        self.count += 1;
        self.batches.insert(0, row);
        self.batches.truncate(SHOWN_BATCHES);
    }
}

/// What the loop waits for, besides the inbox and the step that runs.
struct Wakers {
    signals: Signals,
    steps: mpsc::UnboundedReceiver<StepEvent>,
    requests: mpsc::Receiver<control::Asked>,
    alarm: Alarm,
}

/// Where the engine is.
enum Work {
    /// Here: no batch runs.
    Idle(Box<Engine>),
    /// With a batch.
    Running(JoinHandle<StepDone>),
    /// Handed over within one function; never seen from outside of it.
    Moving,
}

/// Runs the daemon until a signal ends it.
///
/// # Errors
/// See [`DaemonError`].
pub async fn run(loaded: Loaded, source: ConfigSource, log: &LogHandle) -> Result<(), DaemonError> {
    let started = Instant::now();
    // The handlers come first: a signal that comes during the start is heard after it.
    let signals = Signals::new([SIGTERM, SIGINT, SIGHUP]).map_err(system("signal handlers"))?;
    let service = Service::from_env().map_err(system("service manager's socket"))?;
    let config = loaded.config.clone();
    let (session, engine) =
        crate::sync::off_the_loop(move || Session::open(loaded, Instant::now())).await?;
    events::exporting(
        &config.notes_dir,
        &config.export_dir,
        env!("CARGO_PKG_VERSION"),
    );
    if let Some(lost) = &session.lost {
        events::manifest_renewed(lost);
    }
    let inbox = Arc::new(Inbox::new());
    let watch = Arc::new(Watch::start(
        &config.notes_dir,
        config.watch.mode,
        inbox.clone(),
    )?);
    let (socket, socket_name) =
        state::listen_in(&session.state).map_err(system("control socket"))?;
    let (asked, requests) = mpsc::channel(8);
    let (sockets, moves) = mpsc::unbounded_channel();
    let server = control::serve(socket, moves, control::Limits::default(), asked);
    let alarm = Alarm::new().map_err(system("timer"))?;
    let (steps, step_events) = mpsc::unbounded_channel();
    let mut daemon = Daemon {
        source,
        log,
        service,
        session: Some(session),
        work: Work::Idle(Box::new(engine)),
        watch,
        former_watches: Vec::new(),
        inbox,
        agenda: Agenda::new(config.debounce, config.watch, Trigger::Startup, started),
        progress: Arc::default(),
        halt: channel::Sender::new(Halt::No),
        sockets,
        socket: socket_name,
        steps,
        started,
        is_ready: false,
        reload: None,
        stopping: false,
        status_asked: Vec::new(),
        explain_asked: Vec::new(),
        counts: step::Counts::default(),
        census: answer::Census::default(),
        past: Past::default(),
        current: None,
        trouble: Trouble::default(),
        beats_told: 0,
    };
    daemon.inbox.mark_all();
    daemon.begin_step();
    let wakers = Wakers {
        signals,
        steps: step_events,
        requests,
        alarm,
    };
    daemon.turn_until_over(wakers, server).await
}

impl Daemon<'_> {
    /// The loop: waits, takes in what came, and does what is due by then. `server` answers clients meanwhile, and never ends
    /// but by an error.
    async fn turn_until_over(
        &mut self,
        mut wakers: Wakers,
        server: impl Future<Output = std::io::Result<()>>,
    ) -> Result<(), DaemonError> {
        tokio::pin!(server);
        while !self.is_over() {
            let wake = self.next_wake();
            let inbox = self.inbox.clone();
            tokio::select! {
                biased;
                Some(signal) = wakers.signals.next() => if self.heard(signal).is_break() { return Ok(()) },
                Some(event) = wakers.steps.recv() => self.step_said(event)?,
                done = step_ended(&mut self.work) => self.take_back(done)?,
                Some((request, answer)) = wakers.requests.recv() => self.answer(request, answer),
                () = reload::config_read(&mut self.reload) => {}
                () = inbox.changed() => self.noticed(),
                ended = &mut server => return Err(system("control socket")(ended.err().unwrap_or_else(|| std::io::ErrorKind::UnexpectedEof.into()))),
                awake = wakers.alarm.at(wake) => awake.map_err(system("timer"))?,
            }
            self.turn().await?;
        }
        self.farewell();
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.stopping && matches!(self.work, Work::Idle(_))
    }

    /// Something may have changed.
    fn noticed(&mut self) {
        self.agenda.changed(Instant::now());
    }

    /// What is due by now, whatever woke the loop.
    async fn turn(&mut self) -> Result<(), DaemonError> {
        let now = Instant::now();
        self.ping();
        self.tell_notices();
        self.tell_status(now);
        self.tell_explanations(now);
        if self.stopping || !self.is_ready {
            return Ok(());
        }
        let minded = self.mind_folders(now);
        if minded || self.has_config() || self.step_is_due(now) {
            self.check_state().await?;
        }
        if self.has_config() && matches!(self.work, Work::Idle(_)) {
            self.reload_now().await?;
        }
        let is_wanted = self.has_config() || self.agenda.work_is_due(now);
        if is_wanted && self.may_give_way() {
            self.halt.send_replace(Halt::Drain);
        }
        if self.step_is_due(now) {
            self.check_tree();
        }
        if self.step_is_due(now) {
            self.begin_step();
        }
        Ok(())
    }

    /// Whether a config waits to be put in force.
    fn has_config(&self) -> bool {
        self.reload.as_ref().is_some_and(reload::Asked::is_read)
    }

    fn step_is_due(&self, now: Instant) -> bool {
        let Work::Idle(engine) = &self.work else {
            return false;
        };
        self.agenda.step_is_due(engine.next_due(), now)
    }

    /// Whether what runs can be cut short. What failed is tried again when there is nothing else to do: whoever changes a
    /// note waits for no more of it than the jobs in flight.
    fn may_give_way(&self) -> bool {
        let retries = |current: &step::Current| current.trigger == Trigger::Retry;
        self.current.as_ref().is_some_and(retries) && *self.halt.borrow() == Halt::No
    }

    fn begin_step(&mut self) {
        let Work::Idle(mut engine) = std::mem::replace(&mut self.work, Work::Moving) else {
            unreachable!("a step begins only when no other runs");
        };
        engine.set_progress(self.progress.clone());
        let now = Instant::now();
        // A step before this one may have given way.
        self.halt.send_replace(Halt::No);
        let asked = self.agenda.take(now);
        let dirty = match asked.hints {
            Hints::Take => self.inbox.take(),
            Hints::Leave => Dirty::default(),
        };
        let step = Step {
            engine: *engine,
            dirty,
            asked,
            began: now,
            watch: self.watch.clone(),
            former_watches: std::mem::take(&mut self.former_watches),
            progress: self.progress.clone(),
            halt: self.halt.subscribe(),
            tell: self.steps.clone(),
            before_batch: (!self.is_ready || self.trouble.notes.is_some())
                .then(step::BeforeBatch::new),
        };
        self.work = Work::Running(tokio::spawn(step.run()));
    }

    fn step_said(&mut self, event: StepEvent) -> Result<(), DaemonError> {
        match event {
            StepEvent::Looked {
                notes,
                asked,
                everything,
                began,
                heard,
            } => {
                let now = Instant::now();
                if everything {
                    self.past.last_rescan = Some(now);
                }
                self.counts.notes = notes;
                if self.agenda.looked(asked, everything, began, now) {
                    self.found_notes();
                }
                if !self.is_ready {
                    self.watch.require_native()?;
                    self.become_ready(notes);
                }
                // A step that was ended meanwhile doesn't wait.
                let _ = heard.map(|heard| heard.send(()));
            }
            StepEvent::Started(current) => {
                self.current = Some(current);
                self.say_state();
            }
        }
        Ok(())
    }

    fn become_ready(&mut self, notes: usize) {
        self.is_ready = true;
        self.tell_notices();
        events::ready(notes, self.watch.coverage().word());
        self.counts.notes = notes;
        let told = self.service.ready(&self.sentence());
        Self::heed(told);
    }

    /// The step is over, and the engine is back.
    fn take_back(&mut self, done: StepDone) -> Result<(), DaemonError> {
        self.current = None;
        self.work = Work::Idle(Box::new(done.engine));
        if let Some(session) = &self.session {
            // An open handle would keep the folder's file system from being unmounted.
            session.notes.rest();
        }
        let result = match done.result {
            Ok(result) => result,
            Err(failed) => {
                self.inbox.put_back(failed.dirty);
                return self.could_not_look(failed.asked, failed.error);
            }
        };
        self.counts = result.counts;
        if let Some(row) = result.row {
            self.past.add(row);
            self.say_state();
        }
        for path in result.again {
            self.inbox.mark(path);
        }
        Ok(())
    }

    fn tell_notices(&mut self) {
        while let Some(notice) = self.watch.take_notice() {
            match notice {
                Notice::Degraded { reason, hint } => {
                    events::watch_degraded(&reason, &hint);
                    self.trouble.watch = Some(reason);
                }
                Notice::Restored => {
                    self.trouble.watch = None;
                    events::watch_restored(self.watch.coverage().word());
                }
                // What was lost is made up for by a look at everything: it is told, and over.
                Notice::Lost { reason, hint } => events::watch_degraded(&reason, &hint),
            }
        }
    }

    fn config(&self) -> &crate::config::Config {
        &self
            .session
            .as_ref()
            .expect("a session is only taken to be replaced")
            .loaded
            .config
    }

    fn heard(&mut self, signal: i32) -> std::ops::ControlFlow<()> {
        let name = match signal {
            SIGHUP => {
                self.ask_reload(None);
                return std::ops::ControlFlow::Continue(());
            }
            SIGTERM => "SIGTERM",
            _ => "SIGINT",
        };
        if self.stopping {
            // The runtime ends with the loop and drops the step, which ends the commands that it started.
            events::stopped(self.past.count, self.started.elapsed());
            return std::ops::ControlFlow::Break(());
        }
        self.stopping = true;
        events::stopping(name);
        let told = self.service.stopping("finishing the jobs in flight");
        Self::heed(told);
        self.halt.send_replace(Halt::Drain);
        std::ops::ControlFlow::Continue(())
    }

    fn farewell(&mut self) {
        events::stopped(self.past.count, self.started.elapsed());
    }
}

/// Waits for the step that runs, if one does. Dropped, it is waited for again at the next turn.
async fn step_ended(work: &mut Work) -> StepDone {
    match work {
        Work::Running(step) => crate::sync::task_ended(step).await,
        Work::Idle(_) | Work::Moving => std::future::pending().await,
    }
}
