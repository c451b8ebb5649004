//! A signal that ends a command that runs formats: what it started must not outlive it.

use std::sync::{Arc, OnceLock};

use futures_util::StreamExt as _;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook_tokio::Signals;
use tokio::sync::watch as channel;

use super::CommandError;
use crate::batch::Halt;

/// What a batch is told when a signal comes, and which it was.
pub(super) struct Interrupt {
    /// For the batch.
    pub(super) halt: channel::Receiver<Halt>,
    /// The signal that came first.
    heard: Arc<OnceLock<i32>>,
}

impl Interrupt {
    /// From here on the first signal ends what runs, commands with all their children too. To be called on a runtime.
    pub(super) fn listen() -> Result<Self, CommandError> {
        let mut signals = Signals::new(heeded()).map_err(|error| CommandError::Io {
            what: "signal handlers".to_owned(),
            error,
        })?;
        let heard = Arc::<OnceLock<i32>>::default();
        let first = heard.clone();
        let (tell, halt) = channel::channel(Halt::No);
        tokio::spawn(async move {
            while let Some(signal) = signals.next().await {
                first.get_or_init(|| signal);
                tell.send_replace(Halt::Now);
            }
        });
        Ok(Self { halt, heard })
    }

    /// Where a signal came, ends the process as that would have: whoever started us sees that it was the signal. To be
    /// called when what runs has ended.
    ///
    /// # Errors
    /// When the process can't be ended so: then the error says it.
    pub(super) fn end_if_heard(&self) -> Result<(), CommandError> {
        let Some(&signal) = self.heard.get() else {
            return Ok(());
        };
        let _failed = signal_hook::low_level::emulate_default_handler(signal);
        Err(CommandError::Interrupted)
    }
}

/// The signals that end a command: a terminal that goes doesn't, where it was started with `nohup`.
fn heeded() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let hangs_up = ignored(&status) >> (SIGHUP - 1) & 1 == 0;
    let signals = [SIGTERM, SIGINT].into_iter();
    signals.chain(hangs_up.then_some(SIGHUP)).collect()
}

/// The mask of ignored signals that the kernel tells of.
fn ignored(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals() {
        let status = "SigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert_eq!(ignored(status), 0x1001, "SIGHUP and SIGPIPE");
        assert_eq!(ignored(""), 0);
    }
}
