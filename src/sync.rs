//! Locks whose holders can't leave them half changed: a panic elsewhere doesn't make them unusable; and threads whose panic
//! goes on where they are waited for.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks, also after a panic in another holder: what is guarded here is whole after every statement.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a thread that was waited for gave; its panic goes on here.
pub fn joined<T>(ended: std::thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
