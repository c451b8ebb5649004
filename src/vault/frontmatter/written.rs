//! A mapping's scalars as their writer wrote them: `1.10` stays `1.10`.
//!
//! A YAML number knows its value but not its spelling, and a title or a tag is a text. So the text is
//! read a second time, with every scalar as a string; the first reading tells where scalars stand.

use std::collections::HashMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_yaml::{Mapping, Value};

/// The scalars, or lists of scalars, at the top of a mapping.
pub(super) type Written = HashMap<String, Vec<String>>;

/// Reads `yaml` again, which was read as `mapping` before.
pub(super) fn as_written(yaml: &str, mapping: &Mapping) -> Written {
    // What could be read once can be read again; if not, the values' own texts do.
    Top { mapping }
        .deserialize(serde_yaml::Deserializer::from_str(yaml))
        .unwrap_or_default()
}

struct Top<'a> {
    mapping: &'a Mapping,
}

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = Written;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Written, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = Written;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Written, A::Error> {
        let mut found = Written::new();
        // A key that is no text (`1:`) still has a spelling, under which nobody asks for it.
        while let Some(key) = map.next_key::<String>()? {
            match self.mapping.get(key.as_str()) {
                Some(value) if is_scalar(value) => {
                    found.insert(key, vec![map.next_value()?]);
                }
                Some(Value::Sequence(values)) if values.iter().all(is_scalar_or_null) => {
                    let texts: Vec<Option<String>> = map.next_value()?;
                    found.insert(key, texts.into_iter().flatten().collect());
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(found)
    }
}

fn is_scalar(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Number(_) | Value::String(_))
}

fn is_scalar_or_null(value: &Value) -> bool {
    value.is_null() || is_scalar(value)
}
