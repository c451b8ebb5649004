//! The program itself: how big it is, and how soon it is ready.

use std::fs;
use std::time::Duration;

use anyhow::Result;

use crate::figures::{Goal, Row, Samples, Table, Unit};
use crate::program::{BINARY, MARKDOWN, Setup};
use crate::yard::Yard;

const STARTS: usize = 20;

/// Starts over empty folders, and the size of the binary.
pub(crate) fn measure(yard: &mut Yard, table: &mut Table) -> Result<()> {
    let mut ready = Samples::default();
    for _ in 0..STARTS {
        let notes = yard.fresh("empty")?;
        let place = yard.fresh("start")?;
        let setup = Setup::new(&place, &notes, MARKDOWN, Duration::from_millis(200))?;
        let mut daemon = setup.run()?;
        ready.push(daemon.settle()?);
        daemon.stop()?;
    }
    table.add(Row {
        work: "start of the binary until ready, empty folder".to_owned(),
        unit: Unit::Seconds,
        ours: ready,
        beside: None,
        goal: Goal::AtMost(15e-3),
    });
    table.add(Row {
        work: "size of the binary".to_owned(),
        unit: Unit::Bytes,
        ours: Samples::one(fs::metadata(BINARY)?.len() as f64),
        beside: None,
        goal: Goal::AtMost(12e6),
    });
    Ok(())
}
