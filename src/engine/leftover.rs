//! Outputs that should have gone and could not be removed: they are tried again, since the text in them may be private
//! by now. Pure.

use std::collections::BTreeSet;
use std::time::Instant;

use super::failures::wait_after;
use crate::path::OutputPath;

/// What could not be removed, and when to try again.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    paths: BTreeSet<OutputPath>,
    attempt: u32,
    due: Option<Instant>,
}

impl LeftOver {
    /// When they are due.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// Those that are due; who takes them sees to each.
    pub(super) fn take_due(&mut self, now: Instant) -> BTreeSet<OutputPath> {
        if self.due.is_none_or(|due| due > now) {
            return BTreeSet::new();
        }
        self.due = None;
        std::mem::take(&mut self.paths)
    }

    /// After a batch that could not remove `refused`.
    pub(super) fn refused(&mut self, refused: impl IntoIterator<Item = OutputPath>, now: Instant) {
        let before = self.paths.len();
        self.paths.extend(refused);
        if self.paths.is_empty() {
            self.attempt = 0;
        } else if self.paths.len() > before || self.due.is_none() {
            self.attempt = self.attempt.saturating_add(1);
            self.due = Some(now + wait_after(self.attempt));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn waits_longer_as_long_as_it_is_refused() {
        let path = OutputPath::new("a.md").expect("a path");
        let (mut left, now) = (LeftOver::default(), Instant::now());
        left.refused([path.clone()], now);
        assert!(left.take_due(now).is_empty());
        let later = now + Duration::from_secs(1);
        assert_eq!(left.take_due(later), BTreeSet::from([path.clone()]));
        left.refused([path.clone()], later);
        assert_eq!(left.next_due(), Some(later + Duration::from_secs(2)));
        left.take_due(later + Duration::from_secs(2));
        left.refused([], later);
        assert_eq!(left.next_due(), None);
    }
}
