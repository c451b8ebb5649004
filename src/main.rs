//! The command line of smartnotesd.

use std::process::ExitCode;

/// Its settings stand in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    smartnotesd::commands::main(&smartnotesd::cli::parse())
}
