//! The daemon at work: saves, an edit of a hub, a burst; and at rest: processor, wake-ups, memory.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use crate::arrival::{Arrivals, Echo};
use crate::figures::{Goal, Row, Samples, Table, Unit};
use crate::floor::{self, Promise};
use crate::program::{Daemon, MARKDOWN, Setup};
use crate::settings::Settings;
use crate::vault::Recipe;
use crate::yard::{Vault, Yard};

/// The quiet window while single edits are measured: short, and subtracted.
const SHORT_QUIET: Duration = Duration::from_millis(10);
/// The quiet window of the burst: the default.
const QUIET: Duration = Duration::from_millis(200);
/// The floor that keeps our promises.
const ANNOUNCED: &str = "and announced, flushed";
const BURST: usize = 1000;

/// Measures saves in vaults of every size.
pub(crate) fn saves_at_all_sizes(
    settings: &Settings,
    yard: &mut Yard,
    table: &mut Table,
) -> Result<()> {
    let mut smallest: Option<Samples> = None;
    for notes in settings.sizes() {
        let vault = yard.vault(settings.recipe(notes))?;
        let setup = Setup::new(&yard.fresh("saves")?, &vault.root, MARKDOWN, SHORT_QUIET)?;
        let mut daemon = setup.run()?;
        daemon.settle()?;
        let own = saves(settings, yard, &vault, &setup, &mut daemon, table)?;
        daemon.stop()?;
        match &smallest {
            None => smallest = Some(own),
            Some(smallest) => table.add(Row {
                work: format!("save → output with {notes} notes beside the smallest vault"),
                unit: Unit::Seconds,
                ours: own,
                beside: Some(("with 1000 notes", smallest.clone())),
                goal: Goal::Times(1.2),
            }),
        }
    }
    Ok(())
}

/// Saves single notes in place, each when the one before is done; in turn with loops that do the least.
fn saves(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    setup: &Setup,
    daemon: &mut Daemon,
    table: &mut Table,
) -> Result<Samples> {
    let lone: Vec<usize> = vault.recipe.lone_notes().collect();
    let mut echo =
        |promise| Echo::start(&yard.fresh("echo-in")?, &yard.fresh("echo-out")?, promise);
    let (bare, keeping) = (echo(Promise::Nothing)?, echo(Promise::WholeAndKnown)?);
    let mut ours = Samples::default();
    let mut floor = Samples::default();
    let mut known = Samples::default();
    for save in 0..settings.saves {
        // A step that shares no factor with the count visits them all in a scattered order.
        let path = Recipe::path(lone[save * 7919 % lone.len()]);
        let text = edited(vault, &path, save)?;
        let output = setup.export.join(&path);
        let elapsed = save_and_wait(&vault.root.join(&path), &output, &text)?;
        ours.push(elapsed.saturating_sub(SHORT_QUIET));
        daemon.wait_for("batch finished")?;
        floor.push(save_and_wait(&bare.from, &bare.to, &text)?);
        known.push(save_and_wait(&keeping.from, &keeping.to, &text)?);
    }
    let notes = vault.notes.len();
    table.add(Row {
        work: format!("save → output with {notes} notes, median"),
        unit: Unit::Seconds,
        ours: ours.clone(),
        beside: Some(("inotify, read, write, rename", floor)),
        goal: Goal::AtMost(2e-3),
    });
    table.add(Row {
        work: format!("save → output with {notes} notes, median"),
        unit: Unit::Seconds,
        ours: ours.clone(),
        beside: Some((ANNOUNCED, known.clone())),
        goal: Goal::None,
    });
    table.add(Row {
        work: format!("save → output with {notes} notes, p99"),
        unit: Unit::Seconds,
        ours: Samples::one(ours.quantile(0.99)),
        beside: Some((ANNOUNCED, Samples::one(known.quantile(0.99)))),
        goal: Goal::AtMost(5e-3),
    });
    Ok(ours)
}

/// Writes a note and waits for what comes of it.
fn save_and_wait(note: &Path, output: &Path, text: &str) -> Result<Duration> {
    let folder = output.parent().context("an output lies in a folder")?;
    let arrivals = Arrivals::moved_into(folder)?;
    let name = output.file_name().context("an output has a name")?;
    let began = Instant::now();
    fs::write(note, text)?;
    let arrived = arrivals.wait_for(name)?;
    ensure!(
        fs::read_to_string(output)?.contains(marker_of(text)),
        "{}: an older content came last",
        output.display()
    );
    Ok(arrived - began)
}

/// A note's text with a last line that it never had.
fn edited(vault: &Vault, path: &str, edit: usize) -> Result<String> {
    let text = fs::read_to_string(vault.root.join(path))?;
    Ok(format!("{}\n\nEdit number {edit}.\n", text.trim_end()))
}

fn marker_of(text: &str) -> &str {
    text.trim_end().lines().next_back().unwrap_or_default()
}

/// The daemon over one large vault: memory, an edit of the hub, a burst, idleness.
pub(crate) fn at_work(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    let place = yard.fresh("work")?;
    let setup = Setup::new(&place, &vault.root, MARKDOWN, SHORT_QUIET)?;
    let mut daemon = setup.run()?;
    daemon.settle()?;
    memory_at_peak(&daemon, vault, table)?;
    hub(settings, yard, vault, &mut daemon, table)?;
    daemon.stop()?;
    let setup = Setup::new(&place, &vault.root, MARKDOWN, QUIET)?;
    let mut daemon = setup.run()?;
    daemon.settle()?;
    memory_at_rest(&daemon, vault, table)?;
    idle(settings, &daemon, table)?;
    burst(settings, yard, vault, &setup, &mut daemon, table)?;
    daemon.stop()
}

