//! Waits for a file to arrive under its final name, with the kernel's own notice.

use std::ffi::OsStr;
use std::fs;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};

use crate::floor::Promise;
use crate::known::Known;

const NAME: &str = "note.md";
const PATIENCE: Timespec = Timespec {
    tv_sec: 30,
    tv_nsec: 0,
};

/// Sees what happens in one folder.
pub(crate) struct Arrivals {
    notices: OwnedFd,
}

impl Arrivals {
    /// Sees what is moved into `folder`.
    pub(crate) fn moved_into(folder: &Path) -> Result<Self> {
        Self::of(folder, WatchFlags::MOVED_TO)
    }

    /// Sees what was written in `folder`.
    pub(crate) fn written_in(folder: &Path) -> Result<Self> {
        Self::of(folder, WatchFlags::CLOSE_WRITE)
    }

    fn of(folder: &Path, kind: WatchFlags) -> Result<Self> {
        let notices = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        inotify::add_watch(&notices, folder, kind)
            .with_context(|| format!("{}: no watch", folder.display()))?;
        Ok(Self { notices })
    }

    /// Waits until the file `name` was seen; when that was.
    pub(crate) fn wait_for(&self, name: &OsStr) -> Result<Instant> {
        loop {
            let ready = poll(
                &mut [PollFd::new(&self.notices, PollFlags::IN)],
                Some(&PATIENCE),
            )?;
            let at = Instant::now();
            ensure!(ready > 0, "{} never came", name.display());
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut reader = inotify::Reader::new(&self.notices, &mut buffer);
            let mut found = false;
            loop {
                match reader.next() {
                    Ok(event) => {
                        ensure!(
                            !event.events().contains(ReadFlags::QUEUE_OVERFLOW),
                            "notices were lost"
                        );
                        found |= event
                            .file_name()
                            .is_some_and(|it| it.to_bytes() == name.as_bytes());
                    }
                    Err(rustix::io::Errno::AGAIN) => break,
                    Err(error) => return Err(error.into()),
                }
            }
            if found {
                return Ok(at);
            }
        }
    }
}

/// The least that answers a save: a thread that waits for a file to be written, reads it, and puts what it read in place under
/// another name. With promises, it writes down before that the file is ours, and flushes what it wrote.
pub(crate) struct Echo {
    /// Write here …
    pub(crate) from: PathBuf,
    /// … and it comes out here.
    pub(crate) to: PathBuf,
}

impl Echo {
    /// Starts it for one file in `from`; it ends with the process.
    pub(crate) fn start(from: &Path, to: &Path, promise: Promise) -> Result<Self> {
        let saves = Arrivals::written_in(from)?;
        let (source, output) = (from.join(NAME), to.join(NAME));
        let (echo, temporary) = (
            Self {
                from: source.clone(),
                to: output.clone(),
            },
            to.join("temporary"),
        );
        let folder = fs::File::open(to)?;
        let known = match promise {
            Promise::WholeAndKnown => Some(Known::begin(&to.join(".known"))?),
            Promise::Nothing | Promise::Whole => None,
        };
        std::thread::spawn(move || -> Result<()> {
            loop {
                saves.wait_for(OsStr::new(NAME))?;
                fs::write(&temporary, fs::read(&source)?)?;
                if let Some(known) = &known {
                    known.announce(&output)?;
                }
                if promise != Promise::Nothing {
                    rustix::fs::syncfs(&folder)?;
                }
                fs::rename(&temporary, &output)?;
            }
        });
        Ok(echo)
    }
}
