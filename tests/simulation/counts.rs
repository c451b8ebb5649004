//! What the adversary did, counted.

use std::fmt;
use std::ops::AddAssign;

use crate::kernel::EventCounts;

/// Counts of one episode, or the sum of many.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) changes: u64,
    pub(crate) meddling: u64,
    pub(crate) batches: u64,
    pub(crate) jobs: u64,
    pub(crate) calls: u64,
    pub(crate) failed_calls: u64,
    pub(crate) refused_transactions: u64,
    pub(crate) superseded: u64,
    pub(crate) crashes: u64,
    pub(crate) power_losses: u64,
    pub(crate) lost_transactions: u64,
    pub(crate) restarts: u64,
    pub(crate) reconfigured: u64,
    pub(crate) roots_lost: u64,
    pub(crate) events: EventCounts,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.changes += other.changes;
        self.meddling += other.meddling;
        self.batches += other.batches;
        self.jobs += other.jobs;
        self.calls += other.calls;
        self.failed_calls += other.failed_calls;
        self.refused_transactions += other.refused_transactions;
        self.superseded += other.superseded;
        self.crashes += other.crashes;
        self.power_losses += other.power_losses;
        self.lost_transactions += other.lost_transactions;
        self.restarts += other.restarts;
        self.reconfigured += other.reconfigured;
        self.roots_lost += other.roots_lost;
        self.events.delivered += other.events.delivered;
        self.events.reordered += other.events.reordered;
        self.events.duplicated += other.events.duplicated;
        self.events.dropped += other.events.dropped;
        self.events.overflows += other.events.overflows;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = self.events;
        writeln!(f, "  changes of the notes      {}", self.changes)?;
        writeln!(f, "  changes of the exports    {}", self.meddling)?;
        writeln!(f, "  events delivered          {}", events.delivered)?;
        writeln!(f, "  events reordered          {}", events.reordered)?;
        writeln!(f, "  events duplicated         {}", events.duplicated)?;
        writeln!(
            f,
            "  events dropped            {} in {} overflows",
            events.dropped, events.overflows
        )?;
        writeln!(
            f,
            "  batches                   {} with {} jobs",
            self.batches, self.jobs
        )?;
        writeln!(f, "  jobs superseded           {}", self.superseded)?;
        writeln!(f, "  calls to the disks        {}", self.calls)?;
        writeln!(f, "  calls that failed         {}", self.failed_calls)?;
        writeln!(
            f,
            "  transactions refused      {}",
            self.refused_transactions
        )?;
        writeln!(f, "  kills                     {}", self.crashes)?;
        writeln!(
            f,
            "  power losses              {} with {} manifests set back",
            self.power_losses, self.lost_transactions
        )?;
        writeln!(
            f,
            "  orderly restarts          {} with {} other configs",
            self.restarts, self.reconfigured
        )?;
        write!(f, "  notes folder gone         {}", self.roots_lost)
    }
}
