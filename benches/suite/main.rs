//! Measures the built program beside floors that do the least that any program has to do for the same work.
//!
//! ```text
//! cargo bench --bench suite                       # 10,000 notes, about two minutes
//! cargo bench --bench suite -- cold saves         # some sections only
//! SMARTNOTESD_BENCH_NOTES=100000 cargo bench --bench suite
//! ```
//!
//! Floor and program run in turn, round after round, so that what the machine does besides hits both; a ratio is the
//! median of the rounds' ratios. The table goes to stdout; figures as JSON and a chart go to files whose names are told.
//! Sections: `start`, `cold`, `warm`, `saves`, `work` (hub, burst, idleness, memory), `scale`, `peers`. Variables, all with
//! `SMARTNOTESD_BENCH_` before: `NOTES`, `NOTE_BYTES`, `SEED`, `ROUNDS`, `SAVES`, `IDLE_SECONDS`, `PATIENCE_SECONDS` (with
//! peers), `DIR` (where to measure: another disk, or `/dev/shm`), `JSON` and `CHART` (files to write).

mod arrival;
mod chart;
mod exports;
mod figures;
mod floor;
mod known;
mod live;
mod peers;
mod program;
mod settings;
mod start;
mod vault;
mod yard;

use std::fs;

use anyhow::Result;

use figures::Table;
use settings::Settings;
use yard::Yard;

fn main() -> Result<()> {
    // `cargo test --all-targets` starts it too, and without this: then it has shown that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("measures nothing without `cargo bench`");
        return Ok(());
    }
    let settings = Settings::read(std::env::args().skip(1))?;
    program::build()?;
    let mut table = Table::default();
    measure(&settings, &mut table)?;
    println!("\n{}", table.to_markdown());
    fs::write(&settings.json, serde_json::to_vec_pretty(&table.to_json())?)?;
    fs::write(&settings.chart, chart::draw(&table.0))?;
    println!(
        "figures: {}\nchart: {}",
        settings.json.display(),
        settings.chart.display()
    );
    Ok(())
}

fn measure(settings: &Settings, table: &mut Table) -> Result<()> {
    let mut yard = Yard::new(&settings.folder)?;
    if settings.wants("start") {
        start::measure(&mut yard, table)?;
    }
    let vault = yard.vault(settings.recipe(settings.notes))?;
    eprintln!(
        "a vault of {} notes, {} MB",
        vault.notes.len(),
        vault.bytes / 1_000_000
    );
    if settings.wants("cold") {
        exports::cold(settings, &mut yard, &vault, table)?;
    }
    if settings.wants("warm") {
        exports::warm(settings, &mut yard, &vault, table)?;
    }
    if settings.wants("scale") {
        exports::scale(settings, &mut yard, &vault, table)?;
    }
    if settings.wants("peers") {
        peers::measure(settings, &mut yard, &vault, table)?;
    }
    if settings.wants("saves") {
        live::saves_at_all_sizes(settings, &mut yard, table)?;
    }
    if settings.wants("work") {
        live::at_work(settings, &mut yard, &vault, table)?;
    }
    Ok(())
}
