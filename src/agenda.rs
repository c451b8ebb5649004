//! What the daemon's loop does next: a pure state machine over instants that the caller passes in.
//!
//! In go the moments at which hints came, what lies at the notes folder's path, and how steps ended; out come the next
//! step, and the moment at which to wake for it. It owns the [debouncer](Debouncer), the [schedule](Schedule), what the
//! next step is asked for, and whether the notes folder is there and the export folder can be had. It never reads a clock,
//! looks at a disk or tells anybody; what has changed, the [inbox](crate::watch::Inbox) holds.

use std::time::Instant;

use crate::config;
use crate::debounce::Debouncer;
use crate::log::events::Trigger;
use crate::watch::Schedule;

/// See the [module](self).
#[derive(Clone, Debug)]
pub struct Agenda {
    debouncer: Debouncer,
    schedule: Schedule,
    pending: Pending,
    root: Root,
    /// The export folder can't be had: all that is asked for waits.
    held: bool,
}

/// What the next step is asked for besides what the inbox says.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    /// Its trigger, when it is not the inbox.
    trigger: Option<Trigger>,
    audit: bool,
    always: bool,
    polls: bool,
}

/// The notes folder, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// It is there.
    Here,
    /// It is gone: nothing is looked at. The user has been told.
    Gone,
    /// It was gone or replaced and something lies there again; only a look tells whether that is the folder. After a
    /// start on an empty mount point it is the mount point itself, every time.
    Doubtful {
        /// Whether the user has been told that it is gone.
        told: bool,
    },
}

impl Root {
    fn is_told_gone(self) -> bool {
        matches!(self, Self::Gone | Self::Doubtful { told: true })
    }
}

/// What lies at the notes folder's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootSeen {
    /// The folder that is known.
    Same,
    /// Another one, which is to be taken for the notes folder.
    Replaced,
    /// Another one, but a step runs that began with the former. It is looked at again soon: a step that saw a part of
    /// either would take what it missed for deleted.
    ReplacedMidway,
    /// None that can be looked at.
    Gone,
}

/// What is to be done about the notes folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum RootNews {
    /// Nothing.
    None,
    /// Say that it is gone.
    Lost,
    /// Trust no watch any more and mark everything: it is back, or another.
    Anew,
}

/// What is to be marked in the inbox now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Periodic {
    /// Everything.
    Rescan,
    /// The folders that send no events.
    Poll,
}

/// What the loop is at, as far as it decides when to wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// No step runs; what failed is to be tried again at this moment.
    Idle(Option<Instant>),
    /// A step runs that changes must wait for.
    Busy,
    /// A step runs that is cut short once changes are due.
    GivesWay,
}

/// A step that is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Why.
    pub trigger: Trigger,
    /// What it does with the hints that wait.
    pub hints: Hints,
    /// Compare the export tree with the manifest.
    pub audit: bool,
    /// Make it a batch even if there is nothing to do.
    pub always: bool,
    /// It looks at all folders that send no events.
    polls: bool,
}

/// What a step does with the hints in the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hints {
    /// Takes them all.
    Take,
    /// Leaves them: they are not due.
    Leave,
}

impl Agenda {
    /// One that asks for a look at everything first, because of `trigger`.
    pub fn new(
        debounce: config::Debounce,
        watch: config::Watch,
        trigger: Trigger,
        now: Instant,
    ) -> Self {
        Self {
            debouncer: Debouncer::new(debounce),
            schedule: Schedule::new(watch, now),
            pending: Pending {
                trigger: Some(trigger),
                audit: true,
                always: true,
                polls: false,
            },
            root: Root::Here,
            held: false,
        }
    }

    /// The export folder can't be had, or can again. Until then no step is taken: its jobs would all fail, or write where
    /// nobody finds it.
    pub fn hold(&mut self, held: bool) {
        self.held = held;
    }

    /// Hints have come.
    pub fn changed(&mut self, now: Instant) {
        self.debouncer.changed(now);
    }

    /// When the changes that came are due; nothing while a folder is gone, since nobody knows when it is back.
    pub fn changes_due(&self) -> Option<Instant> {
        let deadline = self.debouncer.deadline();
        deadline.filter(|_| self.steps_are_taken())
    }

    /// The next step compares the export tree too; it is a rescan unless there is another reason for it.
    pub fn ask_audit(&mut self) {
        self.pending.trigger = self.pending.trigger.or(Some(Trigger::Rescan));
        self.pending.audit = true;
    }

