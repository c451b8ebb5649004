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
    /// When a batch must come for them, if none comes before.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// All of them, for the batch that is planned: each is tried in every batch, as it costs next to nothing.
    pub(super) fn take(&mut self) -> BTreeSet<OutputPath> {
        self.due = None;
        std::mem::take(&mut self.paths)
    }

    /// After a batch that could not remove `refused`.
    pub(super) fn refused(&mut self, refused: impl IntoIterator<Item = OutputPath>, now: Instant) {
        self.paths.extend(refused);
        if self.paths.is_empty() {
            self.attempt = 0;
            return;
        }
        self.attempt = self.attempt.saturating_add(1);
        self.due = Some(now + wait_after(self.attempt));
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
        assert_eq!(left.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(left.take(), BTreeSet::from([path.clone()]));
        left.refused([path.clone()], now);
        assert_eq!(left.next_due(), Some(now + Duration::from_secs(2)));
        left.take();
        left.refused([], now);
        assert_eq!(left.next_due(), None);
    }
}
