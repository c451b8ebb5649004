//! When the loop must wake though nothing happened, and what it does then about the two folders. When that is, the
//! [agenda](crate::agenda) says; what lies there, [`root`](super::root) and [`tree`](super::tree) look.

use std::time::Instant;

use super::{DRAIN_TICK, Daemon, Work};
use crate::agenda::{Periodic, Phase};
use crate::watch::Coverage;

/// Far enough not to matter, near enough to be added to.
const NEVER: std::time::Duration = std::time::Duration::from_secs(24 * 3600);

impl Daemon<'_> {
    /// The next moment at which something is due.
    pub(super) fn next_wake(&self) -> Instant {
        let now = Instant::now();
        let watchdog = self.service.watchdog_interval();
        let status = self.status_asked.iter().map(|(until, _)| *until);
        let explanations = self.explain_asked.iter().map(|(until, ..)| *until);
        let asked = status.chain(explanations).min();
        let own = if self.stopping {
            Some(now + DRAIN_TICK)
        } else {
            self.is_ready.then(|| self.agenda.deadline(self.phase()))
        };
        watchdog
            .map(|interval| now + interval)
            .into_iter()
            .chain(asked)
            .chain(own)
            .fold(now + NEVER, Instant::min)
    }

    fn phase(&self) -> Phase {
        match &self.work {
            Work::Idle(engine) => Phase::Idle(engine.next_due()),
            _ if self.may_give_way() => Phase::GivesWay,
            Work::Running(_) | Work::Moving => Phase::Busy,
        }
    }

    /// Looks at the two folders when that is due, and marks what is to be polled or compared. Says whether it looked.
    pub(super) fn mind_folders(&mut self, now: Instant) -> bool {
        let hinted = self.inbox.take_root();
        let looks = hinted || self.agenda.root_is_due(now);
        if looks {
            self.check_root(now);
            self.check_tree();
            // What the service manager shows of a batch that runs keeps up with it.
            if self.current.is_some() {
                self.say_state();
            }
        }
        // A poll or rescan waits for the step that runs.
        if !matches!(self.work, Work::Idle(_)) {
            return looks;
        }
        let some_are_polled = self.watch.coverage() != Coverage::Native;
        match self.agenda.periodic(some_are_polled, now) {
            Some(Periodic::Rescan) => self.inbox.mark_all(),
            Some(Periodic::Poll) => {
                for folder in self.watch.polled() {
                    self.inbox.mark_folder(&folder);
                }
            }
            None => {}
        }
        looks
    }
}
