//! Runs the built program: `export` to its end, and `run` as a daemon whose records are listened to.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_smartnotesd");

/// Builds the binary as it is shipped, in the place of the one that `cargo bench` made: that has the features which only
/// tests and benches ask of its dependencies, half a megabyte.
pub(crate) fn build() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = Path::new(BINARY).parent().and_then(Path::parent);
    let target = target.context("the binary lies in no target folder")?;
    let built = Command::new(cargo)
        .args([
            "build",
            "--release",
            "--bin",
            "smartnotesd",
            "--manifest-path",
        ])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .status()?;
    ensure!(built.success(), "the release build failed");
    Ok(())
}

pub(crate) const MARKDOWN: &[&str] = &["markdown"];
pub(crate) const ALL_FORMATS: &[&str] = &["markdown", "html", "json", "csv"];
/// How long a record may take before the measuring is given up.
const PATIENCE: Duration = Duration::from_secs(600);

/// A config, and the folders of one export tree.
pub(crate) struct Setup {
    config: PathBuf,
    pub(crate) export: PathBuf,
}

impl Setup {
    /// Exports `notes` within `folder`.
    pub(crate) fn new(
        folder: &Path,
        notes: &Path,
        formats: &[&str],
        quiet: Duration,
    ) -> Result<Self> {
        let export = folder.join("export");
        let formats: Value = formats
            .iter()
            .map(|name| ((*name).to_owned(), Value::Null))
            .collect::<serde_json::Map<_, _>>()
            .into();
        // JSON is YAML too.
        let config = json!({
            "notes_dir": notes,
            "export_dir": export,
            "state_dir": folder.join("state"),
            "formats": formats,
            "debounce": {"quiet": format!("{}ms", quiet.as_millis()), "max_wait": "10s"},
            "log": {"format": "json"},
        });
        let path = folder.join("config.yaml");
        fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
        Ok(Self {
            config: path,
            export,
        })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(BINARY);
        command.arg(name).arg("--config").arg(&self.config);
        command.stdin(Stdio::null()).env_remove("RUST_LOG");
        command
    }

    /// Runs `export` to its end.
    pub(crate) fn export(&self) -> Result<Duration> {
        let began = Instant::now();
        let output = self.command("export").output()?;
        let elapsed = began.elapsed();
        ensure!(
            output.status.success(),
            "export: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(elapsed)
    }

    /// Starts the daemon.
    pub(crate) fn run(&self) -> Result<Daemon> {
        let began = Instant::now();
        let mut child = self
            .command("run")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let stderr = child.stderr.take().context("stderr is a pipe")?;
        let (tell, records) = mpsc::channel();
        std::thread::spawn(move || {
            // An end of the lines, or of whoever listens, is the end of this thread.
            for text in BufReader::new(stderr).lines().map_while(Result::ok) {
                let at = Instant::now();
                if tell.send((at, text)).is_err() {
                    break;
                }
            }
        });
        Ok(Daemon {
            child,
            records,
            began,
        })
    }
}

/// A daemon that runs; dropped, it is killed.
pub(crate) struct Daemon {
    child: Child,
    records: mpsc::Receiver<(Instant, String)>,
    /// Just before it was started.
    pub(crate) began: Instant,
}

impl Daemon {
    /// The next record with this message, and when it came.
    pub(crate) fn wait_for(&mut self, message: &str) -> Result<(Instant, Value)> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let (at, text) = match self.records.recv_timeout(left) {
                Ok(record) => record,
                Err(RecvTimeoutError::Timeout) => bail!("the daemon never said {message:?}"),
                Err(RecvTimeoutError::Disconnected) => {
                    bail!(
                        "the daemon ended before it said {message:?}: {:?}",
                        self.child.wait()?
                    )
                }
            };
            let record: Value =
                serde_json::from_str(&text).with_context(|| format!("no record: {text}"))?;
            ensure!(
                record["level"] != "ERROR",
                "the daemon has a problem: {text}"
            );
            if record["message"] == message {
                return Ok((at, record));
            }
        }
    }

    /// Waits until it watches and its first batch is done; how long it took to watch.
    pub(crate) fn settle(&mut self) -> Result<Duration> {
        let (ready, _) = self.wait_for("ready")?;
        self.wait_for("batch finished")?;
        Ok(ready - self.began)
    }

    /// A figure of `/proc/PID/status` in kB, as bytes.
    pub(crate) fn memory(&self, name: &str) -> Result<f64> {
        let kilobytes = figure(&self.proc("status")?, name)?;
        Ok(kilobytes * 1024.0)
    }

    /// How many bytes it has read so far, from files of any kind.
    pub(crate) fn bytes_read(&self) -> Result<f64> {
        figure(&self.proc("io")?, "rchar")
    }

    /// Seconds on a processor, and how often a thread was woken, since it was started, by the threads that are left.
    pub(crate) fn activity(&self) -> Result<(f64, f64)> {
        let mut spent = 0.0;
        let mut wakes = 0.0;
        for thread in fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let thread = thread?.path();
            let schedule = fs::read_to_string(thread.join("schedstat"))?;
            let nanoseconds: f64 = schedule.split(' ').next().unwrap_or_default().parse()?;
            spent += nanoseconds / 1e9;
            wakes += figure(
                &fs::read_to_string(thread.join("status"))?,
                "voluntary_ctxt_switches",
            )?;
        }
        Ok((spent, wakes))
    }

    fn proc(&self, file: &str) -> Result<String> {
        Ok(fs::read_to_string(format!(
            "/proc/{}/{file}",
            self.child.id()
        ))?)
    }

    /// Ends it as a service manager would.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, Signal::TERM)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the daemon ended with {status}");
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Fails only when it has ended, as it should.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number after `name:` in a file of `/proc`.
fn figure(text: &str, name: &str) -> Result<f64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines
        .find(|(key, _)| *key == name)
        .ok_or_else(|| anyhow!("no {name} in /proc"))?;
    let number = value.split_whitespace().next().unwrap_or_default();
    Ok(number.parse()?)
}
