//! One log record as data: what every format starts from. Holds no format's rules.

use std::fmt;
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::{Event, Level};

/// Records of this crate have this target; others show theirs as a field.
pub(super) const OWN_TARGET: &str = "smartnotesd";

/// The value of a field, with the type that it was recorded with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Unsigned(u64),
    /// A whole number that may be negative.
    Signed(i64),
    /// A measure.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Unsigned(number) => number.fmt(f),
            Self::Signed(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
            Self::Bool(flag) => flag.fmt(f),
        }
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// When it was made.
    pub(super) time: SystemTime,
    /// How much it matters.
    pub(super) level: Level,
    /// The phrase.
    pub(super) message: String,
    /// What varies, in the order in which it was recorded.
    pub(super) fields: Vec<(String, Value)>,
}

impl Record {
    /// A record with no fields.
    pub(super) fn new(time: SystemTime, level: Level, message: impl Into<String>) -> Self {
        Self {
            time,
            level,
            message: message.into(),
            fields: Vec::new(),
        }
    }

    /// The same with one more field.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.push(name, value);
        self
    }

    /// What a `tracing` event says.
    pub(super) fn of_event(time: SystemTime, event: &Event<'_>) -> Self {
        let metadata = event.metadata();
        let mut record = Self::new(time, *metadata.level(), "");
        event.record(&mut record);
        let target = metadata.target();
        if target != OWN_TARGET && !target.starts_with("smartnotesd::") {
            record.push("target", Value::Text(target.into()));
        }
        record
    }

    /// The value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value)
    }

    /// About how much memory it takes while it waits to be written.
    pub(super) fn weight(&self) -> usize {
        let text: usize = self
            .fields
            .iter()
            .map(|(name, value)| {
                name.len()
                    + match value {
                        Value::Text(text) => text.len(),
                        _ => 0,
                    }
            })
            .sum();
        size_of::<Self>()
            + self.fields.len() * size_of::<(String, Value)>()
            + self.message.len()
            + text
    }

    fn push(&mut self, name: &str, value: Value) {
        // In JSON the fields stand beside these three; another crate's field must not replace them.
        let name = match name.strip_prefix("r#").unwrap_or(name) {
            reserved @ ("timestamp" | "level" | "message") => format!("{reserved}_"),
            name => name.to_owned(),
        };
        self.fields.push((name, value));
    }

    fn push_text(&mut self, field: &Field, text: String) {
        if field.name() == "message" {
            self.message = text;
        } else {
            self.push(field.name(), Value::Text(text));
        }
    }
}

impl Visit for Record {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push_text(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push_text(field, value.to_owned());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field.name(), Value::Unsigned(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field.name(), Value::Signed(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field.name(), Value::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field.name(), Value::Bool(value));
    }
}
