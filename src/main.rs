//! The command line of smartnotesd.

use std::process::ExitCode;

/// A batch of many notes passes through many threads; what it freed must go back to the system, since a daemon rests for
/// hours at the size that its largest batch left it.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    smartnotesd::commands::main(&smartnotesd::cli::parse())
}
