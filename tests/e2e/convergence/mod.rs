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
use std::time::Instant;

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::support::{LIMIT, Vault};

/// Lets two files or folders change places in one moment: else the daemon could make one anew in between.
fn exchange(one: &Path, other: &Path) {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// Waits, through quiet times as well, until the export tree is what a fresh export gives: for what is tried again later.
#[track_caller]
fn assert_converges_in_time(vault: &Vault) {
    let wanted = vault.fresh_tree();
    let deadline = Instant::now() + *LIMIT;
    loop {
        let differences = vault.tree().differences(&wanted);
        if differences.is_empty() {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "the export is not that of a fresh export:\n{differences}\n{:#}",
            vault.status()
        );
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}
