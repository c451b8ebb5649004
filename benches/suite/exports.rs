//! Whole exports: cold, and warm with nothing changed.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::{Goal, Row, Samples, Table, Unit};
use crate::floor::{self, Durability};
use crate::program::{ALL_FORMATS, MARKDOWN, Setup};
use crate::settings::Settings;
use crate::yard::{Vault, Yard};

const QUIET: Duration = Duration::from_millis(200);

/// Cold exports beside the floor of reading and writing.
pub(crate) fn cold(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    let notes = vault.notes.len();
    let mut floor = Samples::default();
    let mut synced = Samples::default();
    let mut ours = Samples::default();
    let mut floor_of_four = Samples::default();
    let mut ours_in_four = Samples::default();
    for _ in 0..settings.rounds {
        floor.push(copy(yard, vault, 1, Durability::None)?);
        ours.push(export(yard, vault, MARKDOWN)?);
        synced.push(copy(yard, vault, 1, Durability::OneSync)?);
        floor_of_four.push(copy(yard, vault, 4, Durability::None)?);
        ours_in_four.push(export(yard, vault, ALL_FORMATS)?);
    }
    table.add(Row {
        work: format!("cold export of {notes} notes, markdown"),
        unit: Unit::Seconds,
        ours: ours.clone(),
        beside: Some(("read, write, rename", floor)),
        goal: Goal::Times(2.0),
    });
    table.add(Row {
        work: "the same beside a floor that flushes too".to_owned(),
        unit: Unit::Seconds,
        ours,
        beside: Some(("with one syncfs", synced)),
        goal: Goal::None,
    });
    table.add(Row {
        work: format!("cold export of {notes} notes, four formats"),
        unit: Unit::Seconds,
        ours: ours_in_four,
        beside: Some(("read once, write four", floor_of_four)),
        goal: Goal::Times(2.0),
    });
    Ok(())
}

fn copy(yard: &mut Yard, vault: &Vault, copies: usize, durability: Durability) -> Result<Duration> {
    let to = yard.fresh("floor")?;
    yard.settle()?;
    floor::copy_all(&vault.root, &vault.notes, &to, copies, durability)
}

fn export(yard: &mut Yard, vault: &Vault, formats: &[&str]) -> Result<Duration> {
    let setup = Setup::new(&yard.fresh("ours")?, &vault.root, formats, QUIET)?;
    yard.settle()?;
    setup.export()
}

/// Starts with nothing changed, beside a walk that looks at every file.
pub(crate) fn warm(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    let notes = vault.notes.len();
    let setup = Setup::new(&yard.fresh("warm")?, &vault.root, MARKDOWN, QUIET)?;
    setup.export()?;
    let mut walk = Samples::default();
    let mut export = Samples::default();
    let mut ready = Samples::default();
    let mut read = Samples::default();
    for _ in 0..settings.rounds {
        let (seen, elapsed) = floor::stat_all(&vault.root)?;
        ensure!(seen >= notes, "the walk saw {seen} files of {notes}");
        walk.push(elapsed);
        let mut daemon = setup.run()?;
        ready.push(daemon.settle()?);
        read.0.push(daemon.bytes_read()?);
        daemon.stop()?;
        export.push(setup.export()?);
    }
    table.add(Row {
        work: format!("warm start with {notes} notes, until ready"),
        unit: Unit::Seconds,
        ours: ready,
        beside: Some(("stat walk", walk.clone())),
        goal: Goal::Times(3.0),
    });
    table.add(Row {
        work: format!("export of {notes} notes with nothing changed"),
        unit: Unit::Seconds,
        ours: export,
        beside: Some(("stat walk", walk)),
        goal: Goal::None,
    });
    table.add(Row {
        work: "bytes read by a warm start, manifest and all".to_owned(),
        unit: Unit::Bytes,
        ours: read,
        beside: Some((
            "of notes",
            Samples(vec![vault.bytes as f64; settings.rounds]),
        )),
        goal: Goal::None,
    });
    Ok(())
}

/// The size with which the cost of a note in a larger vault is compared.
const SMALL: usize = 10_000;

/// What a note costs in a large vault, beside what it costs in a small one.
pub(crate) fn scale(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    if settings.notes <= SMALL {
        return Ok(());
    }
    let small = yard.vault(settings.recipe(SMALL))?;
    let mut cold = Pair::default();
    let mut warm = Pair::default();
    for _ in 0..settings.rounds {
        for (vault, is_large) in [(&small, false), (vault, true)] {
            let setup = Setup::new(&yard.fresh("ours")?, &vault.root, MARKDOWN, QUIET)?;
            yard.settle()?;
            cold.push(is_large, setup.export()?, vault);
            warm.push(is_large, setup.export()?, vault);
        }
    }
    let notes = vault.notes.len();
    table.add(cold.row(format!("cold export, for each of {notes} notes")));
    table.add(warm.row(format!("nothing changed, for each of {notes} notes")));
    Ok(())
}

/// What each note costs, in a large vault and in a small one.
#[derive(Default)]
struct Pair {
    large: Samples,
    small: Samples,
}

impl Pair {
    fn push(&mut self, is_large: bool, elapsed: Duration, vault: &Vault) {
        let samples = if is_large {
            &mut self.large
        } else {
            &mut self.small
        };
        let each = elapsed.as_secs_f64() / vault.notes.len() as f64;
        samples.0.push(each);
    }

    fn row(self, work: String) -> Row {
        Row {
            work,
            unit: Unit::Seconds,
            ours: self.large,
            beside: Some(("for each of 10000 notes", self.small)),
            goal: Goal::Times(1.5),
        }
    }
}
