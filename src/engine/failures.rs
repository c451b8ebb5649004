//! What failed and is to be tried again: when, and how often it was. Pure.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::manifest::FailureKey;

/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// A failed job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// Why, in one line.
    pub error: String,
    /// How many times in a row; 0 for a job that was only ever cancelled.
    pub attempt: u32,
    /// When it failed last, ms since the epoch.
    pub failed_at: i64,
    /// When it is due again.
    pub due: Instant,
}

/// All failed jobs.
#[derive(Clone, Debug, Default)]
pub struct Failures(BTreeMap<FailureKey, Failed>);

/// How long to wait before the attempt after the `attempt`th.
pub(super) fn wait_after(attempt: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(1 << attempt.saturating_sub(1).min(16))
        .min(LONGEST_WAIT)
}

impl Failures {
    /// Notes a failure; returns it with its attempt counted.
    pub fn failed(
        &mut self,
        key: FailureKey,
        error: String,
        now: Instant,
        wall_ms: i64,
    ) -> &Failed {
        let attempt = self
            .0
            .get(&key)
            .map_or(1, |before| before.attempt.saturating_add(1));
        let failed = Failed {
            error,
            attempt,
            failed_at: wall_ms,
            due: now + wait_after(attempt),
        };
        self.0.entry(key).insert_entry(failed).into_mut()
    }

    /// Notes that a job was not run to its end. That is no attempt: a job whose failures end its batches waits longer each
    /// time and so falls behind those that it holds up.
    pub fn cancelled(&mut self, key: FailureKey, now: Instant, wall_ms: i64) -> &Failed {
        let failed = self.0.entry(key).or_insert_with(|| Failed {
            error: "cancelled".to_owned(),
            attempt: 0,
            failed_at: wall_ms,
            due: now,
        });
        failed.due = now + wait_after(failed.attempt);
        failed
    }

    /// Notes that a change of its note has overtaken a try. The change brings the next one; until it is looked at, a try
    /// at once would only be overtaken again.
    pub fn overtaken(&mut self, key: &FailureKey, now: Instant) {
        if let Some(failed) = self.0.get_mut(key) {
            failed.due = now + wait_after(failed.attempt);
        }
    }

    /// Takes back a failure that the manifest remembers; it is due at once.
    pub fn remember(
        &mut self,
        key: FailureKey,
        error: String,
        attempt: u32,
        failed_at: i64,
        now: Instant,
    ) {
        self.0.insert(
            key,
            Failed {
                error,
                attempt,
                failed_at,
                due: now,
            },
        );
    }

    /// Ends all waits: what they waited for may be over.
    pub fn end_waits(&mut self, now: Instant) {
        for failed in self.0.values_mut() {
            failed.due = failed.due.min(now);
        }
    }

    /// A job is done, or no longer wanted. True when it had failed before.
    pub fn clear(&mut self, key: &FailureKey) -> bool {
        self.0.remove(key).is_some()
    }

    /// The failure of a job.
    pub fn get(&self, key: &FailureKey) -> Option<&Failed> {
        self.0.get(key)
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.0.values().map(|failed| failed.due).min()
    }

    /// Those that are due.
    pub fn due(&self, now: Instant) -> impl Iterator<Item = &FailureKey> {
        self.0
            .iter()
            .filter(move |(_, failed)| failed.due <= now)
            .map(|(key, _)| key)
    }

    /// Whether any is not yet due.
    pub fn some_wait(&self, now: Instant) -> bool {
        self.0.values().any(|failed| failed.due > now)
    }

    /// Whether a job failed and is not yet due.
    pub fn waits(&self, key: &FailureKey, now: Instant) -> bool {
        self.get(key).is_some_and(|failed| failed.due > now)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&FailureKey, &Failed)> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Owner;
    use crate::vault::FileId;

    fn key() -> FailureKey {
        FailureKey {
            owner: Owner::Note(FileId(1)),
            format: "json".into(),
        }
    }

    #[test]
    fn waits_double_up_to_ten_minutes() {
        assert_eq!(wait_after(1), Duration::from_secs(1));
        assert_eq!(wait_after(4), Duration::from_secs(8));
        assert_eq!(wait_after(40), LONGEST_WAIT);
    }

    #[test]
    fn attempts_are_counted_until_cleared() {
        let key = key();
        let now = Instant::now();
        let mut failures = Failures::default();
        assert_eq!(failures.failed(key.clone(), "x".into(), now, 0).attempt, 1);
        assert_eq!(failures.failed(key.clone(), "y".into(), now, 0).attempt, 2);
        assert_eq!(failures.next_due(), Some(now + Duration::from_secs(2)));
        assert_eq!(failures.due(now).count(), 0);
        assert!(failures.clear(&key));
        assert!(failures.is_empty());
    }

    #[test]
    fn a_wait_is_ended() {
        let key = key();
        let now = Instant::now();
        let mut failures = Failures::default();
        failures.failed(key.clone(), "x".into(), now, 0);
        assert!(failures.some_wait(now) && failures.waits(&key, now));
        assert!(!failures.waits(&key, now + FIRST_WAIT));
        failures.end_waits(now);
        assert!(!failures.some_wait(now) && !failures.waits(&key, now));
        assert_eq!(failures.next_due(), Some(now));
        assert_eq!(failures.get(&key).map(|failed| failed.attempt), Some(1));
    }

    #[test]
    fn being_cancelled_is_no_attempt() {
        let key = key();
        let now = Instant::now();
        let mut failures = Failures::default();
        for _ in 0..3 {
            let failed = failures.cancelled(key.clone(), now, 0);
            assert_eq!((failed.attempt, failed.due), (0, now + FIRST_WAIT));
        }
        failures.failed(key.clone(), "x".into(), now, 0);
        failures.failed(key.clone(), "x".into(), now, 0);
        let failed = failures.cancelled(key, now, 0);
        assert_eq!((failed.attempt, failed.error.as_str()), (2, "x"));
        assert_eq!(failed.due, now + wait_after(2));
    }

    #[test]
    fn a_try_that_was_overtaken_is_not_due_again_at_once() {
        let key = key();
        let now = Instant::now();
        let mut failures = Failures::default();
        failures.failed(key.clone(), "x".into(), now, 0);
        let later = now + FIRST_WAIT;
        failures.overtaken(&key, later);
        assert_eq!(failures.next_due(), Some(later + FIRST_WAIT));
        assert_eq!(failures.get(&key).map(|failed| failed.attempt), Some(1));
        // What never failed is no failure.
        assert!(failures.clear(&key));
        failures.overtaken(&key, later);
        assert!(failures.is_empty());
    }
}
