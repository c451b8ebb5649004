//! One record of the log in its `json` form.

use std::fmt;

use serde_json::{Map, Value};

/// A record.
#[derive(Clone, Debug)]
pub struct Record(Map<String, Value>);

impl Record {
    /// Reads a line; `None` where it is no JSON object.
    pub fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().map(Self)
    }

    /// The fixed phrase.
    pub fn message(&self) -> &str {
        self.text("message")
    }

    /// A field that is text.
    pub fn text(&self, field: &str) -> &str {
        self.get(field)
            .as_str()
            .unwrap_or_else(|| panic!("{field} is no text in {self}"))
    }

    /// A field that is a whole number.
    pub fn number(&self, field: &str) -> u64 {
        self.get(field)
            .as_u64()
            .unwrap_or_else(|| panic!("{field} is no whole number in {self}"))
    }

    /// A field that is a number.
    pub fn measure(&self, field: &str) -> f64 {
        self.get(field)
            .as_f64()
            .unwrap_or_else(|| panic!("{field} is no number in {self}"))
    }

    /// Whether there is such a field.
    pub fn has(&self, field: &str) -> bool {
        self.0.contains_key(field)
    }

    /// The fields in their order.
    pub fn fields(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The fields' values in their order.
    pub fn values(&self) -> impl Iterator<Item = &Value> {
        self.0.values()
    }

    fn get(&self, field: &str) -> &Value {
        self.0
            .get(field)
            .unwrap_or_else(|| panic!("no {field} in {self}"))
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Value::Object(self.0.clone()))
    }
}
