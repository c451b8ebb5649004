//! When to look without having been told: polls, rescans and the check of the notes folder itself.
//!
//! Pure: instants go in, the next deadline and what is due come out. What a poll or a rescan is, the engine knows.

use crate::config;
use std::time::{Duration, Instant};

/// A poll may take this share of the time: the next one begins at the earliest so many times the last one's duration
/// after its end. Listing a huge tree every two seconds would keep a core busy for nothing.
const POLL_SHARE: u32 = 10;

/// How often the notes folder itself is looked at. A mount on top of it, an ancestor that was renamed and a symlink
/// that leads elsewhere send no event to the folder that is watched; one `stat` finds them.
const ROOT_CHECK: Duration = Duration::from_secs(3);

/// The same while the folder is gone, when somebody waits for it.
const LOST_ROOT_CHECK: Duration = Duration::from_secs(1);

/// What is due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Compare the folders that send no events.
    pub poll: bool,
    /// Compare the whole tree.
    pub rescan: bool,
    /// Look whether the notes folder itself is still there.
    pub root: bool,
}

/// Three timers.
#[derive(Clone, Debug)]
pub struct Schedule {
    settings: config::Watch,
    /// `None` while every folder sends events, and past the end of time.
    next_poll: Option<Instant>,
    next_rescan: Option<Instant>,
    next_root: Instant,
}

impl Schedule {
    /// Timers that start at `now`, with nothing to poll.
    pub fn new(settings: config::Watch, now: Instant) -> Self {
        Self {
            settings,
            next_poll: None,
            next_rescan: settings.rescan.and_then(|rescan| now.checked_add(rescan)),
            next_root: now + ROOT_CHECK,
        }
    }

    /// Whether there are folders to poll. Says nothing new while polls go on.
    pub fn set_polling(&mut self, wanted: bool, now: Instant) {
        if !wanted {
            self.next_poll = None;
        } else if self.next_poll.is_none() {
            self.next_poll = now.checked_add(self.settings.poll_interval);
        }
    }

    /// A poll has ended. The next comes after the interval, or later when this one took long.
    pub fn polled(&mut self, began: Instant, ended: Instant) {
        let pause = (ended.saturating_duration_since(began)).saturating_mul(POLL_SHARE);
        self.next_poll = ended.checked_add(pause.max(self.settings.poll_interval));
    }

    /// The whole tree has been compared, whatever the reason.
    pub fn rescanned(&mut self, now: Instant) {
        self.next_rescan = self
            .settings
            .rescan
            .and_then(|rescan| now.checked_add(rescan));
    }

    /// The notes folder itself has been looked at.
    pub fn checked_root(&mut self, now: Instant, lost: bool) {
        self.next_root = now + if lost { LOST_ROOT_CHECK } else { ROOT_CHECK };
    }

    /// The next moment at which the notes folder itself is to be looked at.
    pub fn root_deadline(&self) -> Instant {
        self.next_root
    }

    /// The next moment at which something is due.
    pub fn deadline(&self) -> Instant {
        self.next_poll
            .into_iter()
            .chain(self.next_rescan)
            .fold(self.next_root, Instant::min)
    }

    /// What is due at `now`; it stays due until it is reported as done.
    pub fn due(&self, now: Instant) -> Due {
        let passed = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        Due {
            poll: passed(self.next_poll),
            rescan: passed(self.next_rescan),
            root: self.next_root <= now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::WatchMode;

    const SECOND: Duration = Duration::from_secs(1);

    fn settings(rescan: Option<Duration>) -> config::Watch {
        config::Watch {
            mode: WatchMode::Auto,
            poll_interval: 2 * SECOND,
            rescan,
        }
    }

    #[test]
    fn without_polls_and_rescans_only_the_root_is_checked() {
        let start = Instant::now();
        let schedule = Schedule::new(settings(None), start);
        assert_eq!(schedule.deadline(), start + ROOT_CHECK);
        let far = start + 1_000_000 * SECOND;
        assert_eq!(
            schedule.due(far),
            Due {
                root: true,
                ..Due::default()
            }
        );
    }

    #[test]
    fn a_poll_comes_after_the_interval_and_repeats() {
        let start = Instant::now();
        let mut schedule = Schedule::new(settings(None), start);
        schedule.set_polling(true, start);
        schedule.set_polling(true, start + SECOND);
        assert!(!schedule.due(start + SECOND).poll);
        assert!(
            schedule.due(start + 2 * SECOND).poll,
            "being told again must not put the poll off"
        );
        schedule.polled(start + 2 * SECOND, start + 2 * SECOND);
        assert!(!schedule.due(start + 3 * SECOND).poll);
        assert!(schedule.due(start + 4 * SECOND).poll);
        schedule.set_polling(false, start);
        assert!(!schedule.due(start + 100 * SECOND).poll);
    }

    #[test]
    fn a_slow_poll_leaves_the_machine_alone_for_ten_times_its_duration() {
        let start = Instant::now();
        let mut schedule = Schedule::new(settings(None), start);
        schedule.polled(start, start + 3 * SECOND);
        assert!(!schedule.due(start + 32 * SECOND).poll);
        assert!(schedule.due(start + 33 * SECOND).poll);
    }

    #[test]
    fn a_rescan_counts_from_the_last_look_at_everything() {
        let start = Instant::now();
        let mut schedule = Schedule::new(settings(Some(60 * SECOND)), start);
        schedule.rescanned(start + 50 * SECOND);
        assert!(!schedule.due(start + 60 * SECOND).rescan);
        assert!(schedule.due(start + 110 * SECOND).rescan);
    }

    #[test]
    fn a_lost_root_is_looked_for_more_often() {
        let start = Instant::now();
        let mut schedule = Schedule::new(settings(None), start);
        schedule.checked_root(start, true);
        assert_eq!(schedule.deadline(), start + LOST_ROOT_CHECK);
        schedule.checked_root(start, false);
        assert_eq!(schedule.deadline(), start + ROOT_CHECK);
    }

    #[test]
    fn an_endless_interval_never_passes() {
        let start = Instant::now();
        let schedule = Schedule::new(settings(Some(Duration::MAX)), start);
        assert!(!schedule.due(start + 1_000_000 * SECOND).rescan);
    }
}
