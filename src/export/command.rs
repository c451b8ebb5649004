//! `command`: a program of the user's turns the note into the output.
//!
//! It owns the program from its start to the end of its whole process group, and a private folder for
//! what goes in and out. It never starts a shell, and the program sees nothing of ours: no environment
//! but an allow-list, no stdin, no descriptors, and only files that it could read anyway.

mod scratch;

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Once;
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

use crate::config::CommandLine;
use crate::path::OutputPath;
use crate::sync::off_the_loop;
use scratch::Scratch;

pub use scratch::sweep;

/// More than this is no output of one note.
const LARGEST_OUTPUT: u64 = 1 << 30;
/// Of the program's complaints the beginning and the end are kept, so much of each.
const STDERR_KEPT: usize = 1024;
/// What the program gets of our environment, besides `LC_*`.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME"];
/// The time that a program is to put into its output (1980, the first that a zip file can hold), so that the
/// same note gives the same bytes: pandoc and many others go by it.
const FIXED_TIME: &str = "315532800";

/// In the private folder: what stands for the export folder, as far as the input's links lead there. `{folder}` is in it,
/// relative to where the program runs: some programs write its name into the output, and the private one is new each time.
const TREE: &str = "export";

/// One run of a command for one note: all that it needs to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The program and its arguments, with their placeholders, and its time.
    pub command: CommandLine,
    /// The content of the `{input}` file; `None` when no argument names it.
    pub input: Option<Vec<u8>>,
    /// `{folder}`, and what lies there and around it; `None` when no argument names it.
    pub folder: Option<Folder>,
    /// The source file, absolute: `{note}`.
    pub note: PathBuf,
    /// `{title}`.
    pub title: String,
    /// Extension of the output, without the dot: programs go by it.
    pub extension: Box<str>,
}

/// Where the relative links of the input lead to pictures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The folder that the links begin at, relative to the export folder.
    pub path: PathBuf,
    /// The pictures: where they lie in the export folder, and the file in the notes folder.
    pub pictures: Vec<(OutputPath, PathBuf)>,
}

/// Why a command gave no output: one line that begins with the program's name.
#[derive(Debug, thiserror::Error)]
#[error("{program}: {fault}")]
pub struct CommandError {
    /// As the config names it.
    pub program: String,
    /// What went wrong.
    pub fault: Fault,
}

/// What went wrong with a command.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// There is no such program.
    #[error("program not found; install it or give its full path in the format's `command`")]
    NotFound,
    /// It can't be started.
    #[error("can't be started: {0}; check the format's `command`")]
    Start(io::Error),
    /// It ran too long and was ended.
    #[error("still ran after {}; it was ended. Raise the format's `timeout` if it needs longer{stderr}", humantime::format_duration(*.after))]
    TimedOut {
        /// The time that it had.
        after: Duration,
        /// What it said.
        stderr: Complaint,
    },
    /// It has ended, and something that it started in a session of its own holds its output open.
    #[error("has ended, but what it started in the background held its output open for {}; its output was given up. Have that write elsewhere{stderr}", humantime::format_duration(*.after))]
    HeldOpen {
        /// The time that it had.
        after: Duration,
        /// What it said.
        stderr: Complaint,
    },
    /// It said that it failed.
    #[error("failed with exit status {code}{stderr}")]
    Failed {
        /// Its exit status.
        code: i32,
        /// What it said.
        stderr: Complaint,
    },
    /// It was killed.
    #[error("was ended by signal {signal}{stderr}")]
    Killed {
        /// The signal's number.
        signal: i32,
        /// What it said.
        stderr: Complaint,
    },
    /// It ended well without writing `{output}`.
    #[error("ended well but wrote no {{output}} file; check its arguments{stderr}")]
    NoOutput {
        /// What it said.
        stderr: Complaint,
    },
    /// `{output}` is a symlink, a folder or something else.
    #[error("made something else than a regular file as its {{output}}; check its arguments")]
    NoFile,
    /// The output has no end.
    #[error("wrote more than {} MiB; its output was given up", LARGEST_OUTPUT >> 20)]
    TooLarge,
    /// The private folder or a pipe failed.
    #[error("{what}: {error}")]
    Io {
        /// What we were at.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// A program's stderr in one line, bounded; shown as ` (stderr: …)`, or as nothing when it was silent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Complaint(pub String);

impl std::fmt::Display for Complaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " (stderr: {})", self.0)
        }
    }
}

