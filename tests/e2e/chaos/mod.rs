//! Random work on a vault while the daemon runs, is stopped, killed and started again: whenever all is quiet, its export
//! must be that of a fresh export.
//!
//! By default a few seeds run for some seconds. `SMARTNOTESD_CHAOS_SECONDS=n` runs new ones for so long;
//! `SMARTNOTESD_CHAOS_SEED=x` runs that one again, with the same operations in the same order.

mod hands;
mod world;

use std::env;
use std::panic::{self, AssertUnwindSafe};
use std::time::{Duration, Instant};

use world::World;

/// The seeds that always run.
const SEEDS: [u64; 4] = [1, 2, 3, 4];
/// Checkpoints of one seed.
const ROUNDS: usize = 6;
/// Operations between two checkpoints.
const OPERATIONS: usize = 40;

#[test]
fn whatever_happens_the_export_is_that_of_a_fresh_export() {
    if let Some(seed) = number("SMARTNOTESD_CHAOS_SEED") {
        return run(seed);
    }
    let Some(seconds) = number("SMARTNOTESD_CHAOS_SECONDS") else {
        SEEDS.into_iter().for_each(run);
        return;
    };
    let end = Instant::now() + Duration::from_secs(seconds);
    let first = u64::from(std::process::id()) * 100_000;
    let mut seeds = 0;
    while Instant::now() < end {
        run(first + seeds);
        seeds += 1;
    }
    println!("{seeds} seeds");
}

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text} is no number")),
    )
}

fn run(seed: u64) {
    let mut world = World::new(seed);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..ROUNDS {
            for _ in 0..OPERATIONS {
                world.act();
            }
            world.check();
        }
    }));
    if let Err(panic) = outcome {
        eprintln!("{}", world.story());
        eprintln!("SMARTNOTESD_CHAOS_SEED={seed} does it again");
        panic::resume_unwind(panic);
    }
}
