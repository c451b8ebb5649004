//! Keeps what is known of the notes on a shelf, and the shelf free of what nobody wants any more.

use std::sync::Arc;

use super::Engine;
use crate::vault::{PackedFacts, Shelf};

/// So much may lie there before it is cleared, however little of it is wanted.
const SMALL: u64 = 16 << 20;

/// The shelf.
#[derive(Debug)]
pub(super) struct Shelved {
    shelf: Option<Arc<dyn Shelf>>,
    /// At this size it is cleared.
    full: u64,
}

impl Shelved {
    /// On this shelf; none: in memory.
    pub(super) fn on(shelf: Option<Arc<dyn Shelf>>) -> Self {
        let full = shelf.as_ref().map_or(0, |shelf| full_after(&**shelf));
        Self { shelf, full }
    }

    /// Puts there what a note says.
    pub(super) fn take(&self, facts: &mut PackedFacts) {
        if let Some(shelf) = &self.shelf {
            facts.shelve(shelf);
        }
    }

    /// A look has put so many there; so many notes were known already.
    pub(super) fn looked(&mut self, changes: usize, known: usize) {
        if let Some(shelf) = self.shelf.as_ref().filter(|_| changes > known) {
            // A first look: nothing of it is too much.
            self.full = full_after(&**shelf);
        }
    }

    fn is_full(&self) -> bool {
        self.shelf
            .as_ref()
            .is_some_and(|shelf| shelf.size() >= self.full)
    }
}

/// Clearing costs what is kept: it is due when as much has come since.
fn full_after(shelf: &dyn Shelf) -> u64 {
    2 * shelf.size() + SMALL
}

impl Engine {
    /// Clears the shelf when it is full: what is still wanted moves to another one.
    pub(super) fn clear_shelf(&mut self) {
        if !self.shelf.is_full() {
            return;
        }
        let empty = self.shelf.shelf.as_ref().and_then(|shelf| shelf.empty());
        if let Some(empty) = empty {
            self.vault_mut().shelve(&empty);
            self.shelf = Shelved::on(Some(empty));
        } else {
            // No other can be had now: this one grows.
            self.shelf.full *= 2;
        }
    }
}