/// An edit of the note that many embed.
fn hub(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    daemon: &mut Daemon,
    table: &mut Table,
) -> Result<()> {
    let embedders: Vec<String> = vault.recipe.hub_embedders().collect();
    let copies = yard.fresh("hub-floor")?;
    let floor_run = || floor::copy_all(&vault.root, &embedders, &copies, 1, Promise::Nothing);
    floor_run()?;
    let mut ours = Samples::default();
    let mut floor = Samples::default();
    for edit in 0..settings.rounds {
        yard.settle()?;
        floor.push(floor_run()?);
        yard.settle()?;
        let text = edited(vault, Recipe::hub_path(), edit)?;
        let began = Instant::now();
        fs::write(vault.root.join(Recipe::hub_path()), text)?;
        let (finished, record) = daemon.wait_for("batch finished")?;
        let affected = record["affected"].as_u64().unwrap_or_default();
        ensure!(
            affected > embedders.len() as u64,
            "an edit of the hub affected {affected} notes only"
        );
        ours.push((finished - began).saturating_sub(SHORT_QUIET));
    }
    table.add(Row {
        work: format!("an edit of a hub that {} notes embed", embedders.len()),
        unit: Unit::Seconds,
        ours,
        beside: Some(("writing them", floor)),
        goal: Goal::Times(2.0),
    });
    Ok(())
}

/// Many notes changed at once: from the last change until all outputs are right.
fn burst(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    setup: &Setup,
    daemon: &mut Daemon,
    table: &mut Table,
) -> Result<()> {
    let lone = vault.recipe.lone_notes().take(BURST);
    let paths: Vec<String> = lone.map(Recipe::path).collect();
    let copies = yard.fresh("burst-floor")?;
    let floor_run = || floor::copy_all(&vault.root, &paths, &copies, 1, Promise::Nothing);
    floor_run()?;
    let mut ours = Samples::default();
    let mut least = Samples::default();
    for round in 0..settings.rounds {
        yard.settle()?;
        least.push(QUIET + floor_run()?);
        yard.settle()?;
        let texts = paths
            .iter()
            .map(|path| edited(vault, path, 1_000_000 + round))
            .collect::<Result<Vec<_>>>()?;
        for (path, text) in paths.iter().zip(&texts) {
            fs::write(vault.root.join(path), text)?;
        }
        let began = Instant::now();
        let mut finished = began;
        let mut left: Vec<(&String, &String)> = paths.iter().zip(&texts).collect();
        while !left.is_empty() {
            (finished, _) = daemon.wait_for("batch finished")?;
            let is_old = |(path, text): &(&String, &String)| {
                let output = fs::read_to_string(setup.export.join(path)).unwrap_or_default();
                !output.contains(marker_of(text))
            };
            left.retain(is_old);
        }
        ours.push(finished.saturating_duration_since(began));
    }
    table.add(Row {
        work: format!("a burst of {} changed notes", paths.len()),
        unit: Unit::Seconds,
        ours,
        beside: Some(("quiet window and writing them", least)),
        goal: Goal::Times(1.5),
    });
    Ok(())
}

/// What it costs when nothing happens.
fn idle(settings: &Settings, daemon: &Daemon, table: &mut Table) -> Result<()> {
    // Threads for blocking work end after ten idle seconds, and what they did is then missing from the figures.
    thread::sleep(Duration::from_secs(12));
    let (spent_before, wakes_before) = daemon.activity()?;
    thread::sleep(settings.idle);
    let (spent, wakes) = daemon.activity()?;
    let seconds = settings.idle.as_secs_f64();
    table.add(Row {
        work: format!("processor time in {seconds} s of idleness"),
        unit: Unit::Seconds,
        ours: Samples::one(spent - spent_before),
        beside: None,
        // Less can't be told from none: it is the kernel's own tick.
        goal: Goal::AtMost(1e-3),
    });
    table.add(Row {
        work: "wake-ups while idle".to_owned(),
        unit: Unit::PerSecond,
        ours: Samples::one((wakes - wakes_before) / seconds),
        beside: None,
        goal: Goal::AtMost(1.0),
    });
    Ok(())
}

/// What a daemon with so many notes may have in memory at rest.
fn at_rest(vault: &Vault) -> f64 {
    15e6 + 400.0 * vault.notes.len() as f64
}

fn memory_at_rest(daemon: &Daemon, vault: &Vault, table: &mut Table) -> Result<()> {
    let notes = vault.notes.len();
    table.add(Row {
        work: format!("memory at rest with {notes} notes"),
        unit: Unit::Bytes,
        ours: Samples::one(daemon.memory("VmRSS")?),
        beside: None,
        goal: Goal::AtMost(at_rest(vault)),
    });
    table.add(Row {
        work: "of it not shared with files".to_owned(),
        unit: Unit::Bytes,
        ours: Samples::one(daemon.memory("RssAnon")?),
        beside: None,
        goal: Goal::None,
    });
    Ok(())
}

fn memory_at_peak(daemon: &Daemon, vault: &Vault, table: &mut Table) -> Result<()> {
    let notes = vault.notes.len();
    table.add(Row {
        work: format!("peak memory of a cold start with {notes} notes"),
        unit: Unit::Bytes,
        ours: Samples::one(daemon.memory("VmHWM")?),
        beside: None,
        goal: Goal::AtMost(at_rest(vault) + 60e6),
    });
    Ok(())
}
