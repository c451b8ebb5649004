//! Locks whose holders can't leave them half changed: a panic elsewhere doesn't make them unusable; and threads and tasks
//! whose panic goes on where they are waited for.

use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::{JoinError, spawn_blocking};

/// Locks, also after a panic in another holder: what is guarded here is whole after every statement.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a thread that was waited for gave; its panic goes on here.
pub fn joined<T>(ended: std::thread::Result<T>) -> T {
    ended.unwrap_or_else(|panic| resume_unwind(panic))
}

/// Runs work that blocks on a thread meant for it. Its panic goes on here.
///
/// Dropping this future does not end the work: it goes on to its end unseen.
pub async fn off_the_loop<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    task_ended(spawn_blocking(work)).await
}

/// What a task gave; its panic goes on here. For one that was cancelled, whoever waits waits for ever: only a runtime that
/// ends cancels a task that is waited for, and it asks no other task again.
pub async fn task_ended<T>(task: impl Future<Output = Result<T, JoinError>>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_off_the_loop_gives_its_value() {
        assert_eq!(off_the_loop(|| 1).await, 1);
    }

    #[tokio::test]
    #[should_panic(expected = "from the other thread")]
    async fn a_panic_off_the_loop_goes_on_where_it_is_waited_for() {
        off_the_loop(|| panic!("from the other thread")).await;
    }
}
