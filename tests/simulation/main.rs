//! The deterministic simulation: the real engine against model folders, a virtual clock and an adversary.
//!
//! The promise: after any changes, faults and restarts, once the folder is quiet, the export tree equals what a full
//! export writes into an empty folder; at every moment each file in it is whole; what somebody else made is never
//! changed. Each seed is one life; a failure prints the command that repeats it.
//!
//! * `SMARTNOTESD_SIM_SEEDS=N` runs N seeds instead of as many as fit into some seconds.
//! * `SMARTNOTESD_SIM_SEED=S` runs the one seed.

// Texts and names are made up here one piece after the other, the model's names are in lower case, and what can happen
// is one long list.
#![allow(
    clippy::too_many_lines,
    clippy::format_push_string,
    clippy::case_sensitive_file_extension_comparisons,
    clippy::single_match_else
)]

mod counts;
mod episode;
mod export;
mod kernel;
mod notes;
mod process;
mod rng;
mod state;
mod user;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use counts::Counts;
use episode::Failure;

/// How long the seeds may take that nobody counted.
const BUDGET: Duration = Duration::from_secs(20);
/// The first seed.
const FIRST: u64 = 1;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text}: not a number")),
    )
}

#[test]
fn converges_whatever_happens() {
    if let Some(seed) = number("SMARTNOTESD_SIM_SEED") {
        match episode::run(seed, episode::length(seed)) {
            Ok(counts) => println!("seed {seed}\n{counts}"),
            Err(failure) => report(seed, failure),
        }
        return;
    }
    let most = number("SMARTNOTESD_SIM_SEEDS");
    let began = Instant::now();
    let next = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let total = Mutex::new((0u64, Counts::default()));
    let first_failure: Mutex<Option<(u64, Failure)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while !failed.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if most.map_or(began.elapsed() > BUDGET, |most| index >= most) {
                        break;
                    }
                    let seed = FIRST + index;
                    match episode::run(seed, episode::length(seed)) {
                        Ok(counts) => {
                            let mut total = total.lock().expect("nobody panics with it");
                            total.0 += 1;
                            total.1 += counts;
                        }
                        Err(failure) => {
                            failed.store(true, Ordering::Relaxed);
                            first_failure
                                .lock()
                                .expect("nobody panics with it")
                                .get_or_insert((seed, failure));
                        }
                    }
                }
            });
        }
    });
    let (seeds, counts) = *total.lock().expect("all threads are done");
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{seeds} seeds in {seconds:.1} s, {:.0} a second\n{counts}",
        seeds as f64 / seconds
    );
    if let Some((seed, failure)) = first_failure.into_inner().expect("all threads are done") {
        report(seed, failure);
    }
}

/// Finds the shortest life of the seed that fails, and prints it.
fn report(seed: u64, failure: Failure) -> ! {
    let shorter = (0..episode::length(seed))
        .find_map(|steps| episode::run(seed, steps).err().map(|f| (steps, f)));
    let (steps, failure) = shorter.unwrap_or((episode::length(seed), failure));
    println!("\nseed {seed} fails; its first {steps} steps are enough:\n");
    for line in &failure.trace {
        println!("{line}");
    }
    println!("\n{}\n", failure.what);
    println!(
        "repeat with: SMARTNOTESD_SIM_SEED={seed} cargo test --test simulation -- --nocapture"
    );
    panic!(
        "seed {seed}: {}",
        failure.what.lines().next().unwrap_or_default()
    );
}
