//! Outputs that should have gone and could not be removed: they are tried again, since the text in them may be private
//! by now. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use super::failures::wait_after;
use crate::path::OutputPath;

/// Outputs that should have gone and are still there, each with the reason.
pub type NotWithdrawn = BTreeMap<OutputPath, String>;

/// What could not be removed, and when to try again.
#[derive(Debug, Default)]
pub(super) struct LeftOver {
    paths: Arc<NotWithdrawn>,
    attempt: u32,
    due: Option<Instant>,
}

impl LeftOver {
    /// When a batch must come for them, if none comes before.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due
    }

    /// All of them. Each is tried in every batch, as it costs next to nothing.
    pub(super) fn paths(&self) -> &Arc<NotWithdrawn> {
        &self.paths
    }

    /// A batch is planned that tries them.
    pub(super) fn tried(&mut self) {
        self.due = None;
    }

    /// After a batch that could not remove `refused`, and nothing else.
    pub(super) fn refused(&mut self, refused: NotWithdrawn, now: Instant) {
        if !(self.paths.is_empty() && refused.is_empty()) {
            self.paths = Arc::new(refused);
        }
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
        let refused = || NotWithdrawn::from([(path.clone(), "read-only".to_owned())]);
        let (mut left, now) = (LeftOver::default(), Instant::now());
        left.refused(refused(), now);
        assert_eq!(left.next_due(), Some(now + Duration::from_secs(1)));
        assert_eq!(**left.paths(), refused());
        left.tried();
        assert_eq!(left.next_due(), None);
        left.refused(refused(), now);
        assert_eq!(left.next_due(), Some(now + Duration::from_secs(2)));
        left.tried();
        left.refused(NotWithdrawn::new(), now);
        assert_eq!(left.next_due(), None);
        assert!(left.paths().is_empty());
    }
}
