//! The history is bounded.

use super::super::history::{KEPT_BATCH_JOBS, KEPT_BATCHES, KEPT_JOBS, KEPT_SLOWEST};
use super::super::schema::MIGRATIONS;
use super::*;
use std::time::Duration;

#[test]
fn history_is_bounded_and_its_numbers_go_on() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    assert_eq!(manifest.last_batch_number().unwrap(), 0);
    let last = KEPT_BATCHES + 5;
    for batch in 1..=last {
        let batch = Some(FinishedBatch {
            record: record(batch),
            jobs: vec![job(1, batch)],
        });
        manifest
            .commit(&Changes {
                batch,
                ..Changes::default()
            })
            .unwrap();
    }
    drop(manifest);
    let manifest = folder.open();
    assert_eq!(manifest.last_batch_number().unwrap(), last);
    let numbers = |count| -> Vec<u64> {
        manifest
            .batches(count)
            .unwrap()
            .iter()
            .map(|record| record.batch)
            .collect()
    };
    assert_eq!(numbers(usize::MAX), (6..=last).collect::<Vec<_>>());
    assert_eq!(numbers(2), [last - 1, last]);
    let oldest = last + 1 - KEPT_BATCH_JOBS;
    assert_eq!(manifest.batch_jobs(oldest).unwrap(), [job(1, oldest)]);
    assert_eq!(manifest.batch_jobs(oldest - 1).unwrap(), []);
}

#[test]
fn a_huge_batch_keeps_its_slowest_jobs_and_a_sample() {
    const JOBS: usize = 40_000;
    // The slowest come last.
    let durations: Vec<Duration> = (0..JOBS as u64).map(Duration::from_micros).collect();
    let kept = kept_jobs(&durations);
    assert_eq!(kept.len(), KEPT_JOBS);
    let slowest = &kept[kept.len() - KEPT_SLOWEST..];
    assert!(slowest.iter().copied().eq(JOBS - KEPT_SLOWEST..JOBS));
    assert!(
        kept.is_sorted_by(|a, b| a < b),
        "each once, in the order given"
    );
    assert!(
        kept[..2000].iter().all(|&job| job < JOBS / 2),
        "the sample is even"
    );
    assert_eq!(kept_jobs(&durations[..3]), [0, 1, 2]);
}

#[test]
fn a_batch_from_before_what_was_cancelled_was_counted_is_still_told() {
    let folder = Folder::new();
    let mut connection = Connection::open(folder.path()).unwrap();
    schema::migrate(&mut connection, &MIGRATIONS[..2], 0).unwrap();
    connection
        .execute_batch(
            "INSERT INTO batches VALUES (1, 'startup', 1795514400123, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 'a.md', 18);
             INSERT INTO batch_jobs VALUES (1, x'01');",
        )
        .unwrap();
    drop(connection);
    let manifest = folder.open();
    let told = BatchRecord {
        cancelled: 0,
        ..record(1)
    };
    assert_eq!(manifest.batches(1).unwrap(), [told]);
    assert_eq!(manifest.batch_jobs(1).unwrap(), []);
}
