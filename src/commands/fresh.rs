//! The notes read afresh, with nothing remembered: what `verify` compares with and `explain` falls back on.

use std::sync::Arc;
use std::time::Instant;

use super::CommandError;
use crate::config::Loaded;
use crate::disk::OutputDisk;
use crate::disk::notes::NotesFolder;
use crate::engine::{Batch, Engine, Parts, Request, Unwatched};
use crate::export::Formats;
use crate::log::events::Trigger;
use crate::manifest::Manifest;
use crate::watch::Dirty;

/// An engine over a manifest in memory, and the full export that it would run through `outputs`.
pub(super) fn full_export(
    loaded: &Loaded,
    notes: Arc<NotesFolder>,
    outputs: Arc<dyn OutputDisk>,
    now: Instant,
) -> Result<(Engine, Batch), CommandError> {
    let parts = Parts {
        config: Arc::new(loaded.config.clone()),
        formats: Arc::new(Formats::new(&loaded.config)?),
        notes,
        outputs,
        manifest: Manifest::in_memory()?,
        shelf: None,
        device: 0,
        flush_covers_manifest: false,
    };
    let (mut engine, _) = Engine::open(parts, now)?;
    let dirty = Dirty {
        everything: true,
        ..Dirty::default()
    };
    let request = Request {
        trigger: Trigger::Once,
        dirty: &dirty,
        full: true,
        audit: false,
        always: true,
        now,
    };
    let batch = engine.prepare(&request, &Unwatched)?;
    let batch = batch.expect("a batch that is always wanted is planned");
    Ok((engine, batch))
}
