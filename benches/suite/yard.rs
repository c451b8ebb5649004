//! The folders that are measured in.
//!
//! Every run gets a fresh folder and nothing is deleted before the end. An ext4 without a journal passes over each inode
//! that was deleted in the last minutes when it makes a file in the same block group, one by one and anew for every file
//! (`recently_deleted` in the kernel), so that whoever comes after the removal of a tree pays ten times as much for each new file. What is
//! deleted at the end hits the next measuring in the same way: leave five minutes between two, or measure in memory with
//! `SMARTNOTESD_BENCH_DIR=/dev/shm`.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::vault::Recipe;

/// Hands out folders; dropped, it deletes them all.
pub(crate) struct Yard {
    root: TempDir,
    handed_out: usize,
}

impl Yard {
    pub(crate) fn new(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let root = tempfile::Builder::new()
            .prefix("smartnotesd-bench-")
            .tempdir_in(folder)
            .with_context(|| format!("{}: no folder can be made there", folder.display()))?;
        Ok(Self {
            root,
            handed_out: 0,
        })
    }

    /// Waits until all that was written is on the disk. To be called before each run that is timed: who flushes would
    /// otherwise wait for what a run before left, and floors flush nothing.
    pub(crate) fn settle(&self) -> Result<()> {
        Ok(rustix::fs::syncfs(fs::File::open(self.root.path())?)?)
    }

    /// An empty folder that nobody used before.
    pub(crate) fn fresh(&mut self, name: &str) -> Result<PathBuf> {
        self.handed_out += 1;
        let path = self
            .root
            .path()
            .join(format!("{:03}-{name}", self.handed_out));
        fs::create_dir(&path)?;
        Ok(path)
    }

    /// Writes a vault, and lets its stamps grow old enough to be trusted.
    pub(crate) fn vault(&mut self, recipe: Recipe) -> Result<Vault> {
        let root = self.fresh("vault")?;
        let mut notes = Vec::with_capacity(recipe.notes + 1);
        let mut bytes = 0;
        let write = |path: String, content: &[u8]| -> Result<String> {
            let full = root.join(&path);
            if let Some(folder) = full.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(full, content)?;
            Ok(path)
        };
        for note in 0..recipe.notes {
            let text = recipe.text(note);
            bytes += text.len();
            notes.push(write(Recipe::path(note), text.as_bytes())?);
        }
        notes.push(write(
            Recipe::hub_path().to_owned(),
            recipe.hub_text().as_bytes(),
        )?);
        for attachment in 0..recipe.attachments() {
            let content = vec![0x89; 2_000 + attachment % 17 * 1_000];
            write(Recipe::attachment_path(attachment), &content)?;
        }
        Ok(Vault {
            root,
            recipe,
            notes,
            bytes,
        })
    }
}

/// A vault on disk.
pub(crate) struct Vault {
    pub(crate) root: PathBuf,
    pub(crate) recipe: Recipe,
    /// Paths of all notes below `root`.
    pub(crate) notes: Vec<String>,
    /// Of all notes together.
    pub(crate) bytes: usize,
}
