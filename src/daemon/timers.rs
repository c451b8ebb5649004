//! When the loop must wake though nothing happened.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::root::Root;
use super::{DRAIN_TICK, Daemon, Work};
use crate::log::events::Trigger;
use crate::service;
use crate::watch::Coverage;

/// Far enough not to matter, near enough to be added to.
const NEVER: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Daemon<'_> {
    /// The next moment at which something is due.
    pub(super) fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let mut wake = now + NEVER;
        let mut at =
            |moment: Option<Instant>| wake = moment.map_or(wake, |moment| wake.min(moment));
        at(self
            .service
            .watchdog_interval()
            .map(|interval| now + interval));
        at(self.status_asked.iter().map(|(until, _)| *until).min());
        if self.stopping {
            at(Some(now + DRAIN_TICK));
            return wake;
        }
        if !self.is_ready {
            return wake;
        }
        // While a batch runs, or the folder is gone, polls and rescans wait; only the folder itself is minded.
        at(Some(self.schedule.root_deadline()));
        if self.may_give_way() {
            at(self.debouncer.deadline());
        }
        if let Work::Idle(engine) = &self.work
            && self.root != Root::Gone
        {
            at(Some(self.schedule.deadline()));
            at(self.debouncer.deadline());
            at(engine.next_due());
        }
        wake
    }

    /// Polls, rescans and looks at the root when they are due.
    pub(super) fn mind_schedule(&mut self, now: Instant) {
        let polls = self.watch.coverage() != Coverage::Native;
        self.schedule.set_polling(polls, now);
        let due = self.schedule.due(now);
        let asked = self.inbox.take_root();
        if due.root || asked {
            self.check_root(now);
            self.check_tree();
            self.tell_progress();
        }
        // A poll or rescan waits for the batch that runs, and for the folder to be back.
        if self.root != Root::Here || !matches!(self.work, Work::Idle(_)) {
            return;
        }
        if due.rescan {
            self.inbox.mark_all();
            self.pending.trigger = self.pending.trigger.or(Some(Trigger::Rescan));
            self.pending.audit = true;
        } else if due.poll {
            for folder in self.watch.polled() {
                self.inbox.mark_folder(&folder);
            }
            self.pending.trigger = self.pending.trigger.or(Some(Trigger::Watch));
        }
    }

    /// What the service manager shows of a batch that runs keeps up with it, as often as the folder is looked for.
    fn tell_progress(&mut self) {
        if let Some(current) = &self.current {
            let done = self.progress.done.load(Ordering::Relaxed);
            let sentence = service::exporting_sentence(current.batch, done, current.jobs);
            self.say_status(&sentence);
        }
    }
}
