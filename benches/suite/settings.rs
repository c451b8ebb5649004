//! What the measuring is told through the environment.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::vault::Recipe;

/// What to measure, and how often.
pub(crate) struct Settings {
    /// Notes in the large vault.
    pub(crate) notes: usize,
    /// Bytes of a note, in the mean.
    pub(crate) note_bytes: usize,
    pub(crate) seed: u64,
    /// Rounds of each measurement that takes long.
    pub(crate) rounds: usize,
    /// Saves of single notes.
    pub(crate) saves: usize,
    /// How long the idle daemon is looked at.
    pub(crate) idle: Duration,
    /// How long a peer may take.
    pub(crate) patience: Duration,
    /// Where all files of the measuring go.
    pub(crate) folder: PathBuf,
    /// Where the figures go as JSON.
    pub(crate) json: PathBuf,
    /// Where the chart goes.
    pub(crate) chart: PathBuf,
    /// Sections to measure; none: all.
    only: Vec<String>,
}

impl Settings {
    /// Reads the environment and the arguments that `cargo bench` passes on.
    pub(crate) fn read(arguments: impl Iterator<Item = String>) -> Result<Self> {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let path = |name: &str| std::env::var_os(full(name)).map(PathBuf::from);
        Ok(Self {
            notes: number("NOTES", 10_000)?,
            note_bytes: number("NOTE_BYTES", 4_000)?,
            seed: number("SEED", 1)? as u64,
            rounds: number("ROUNDS", 5)?.max(1),
            saves: number("SAVES", 100)?.max(2),
            idle: Duration::from_secs(number("IDLE_SECONDS", 5)?.max(1) as u64),
            patience: Duration::from_secs(number("PATIENCE_SECONDS", 120)? as u64),
            folder: path("DIR").unwrap_or_else(|| target.clone()),
            json: path("JSON").unwrap_or_else(|| target.join("suite.json")),
            chart: path("CHART").unwrap_or_else(|| target.join("performance.svg")),
            only: arguments
                .filter(|argument| !argument.starts_with('-'))
                .collect(),
        })
    }

    /// The vault of a size.
    pub(crate) fn recipe(&self, notes: usize) -> Recipe {
        Recipe {
            seed: self.seed,
            notes,
            note_bytes: self.note_bytes,
        }
    }

    /// The sizes at which single saves are measured: a thousand, ten times as many and so on, and the large vault.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        let tens = std::iter::successors(Some(1000), |size: &usize| size.checked_mul(10));
        let mut sizes: Vec<usize> = tens.take_while(|&size| size < self.notes).collect();
        sizes.push(self.notes);
        sizes
    }

    /// Whether a section is to be measured.
    pub(crate) fn wants(&self, section: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == section)
    }
}

fn full(name: &str) -> String {
    format!("SMARTNOTESD_BENCH_{name}")
}

fn number(name: &str, default: usize) -> Result<usize> {
    let name = full(name);
    match std::env::var(&name) {
        Err(_) => Ok(default),
        Ok(text) => text
            .parse()
            .with_context(|| format!("{name}: {text:?} is no whole number")),
    }
}