/// Runs a command and gives its output. The note and its file are not touched.
///
/// Dropped before it is done, it ends the whole process group and removes the private folder.
///
/// # Errors
/// See [`Fault`].
pub async fn run(invocation: Invocation) -> Result<Vec<u8>, CommandError> {
    let program = invocation.command.arguments.first();
    let program = program.cloned().unwrap_or_default();
    run_in_folder(invocation)
        .await
        .map_err(|fault| CommandError { program, fault })
}

async fn run_in_folder(invocation: Invocation) -> Result<Vec<u8>, Fault> {
    let timeout = invocation.command.timeout;
    let prepared = off_the_loop(move || Prepared::new(&invocation)).await?;
    let mut stderr = Excerpt::default();
    let mut running = Running::start(&prepared)?;
    let ended = tokio::time::timeout(timeout, running.finish(&mut stderr)).await;
    let status = running.reap().await?;
    let stdout = ended.map_err(|_| running.overdue(timeout, stderr.one_line()))??;
    judge(status, &stderr)?;
    if !prepared.writes_output {
        return Ok(stdout);
    }
    off_the_loop(move || read_output(&prepared.output).map_err(|fault| fault.with(&stderr))).await
}

/// The private folder with the input in it, and the command line with its placeholders filled in.
struct Prepared {
    /// Removed with all it holds when this is dropped.
    folder: Scratch,
    line: Vec<OsString>,
    writes_output: bool,
    output: PathBuf,
}

impl Prepared {
    fn new(invocation: &Invocation) -> Result<Self, Fault> {
        let folder = Scratch::new().map_err(|error| Fault::Io {
            what: "its temporary folder",
            error,
        })?;
        let input = folder.path().join("note.md");
        if let Some(text) = &invocation.input {
            std::fs::write(&input, text).map_err(|error| Fault::Io {
                what: "its input",
                error,
            })?;
        }
        let output = folder
            .path()
            .join(format!("output.{}", invocation.extension));
        let mut links = PathBuf::from(TREE);
        if let Some(wanted) = &invocation.folder {
            links.extend(&wanted.path);
            lay_out(folder.path(), wanted).map_err(|error| Fault::Io {
                what: "the links to its pictures",
                error,
            })?;
        }
        // No argument can hold a NUL; a title can.
        let title = invocation.title.replace('\0', " ");
        let values = [
            ("{input}", input.as_os_str()),
            ("{output}", output.as_os_str()),
            ("{folder}", links.as_os_str()),
            ("{note}", invocation.note.as_os_str()),
            ("{title}", OsStr::new(&title)),
        ];
        let arguments = invocation.command.arguments.iter();
        let line = arguments
            .map(|argument| fill_in(argument, &values))
            .collect();
        Ok(Self {
            folder,
            line,
            writes_output: invocation.command.writes_output(),
            output,
        })
    }
}

/// Lets every picture be found in `private` as in the export folder.
fn lay_out(private: &Path, folder: &Folder) -> io::Result<()> {
    let tree = private.join(TREE);
    std::fs::create_dir_all(tree.join(&folder.path))?;
    for (place, file) in &folder.pictures {
        let link = tree.join(place.as_path());
        if let Some(parent) = link.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::os::unix::fs::symlink(file, link)?;
    }
    Ok(())
}