    /// Whether nothing is asked for besides what the inbox says, and the notes folder is there.
    pub fn is_settled(&self) -> bool {
        self.pending.trigger.is_none() && self.root_is_here()
    }

    /// Whether the notes folder is there, as far as is known.
    pub fn root_is_here(&self) -> bool {
        self.root == Root::Here
    }

    /// Whether somebody should look what lies at the notes folder's path.
    pub fn root_is_due(&self, now: Instant) -> bool {
        self.schedule.due(now).root
    }

    /// Somebody has looked what lies at the notes folder's path.
    pub fn saw_root(&mut self, seen: RootSeen, now: Instant) -> RootNews {
        let news = match seen {
            RootSeen::Same if self.root == Root::Gone => self.doubt(),
            RootSeen::Same | RootSeen::ReplacedMidway => RootNews::None,
            RootSeen::Replaced => self.doubt(),
            RootSeen::Gone => self.lose(),
        };
        let waits = self.held || !self.root_is_here() || seen == RootSeen::ReplacedMidway;
        self.schedule.checked_root(now, waits);
        news
    }

    fn doubt(&mut self) -> RootNews {
        let told = self.root.is_told_gone();
        self.root = Root::Doubtful { told };
        self.pending.trigger = Some(Trigger::Rescan);
        RootNews::Anew
    }

    /// Tells of it once, however often it is looked for in vain.
    fn lose(&mut self) -> RootNews {
        if std::mem::replace(&mut self.root, Root::Gone).is_told_gone() {
            RootNews::None
        } else {
            RootNews::Lost
        }
    }

    /// What is to be marked, if anything, when no step runs and some folders may send no events.
    pub fn periodic(&mut self, some_are_polled: bool, now: Instant) -> Option<Periodic> {
        self.schedule.set_polling(some_are_polled, now);
        if self.held || !self.root_is_here() {
            return None;
        }
        let due = self.schedule.due(now);
        if due.rescan {
            self.ask_audit();
            return Some(Periodic::Rescan);
        }
        if !due.poll {
            return None;
        }
        self.pending.trigger = self.pending.trigger.or(Some(Trigger::Watch));
        self.pending.polls = true;
        Some(Periodic::Poll)
    }

    /// Whether there is more to do than to try again what failed.
    pub fn work_is_due(&self, now: Instant) -> bool {
        self.pending.trigger.is_some() || self.debouncer.due(now)
    }

    fn steps_are_taken(&self) -> bool {
        self.root != Root::Gone && !self.held
    }

    /// Whether a step is to be taken; `retry`: when what failed is to be tried again.
    pub fn step_is_due(&self, retry: Option<Instant>, now: Instant) -> bool {
        let retry_is_due = retry.is_some_and(|due| due <= now);
        self.steps_are_taken() && (self.work_is_due(now) || retry_is_due)
    }

    /// The step that is due. Who takes it says later that it has [looked](Self::looked), or that it
    /// [could not](Self::failed).
    pub fn take(&mut self, now: Instant) -> Asked {
        let (hints, trigger) = if self.work_is_due(now) {
            self.debouncer.taken();
            (Hints::Take, Trigger::Watch)
        } else {
            (Hints::Leave, Trigger::Retry)
        };
        let pending = std::mem::take(&mut self.pending);
        Asked {
            trigger: pending.trigger.unwrap_or(trigger),
            hints,
            audit: pending.audit,
            always: pending.always,
            polls: pending.polls,
        }
    }

    /// The step that began at `began` has looked at what it was asked for, or at `everything`. Says whether the notes
    /// folder is back with that.
    pub fn looked(&mut self, asked: Asked, everything: bool, began: Instant, now: Instant) -> bool {
        if everything {
            self.schedule.rescanned(now);
        }
        if everything || asked.polls {
            self.schedule.polled(began, now);
        }
        std::mem::replace(&mut self.root, Root::Here) != Root::Here
    }

    /// The step could not look: the notes folder is gone. All that it was asked for is asked for again, because the folder
    /// is back; its hints, the caller puts back.
    pub fn failed(&mut self, asked: Asked, now: Instant) -> RootNews {
        let pending = &mut self.pending;
        pending.audit |= asked.audit;
        pending.always |= asked.always;
        pending.polls |= asked.polls;
        let news = self.lose();
        self.schedule.checked_root(now, true);
        news
    }

