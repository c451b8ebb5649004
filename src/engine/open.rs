//! An engine from what the manifest remembers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::{Engine, Failures, Unsaved};
use crate::config::Config;
use crate::disk::{NotesDisk, OutputDisk};
use crate::export::Formats;
use crate::hash::Key;
use crate::manifest::{FailureKey, Manifest, ManifestError};
use crate::plan::FormatPlan;
use crate::vault::load::Remembered;
use crate::vault::{Rules, Vault};

/// The manifest's name for the key of the rules that its views were made under.
pub(super) const RULES: &str = "rules";

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
}

/// Why no engine could be made.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The manifest can't be read.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

impl Engine {
    /// Takes up the work where an earlier process left it. The second value says, if so, why the manifest had to be begun
    /// anew: the next batch then compares everything.
    ///
    /// # Errors
    /// When the manifest can't be read at all.
    pub fn open(parts: Parts, now: Instant) -> Result<(Self, Option<String>), OpenError> {
        let Parts { config, formats, notes, outputs, mut manifest } = parts;
        let mut lost = None;
        let vault = match remember(&manifest, &config)? {
            Some(vault) => vault,
            None => {
                lost = Some(manifest.start_over("its records of the notes don't fit together")?);
                Vault::new(Rules::new(&config))
            }
        };
        let mut engine = Self {
            format_plans: format_plans(&formats),
            config,
            formats,
            notes,
            outputs,
            vault: Arc::new(vault),
            folders: BTreeSet::new(),
            made: manifest.folders()?.into_iter().collect(),
            failures: Failures::default(),
            unsaved: Unsaved::default(),
            backlog: Vec::new(),
            is_saved: false,
            has_outputs: true,
            next_batch: manifest.last_batch_number()? + 1,
            unreadable: BTreeMap::new(),
            progress: Arc::default(),
            manifest,
        };
        engine.folders.extend(engine.folders_of_files());
        for failure in engine.manifest.failures()? {
            let key = FailureKey { owner: failure.owner, format: failure.format };
            engine.failures.remember(key, failure.error, failure.attempt, failure.failed_at, now);
        }
        engine.settle_settings()?;
        engine.has_outputs = engine.any_output()?;
        Ok((engine, lost))
    }

    /// The folders that must have been there: at start nothing else is known of them.
    fn folders_of_files(&self) -> BTreeSet<Box<str>> {
        let mut folders: BTreeSet<Box<str>> = BTreeSet::new();
        for (_, file) in self.vault.files().iter() {
            let mut folder = file.path.folder();
            while !folder.is_empty() && folders.insert(folder.into()) {
                folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
            }
        }
        folders.insert("".into());
        folders
    }

    fn any_output(&self) -> Result<bool, ManifestError> {
        let mut any = false;
        self.manifest.load_outputs(|_| any = true)?;
        Ok(any)
    }

    /// Compares rules and formats with those that the manifest's keys belong to.
    fn settle_settings(&mut self) -> Result<(), ManifestError> {
        let rules = self.manifest.meta(RULES)?;
        let known: BTreeSet<(Box<str>, Key)> =
            self.manifest.formats()?.into_iter().map(|format| (format.name, format.key)).collect();
        let current: BTreeSet<(Box<str>, Key)> =
            self.format_plans.iter().map(|format| (format.name.clone(), format.fingerprint)).collect();
        let same_rules = rules.as_deref() == Some(&*rules_text(&self.vault));
        if !same_rules {
            let delta = self.vault_mut().review_all();
            self.unsaved.touched.extend(delta.touched);
        }
        self.unsaved.settings = !same_rules || known != current;
        Ok(())
    }
}

/// The vault as the manifest remembers it; `None` when its records don't fit together.
fn remember(manifest: &Manifest, config: &Config) -> Result<Option<Vault>, ManifestError> {
    let mut vault = Vault::new(Rules::new(config));
    let mut readable = true;
    manifest.load_files(|file| {
        let remembered = Remembered {
            id: file.id,
            path: file.path,
            stamp: file.stamp,
            trusted: file.trusted,
            record: file.facts.as_deref().unwrap_or_default(),
            view: file.view,
        };
        readable &= vault.remember(remembered).is_ok();
    })?;
    Ok((readable && vault.settle_remembered()).then_some(vault))
}

fn format_plans(formats: &Formats) -> Vec<FormatPlan> {
    (0..formats.len())
        .map(|format| FormatPlan {
            name: formats.get(format).name.clone(),
            fingerprint: formats.fingerprint(format),
            reads_backlinks: formats.reads_backlinks(format),
            has_pages: formats.pages(format),
        })
        .collect()
}

pub(super) fn rules_text(vault: &Vault) -> Box<str> {
    format!("{:016x}", vault.rules().key().0).into()
}
