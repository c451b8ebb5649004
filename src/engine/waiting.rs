//! What failed waits for its time: a look at everything is no reason to try it again.

use std::time::Instant;

use super::prepare::Wanted;
use super::{Engine, Failures};
use crate::config::Config;
use crate::manifest::FailureKey;
use crate::plan::{Plan, Work};
use crate::vault::rules::Rules;

impl Engine {
    /// Takes out of a plan what failed and is not yet due, unless it is planned because it changed.
    pub(super) fn leave_waiting(&self, plan: &mut Plan, wanted: &Wanted, now: Instant) {
        let Some(changed) = &wanted.changed else {
            return;
        };
        let waits = |key: &FailureKey| {
            self.failures.waits(key, now)
                && !changed.contains(&key.owner)
                && !wanted.overtaken.contains(key)
        };
        plan.jobs.retain(|job| !waits(&self.failure_key(&job.work)));
        plan.blocked
            .retain(|job| !waits(&self.failure_key(&Work::Note(job.id, job.format))));
    }

    /// Goes on from an engine with this config and these failures, of the same manifest: what failed waits on, unless
    /// another config may be what it waited for.
    pub fn keep_waits(&mut self, before: &Config, failures: &Failures) {
        let same = before.formats == self.config.formats
            && before.notes_dir == self.config.notes_dir
            && Rules::new(before).key() == self.vault.rules().key();
        if same {
            self.failures_mut().keep_waits(failures);
        }
    }
}
