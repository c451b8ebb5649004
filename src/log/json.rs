//! `json`: one flat object a line: `timestamp`, `level`, `message`, then the fields with their types.

use super::record::{Record, Value};
use crate::report::safe::quote_into;

/// The record's line, with its newline.
pub(super) fn line(record: &Record) -> String {
    let mut out = String::from("{\"timestamp\":\"");
    out.push_str(&humantime::format_rfc3339_micros(record.time).to_string());
    out.push_str("\",\"level\":\"");
    out.push_str(record.level.as_str());
    out.push_str("\",\"message\":");
    quote_into(&mut out, &record.message);
    for (name, value) in &record.fields {
        out.push(',');
        quote_into(&mut out, name);
        out.push(':');
        match value {
            Value::Text(text) => quote_into(&mut out, text),
            // JSON knows neither infinity nor NaN.
            Value::Float(number) if !number.is_finite() => out.push_str("null"),
            value => out.push_str(&value.to_string()),
        }
    }
    out.push_str("}\n");
    out
}
