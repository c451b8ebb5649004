//! A daemon that runs on a vault: its records as they come, its signals, its end.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use super::run::{LIMIT, wait};
use super::{Ran, Record};

/// A daemon. Dropped, it is killed.
pub struct Daemon {
    child: Child,
    log: Arc<Log>,
    /// Records before this one were waited for already.
    next: usize,
}

/// What the reading thread has read.
#[derive(Default)]
struct Log {
    lines: Mutex<Lines>,
    more: Condvar,
}

#[derive(Default)]
struct Lines {
    records: Vec<Record>,
    /// Lines that are no records.
    others: String,
    is_over: bool,
}

impl Daemon {
    /// Starts it and reads its log.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::<Log>::default();
        let stderr = child.stderr.take().expect("it is piped");
        let reader = log.clone();
        thread::spawn(move || reader.read(stderr));
        Self {
            child,
            log,
            next: 0,
        }
    }

    /// The next record with this message; those before it are passed over.
    #[track_caller]
    pub fn wait_for(&mut self, message: &str) -> Record {
        self.wait_until(message, |record| record.message() == message)
    }

    /// The next record that is so; those before it are passed over.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, is_so: impl Fn(&Record) -> bool) -> Record {
        let deadline = Instant::now() + *LIMIT;
        let mut lines = self
            .log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        loop {
            let found = lines
                .records
                .iter()
                .enumerate()
                .skip(self.next)
                .find(|(_, record)| is_so(record));
            if let Some((at, record)) = found {
                self.next = at + 1;
                return record.clone();
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let why = if lines.is_over {
                "the log is over"
            } else {
                "waited too long"
            };
            if lines.is_over || left.is_zero() {
                let log = lines.show();
                drop(lines);
                panic!("no record {what:?}, {why}:\n{log}");
            }
            (lines, _) = self
                .log
                .more
                .wait_timeout(lines, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until this note was exported in some format.
    #[track_caller]
    pub fn wait_for_export(&mut self, note: &str) -> Record {
        self.wait_until(&format!("export of {note}"), |record| {
            record.message() == "note exported" && record.text("note") == note
        })
    }

    /// All records so far.
    pub fn records(&self) -> Vec<Record> {
        self.log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .records
            .clone()
    }

    /// All records so far with this message.
    pub fn all(&self, message: &str) -> Vec<Record> {
        self.records()
            .into_iter()
            .filter(|record| record.message() == message)
            .collect()
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("the daemon runs");
    }

    /// Waits for its end.
    #[track_caller]
    pub fn ended(mut self) -> Ran {
        let code = wait(&mut self.child);
        let lines = self
            .log
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let (lines, _) = self
            .log
            .more
            .wait_timeout_while(lines, *LIMIT, |lines| !lines.is_over)
            .unwrap_or_else(PoisonError::into_inner);
        Ran {
            code,
            stdout: String::new(),
            stderr: lines.show(),
        }
    }

    /// Ends it as the service manager does.
    #[track_caller]
    pub fn stop(self) -> Ran {
        self.signal(Signal::TERM);
        self.ended().exits(0)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself: then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Log {
    fn read(&self, stderr: ChildStderr) {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            match Record::parse(&line) {
                Some(record) => lines.records.push(record),
                None => lines.others += &(line + "\n"),
            }
            self.more.notify_all();
        }
        self.lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_over = true;
        self.more.notify_all();
    }
}

impl Lines {
    fn show(&self) -> String {
        let mut out = String::new();
        for record in &self.records {
            writeln!(out, "{record}").expect("a String takes all");
        }
        out + &self.others
    }
}
