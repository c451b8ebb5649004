//! Whole exports: cold, and warm with nothing changed.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::figures::{Goal, Row, Samples, Table, Unit};
use crate::floor::{self, Promise};
use crate::known;
use crate::program::{ALL_FORMATS, MARKDOWN, Setup};
use crate::settings::Settings;
use crate::yard::{Vault, Yard};

/// What is remembered of a note, in bytes.
const SAID: usize = 400;
const QUIET: Duration = Duration::from_millis(200);

/// Cold exports beside the floors of reading and writing.
pub(crate) fn cold(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    let mut markdown = Cold::default();
    let mut four = Cold::default();
    for _ in 0..settings.rounds {
        markdown.round(yard, vault, 1, MARKDOWN)?;
        four.round(yard, vault, 4, ALL_FORMATS)?;
    }
    let notes = vault.notes.len();
    markdown.add(table, &format!("cold export of {notes} notes, markdown"));
    four.add(
        table,
        &format!("cold export of {notes} notes, four formats"),
    );
    Ok(())
}

/// Cold exports in the same formats, and the floors measured in the same rounds.
#[derive(Default)]
struct Cold {
    bare: Samples,
    whole: Samples,
    known: Samples,
    ours: Samples,
}

impl Cold {
    fn round(
        &mut self,
        yard: &mut Yard,
        vault: &Vault,
        copies: usize,
        formats: &[&str],
    ) -> Result<()> {
        self.bare.push(copy(yard, vault, copies, Promise::Nothing)?);
        self.ours.push(export(yard, vault, formats)?);
        self.whole.push(copy(yard, vault, copies, Promise::Whole)?);
        self.known
            .push(copy(yard, vault, copies, Promise::WholeAndKnown)?);
        Ok(())
    }

    fn add(self, table: &mut Table, work: &str) {
        let rows = [
            ("read, write, rename", self.bare, Goal::Times(2.0)),
            ("with one syncfs", self.whole, Goal::None),
            ("parsed, flushed, remembered", self.known, Goal::None),
        ];
        for (beside, floor, goal) in rows {
            table.add(Row {
                work: work.to_owned(),
                unit: Unit::Seconds,
                ours: self.ours.clone(),
                beside: Some((beside, floor)),
                goal,
            });
        }
    }
}

fn copy(yard: &mut Yard, vault: &Vault, copies: usize, promise: Promise) -> Result<Duration> {
    let to = yard.fresh("floor")?;
    yard.settle()?;
    floor::copy_all(&vault.root, &vault.notes, &to, copies, promise)
}

fn export(yard: &mut Yard, vault: &Vault, formats: &[&str]) -> Result<Duration> {
    let setup = Setup::new(&yard.fresh("ours")?, &vault.root, formats, QUIET)?;
    yard.settle()?;
    setup.export()
}

/// Starts with nothing changed, beside a walk that looks at every note, and beside the least that finds out that nothing has
/// changed in either tree.
pub(crate) fn warm(
    settings: &Settings,
    yard: &mut Yard,
    vault: &Vault,
    table: &mut Table,
) -> Result<()> {
    let notes = vault.notes.len();
    let setup = Setup::new(&yard.fresh("warm")?, &vault.root, MARKDOWN, QUIET)?;
    setup.export()?;
    let database = yard.fresh("known")?.join("known");
    let trees = [&*vault.root, &*setup.export];
    known::remember_trees(&database, trees, SAID)?;
    let mut walk = Samples::default();
    let mut known = Samples::default();
    let mut export = Samples::default();
    let mut ready = Samples::default();
    let mut read = Samples::default();
    for _ in 0..settings.rounds {
        let (seen, elapsed) = floor::stat_all(&vault.root)?;
        ensure!(seen >= notes, "the walk saw {seen} files of {notes}");
        walk.push(elapsed);
        known.push(known::nothing_has_changed(&database, trees)?);
        let mut daemon = setup.run()?;
        ready.push(daemon.settle()?);
        read.0.push(daemon.bytes_read()?);
        daemon.stop()?;
        export.push(setup.export()?);
    }
    table.add(Row {
        work: format!("warm start with {notes} notes, until ready"),
        unit: Unit::Seconds,
        ours: ready.clone(),
        beside: Some(("stat walk", walk.clone())),
        goal: Goal::Times(3.0),
    });
    table.add(Row {
        work: format!("warm start with {notes} notes, until ready"),
        unit: Unit::Seconds,
        ours: ready,
        beside: Some(("both trees and what is known", known)),
        goal: Goal::None,
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
