//! The command line of smartnotesd.

use std::process::ExitCode;

fn main() -> ExitCode {
    smartnotesd::commands::main(&smartnotesd::cli::parse())
}
