//! How things are shown to people: numbers in words, colours, `status`, `batches` and a batch as a picture. Pure, but
//! for [`View::detect`] and the local time of [`clock`].

mod batches;
pub mod clock;
pub mod paint;
pub(crate) mod safe;
mod status;
#[cfg(test)]
mod tests;
mod timeline;
pub mod words;

pub use batches::{BatchRow, batches};
pub use status::status;
pub use timeline::{JobBar, Outcome, timeline_svg};

use clock::Clock;
use paint::Paint;

/// A job for people: the note and the format; of a copy, which has no format, the file alone.
pub(crate) fn job_name(note: &str, format: &str) -> String {
    let note = safe::safe(note);
    if format.is_empty() {
        note
    } else {
        format!("{note} ({format})")
    }
}

/// What the reader's screen is like.
#[derive(Clone, Copy)]
pub struct View {
    /// With or without colours.
    pub paint: Paint,
    /// Shows a moment.
    pub clock: Clock,
}

impl View {
    /// For this process's stdout.
    pub fn detect() -> Self {
        use std::io::IsTerminal as _;
        Self {
            paint: Paint::detect(std::io::stdout().is_terminal()),
            clock: clock::date_and_time,
        }
    }
}
