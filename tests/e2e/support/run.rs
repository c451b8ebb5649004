//! A run of the built binary from its start to its end, and how long anything may take.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde_json::Value;

use super::Record;

/// Far more than anything takes here: a test that waits so long has failed.
pub static LIMIT: LazyLock<Duration> =
    LazyLock::new(|| Duration::from_secs(if is_full_load() { 1_800 } else { 30 }));

/// Whether what is sized for seconds is to be done in full size.
pub fn is_full_load() -> bool {
    std::env::var_os("SMARTNOTESD_LOAD").is_some_and(|load| load == "full")
}

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    /// Its exit code; `None` after a signal.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Runs to the end.
    pub fn of(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stdout = read_on_a_thread(child.stdout.take().expect("it is piped"));
        let stderr = read_on_a_thread(child.stderr.take().expect("it is piped"));
        let code = wait(&mut child);
        let text =
            |reader: thread::JoinHandle<String>| reader.join().expect("reading doesn't panic");
        Self {
            code,
            stdout: text(stdout),
            stderr: text(stderr),
        }
    }

    /// The same run, which must have ended with this code.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "exit code; stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The records of its log.
    pub fn records(&self) -> Vec<Record> {
        self.stderr.lines().filter_map(Record::parse).collect()
    }

    /// The records with this message.
    pub fn all(&self, message: &str) -> Vec<Record> {
        self.records()
            .into_iter()
            .filter(|record| record.message() == message)
            .collect()
    }

    /// The one record with this message.
    #[track_caller]
    pub fn one(&self, message: &str) -> Record {
        let mut found = self.all(message);
        assert_eq!(
            found.len(),
            1,
            "records with the message {message:?} in:\n{}",
            self.stderr
        );
        found.remove(0)
    }

    /// What it printed, which must be JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "no JSON ({error}):\n{}\nstderr:\n{}",
                self.stdout, self.stderr
            )
        })
    }
}

fn read_on_a_thread(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        from.read_to_end(&mut text).expect("a pipe can be read");
        String::from_utf8(text).expect("the program writes UTF-8")
    })
}

/// Waits for the process to end; one that outlives the limit is killed, and the test has failed.
pub fn wait(child: &mut Child) -> Option<i32> {
    if !ends_within(child, *LIMIT) {
        child.kill().expect("a child can be killed");
        child.wait().expect("a child can be waited for");
        panic!("still ran after {:?}", *LIMIT);
    }
    child.wait().expect("a child can be waited for").code()
}

fn ends_within(child: &Child, limit: Duration) -> bool {
    let pidfd =
        pidfd_open(Pid::from_child(child), PidfdFlags::empty()).expect("a child has a pidfd");
    let limit = Timespec::try_from(limit).expect("the limit is small");
    poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit)).expect("a pidfd can be polled")
        > 0
}

/// Asks again and again, less and less often, until there is an answer: for what sends no word by itself.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let mut pauses = Pauses::new();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(pauses.go_on(), "not so after {:?}: {what}", *LIMIT);
    }
}

/// Longer and longer pauses between questions, until the limit.
pub struct Pauses {
    began: Instant,
    next: Duration,
}

impl Pauses {
    pub fn new() -> Self {
        Self {
            began: Instant::now(),
            next: Duration::from_millis(2),
        }
    }

    /// Pauses; whether it may be asked again.
    pub fn go_on(&mut self) -> bool {
        thread::sleep(self.next);
        self.next = (self.next * 2).min(Duration::from_millis(200));
        self.began.elapsed() < *LIMIT
    }
}
