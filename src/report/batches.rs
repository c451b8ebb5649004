//! `batches`: a table of batches, and how long they took as a sparkline.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::View;
use super::paint::Style;
use super::safe::safe;
use super::words::{count, milliseconds};
use crate::log::events::Trigger;

/// A batch that has ended, with the log's names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BatchRow {
    /// Its number.
    pub batch: u64,
    /// Why it was started.
    pub trigger: Trigger,
    /// When it was started, ms since the epoch.
    pub started_ms: u64,
    /// Notes and attachments that were new or changed.
    pub changed: usize,
    /// Notes and attachments that were gone.
    pub removed: usize,
    /// Notes exported again.
    pub affected: usize,
    /// Notes times formats.
    pub jobs: usize,
    /// Jobs that might be in flight at once.
    pub limit: usize,
    /// Files written.
    pub exported: usize,
    /// Files that were already right.
    pub unchanged: usize,
    /// Files deleted.
    pub deleted: usize,
    /// Jobs that failed.
    pub failed: usize,
    /// Jobs that were not run to their end.
    pub cancelled: usize,
    /// Attachments copied.
    #[serde(default)]
    pub attachments: usize,
    /// Index and tag pages written.
    #[serde(default)]
    pub pages: usize,
    /// Most jobs in flight at once.
    pub peak: usize,
    /// From start to end.
    pub elapsed_ms: f64,
    /// The jobs' own times added up.
    pub sequential_ms: f64,
    /// The second over the first.
    pub speedup: f64,
    /// The note whose job took longest.
    pub slowest: Option<String>,
    /// How long it took.
    pub slowest_ms: f64,
}

impl BatchRow {
    /// When it was started.
    pub(super) fn started(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.started_ms)
    }
}

const HEADINGS: [&str; 11] = [
    "batch",
    "started",
    "trigger",
    "affected",
    "exported",
    "unchanged",
    "deleted",
    "failed",
    "elapsed",
    "speedup",
    "peak",
];
/// `started` and `trigger` are words, the others numbers.
const LEFT_ALIGNED: [usize; 2] = [1, 2];

/// The table, oldest first, and the sparkline. `rows` in any order.
pub fn batches(rows: &[BatchRow], view: View) -> String {
    if rows.is_empty() {
        return "no batch has run yet\n".to_owned();
    }
    let mut rows: Vec<&BatchRow> = rows.iter().collect();
    rows.sort_by_key(|row| row.batch);
    let table: Vec<[String; 11]> = rows.iter().map(|row| cells(row, view)).collect();
    let mut widths = HEADINGS.map(|heading| heading.chars().count());
    for cells in &table {
        for (width, cell) in widths.iter_mut().zip(cells) {
            *width = (*width).max(cell.chars().count());
        }
    }

    let heading = line(&HEADINGS.map(str::to_owned), &widths, |_| Style::Dim, view) + "  ";
    let mut out = heading + &view.paint.style(Style::Dim, "slowest") + "\n";
    for (row, cells) in rows.iter().zip(&table) {
        out += &line(cells, &widths, |column| style(row, column), view);
        if let Some(slowest) = &row.slowest {
            let _infallible = write!(out, "  {} {}", safe(slowest), milliseconds(row.slowest_ms));
        }
        out.push('\n');
    }
    let times: Vec<f64> = rows.iter().map(|row| row.elapsed_ms).collect();
    let _infallible = write!(
        out,
        "\nelapsed  {}  {}\n",
        view.paint.style(Style::Cyan, &sparkline(&times)),
        range(&times)
    );
    out
}

fn cells(row: &BatchRow, view: View) -> [String; 11] {
    [
        row.batch.to_string(),
        (view.clock)(row.started()),
        row.trigger.to_string(),
        count(row.affected as u64),
        count(row.exported as u64),
        count(row.unchanged as u64),
        count(row.deleted as u64),
        count(row.failed as u64),
        milliseconds(row.elapsed_ms),
        if row.jobs == 0 {
            "–".to_owned()
        } else {
            format!("{:.1}×", row.speedup)
        },
        format!("{}/{}", row.peak, row.limit),
    ]
}

fn style(row: &BatchRow, column: usize) -> Style {
    match HEADINGS[column] {
        "failed" if row.failed > 0 => Style::Red,
        "exported" if row.exported > 0 => Style::Green,
        "elapsed" => Style::Bold,
        _ => Style::Plain,
    }
}

fn line(
    cells: &[String; 11],
    widths: &[usize; 11],
    style: impl Fn(usize) -> Style,
    view: View,
) -> String {
    let padded = cells
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(column, (cell, &width))| {
            // Padded before it is painted: escape sequences have no width.
            let cell = if LEFT_ALIGNED.contains(&column) {
                format!("{cell:<width$}")
            } else {
                format!("{cell:>width$}")
            };
            view.paint.style(style(column), &cell)
        });
    padded.collect::<Vec<_>>().join("  ")
}

/// One block a value, from the first to the last. The scale is logarithmic: one slow start must not flatten the rest.
pub(super) fn sparkline(values: &[f64]) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let logs: Vec<f64> = values.iter().map(|value| value.max(0.001).ln()).collect();
    let low = logs.iter().copied().fold(f64::INFINITY, f64::min);
    let span = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max) - low;
    let block = |log: &f64| {
        if span <= f64::EPSILON {
            return BLOCKS[0];
        }
        let step = ((log - low) / span * 7.0).round();
        // Each bound is the next higher step: the first that reaches it is the block.
        (0_u8..8)
            .find(|at| f64::from(*at) >= step)
            .map_or(BLOCKS[7], |at| BLOCKS[usize::from(at)])
    };
    logs.iter().map(block).collect()
}

fn range(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    format!(
        "{} to {}, logarithmic",
        milliseconds(low),
        milliseconds(high)
    )
}
