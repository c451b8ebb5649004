//! A vault in a folder of its own, with a config and what is exported from it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{Daemon, Ran, Tree, run::Pauses};

/// What every config here says, unless the test says otherwise.
const BASE: [(&str, &str); 3] = [
    ("log", "{format: json, level: debug}"),
    ("debounce", "{quiet: 20ms, max_wait: 500ms}"),
    ("formats", "{markdown: }"),
];

/// The folder of this project.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Notes, a config, an export tree and a state folder, all removed in the end.
pub struct Vault {
    folder: TempDir,
}

impl Vault {
    /// An empty vault, exported as Markdown.
    pub fn new() -> Self {
        Self::with("")
    }

    /// An empty vault with these keys in its config.
    pub fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        // As every path that the program resolves: some systems' temporary folder is behind a link.
        let vault = Self { folder };
        fs::create_dir(vault.notes()).expect("the folder is ours");
        vault.configure(config);
        vault
    }

    /// A vault with the notes of another folder, copied.
    pub fn copied_from(notes: &Path, config: &str) -> Self {
        let vault = Self::with(config);
        copy_folder(notes, &vault.notes());
        vault
    }

    /// Replaces the config.
    pub fn configure(&self, config: &str) {
        let text = config_text(config, &self.export_dir(), &self.path("state"));
        // Whole or not at all: a daemon may be reading it.
        let draft = self.path("config-draft.yaml");
        fs::write(&draft, text).expect("the folder is ours");
        fs::rename(draft, self.config()).expect("the folder is ours");
    }

    /// Puts a whole new config in place.
    pub fn write_config(&self, text: &str) {
        fs::write(self.config(), text).expect("the folder is ours");
    }

    /// The config file.
    pub fn config(&self) -> PathBuf {
        self.path("config.yaml")
    }

    /// A path beside the notes.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of the notes.
    pub fn notes(&self) -> PathBuf {
        self.path("notes")
    }

    /// The folder of the exports.
    pub fn export_dir(&self) -> PathBuf {
        self.path("export")
    }

    /// Saves a note as careful editors do: under another name first, so that nobody reads half of it.
    pub fn write(&self, note: &str, text: impl AsRef<[u8]>) {
        let draft = self.path("draft");
        fs::write(&draft, text).expect("the folder is ours");
        let note = self.note(note);
        fs::create_dir_all(note.parent().expect("a note is in a folder"))
            .expect("the folder is ours");
        fs::rename(&draft, note).expect("the folder is ours");
    }

    /// Deletes a note.
    pub fn remove(&self, note: &str) {
        fs::remove_file(self.note(note)).expect("the note is there");
    }

    /// Moves a note or a folder.
    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.note(from), self.note(to)).expect("the note is there");
    }

    /// The file of a note.
    pub fn note(&self, note: &str) -> PathBuf {
        self.notes().join(note)
    }

    /// Writes a file beside the notes.
    pub fn write_beside(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder is ours");
    }

    /// The text of an output.
    #[track_caller]
    pub fn output(&self, output: &str) -> String {
        let path = self.export_dir().join(output);
        fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{output}: {error}; there is {:?}", self.tree().files()))
    }

    /// Whether there is such an output.
    pub fn has_output(&self, output: &str) -> bool {
        self.export_dir().join(output).symlink_metadata().is_ok()
    }

    /// The export tree as it is now.
    pub fn tree(&self) -> Tree {
        Tree::read(&self.export_dir())
    }

    /// A command line of the program on this vault.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program(self.folder.path());
        command.arg("--config").arg(self.config()).args(arguments);
        command
    }

    /// Runs the program on this vault.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(&mut self.command(arguments))
    }

    /// Exports once.
    pub fn export(&self) -> Ran {
        self.run(&["export"])
    }

    /// Starts the daemon.
    pub fn start(&self) -> Daemon {
        Daemon::start(&mut self.command(&["run"]))
    }

    /// Starts the daemon and waits until its first batch is over.
    #[track_caller]
    pub fn daemon(&self) -> Daemon {
        let mut daemon = self.start();
        daemon.wait_for("batch finished");
        daemon
    }

    /// What `status --json` says.
    #[track_caller]
    pub fn status(&self) -> Value {
        self.run(&["status", "--json"]).exits(0).json()
    }

    /// What the same notes and config give in an empty folder, with nothing known of any earlier export.
    #[track_caller]
    pub fn fresh_tree(&self) -> Tree {
        let fresh = tempfile::tempdir().expect("a temporary folder can be made");
        let config = fs::read_to_string(self.config()).expect("there is a config");
        let moved = config
            .replace(
                &self.export_dir().display().to_string(),
                &fresh.path().join("export").display().to_string(),
            )
            .replace(
                &self.path("state").display().to_string(),
                &fresh.path().join("state").display().to_string(),
            );
        assert_ne!(moved, config, "the config names its folders in full");
        let beside = self.path("config-fresh.yaml");
        fs::write(&beside, moved).expect("the folder is ours");
        let mut command = program(self.folder.path());
        let ran = Ran::of(
            command
                .arg("--config")
                .arg(&beside)
                .args(["export", "--full"]),
        );
        assert!(
            matches!(ran.code, Some(0 | 1)),
            "a fresh export fails:\n{}",
            ran.stderr
        );
        Tree::read(&fresh.path().join("export"))
    }

    /// Waits until the daemon has nothing left to do and its export tree is what a fresh export gives. It may be quiet for
    /// a while before: the kernel may still hold events back, and after a slow look the next poll is put off.
    #[track_caller]
    pub fn assert_converged(&self) {
        let wanted = self.fresh_tree();
        let mut pauses = Pauses::new();
        loop {
            let quiet = is_quiet(&self.status());
            let differences = self.tree().differences(&wanted);
            if quiet && differences.is_empty() {
                return;
            }
            assert!(
                pauses.go_on(),
                "quiet: {quiet}; the export is not that of a fresh export:\n{differences}"
            );
        }
    }

    /// Waits, through quiet times as well, until the export tree is what a fresh export gives: for what is tried again
    /// later.
    #[track_caller]
    pub fn assert_converges_in_time(&self) {
        self.assert_differs_in_the_end_by("");
    }

    /// The same, where this file in the export tree is none of ours.
    #[track_caller]
    pub fn assert_converges_in_time_around(&self, foreign: &str) {
        self.assert_differs_in_the_end_by(&format!("too many {foreign}\n"));
    }

    #[track_caller]
    fn assert_differs_in_the_end_by(&self, expected: &str) {
        let wanted = self.fresh_tree();
        let mut pauses = Pauses::new();
        loop {
            let differences = self.tree().differences(&wanted);
            if differences == expected {
                return;
            }
            assert!(
                pauses.go_on(),
                "the export is not that of a fresh export:\n{differences}\n{:#}",
                self.status()
            );
        }
    }
}

fn is_quiet(status: &Value) -> bool {
    status["state"] == "watching"
        && status["queue"]["paths"] == 0
        && status["queue"]["due_in_ms"].is_null()
}

/// The built binary with an environment in which only the test decides.
pub fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_smartnotesd"));
    command.env_clear().env("HOME", home).current_dir(home);
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    command
}

fn config_text(config: &str, export_dir: &Path, state_dir: &Path) -> String {
    let mut text = format!(
        "notes_dir: notes\nexport_dir: {}\nstate_dir: {}\n{config}\n",
        export_dir.display(),
        state_dir.display()
    );
    for (key, value) in BASE {
        if !config
            .lines()
            .any(|line| line.split(':').next() == Some(key))
        {
            text.extend([key, ": ", value, "\n"]);
        }
    }
    text
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is ours");
    for entry in fs::read_dir(from).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read");
        let to = to.join(entry.file_name());
        if entry.file_type().expect("the folder can be read").is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("the file can be copied");
        }
    }
}
