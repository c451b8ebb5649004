//! A manifest whose damage shows while it is in use: it is begun anew, and everything is compared as after a first start.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Engine;
use super::pending::Pending;
use crate::manifest::ManifestError;
use crate::vault::Vault;

impl Engine {
    /// Begins the manifest anew and forgets all that belonged to the old one. Returns a line for the log.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn renew(&mut self, damage: &str) -> Result<String, ManifestError> {
        let said = self.ledger.start_over(damage)?;
        self.vault = Arc::new(Vault::new(self.vault.rules().clone()));
        self.folders = BTreeSet::from(["".into()]);
        self.made = BTreeSet::new();
        self.pending = Pending::default();
        self.settle_settings(None, &BTreeSet::new());
        Ok(said)
    }
}
