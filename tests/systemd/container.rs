//! One container: what lies in it, and the one script that runs in it.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What a script exits with where the machine lacks something that it needs.
const SKIPPED: &str = "77";

const CHECKOUT: &str = env!("CARGO_MANIFEST_DIR");

/// Boots one after the other: two would make each other's seconds long.
static MACHINE: Mutex<()> = Mutex::new(());

/// Why no container can be booted here, if none can.
static OBSTACLE: LazyLock<Option<String>> = LazyLock::new(|| {
    let output = boot_script().arg("--can").output().expect("bash runs");
    let reason = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    (!output.status.success()).then_some(reason)
});

/// Whether this machine can't boot a container; then it has been said so.
pub(crate) fn skipped(scenario: &str) -> bool {
    let Some(reason) = &*OBSTACLE else {
        return false;
    };
    skip(
        scenario,
        &format!("no systemd can be booted here: {reason}"),
    );
    true
}

/// Says so past the test runner, which would keep it to itself.
pub(crate) fn skip(scenario: &str, reason: &str) {
    let required =
        std::env::var_os("SMARTNOTESD_TEST_SYSTEMD").is_some_and(|value| value == "require");
    assert!(!required, "{scenario} is skipped: {reason}");
    writeln!(std::io::stderr(), "\nSKIPPED {scenario}: {reason}").expect("stderr is open");
}

fn boot_script() -> Command {
    let mut command = Command::new("bash");
    command
        .arg(in_checkout("tests/systemd/boot.sh"))
        .stdin(Stdio::null());
    command
}

/// A file of the checkout.
pub(crate) fn in_checkout(path: &str) -> PathBuf {
    Path::new(CHECKOUT).join(path)
}

/// A container that has not been booted yet.
pub(crate) struct Container {
    folder: tempfile::TempDir,
}

impl Container {
    /// One with nothing in it but the machine's own root.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["payload", "out"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    /// Copies a file into it.
    pub(crate) fn put(&self, from: &Path, to: &str, mode: u32) {
        let to = self.folder.path().join("payload").join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, &to).unwrap();
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Puts in what a package would.
    pub(crate) fn install(&self) {
        self.put(
            Path::new(env!("CARGO_BIN_EXE_smartnotesd")),
            "usr/local/bin/smartnotesd",
            0o755,
        );
        for (from, to) in [
            (
                "systemd/smartnotesd.service",
                "etc/systemd/system/smartnotesd.service",
            ),
            (
                "systemd/smartnotesd@.service",
                "etc/systemd/system/smartnotesd@.service",
            ),
            (
                "systemd/user/smartnotesd.service",
                "etc/systemd/user/smartnotesd.service",
            ),
            (
                "systemd/smartnotesd.sysusers",
                "usr/lib/sysusers.d/smartnotesd.conf",
            ),
            (
                "systemd/smartnotesd.tmpfiles",
                "usr/lib/tmpfiles.d/smartnotesd.conf",
            ),
            (
                "systemd/notify-reload.conf",
                "usr/share/doc/smartnotesd/examples/notify-reload.conf",
            ),
            ("packaging/config.yaml", "etc/smartnotesd/config.yaml"),
        ] {
            self.put(&in_checkout(from), to, 0o644);
        }
    }

    /// Puts in a checkout that is built, as far as the README's commands for installing look at it.
    pub(crate) fn check_out(&self) {
        for file in ["README.md", "packaging/config.yaml"] {
            self.put(&in_checkout(file), &format!("srv/checkout/{file}"), 0o644);
        }
        for folder in ["systemd", "systemd/user"] {
            for entry in fs::read_dir(in_checkout(folder)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    let name = entry.file_name().into_string().unwrap();
                    let to = format!("srv/checkout/{folder}/{name}");
                    self.put(&entry.path(), &to, 0o644);
                }
            }
        }
        self.put(
            Path::new(env!("CARGO_BIN_EXE_smartnotesd")),
            "srv/checkout/target/release/smartnotesd",
            0o755,
        );
    }

    /// Boots it, runs `scenarios/NAME.sh` as root in it, and fails with all that was said unless every check succeeded.
    pub(crate) fn run(self, scenario: &str, seconds: u32) {
        let _one_at_a_time = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        let (payload, out) = (
            self.folder.path().join("payload"),
            self.folder.path().join("out"),
        );
        let booted = boot_script()
            .arg(payload)
            .arg(in_checkout(&format!(
                "tests/systemd/scenarios/{scenario}.sh"
            )))
            .arg(&out)
            .arg(seconds.to_string())
            .output()
            .unwrap();
        let said = |name: &str| fs::read_to_string(out.join(name)).unwrap_or_default();
        if said("rc").trim() == SKIPPED {
            let reason = said("log").lines().last().unwrap_or_default().to_owned();
            return skip(scenario, reason.trim_start_matches("SKIPPED: "));
        }
        assert!(
            said("rc").trim() == "0",
            "{scenario} failed (rc «{}», boot: {})\n--- script:\n{}\n--- console:\n{}\n--- harness:\n{}",
            said("rc").trim(),
            booted.status,
            said("log"),
            said("console"),
            String::from_utf8_lossy(&booted.stderr),
        );
    }
}
