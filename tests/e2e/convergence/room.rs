//! Rooms: a test that needs mounts, limits or a user of its own runs in a namespace, and leaves nothing behind there.
//!
//! The test's own binary is started again in the namespace for this one test, so everything that a test can say
//! outside it can say inside as well.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Set inside.
const INSIDE: &str = "SMARTNOTESD_TEST_ROOM";

/// What a test needs around it.
#[derive(Clone, Copy, Debug)]
pub enum Room {
    /// It can mount and unmount, and nobody outside sees it.
    Mounts,
    /// It can set the limits of inotify for itself.
    Limits,
    /// It is not root: permissions hold for it.
    Unprivileged,
}

impl Room {
    /// Runs a test in such a room; where there is none to be had, says so and skips it.
    #[track_caller]
    pub fn run<F: FnOnce()>(self, test: F) {
        if env::var_os(INSIDE).is_some() {
            return test();
        }
        let name = test_name::<F>();
        if !self.is_to_be_had() {
            println!("skipped: {name} needs a namespace ({self:?}) that this system does not give");
            return;
        }
        let ran = self
            .command()
            .arg(env::current_exe().expect("a test has a binary"))
            .args([&*name, "--exact", "--nocapture"])
            .env(INSIDE, "1")
            .output()
            .expect("it was to be had");
        let said = String::from_utf8_lossy(&ran.stdout) + String::from_utf8_lossy(&ran.stderr);
        assert!(
            ran.status.success() && said.contains("1 passed"),
            "in its room, {name}:\n{said}"
        );
    }

    fn is_to_be_had(self) -> bool {
        self.command()
            .args(["sh", "-c", self.probe()])
            .output()
            .is_ok_and(|ran| ran.status.success())
    }

    /// What must succeed in there.
    fn probe(self) -> &'static str {
        match self {
            Self::Mounts => "mount -t tmpfs none /mnt",
            Self::Limits => "echo 100 > /proc/sys/user/max_inotify_watches",
            Self::Unprivileged => "f=$(mktemp) && chmod 000 $f && ! cat $f && rm $f",
        }
    }

    fn command(self) -> Command {
        let mut command = Command::new("unshare");
        match self {
            Self::Mounts => command.args(["--user", "--map-root-user", "--mount"]),
            Self::Limits => command.args(["--user", "--map-root-user"]),
            Self::Unprivileged => command.args(["--user", "--map-user=1000", "--map-group=1000"]),
        };
        command
    }
}

/// The name by which the runner knows the test that this closure was written in.
fn test_name<F>() -> String {
    let path = type_name::<F>();
    let path = path.split_once("::").map_or(path, |(_, path)| path);
    path.trim_end_matches("::{{closure}}").to_owned()
}

/// Runs a command that must succeed.
#[track_caller]
pub fn shell(script: &str) {
    let ran = Command::new("sh")
        .args(["-ec", script])
        .output()
        .expect("there is a shell");
    assert!(
        ran.status.success(),
        "{script}:\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
}
