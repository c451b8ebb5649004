//! A format whose command stays in the middle of its work until the test lets it go on.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use super::{Vault, until};

/// A closed door in the way of a format's command. Each command that has come to it has left its process id.
pub struct Gate {
    folder: PathBuf,
}

impl Gate {
    /// A gate beside the vault's notes.
    pub fn new(vault: &Vault) -> Self {
        let folder = vault.path("gate");
        fs::create_dir(&folder).expect("the folder is ours");
        Self { folder }
    }

    /// A format with this name that gives the note's portable Markdown, once the gate is open. When the test is over
    /// and its folder gone, the command ends too.
    pub fn format(&self, name: &str) -> String {
        let folder = self.folder.display();
        let mut text = format!(
            "  {name}:\n    extension: {name}\n    command:\n      - sh\n      - -c\n      - |\n"
        );
        for line in [
            &*format!(": > {folder}/$$"),
            &*format!("until [ -e {folder}/open ]; do [ -d {folder} ] || exit 9; sleep 0.02; done"),
            "cat \"$1\"",
        ] {
            writeln!(text, "        {line}").expect("a String takes all");
        }
        text + "      - sh\n      - '{input}'\n"
    }

    /// Waits until so many commands are at the gate; their process ids.
    #[track_caller]
    pub fn wait_for(&self, commands: usize) -> Vec<u32> {
        until(&format!("{commands} commands are at the gate"), || {
            let there = self.arrived();
            (there.len() == commands).then_some(there)
        })
    }

    /// The process ids of the commands that have come so far.
    pub fn arrived(&self) -> Vec<u32> {
        let entries = fs::read_dir(&self.folder).expect("the folder is ours");
        entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .collect()
    }

    /// Lets all commands go on.
    pub fn open(&self) {
        fs::write(self.folder.join("open"), "").expect("the folder is ours");
    }

    /// Closes the gate again, for commands that come from now on.
    pub fn close(&self) {
        fs::remove_file(self.folder.join("open")).expect("the gate is open");
    }
}
