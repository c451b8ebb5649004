//! Between whoever logs and the thread that writes: bounded, so that a reader who stopped reading (a full pipe, a
//! stopped journald) costs records and never time. What was dropped is counted, and a record says so.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::Level;

use super::output::Output;
use super::record::Record;

/// Records that may wait. Batches report all their jobs at once, so this is ample for a large one at DEBUG …
const MAX_RECORDS: usize = 200_000;
/// … but never more memory than this.
const MAX_WEIGHT: usize = 64 << 20;
/// What the writer takes at a time: large enough for few system calls, small enough to leave little behind on a kill.
const CHUNK: usize = 256;

/// What waits for the writer.
pub(super) enum Item {
    /// To be written.
    Record(Record),
    /// This many records would have stood here.
    Dropped(u64),
    /// From here on records go there.
    Output(Output),
}

/// The queue. Many push, one thread takes.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    drained: Condvar,
    max_records: usize,
    max_weight: usize,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    /// Of the records that wait or are being written.
    weight: usize,
    /// Records dropped since the last one that was taken in.
    dropped: u64,
    /// Whether the writer holds items that it has taken.
    writing: bool,
    closed: bool,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self::with_limits(MAX_RECORDS, MAX_WEIGHT)
    }

    pub(super) fn with_limits(max_records: usize, max_weight: usize) -> Self {
        Self {
            state: Mutex::default(),
            filled: Condvar::new(),
            drained: Condvar::new(),
            max_records,
            max_weight,
        }
    }

    /// Takes a record in, or counts it as dropped where there is no room. Never waits for the writer.
    ///
    /// Details leave a quarter of the room to what everybody wants to know.
    pub(super) fn push(&self, record: Record) {
        let weight = record.weight();
        let share = |room: usize| {
            if record.level > Level::INFO {
                room / 4 * 3
            } else {
                room
            }
        };
        let mut state = self.lock();
        if state.waiting.len() >= share(self.max_records)
            || state.weight + weight > share(self.max_weight)
        {
            state.dropped += 1;
            return;
        }
        note_dropped(&mut state);
        state.weight += weight;
        state.waiting.push_back(Item::Record(record));
        drop(state);
        self.filled.notify_one();
    }

    /// Has the records that follow go to another output. Never dropped.
    pub(super) fn redirect(&self, output: Output) {
        let mut state = self.lock();
        note_dropped(&mut state);
        state.waiting.push_back(Item::Output(output));
        drop(state);
        self.filled.notify_one();
    }

    /// Waits for items and takes some; `None` once the queue is closed and empty. [`Self::done`] must follow.
    pub(super) fn take(&self) -> Option<Vec<Item>> {
        let mut state = self.lock();
        loop {
            if state.waiting.is_empty() {
                // Nothing may ever come after them: they are told of as soon as the writer is free.
                note_dropped(&mut state);
            }
            if !state.waiting.is_empty() {
                let count = state.waiting.len().min(CHUNK);
                state.writing = true;
                return Some(state.waiting.drain(..count).collect());
            }
            if state.closed {
                return None;
            }
            state = self
                .filled
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The items last taken, of this weight, are written.
    pub(super) fn done(&self, weight: usize) {
        let mut state = self.lock();
        state.weight -= weight;
        state.writing = false;
        let drained = state.is_drained();
        drop(state);
        if drained {
            self.drained.notify_all();
        }
    }

    /// Waits until everything is written, but no longer than `patience`. Whether it is.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while !state.is_drained() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .drained
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        true
    }

    /// Whether there is a writer, or will be until all is written.
    pub(super) fn is_open(&self) -> bool {
        !self.lock().closed
    }

    /// Lets the writer end once it has written what is there.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere must still be logged; no change of the state can be left half made.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_drained(&self) -> bool {
        self.waiting.is_empty() && !self.writing && self.dropped == 0
    }
}

fn note_dropped(state: &mut State) {
    if state.dropped > 0 {
        let dropped = std::mem::take(&mut state.dropped);
        state.waiting.push_back(Item::Dropped(dropped));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn record(message: &str) -> Record {
        Record::new(SystemTime::UNIX_EPOCH, Level::INFO, message)
    }

    fn names(items: &[Item]) -> Vec<String> {
        items
            .iter()
            .map(|item| match item {
                Item::Record(record) => record.message.clone(),
                Item::Dropped(count) => format!("dropped {count}"),
                Item::Output(_) => "output".into(),
            })
            .collect()
    }

    #[test]
    fn a_full_queue_drops_counts_and_tells_in_order() {
        let queue = Queue::with_limits(3, usize::MAX);
        for name in ["a", "b", "c", "d", "e"] {
            queue.push(record(name));
        }
        assert_eq!(names(&queue.take().unwrap()), ["a", "b", "c"]);
        queue.push(record("f"));
        assert_eq!(names(&queue.take().unwrap()), ["dropped 2", "f"]);
    }

    #[test]
    fn details_leave_room_to_the_rest() {
        let queue = Queue::with_limits(4, usize::MAX);
        for name in ["a", "b", "c", "d", "e"] {
            let detail = Record {
                level: Level::DEBUG,
                ..record(name)
            };
            queue.push(detail);
        }
        queue.push(record("batch finished"));
        queue.push(record("too much"));
        assert_eq!(
            names(&queue.take().unwrap()),
            ["a", "b", "c", "dropped 2", "batch finished"]
        );
        assert_eq!(names(&queue.take().unwrap()), ["dropped 1"]);
    }

    #[test]
    fn drops_are_told_of_even_if_nothing_follows() {
        let queue = Queue::with_limits(1, usize::MAX);
        queue.push(record("a"));
        queue.push(record("b"));
        queue.close();
        assert_eq!(names(&queue.take().unwrap()), ["a"]);
        assert_eq!(names(&queue.take().unwrap()), ["dropped 1"]);
        queue.done(record("a").weight());
        assert!(queue.take().is_none());
    }

    #[test]
    fn weight_is_bounded_until_written() {
        let weight = record("a").weight();
        let queue = Queue::with_limits(usize::MAX, 2 * weight);
        queue.push(record("a"));
        queue.push(record("b"));
        assert_eq!(queue.take().unwrap().len(), 2);
        // Taken but not yet written: it still counts.
        queue.push(record("c"));
        queue.done(2 * weight);
        queue.push(record("d"));
        assert_eq!(names(&queue.take().unwrap()), ["dropped 1", "d"]);
    }

    #[test]
    fn flush_waits_for_what_is_being_written() {
        let queue = Queue::new();
        assert!(queue.flush(Duration::ZERO));
        queue.push(record("a"));
        assert!(!queue.flush(Duration::ZERO));
        queue.take().unwrap();
        assert!(!queue.flush(Duration::ZERO));
        queue.done(record("a").weight());
        assert!(queue.flush(Duration::ZERO));
    }
}
