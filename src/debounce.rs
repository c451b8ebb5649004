//! When a batch starts: a pure state machine over instants that the caller passes in.
//!
//! In go the moments at which changes came; out comes the moment at which they are due. A batch is due when no
//! change has come for `quiet`, or when the oldest change is `max_wait` old, however busy the folder is. What
//! changed is none of its business: the [inbox](crate::watch::Inbox) holds that. It never reads a clock.

use crate::config::Debounce;
use std::time::Instant;

/// Says when the changes that have come so far are due.
///
/// While a batch runs, its caller goes on to report changes. They keep the moment at which they came, so that after
/// the batch they are due at once if they are old enough.
#[derive(Clone, Debug)]
pub struct Debouncer {
    debounce: Debounce,
    waiting: Option<Waiting>,
}

/// Changes that no batch has taken yet.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    first: Instant,
    last: Instant,
}

impl Debouncer {
    /// One that waits for nothing.
    pub fn new(debounce: Debounce) -> Self {
        Self {
            debounce,
            waiting: None,
        }
    }

    /// A change came at `now`. Instants may come in any order: the earliest and the latest count.
    pub fn changed(&mut self, now: Instant) {
        let waiting = self.waiting.get_or_insert(Waiting {
            first: now,
            last: now,
        });
        waiting.first = waiting.first.min(now);
        waiting.last = waiting.last.max(now);
    }

    /// When the changes are due; `None` when there are none. A wait too long for the clock never ends by itself.
    pub fn deadline(&self) -> Option<Instant> {
        let waiting = self.waiting?;
        let quiet = waiting.last.checked_add(self.debounce.quiet);
        let patience = waiting.first.checked_add(self.debounce.max_wait);
        quiet.into_iter().chain(patience).min()
    }

    /// Whether there are changes and they are due at `now`.
    pub fn due(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// A batch takes all changes that came so far.
    pub fn taken(&mut self) {
        self.waiting = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn debouncer(quiet: u64, max_wait: u64) -> Debouncer {
        Debouncer::new(Debounce {
            quiet: ms(quiet),
            max_wait: ms(max_wait),
        })
    }

    #[test]
    fn nothing_changed_is_never_due() {
        let mut debouncer = debouncer(0, 0);
        let now = Instant::now();
        assert!(!debouncer.due(now + ms(1_000_000)));
        debouncer.changed(now);
        debouncer.taken();
        assert_eq!(debouncer.deadline(), None);
    }

    #[test]
    fn a_single_change_waits_for_quiet() {
        let (mut debouncer, start) = (debouncer(200, 2000), Instant::now());
        debouncer.changed(start);
        assert!(!debouncer.due(start + ms(199)));
        assert!(debouncer.due(start + ms(200)));
    }

    #[test]
    fn a_busy_writer_cannot_push_the_batch_away() {
        let (mut debouncer, start) = (debouncer(200, 2000), Instant::now());
        for tick in 0..1999 {
            debouncer.changed(start + ms(tick));
            assert!(!debouncer.due(start + ms(tick)));
        }
        assert_eq!(debouncer.deadline(), Some(start + ms(2000)));
    }

    #[test]
    fn a_change_during_a_batch_is_due_right_after_it() {
        let (mut debouncer, start) = (debouncer(200, 2000), Instant::now());
        debouncer.changed(start);
        debouncer.taken();
        debouncer.changed(start + ms(50));
        assert!(
            debouncer.due(start + ms(5000)),
            "the batch took long; the change is old enough"
        );
    }

    #[test]
    fn no_quiet_is_due_at_once() {
        let (mut debouncer, start) = (debouncer(0, 2000), Instant::now());
        debouncer.changed(start);
        assert!(debouncer.due(start));
    }

    #[test]
    fn waits_longer_than_the_clock_do_not_panic() {
        let mut endless = Debouncer::new(Debounce {
            quiet: Duration::MAX,
            max_wait: ms(20),
        });
        let start = Instant::now();
        endless.changed(start);
        assert_eq!(endless.deadline(), Some(start + ms(20)));
        let mut endless = Debouncer::new(Debounce {
            quiet: Duration::MAX,
            max_wait: Duration::MAX,
        });
        endless.changed(start);
        assert!(!endless.due(start));
    }

    /// What can happen to a debouncer: a change at a moment, or its caller looking at a moment and taking what is due.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Change(u64),
        Look(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            (0..300u64).prop_map(Step::Change),
            (0..300u64).prop_map(Step::Look)
        ];
        prop::collection::vec(step, 1..80)
    }

    /// Waits around the interesting borders: none, equal, and the wrong way round.
    fn waits() -> impl Strategy<Value = (u64, u64)> {
        prop_oneof![
            (0..100u64, 0..400u64),
            (0..100u64).prop_map(|wait| (wait, wait)),
            (0..400u64).prop_map(|wait| (0, wait))
        ]
    }

    proptest! {
        /// Time moves forward by each step. A look must find changes due exactly when the two rules say so.
        #[test]
        fn never_early_never_late_and_loses_nothing((quiet, max_wait) in waits(), steps in steps()) {
            let (mut debouncer, start) = (debouncer(quiet, max_wait), Instant::now());
            let mut clock = 0;
            let mut waiting: Vec<u64> = Vec::new();
            for step in steps {
                match step {
                    Step::Change(after) => {
                        clock += after;
                        debouncer.changed(start + ms(clock));
                        waiting.push(clock);
                    }
                    Step::Look(after) => {
                        clock += after;
                        let expected = waiting.first().zip(waiting.last())
                            .is_some_and(|(first, last)| clock >= last + quiet || clock >= first + max_wait);
                        prop_assert_eq!(debouncer.due(start + ms(clock)), expected);
                        if expected {
                            debouncer.taken();
                            waiting.clear();
                        }
                    }
                }
                prop_assert_eq!(debouncer.deadline().is_some(), !waiting.is_empty());
            }
        }

        /// A caller that sleeps until the deadline takes every change at most `max_wait` after it came.
        #[test]
        fn never_starves((quiet, max_wait) in waits(), gaps in prop::collection::vec(0..50u64, 1..200)) {
            let (mut debouncer, start) = (debouncer(quiet, max_wait), Instant::now());
            let mut clock = start;
            let mut first = None;
            for gap in gaps {
                let next = clock + ms(gap);
                if let Some(deadline) = debouncer.deadline().filter(|deadline| *deadline <= next) {
                    prop_assert!(debouncer.due(deadline));
                    let first: Instant = first.take().expect("a deadline stands only for a change");
                    prop_assert!(deadline <= first + ms(max_wait));
                    debouncer.taken();
                }
                clock = next;
                debouncer.changed(clock);
                first.get_or_insert(clock);
            }
            prop_assert!(debouncer.deadline() <= first.map(|first| first + ms(max_wait)));
        }

        /// The order in which instants are told does not matter: a clock that seems to go back changes nothing.
        #[test]
        fn order_does_not_matter(moments in prop::collection::vec(0..1000u64, 1..20), (quiet, max_wait) in waits()) {
            let start = Instant::now();
            let deadline = |moments: &[u64]| {
                let mut debouncer = debouncer(quiet, max_wait);
                for moment in moments {
                    debouncer.changed(start + ms(*moment));
                }
                debouncer.deadline()
            };
            let mut sorted = moments.clone();
            sorted.sort_unstable();
            prop_assert_eq!(deadline(&moments), deadline(&sorted));
        }
    }
}
