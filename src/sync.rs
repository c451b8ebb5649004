//! Locks whose holders can't leave them half changed: a panic elsewhere doesn't make them unusable.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic in another holder: what is guarded here is whole after every statement.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
