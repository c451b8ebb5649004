//! `batches`: the history that the manifest keeps, as a table or, of one batch, as a picture.

use super::{CommandError, Outcome, manifest_of, print, print_json};
use crate::cli::BatchesArgs;
use crate::config::Loaded;
use crate::manifest::{JobOutcome, JobRecord, Manifest};
use crate::report::{self, BatchRow, JobBar, View};
use crate::tell;

pub(super) fn batches(loaded: &Loaded, args: &BatchesArgs) -> Result<Outcome, CommandError> {
    let manifest = manifest_of(loaded)?;
    if let (Some(number), Some(output)) = (args.timeline, &args.output) {
        return timeline(manifest.as_ref(), number, output);
    }
    let records = manifest.map_or_else(
        || Ok(Vec::new()),
        |manifest| manifest.batches(args.last.get()),
    )?;
    let rows: Vec<BatchRow> = records.iter().map(tell::row).collect();
    if args.json {
        print_json(&rows)?;
    } else {
        print(&report::batches(&rows, View::detect()))?;
    }
    Ok(Outcome::Done)
}

fn timeline(
    manifest: Option<&Manifest>,
    number: u64,
    output: &std::path::Path,
) -> Result<Outcome, CommandError> {
    let missing = || {
        CommandError::NotFound(format!(
            "batch {number} is not in the history; see smartnotesd batches"
        ))
    };
    let manifest = manifest.ok_or_else(missing)?;
    let records = manifest.batches(usize::MAX)?;
    let record = records
        .iter()
        .find(|record| record.batch == number)
        .ok_or_else(missing)?;
    let jobs: Vec<JobBar> = manifest.batch_jobs(number)?.into_iter().map(bar).collect();
    let picture = report::timeline_svg(&tell::row(record), &jobs);
    std::fs::write(output, picture).map_err(|error| CommandError::Io {
        what: output.display().to_string(),
        error,
    })?;
    Ok(Outcome::Done)
}

fn bar(job: JobRecord) -> JobBar {
    JobBar {
        note: job.note.into(),
        format: job.format.into(),
        start_ms: job.start_us as f64 / 1000.0,
        elapsed_ms: job.end_us.saturating_sub(job.start_us) as f64 / 1000.0,
        because: job.because.into(),
        outcome: match job.outcome {
            JobOutcome::Exported => report::Outcome::Exported,
            JobOutcome::Unchanged => report::Outcome::Unchanged,
            JobOutcome::Failed => report::Outcome::Failed,
            JobOutcome::Cancelled => report::Outcome::Cancelled,
        },
    }
}
