//! Nothing missed, nothing stale, nothing torn, nothing harmed: a test for each way in which a watcher of folders loses
//! changes or a writer of files breaks them, with the real kernel. Each builds the situation while the daemon runs; in
//! the end the export tree must be, byte for byte, what a fresh export gives.

mod crash;
mod editors;
mod export_folder;
mod load;
mod lost_events;
mod manifest;
mod moves;
mod new_folders;
mod no_room;
mod odd_files;
mod one_name;
mod privacy;
pub mod room;
mod root;
mod state;
mod times;
mod whole;

use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// Lets two files or folders change places in one moment: else the daemon could make one anew in between.
fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}
