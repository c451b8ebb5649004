//! The history is bounded.

use super::super::history::{KEPT_BATCH_JOBS, KEPT_BATCHES, KEPT_JOBS, KEPT_SLOWEST};
use super::*;

#[test]
fn history_is_bounded_and_its_numbers_go_on() {
    let folder = Folder::new();
    let mut manifest = folder.open();
    assert_eq!(manifest.last_batch_number().unwrap(), 0);
    let last = KEPT_BATCHES + 5;
    for batch in 1..=last {
        let record = BatchRecord {
            batch,
            ..BatchRecord::default()
        };
        let batch = Some(FinishedBatch {
            record,
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
    let mut manifest = Manifest::in_memory().unwrap();
    // The slowest come last.
    let jobs: Vec<JobRecord> = (0..40_000).map(|n| job(n, u64::from(n))).collect();
    let record = BatchRecord {
        batch: 1,
        ..BatchRecord::default()
    };
    let batch = Some(FinishedBatch {
        record,
        jobs: jobs.clone(),
    });
    manifest
        .commit(&Changes {
            batch,
            ..Changes::default()
        })
        .unwrap();
    let kept = manifest.batch_jobs(1).unwrap();
    assert_eq!(kept.len(), KEPT_JOBS);
    assert_eq!(
        kept[kept.len() - KEPT_SLOWEST..],
        jobs[jobs.len() - KEPT_SLOWEST..]
    );
    assert!(
        kept.is_sorted_by(|a, b| a.end_us < b.end_us),
        "each once, in the order given"
    );
    assert!(
        kept[..2000].iter().all(|job| job.end_us < 20_000),
        "the sample is even"
    );
}