/// `argument` with its placeholders replaced, each once: what a value holds is never read as a placeholder.
fn fill_in(argument: &str, values: &[(&str, &OsStr)]) -> OsString {
    let mut filled = Vec::with_capacity(argument.len());
    let mut rest = argument;
    while let Some(brace) = rest.find('{') {
        let (before, from_brace) = rest.split_at(brace);
        filled.extend_from_slice(before.as_bytes());
        let found = values.iter().find(|(name, _)| from_brace.starts_with(name));
        let (text, used) = found.map_or((b"{".as_slice(), 1), |(name, value)| {
            (value.as_bytes(), name.len())
        });
        filled.extend_from_slice(text);
        rest = &from_brace[used..];
    }
    filled.extend_from_slice(rest.as_bytes());
    OsString::from_vec(filled)
}

/// A program that was started and not yet reaped: as long as it is not, its id and its group's are its own.
struct Running {
    child: Child,
    leader: Pid,
    /// Whether the program itself has ended.
    ended: bool,
    reaped: bool,
}

impl Running {
    fn start(prepared: &Prepared) -> Result<Self, Fault> {
        // What we open ourselves closes when a program starts. What whoever started us left open does not, and is
        // marked before our first command.
        static INHERITED: Once = Once::new();
        INHERITED.call_once(|| close_fds::set_fds_cloexec_threadsafe(3, &[]));
        let (program, arguments) = prepared.line.split_first().ok_or(Fault::NotFound)?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(prepared.folder.path())
            .env_clear()
            .envs(environment(std::env::vars_os()))
            .env("TMPDIR", prepared.folder.path())
            .env("SOURCE_DATE_EPOCH", FIXED_TIME)
            .stdin(Stdio::null())
            .stdout(if prepared.writes_output {
                Stdio::null()
            } else {
                Stdio::piped()
            })
            .stderr(Stdio::piped())
            .process_group(0);
        let child = command.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Fault::NotFound,
            _ => Fault::Start(error),
        })?;
        let leader = child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw);
        let leader = leader.expect("a child that was not waited for has an id");
        Ok(Self {
            child,
            leader,
            ended: false,
            reaped: false,
        })
    }

    /// Reads all that the program says, until it has ended; then nothing of its group runs any more. Gives its stdout.
    async fn finish(&mut self, stderr: &mut Excerpt) -> Result<Vec<u8>, Fault> {
        let pipe = |error| Fault::Io {
            what: "reading what it wrote",
            error,
        };
        // It tells of the end without reaping, so that the group can be ended while its id can't be another's.
        let pidfd =
            pidfd_open(self.leader, PidfdFlags::NONBLOCK).map_err(|error| pipe(error.into()))?;
        #[expect(
            deprecated,
            reason = "its replacement is unsafe, for descriptors that could change; an OwnedFd can't"
        )]
        let pidfd = AsyncFd::new(pidfd).map_err(pipe)?;
        let (out, err) = (self.child.stdout.take(), self.child.stderr.take());
        let (group, has_ended) = (self.leader, &mut self.ended);
        let ended = async {
            pidfd.readable().await.map_err(pipe)?.retain_ready();
            *has_ended = true;
            // What it left in the background would hold the pipes open.
            end_group(group);
            Ok(())
        };
        let (stdout, (), ()) = tokio::try_join!(read_bounded(out), stderr.read(err), ended)?;
        Ok(stdout)
    }

    /// Why it was not done in time.
    fn overdue(&self, after: Duration, stderr: Complaint) -> Fault {
        if self.ended {
            Fault::HeldOpen { after, stderr }
        } else {
            Fault::TimedOut { after, stderr }
        }
    }

    /// Ends the group and takes the program's exit status.
    async fn reap(&mut self) -> Result<ExitStatus, Fault> {
        end_group(self.leader);
        let status = self.child.wait().await;
        self.reaped = true;
        status.map_err(|error| Fault::Io {
            what: "waiting for its end",
            error,
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.reaped {
            // The runtime reaps a dropped child when it has ended.
            end_group(self.leader);
        }
    }
}

/// Kills a whole process group. There is nothing to do about an error: the group is gone already, or took another user's rights.
fn end_group(leader: Pid) {
    let _gone = kill_process_group(leader, Signal::KILL);
}

/// What of our environment the program may see.
fn environment(
    all: impl Iterator<Item = (OsString, OsString)>,
) -> impl Iterator<Item = (OsString, OsString)> {
    all.filter(|(name, _)| {
        let is_locale = name.as_bytes().starts_with(b"LC_");
        is_locale || ENVIRONMENT.iter().any(|allowed| name == allowed)
    })
}

async fn read_bounded(pipe: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        let mut bounded = pipe.take(LARGEST_OUTPUT + 1);
        let read = bounded.read_to_end(&mut bytes).await;
        read.map_err(|error| Fault::Io {
            what: "reading its output",
            error,
        })?;
    }
    if bytes.len() as u64 > LARGEST_OUTPUT {
        Err(Fault::TooLarge)
    } else {
        Ok(bytes)
    }
}

