//! `run`: the daemon in the foreground.

use std::time::Duration;

use super::{CommandError, Outcome, runtime};
use crate::config::{ConfigSource, Loaded};
use crate::export::command;
use crate::{daemon, log};

/// After the second signal, or when the daemon broke, threads that are in the middle of a file are not waited for.
const LAST_WAIT: Duration = Duration::from_millis(100);

pub(super) fn run(loaded: Loaded, source: ConfigSource) -> Result<Outcome, CommandError> {
    log::install_panic_hook();
    let log = log::init(&loaded.config.log)?;
    let runtime = runtime()?;
    runtime.spawn_blocking(command::sweep);
    let ended = runtime.block_on(daemon::run(loaded, source, &log));
    runtime.shutdown_timeout(LAST_WAIT);
    log.flush();
    ended?;
    Ok(Outcome::Done)
}
