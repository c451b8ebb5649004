//! As many threads as there are processors, for work that can be shared out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::batch::Progress;
use crate::vault::Helpers;

/// Helps on this thread and others, and tells that the work goes on.
pub(super) struct Threads(pub(super) Arc<Progress>);

impl Helpers for Threads {
    fn beat(&self) {
        self.0.beat();
    }

    fn share_out(&self, count: usize, work: &(dyn Fn(usize) + Sync)) {
        let next = AtomicUsize::new(0);
        let take_part = || {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    break;
                }
                work(at);
            }
        };
        let threads = match count {
            // The usual case, and asking for the processors opens files.
            0 | 1 => 1,
            several => {
                std::thread::available_parallelism().map_or(1, |most| several.min(most.into()))
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(take_part);
            }
            take_part();
        });
    }
}
