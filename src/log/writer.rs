//! The one thread that writes the log.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::ThreadId;
use std::time::{Duration, SystemTime};

use tracing::Level;

use super::output::{DrawAround, Form, Output};
use super::queue::{Item, Queue};
use super::record::{Record, Value};

/// The writer of this process, for a panic, which has no handle.
static ACTIVE: OnceLock<Arc<Writer>> = OnceLock::new();

/// The queue and what the thread at its end needs.
pub(super) struct Writer {
    pub(super) queue: Queue,
    around: Mutex<Option<DrawAround>>,
    thread: OnceLock<ThreadId>,
}

impl Writer {
    /// Starts the thread. It ends when the queue is closed; nobody joins it, because it may hang in a write that
    /// never ends: whoever leaves calls [`Queue::flush`] first.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(output: Output, queue: Queue) -> io::Result<Arc<Self>> {
        let writer = Arc::new(Self {
            queue,
            around: Mutex::default(),
            thread: OnceLock::new(),
        });
        let own = Arc::clone(&writer);
        let thread = std::thread::Builder::new()
            .name("log".into())
            .spawn(move || own.run(output))?;
        // Set once, here.
        let _first = writer.thread.set(thread.thread().id());
        Ok(writer)
    }

    /// Makes this the writer that a panic uses. The first one stays.
    pub(super) fn activate(self: &Arc<Self>) {
        let _first = ACTIVE.set(Arc::clone(self));
    }

    /// Has every write made inside `around`.
    pub(super) fn draw_around(&self, around: Option<DrawAround>) {
        *self.around.lock().unwrap_or_else(PoisonError::into_inner) = around;
    }

    /// Whether the thread can write what the calling thread waits for.
    fn is_able(&self) -> bool {
        self.queue.is_open() && self.thread.get() != Some(&std::thread::current().id())
    }

    fn run(&self, mut output: Output) {
        while let Some(items) = self.queue.take() {
            let mut weight = 0;
            let mut records = Vec::with_capacity(items.len());
            for item in items {
                match item {
                    Item::Record(record) => {
                        weight += record.weight();
                        records.push(record);
                    }
                    Item::Dropped(count) => records.push(dropped(count)),
                    Item::Output(next) => {
                        self.write(&output, &records);
                        records.clear();
                        output = next;
                    }
                }
            }
            self.write(&output, &records);
            self.queue.done(weight);
        }
    }

    fn write(&self, output: &Output, records: &[Record]) {
        let around = self.around.lock().unwrap_or_else(PoisonError::into_inner);
        output.write(records, around.as_ref());
    }
}

fn dropped(count: u64) -> Record {
    Record::new(SystemTime::now(), Level::WARN, "log records dropped")
        .with("records", Value::Unsigned(count))
        .with(
            "hint",
            Value::Text("whatever reads the log is too slow or has stopped reading".into()),
        )
}

/// Writes a record that no other will follow, waiting for it no longer than `patience`.
pub(super) fn write_last(record: Record, patience: Duration) {
    match ACTIVE.get() {
        Some(writer) if writer.is_able() => {
            writer.queue.push(record);
            writer.queue.flush(patience);
        }
        // No log yet or no longer, or it is the log itself that panicked: straight to stderr.
        _ => {
            if let Ok(stderr) = Output::to_stderr(Form::Plain) {
                stderr.write(&[record], None);
            }
        }
    }
}