    /// When something is due next. While a step runs, or a folder is gone, polls and rescans wait; only the folder
    /// itself is minded.
    pub fn deadline(&self, phase: Phase) -> Instant {
        let root = self.schedule.root_deadline();
        let changes = self.debouncer.deadline();
        match phase {
            Phase::Idle(retry) if self.steps_are_taken() => changes
                .into_iter()
                .chain(retry)
                .fold(self.schedule.deadline(), Instant::min),
            Phase::GivesWay => changes.map_or(root, |changes| changes.min(root)),
            Phase::Idle(_) | Phase::Busy => root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// One that has looked at everything, and the moment at which it did.
    fn settled() -> (Agenda, Instant) {
        let now = Instant::now();
        let debounce = config::Debounce {
            quiet: 200 * MS,
            max_wait: 2 * SECOND,
        };
        let watch = config::Watch {
            mode: config::WatchMode::Auto,
            poll_interval: 2 * SECOND,
            rescan: Some(3600 * SECOND),
        };
        let mut agenda = Agenda::new(debounce, watch, Trigger::Startup, now);
        let first = agenda.take(now);
        assert_eq!(
            (first.trigger, first.hints),
            (Trigger::Startup, Hints::Take)
        );
        assert!(first.audit && first.always);
        assert!(!agenda.looked(first, true, now, now));
        (agenda, now)
    }

    #[test]
    fn a_change_makes_a_step_once_it_is_due_and_only_once() {
        let (mut agenda, now) = settled();
        agenda.changed(now);
        assert!(!agenda.step_is_due(None, now + 199 * MS));
        assert_eq!(agenda.deadline(Phase::Idle(None)), now + 200 * MS);
        assert!(agenda.step_is_due(None, now + 200 * MS));
        let asked = agenda.take(now + 200 * MS);
        assert_eq!((asked.trigger, asked.hints), (Trigger::Watch, Hints::Take));
        assert!(!asked.audit && !asked.always);
        assert!(!agenda.step_is_due(None, now + 200 * MS));
    }

    #[test]
    fn a_retry_leaves_hints_that_are_not_due_and_gives_way_to_those_that_are() {
        let (mut agenda, now) = settled();
        agenda.changed(now);
        let soon = now + 100 * MS;
        assert!(agenda.step_is_due(Some(soon), soon));
        let asked = agenda.take(soon);
        assert_eq!((asked.trigger, asked.hints), (Trigger::Retry, Hints::Leave));
        assert_eq!(agenda.deadline(Phase::GivesWay), now + 200 * MS);
        assert_eq!(agenda.deadline(Phase::Busy), now + 3 * SECOND);
        assert_eq!(agenda.take(now + 200 * MS).hints, Hints::Take);
    }

    #[test]
    fn changes_in_folders_that_are_watched_put_no_poll_off() {
        let (mut agenda, now) = settled();
        assert_eq!(agenda.periodic(true, now), None);
        for save in 1..10 {
            let saved = now + save * 190 * MS;
            agenda.changed(saved);
            let due = saved + 200 * MS;
            assert!(agenda.step_is_due(None, due));
            let asked = agenda.take(due);
            agenda.looked(asked, false, due, due);
            assert_eq!(agenda.periodic(true, due), None);
        }
        let now = now + 2 * SECOND;
        assert_eq!(agenda.periodic(true, now), Some(Periodic::Poll));
        let asked = agenda.take(now);
        agenda.looked(asked, false, now, now);
        assert_eq!(agenda.periodic(true, now), None, "it has been polled");
    }

    #[test]
    fn a_look_at_everything_is_a_poll_too() {
        let (mut agenda, now) = settled();
        assert_eq!(agenda.periodic(true, now), None);
        let now = now + 2 * SECOND;
        agenda.ask_audit();
        let asked = agenda.take(now);
        agenda.looked(asked, true, now, now);
        assert_eq!(agenda.periodic(true, now), None);
    }

    #[test]
    fn what_a_step_that_could_not_look_was_asked_for_is_asked_for_again() {
        let (mut agenda, now) = settled();
        assert_eq!(
            agenda.periodic(true, now + 3600 * SECOND),
            Some(Periodic::Rescan)
        );
        let asked = agenda.take(now);
        assert_eq!(agenda.failed(asked, now), RootNews::Lost);
        assert_eq!(agenda.failed(asked, now), RootNews::None, "told once");
        assert!(!agenda.step_is_due(Some(now), now), "nothing is looked at");
        assert_eq!(agenda.deadline(Phase::Idle(Some(now))), now + SECOND);
        assert_eq!(agenda.saw_root(RootSeen::Gone, now), RootNews::None);
        assert_eq!(agenda.saw_root(RootSeen::Same, now), RootNews::Anew);
        let again = agenda.take(now);
        assert_eq!((again.trigger, again.audit), (Trigger::Rescan, true));
        assert!(!agenda.root_is_here(), "only a look tells");
        assert!(agenda.looked(again, true, now, now));
        assert!(agenda.is_settled());
    }

    #[test]
    fn a_poll_and_a_batch_that_is_always_wanted_outlive_a_step_that_could_not_look() {
        let (mut agenda, now) = settled();
        assert_eq!(agenda.periodic(true, now), None);
        let now = now + 2 * SECOND;
        assert_eq!(agenda.periodic(true, now), Some(Periodic::Poll));
        let asked = Asked {
            always: true,
            ..agenda.take(now)
        };
        assert_eq!(agenda.failed(asked, now), RootNews::Lost);
        assert_eq!(agenda.saw_root(RootSeen::Same, now), RootNews::Anew);
        let again = agenda.take(now);
        assert!(again.always);
        assert!(agenda.looked(again, false, now, now));
        assert_eq!(agenda.periodic(true, now), None, "it has been polled");
    }

    #[test]
    fn a_retry_that_could_not_look_is_no_reason_for_the_step_that_can() {
        let (mut agenda, now) = settled();
        let retry = agenda.take(now);
        assert_eq!(retry.trigger, Trigger::Retry);
        assert_eq!(agenda.failed(retry, now), RootNews::Lost);
        assert_eq!(agenda.saw_root(RootSeen::Same, now), RootNews::Anew);
        let again = agenda.take(now);
        assert_eq!((again.trigger, again.hints), (Trigger::Rescan, Hints::Take));
    }

    #[test]
    fn a_poll_does_not_hide_another_reason() {
        let (mut agenda, now) = settled();
        assert_eq!(agenda.periodic(true, now), None);
        let now = now + 2 * SECOND;
        agenda.ask_audit();
        assert_eq!(agenda.periodic(true, now), Some(Periodic::Poll));
        assert_eq!(agenda.take(now).trigger, Trigger::Rescan);
    }

    #[test]
    fn a_folder_that_was_replaced_during_a_step_is_looked_at_again_soon() {
        let (mut agenda, now) = settled();
        let seen = RootSeen::ReplacedMidway;
        assert_eq!(agenda.saw_root(seen, now), RootNews::None);
        assert_eq!(agenda.deadline(Phase::Busy), now + SECOND);
        // Changes that are due later do not put it off.
        agenda.changed(now + 900 * MS);
        assert_eq!(agenda.deadline(Phase::GivesWay), now + SECOND);
    }

    #[test]
    fn an_empty_mount_point_is_told_of_once_however_often_it_is_looked_at() {
        let (mut agenda, now) = settled();
        assert_eq!(agenda.saw_root(RootSeen::Replaced, now), RootNews::Anew);
        let asked = agenda.take(now);
        assert_eq!(agenda.failed(asked, now), RootNews::Lost);
        for _ in 0..3 {
            assert_eq!(agenda.saw_root(RootSeen::Same, now), RootNews::Anew);
            let asked = agenda.take(now);
            assert_eq!(agenda.failed(asked, now), RootNews::None);
        }
    }

    #[test]
    fn all_waits_while_the_export_folder_can_not_be_had() {
        let (mut agenda, now) = settled();
        agenda.hold(true);
        agenda.changed(now);
        let later = now + 4000 * SECOND;
        assert!(!agenda.step_is_due(Some(now), later));
        assert_eq!(agenda.changes_due(), None, "nobody knows when");
        assert_eq!(agenda.periodic(true, later), None);
        assert_eq!(agenda.saw_root(RootSeen::Same, later), RootNews::None);
        assert_eq!(
            agenda.deadline(Phase::Idle(Some(now))),
            later + SECOND,
            "it is looked for, and nothing else is a reason to wake"
        );
        agenda.hold(false);
        assert_eq!(agenda.changes_due(), Some(now + 200 * MS));
        assert!(agenda.step_is_due(None, later));
        assert_eq!(agenda.take(later).hints, Hints::Take);
    }

    #[test]
    fn polls_and_rescans_wait_for_the_folder() {
        let (mut agenda, now) = settled();
        agenda.changed(now);
        assert_eq!(agenda.saw_root(RootSeen::Gone, now), RootNews::Lost);
        assert_eq!(agenda.periodic(true, now + 4000 * SECOND), None);
        assert_eq!(agenda.changes_due(), None, "nobody knows when");
    }
}
