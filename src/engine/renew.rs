//! A manifest whose damage shows while it is in use: it is begun anew, and everything is compared as after a first start.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::backlog::Backlog;
use super::leftover::LeftOver;
use super::{Engine, Unsaved};
use crate::manifest::ManifestError;
use crate::vault::Vault;

impl Engine {
    /// Remembers the damage that an error tells of: nothing more is done with the manifest before it was begun anew.
    pub(super) fn mind_damage(&mut self, error: &ManifestError) {
        if let Some(damage) = error.damage() {
            self.damage = Some(damage.to_owned());
        }
    }

    /// Begins the manifest anew and forgets all that belonged to the old one. Returns a line for the log.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn renew(&mut self, damage: &str) -> Result<String, ManifestError> {
        let said = self.manifest.start_over(damage)?;
        self.damage = None;
        self.vault = Arc::new(Vault::new(self.vault.rules().clone()));
        self.folders = BTreeSet::from(["".into()]);
        self.made = BTreeSet::new();
        self.failures = Arc::default();
        self.left_over = LeftOver::default();
        self.unsaved = Unsaved::default();
        self.backlog = Backlog::default();
        self.is_saved = false;
        self.has_outputs = false;
        self.unreadable = Arc::default();
        self.known_device = None;
        self.announced = BTreeSet::new();
        self.settle_settings(None, &BTreeSet::new());
        Ok(said)
    }
}
