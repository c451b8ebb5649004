//! A panic anywhere is one ERROR record and the end of the process: a service manager starts it afresh, and a
//! daemon that is half dead would be worse than none.

use std::any::Any;
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use tracing::Level;

use super::record::{Record, Value};
use super::writer;

/// What a process that panicked ends with; Rust's own choice for a panic in `main`.
const EXIT_CODE: i32 = 101;
/// How long a panic waits for its record to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// From here on a panic in any thread is logged as `panicked` and ends the process.
pub fn install_panic_hook() {
    static PANICKED: AtomicBool = AtomicBool::new(false);
    std::panic::set_hook(Box::new(|info| {
        if PANICKED.swap(true, Ordering::SeqCst) {
            // Another thread is already ending the process, and has said why.
            loop {
                std::thread::park();
            }
        }
        writer::write_last(record(info), PATIENCE);
        std::process::exit(EXIT_CODE);
    }));
}

fn record(info: &PanicHookInfo<'_>) -> Record {
    let location = info
        .location()
        .map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let thread = std::thread::current()
        .name()
        .unwrap_or("unnamed")
        .to_owned();
    Record::new(SystemTime::now(), Level::ERROR, "panicked")
        .with(
            "error",
            Value::Text(payload_text(info.payload()).to_owned()),
        )
        .with("location", Value::Text(location))
        .with("thread", Value::Text(thread))
}

fn payload_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
