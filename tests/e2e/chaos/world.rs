//! A vault, its daemon, and what befalls them.

use std::fmt::Write as _;
use std::fs;
use std::thread::sleep;
use std::time::Duration;

use rustix::process::Signal;

use super::hands::Hands;
use crate::support::{Daemon, Dice, Vault};

/// The configs that the daemon is switched between.
const CONFIGS: [&str; 3] = [
    "formats:\n  markdown:\n  json:\n    dir: data\n",
    "formats:\n  markdown:\n  html:\n    dir: site\n  text:\n    extension: text\n    \
     command: [sh, -c, 'cat $0; find -L export -type f | sort | while read -r file; do cat \"$file\"; done', '{input}', '{folder}']\n\
     exclude: [three.md]\nattachments: all\nskip_tags: [work]\n",
    "formats:\n  markdown:\n  csv:\nlayout: slug\nmax_concurrent: 2\nwatch: {mode: poll, poll_interval: 50ms}\n",
];

/// A vault on which chance works.
pub struct World {
    dice: Dice,
    vault: Vault,
    hands: Hands,
    daemon: Option<Daemon>,
    is_stopped: bool,
    story: Vec<String>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let vault = Vault::with(CONFIGS[dice.below(CONFIGS.len())]);
        let outside = vault.path("outside");
        fs::create_dir(&outside).expect("the folder is ours");
        fs::write(outside.join("secret.md"), "TOP SECRET").expect("the folder is ours");
        let hands = Hands::new(vault.notes(), outside);
        let mut world = Self {
            dice,
            vault,
            hands,
            daemon: None,
            is_stopped: false,
            story: Vec::new(),
        };
        world.start();
        world
    }

    /// One operation.
    pub fn act(&mut self) {
        let said = match self.dice.below(60) {
            0 => self.kill(),
            1 => self.pause(),
            2 => self.go_on(),
            3 => self.reconfigure(),
            4 | 5 => self.wait(),
            6 => self.harm_the_export(),
            _ => self.hands.act(&mut self.dice),
        };
        self.story.push(said);
    }

    /// Lets the daemon go on until all is quiet; then its export must be right.
    pub fn check(&mut self) {
        if self.daemon.is_none() {
            self.start();
        }
        let said = self.go_on();
        self.story.push(said);
        self.story.push("check".to_owned());
        // What failed is tried again after a second or two; longer nothing here takes.
        self.vault.assert_converges_in_time();
        assert!(!self.vault.tree().mentions("TOP SECRET"));
    }

    /// All that happened so far.
    pub fn story(&self) -> String {
        let mut story = String::new();
        for line in &self.story {
            writeln!(story, "  {line}").expect("a String takes all");
        }
        story
    }

    fn start(&mut self) {
        self.story.push("start".to_owned());
        self.daemon = Some(self.vault.start());
        self.is_stopped = false;
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it runs between two acts")
    }

    fn kill(&mut self) -> String {
        sleep(Duration::from_millis(self.dice.below(60) as u64));
        self.daemon().signal(Signal::KILL);
        let daemon = self.daemon.take().expect("it was just killed");
        let ran = daemon.ended();
        assert_eq!(ran.code, None, "it ended by itself:\n{}", ran.stderr);
        self.start();
        "killed".to_owned()
    }

    fn pause(&mut self) -> String {
        self.daemon().signal(Signal::STOP);
        self.is_stopped = true;
        "stop".to_owned()
    }

    fn go_on(&mut self) -> String {
        self.daemon().signal(Signal::CONT);
        self.is_stopped = false;
        "continue".to_owned()
    }

    fn wait(&mut self) -> String {
        let pause = self.dice.below(40) as u64;
        sleep(Duration::from_millis(pause));
        format!("wait {pause} ms")
    }

    fn reconfigure(&mut self) -> String {
        let config = self.dice.below(CONFIGS.len());
        self.vault.configure(CONFIGS[config]);
        if self.is_ready() {
            self.daemon().signal(Signal::HUP);
        } else {
            // Before it hears signals, one would end it; killed and started anew, it reads the config as well.
            self.kill();
        }
        format!("config {config}")
    }

    fn is_ready(&self) -> bool {
        !self.daemon().all("exporting").is_empty()
    }

    fn harm_the_export(&mut self) -> String {
        let files = self.vault.tree();
        let files = files.files();
        // Rolled in any case: what follows must not hang on how far the daemon has come.
        let roll = self.dice.below(1000);
        let Some(file) = files.get(roll % files.len().max(1)) else {
            return "no export to harm".to_owned();
        };
        let done = fs::remove_file(self.vault.export_dir().join(file));
        // Nobody watches the export: a start looks at it.
        self.kill();
        format!("delete the export {file}: {done:?}")
    }
}
