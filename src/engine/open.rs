//! An engine from what the manifest remembers.
//!
//! Owns what a start must know before the first look: which rows make the vault, what of them is of no use to this version
//! or this config, and when only a new manifest helps. It looks at neither of the two folders: what is there now, the first
//! look and the audit find out.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use super::Engine;
use super::ledger::Ledger;
use super::pending::Pending;
use super::relay::relay;
use super::shelved::Shelved;
use crate::config::Config;
use crate::disk::{NotesDisk, OutputDisk};
use crate::export::Formats;
use crate::hash::Key;
use crate::manifest::{Failure, FailureKey, Manifest, ManifestError};
use crate::path::{NotePath, OutputPath, parent};
use crate::plan::FormatPlan;
use crate::vault::load::{self, Load, Remembered};
use crate::vault::{Rules, Shelf, Vault, note};

/// The manifest's name for the key of the rules that its views were made under.
pub(super) const RULES: &str = "rules";
pub(super) const READER: &str = "reader";

/// The manifest's name for the file system that the notes folder lay on.
pub(super) const DEVICE: &str = "notes_device";

/// What an engine works with.
pub struct Parts {
    /// The config.
    pub config: Arc<Config>,
    /// Its formats.
    pub formats: Arc<Formats>,
    /// The notes folder.
    pub notes: Arc<dyn NotesDisk>,
    /// The export tree.
    pub outputs: Arc<dyn OutputDisk>,
    /// What is known from earlier runs.
    pub manifest: Manifest,
    /// Where what is known of the notes lies, if not in memory.
    pub shelf: Option<Arc<dyn Shelf>>,
    /// The file system that the notes folder lies on.
    pub device: u64,
    /// Whether the manifest lies on the export tree's file system, so that flushing the tree flushes it too.
    pub flush_covers_manifest: bool,
}

impl Engine {
    /// Takes up the work where an earlier process left it. The second value says, if so, why the manifest had to be begun
    /// anew: the next batch then compares everything.
    ///
    /// # Errors
    /// When the manifest can't be read at all.
    pub fn open(parts: Parts, now: Instant) -> Result<(Self, Option<String>), ManifestError> {
        let Parts {
            config,
            formats,
            notes,
            outputs,
            mut manifest,
            shelf,
            device,
            flush_covers_manifest,
        } = parts;
        let rules = Rules::new(&config);
        let (memory, lost) = match Memory::read(&manifest, &rules, shelf.as_ref()) {
            Ok(memory) => (memory, None),
            Err(unusable) => {
                let lost = manifest.start_over(&unusable.reason()?)?;
                (Memory::nothing(rules), Some(lost))
            }
        };
        let mut ledger = Ledger::new(manifest, memory.last_batch + 1);
        ledger.has_outputs = memory.has_outputs;
        ledger.known_device = memory.device;
        let mut engine = Self {
            format_plans: format_plans(&formats),
            config,
            formats,
            notes,
            device,
            outputs,
            flush_covers_manifest,
            ledger,
            shelf: Shelved::on(shelf),
            vault: Arc::new(memory.vault),
            folders: BTreeSet::new(),
            made: memory.made,
            pending: Pending::default(),
            progress: Arc::default(),
        };
        engine.folders.extend(engine.folders_of_files());
        for failure in memory.failures {
            let key = FailureKey {
                owner: failure.owner,
                format: failure.format,
            };
            engine.failures_mut().remember(
                key,
                failure.error,
                failure.attempt,
                failure.failed_at,
                now,
            );
        }
        // What is counted of a note's links can differ where its facts don't.
        let rules = memory.rules.as_deref().filter(|_| !memory.read_otherwise);
        engine.settle_settings(rules, &memory.formats);
        if memory.read_otherwise {
            // They are saved as what they are now: to be read again, however often we are ended before.
            let ids = engine.vault.files().iter().map(|(id, _)| id);
            engine.ledger.unsaved.touched.extend(ids);
            engine.ledger.unsaved.settings = true;
        }
        Ok((engine, lost))
    }

    /// The folders that must have been there: at start nothing else is known of them.
    pub(super) fn folders_of_files(&self) -> BTreeSet<Box<str>> {
        folders_of(self.vault.files().iter().map(|(_, file)| &file.path))
    }

    /// Compares rules and formats with those that the manifest's keys belong to.
    pub(super) fn settle_settings(
        &mut self,
        rules: Option<&str>,
        formats: &BTreeSet<(Box<str>, Key)>,
    ) {
        let current: BTreeSet<(Box<str>, Key)> = self
            .format_plans
            .iter()
            .map(|format| (format.name.clone(), format.fingerprint))
            .collect();
        let same_rules = rules == Some(&*rules_text(&self.vault));
        if !same_rules {
            let touched = self.vault_mut().review_all();
            self.ledger.unsaved.touched.extend(touched);
        }
        self.ledger.unsaved.settings =
            !same_rules || *formats != current || self.ledger.known_device != Some(self.device);
    }
}

