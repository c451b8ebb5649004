//! `check`: is the config right, and what does it come to?

use super::{CommandError, Outcome, print};
use crate::config::Loaded;
use crate::export::Formats;

pub(super) fn check(loaded: &Loaded) -> Result<Outcome, CommandError> {
    Formats::new(&loaded.config)?;
    print(&loaded.to_yaml())?;
    Ok(Outcome::Done)
}
