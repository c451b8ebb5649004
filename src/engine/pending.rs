//! What was not done and is to be tried again: each kind knows when.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::leftover::LeftOver;
use super::{Failures, Unreadable};
use crate::manifest::FailureKey;

/// What is to be tried again.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Jobs that failed. Shared with whoever tells of them while a batch runs.
    pub(super) failures: Arc<Failures>,
    /// What can't be read at the moment, and why. Shared as the failures are.
    pub(super) unreadable: Arc<Unreadable>,
    /// Jobs of the last batch that read something other than what was planned.
    pub(super) overtaken: BTreeSet<FailureKey>,
    /// Outputs that should have gone.
    pub(super) left_over: LeftOver,
}

impl Pending {
    /// When something is due that no change will tell of.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let waits = [
            self.failures.next_due(),
            self.unreadable.next_due(),
            self.left_over.next_due(),
        ];
        waits.into_iter().flatten().min()
    }
}