/// The beginning and the end of a stream.
#[derive(Debug, Default)]
struct Excerpt {
    head: Vec<u8>,
    tail: Vec<u8>,
    cut: bool,
}

impl Excerpt {
    async fn read(&mut self, pipe: Option<impl AsyncRead + Unpin>) -> Result<(), Fault> {
        let Some(mut pipe) = pipe else { return Ok(()) };
        let mut chunk = [0; 4096];
        loop {
            match pipe.read(&mut chunk).await {
                Ok(0) => return Ok(()),
                Ok(count) => self.push(&chunk[..count]),
                Err(error) => {
                    return Err(Fault::Io {
                        what: "reading its stderr",
                        error,
                    });
                }
            }
        }
    }

    fn push(&mut self, chunk: &[u8]) {
        let room = (STDERR_KEPT - self.head.len()).min(chunk.len());
        self.head.extend_from_slice(&chunk[..room]);
        self.tail.extend_from_slice(&chunk[room..]);
        let excess = self.tail.len().saturating_sub(STDERR_KEPT);
        self.cut |= excess > 0;
        self.tail.drain(..excess);
    }

    fn one_line(&self) -> Complaint {
        let mut bytes = self.head.clone();
        if self.cut {
            bytes.extend_from_slice("\n…\n".as_bytes());
        }
        bytes.extend_from_slice(&self.tail);
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        Complaint(lines.join(" | ").replace(char::is_control, " "))
    }
}

fn judge(status: ExitStatus, stderr: &Excerpt) -> Result<(), Fault> {
    match (status.code(), status.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(Fault::Failed {
            code,
            stderr: stderr.one_line(),
        }),
        (None, signal) => Err(Fault::Killed {
            signal: signal.unwrap_or_default(),
            stderr: stderr.one_line(),
        }),
    }
}

impl Fault {
    /// A missing output is explained by what the program said.
    fn with(self, stderr: &Excerpt) -> Self {
        match self {
            Self::NoOutput { .. } => Self::NoOutput {
                stderr: stderr.one_line(),
            },
            other => other,
        }
    }
}

/// Reads the output file: never through a symlink, never anything but a regular file.
fn read_output(path: &Path) -> Result<Vec<u8>, Fault> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let opened = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| match error {
        rustix::io::Errno::NOENT => Fault::NoOutput {
            stderr: Complaint::default(),
        },
        rustix::io::Errno::LOOP | rustix::io::Errno::NXIO => Fault::NoFile,
        other => Fault::Io {
            what: "opening its output",
            error: other.into(),
        },
    })?;
    let file = File::from(opened);
    let unreadable = |error| Fault::Io {
        what: "reading its output",
        error,
    };
    if !file.metadata().map_err(unreadable)?.is_file() {
        return Err(Fault::NoFile);
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_OUTPUT + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST_OUTPUT {
        Err(Fault::TooLarge)
    } else {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
