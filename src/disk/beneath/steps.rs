//! The same lookup without openat2: name by name, so that each step starts from a folder that is held open.
//!
//! It is for where the call is refused, as systemd's `RestrictSUIDSGID=` does: a filter can't see the mode in it. It gives
//! the same answers and the same errors, and costs two calls for each name of the path instead of one for all.

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::{LOOKUP_ATTEMPTS, Symlinks, kind, stat_open};

/// As the kernel has it.
const MAX_SYMLINKS: usize = 40;

/// Opens `path` below `folder`, as [`super::open_beneath`] does.
pub(super) fn open(
    folder: BorrowedFd<'_>,
    path: &str,
    flags: OFlags,
    links: Symlinks,
) -> rustix::io::Result<OwnedFd> {
    let mut lookup = Lookup {
        root: folder,
        folders: Vec::new(),
        ahead: Vec::new(),
        links,
        symlinks_left: MAX_SYMLINKS,
    };
    lookup.go_on_by(Path::new(path))?;
    lookup.run(flags | OFlags::CLOEXEC)
}

/// A lookup on its way.
struct Lookup<'a> {
    root: BorrowedFd<'a>,
    /// The folders from the root to where it stands; none: it stands at the root.
    folders: Vec<OwnedFd>,
    /// The names ahead, the next one last.
    ahead: Vec<OsString>,
    links: Symlinks,
    symlinks_left: usize,
}

impl Lookup<'_> {
    fn here(&self) -> BorrowedFd<'_> {
        self.folders.last().map_or(self.root, AsFd::as_fd)
    }

    /// What `path` names comes before what is ahead already.
    fn go_on_by(&mut self, path: &Path) -> rustix::io::Result<()> {
        for component in path.components().rev() {
            match component {
                Component::Normal(name) => self.ahead.push(name.to_owned()),
                Component::ParentDir => self.ahead.push("..".into()),
                Component::CurDir => {}
                Component::RootDir | Component::Prefix(_) => return Err(Errno::XDEV),
            }
        }
        Ok(())
    }

    fn run(mut self, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let mut attempts = LOOKUP_ATTEMPTS;
        while let Some(name) = self.ahead.pop() {
            if name == ".." {
                // Up is where it came from, whatever was renamed meanwhile.
                self.folders.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            let step = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let entry = rustix::fs::openat(self.here(), &name, step, Mode::empty())?;
            if kind(&stat_open(&entry)?) == FileType::Symlink {
                self.follow(&entry)?;
            } else if self.ahead.is_empty() {
                // Opened by name again, since an O_PATH handle can't be made into another without /proc.
                match rustix::fs::openat(
                    self.here(),
                    &name,
                    flags | OFlags::NOFOLLOW,
                    Mode::empty(),
                ) {
                    // It has become a symlink in between.
                    Err(Errno::LOOP) if attempts > 0 => {
                        attempts -= 1;
                        self.ahead.push(name);
                    }
                    done => return done,
                }
            } else {
                self.folders.push(entry);
            }
        }
        rustix::fs::openat(self.here(), ".", flags, Mode::empty())
    }

    fn follow(&mut self, symlink: &OwnedFd) -> rustix::io::Result<()> {
        if self.links == Symlinks::Refused || self.symlinks_left == 0 {
            return Err(Errno::LOOP);
        }
        self.symlinks_left -= 1;
        let target = rustix::fs::readlinkat(symlink, "", Vec::new())?;
        self.go_on_by(&PathBuf::from(OsString::from_vec(target.into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, openat};

    use super::super::{openat2_beneath, stat_open};
    use super::*;

    /// A tree with every kind of thing that a lookup can meet.
    fn tree() -> tempfile::TempDir {
        let outer = tempfile::tempdir().unwrap();
        let root = outer.path().join("root");
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("file"), "file").unwrap();
        fs::write(root.join("a/b/deep"), "deep").unwrap();
        fs::write(outer.path().join("secret"), "secret").unwrap();
        for (target, name) in [
            ("file", "to-file"),
            ("a/b", "to-folder"),
            ("nowhere", "dangling"),
            ("round", "round"),
            ("../secret", "out"),
            ("../root/file", "out-and-in"),
            ("/etc/passwd", "absolute"),
            ("..", "a/up"),
            ("../..", "a/far-up"),
            ("../../file", "a/b/two-up"),
            ("to-file", "to-link"),
            (".", "self"),
        ] {
            symlink(target, root.join(name)).unwrap();
        }
        outer
    }

    #[test]
    fn it_answers_as_the_kernel_does() {
        let outer = tree();
        let folder = openat(
            CWD,
            outer.path().join("root"),
            OFlags::DIRECTORY,
            Mode::empty(),
        )
        .unwrap();
        let names = [
            "",
            ".",
            "..",
            "file",
            "a",
            "a/b/deep",
            "a/../file",
            "a/b/../../..",
            "file/x",
            "missing",
            "missing/x",
            "to-file",
            "to-folder",
            "to-folder/deep",
            "to-folder/../b",
            "dangling",
            "round",
            "out",
            "out-and-in",
            "absolute",
            "a/up",
            "a/up/file",
            "a/far-up",
            "a/b/two-up",
            "to-link",
            "self/self/file",
            "/file",
        ];
        let ways = [
            OFlags::RDONLY,
            OFlags::RDONLY | OFlags::DIRECTORY,
            OFlags::RDONLY | OFlags::NONBLOCK,
            OFlags::PATH,
            OFlags::PATH | OFlags::DIRECTORY,
        ];
        for links in [Symlinks::Refused, Symlinks::Inside] {
            for flags in ways {
                for name in names {
                    let inode = |file: OwnedFd| stat_open(&file).unwrap().stx_ino;
                    let stepped = open(folder.as_fd(), name, flags, links).map(inode);
                    let kernels = openat2_beneath(folder.as_fd(), name, flags, links).map(inode);
                    if kernels == Err(Errno::NOSYS) {
                        return;
                    }
                    assert_eq!(stepped, kernels, "{name:?} {flags:?} {links:?}");
                }
            }
        }
    }

    #[test]
    fn a_folder_that_moved_out_meanwhile_is_left_by_the_way_it_was_entered() {
        let outer = tree();
        let root = outer.path().join("root");
        let folder = openat(CWD, &root, OFlags::DIRECTORY, Mode::empty()).unwrap();
        let mut lookup = Lookup {
            root: folder.as_fd(),
            folders: Vec::new(),
            ahead: Vec::new(),
            links: Symlinks::Refused,
            symlinks_left: 0,
        };
        lookup
            .folders
            .push(openat(&folder, "a", OFlags::PATH, Mode::empty()).unwrap());
        fs::rename(root.join("a"), outer.path().join("a")).unwrap();
        lookup.go_on_by(Path::new("../secret")).unwrap();
        assert_eq!(lookup.run(OFlags::RDONLY).unwrap_err(), Errno::NOENT);
    }
}