/// The folders that these files lie in, "" among them.
pub(super) fn folders_of<'a>(files: impl Iterator<Item = &'a NotePath>) -> BTreeSet<Box<str>> {
    let mut folders: BTreeSet<Box<str>> = BTreeSet::new();
    let mut last = "";
    for file in files {
        let mut folder = file.folder();
        // Mostly, neighbours lie in one folder.
        if std::mem::replace(&mut last, folder) == folder {
            continue;
        }
        while !folder.is_empty() && folders.insert(folder.into()) {
            folder = parent(folder).unwrap_or_default();
        }
    }
    folders.insert("".into());
    folders
}

/// What the manifest remembers.
struct Memory {
    vault: Vault,
    made: BTreeSet<OutputPath>,
    failures: Vec<Failure>,
    rules: Option<String>,
    formats: BTreeSet<(Box<str>, Key)>,
    device: Option<u64>,
    last_batch: u64,
    has_outputs: bool,
    /// Whether the notes were read by another version of this program: what it says of them is not to be trusted.
    read_otherwise: bool,
}

/// Why what the manifest remembers is of no use.
enum Unusable {
    /// It can't be read.
    Manifest(ManifestError),
    /// Its records of the notes don't fit together.
    Unfit,
}

impl From<ManifestError> for Unusable {
    fn from(error: ManifestError) -> Self {
        Self::Manifest(error)
    }
}

impl Unusable {
    /// What to begin a new manifest for.
    ///
    /// # Errors
    /// When a new one would not help: the manifest is not damaged, the system refuses.
    fn reason(self) -> Result<String, ManifestError> {
        match self {
            Self::Manifest(error) => error.damage().map(str::to_owned).ok_or(error),
            Self::Unfit => Ok("its records of the notes don't fit together".to_owned()),
        }
    }
}

impl Memory {
    fn nothing(rules: Rules) -> Self {
        Self {
            vault: Vault::new(rules),
            made: BTreeSet::new(),
            failures: Vec::new(),
            rules: None,
            formats: BTreeSet::new(),
            device: None,
            last_batch: 0,
            has_outputs: false,
            read_otherwise: false,
        }
    }

    fn read(
        manifest: &Manifest,
        rules: &Rules,
        shelf: Option<&Arc<dyn Shelf>>,
    ) -> Result<Self, Unusable> {
        let formats = manifest
            .formats()?
            .into_iter()
            .map(|format| (format.name, format.key))
            .collect();
        let read_otherwise = manifest.meta(READER)?.as_deref() != Some(&*reader_text());
        Ok(Self {
            vault: read_vault(manifest, rules, shelf, read_otherwise)?,
            read_otherwise,
            made: manifest.folders()?.into_iter().collect(),
            failures: manifest.failures()?,
            rules: manifest.meta(RULES)?,
            formats,
            device: notes_device(manifest)?,
            last_batch: manifest.last_batch_number()?,
            has_outputs: manifest.has_outputs()?,
        })
    }
}

/// The file system that the notes folder lay on when its notes were last looked at.
///
/// # Errors
/// When the system refuses, or the database is damaged.
pub fn notes_device(manifest: &Manifest) -> Result<Option<u64>, ManifestError> {
    let device = manifest.meta(DEVICE)?;
    Ok(device.and_then(|device| device.parse().ok()))
}

fn read_vault(
    manifest: &Manifest,
    rules: &Rules,
    shelf: Option<&Arc<dyn Shelf>>,
    read_otherwise: bool,
) -> Result<Vault, Unusable> {
    let mut load = Load::new(rules.clone(), manifest.end_of_files()?);
    let remember_all = |hand_over: &mut dyn FnMut(Remembered)| {
        manifest.load_files(|file| {
            hand_over(Remembered {
                id: file.id,
                path: file.path,
                stamp: file.stamp,
                trusted: file.trusted && !read_otherwise,
                record: file.record.into(),
                view: file.view,
            });
        })
    };
    let recall = |remembered| load::recall(rules, shelf, remembered);
    let vault = relay(remember_all, recall, |files| {
        for recalled in files {
            load.take_in(recalled.ok()?);
        }
        load.finish()
    })?;
    vault.ok_or(Unusable::Unfit)
}

fn format_plans(formats: &Formats) -> Vec<FormatPlan> {
    (0..formats.len())
        .map(|format| FormatPlan {
            name: formats.get(format).name.clone(),
            fingerprint: formats.fingerprint(format),
            reads_backlinks: formats.reads_backlinks(format),
            reads_pictures: formats.get(format).reads_pictures(),
            has_pages: formats.pages(format),
        })
        .collect()
}

pub(super) fn reader_text() -> Box<str> {
    note::READER_VERSION.to_string().into()
}

pub(super) fn rules_text(vault: &Vault) -> Box<str> {
    format!("{:016x}", vault.rules().key().0).into()
}
