//! What failed waits for its time: a look at everything is no reason to try it again.

use std::time::Instant;

use super::Engine;
use super::prepare::Wanted;
use crate::manifest::FailureKey;
use crate::plan::{Plan, Work};

impl Engine {
    /// Takes out of a plan what failed and is not yet due, unless it is planned because it changed.
    pub(super) fn leave_waiting(&self, plan: &mut Plan, wanted: &Wanted, now: Instant) {
        let Some(changed) = &wanted.changed else {
            return;
        };
        let waits = |key: &FailureKey| {
            self.pending.failures.waits(key, now)
                && !changed.contains(&key.owner)
                && !wanted.overtaken.contains(key)
        };
        plan.jobs.retain(|job| !waits(&self.failure_key(&job.work)));
        plan.blocked
            .retain(|job| !waits(&self.failure_key(&Work::Note(job.id, job.format))));
    }
}
