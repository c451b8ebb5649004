//! Any YAML value, read as other readers of notes do: numbers of any size are numbers, and merge keys are merged.

use std::fmt;

use serde::de::{
    Deserialize, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_yaml::value::{Tag, TaggedValue};
use serde_yaml::{Mapping, Value};

/// A value. `Value`'s own reading refuses whole numbers beyond 64 bits.
pub(super) struct Any(pub(super) Value);

impl<'de> Deserialize<'de> for Any {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyVisitor).map(Self)
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    #[expect(clippy::cast_precision_loss, reason = "so does JSON, where it goes")]
    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Number((value as f64).into()))
    }

    #[expect(clippy::cast_precision_loss, reason = "so does JSON, where it goes")]
    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Value::Number((value as f64).into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Any(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Sequence(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut mapping = Mapping::new();
        while let Some(Any(key)) = entries.next_key()? {
            if mapping.contains_key(&key) {
                let key = key.as_str().unwrap_or("that is no text");
                return Err(A::Error::custom(format_args!(
                    "the key {key} is given twice"
                )));
            }
            let Any(value) = entries.next_value()?;
            mapping.insert(key, value);
        }
        Ok(Value::Mapping(mapping))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Value, A::Error> {
        let (tag, content) = data.variant::<String>()?;
        let Any(value) = content.newtype_variant()?;
        let tag = Tag::new(tag);
        Ok(Value::Tagged(Box::new(TaggedValue { tag, value })))
    }
}

/// The mapping with its merge keys (`<<: *defaults`) applied, at any depth; what it says itself goes before what it merges.
/// `None` where one merges what is no mapping.
pub(super) fn merged(mapping: Mapping) -> Option<Mapping> {
    let mut own = Mapping::with_capacity(mapping.len());
    let mut merges = Vec::new();
    for (key, value) in mapping {
        let value = merged_in(value)?;
        if key == "<<" {
            merges.push(value);
        } else {
            own.insert(key, value);
        }
    }
    for merge in merges {
        let mappings = match merge {
            Value::Sequence(mappings) => mappings,
            mapping => vec![mapping],
        };
        for mapping in mappings {
            let Value::Mapping(mapping) = mapping else {
                return None;
            };
            for (key, value) in mapping {
                own.entry(key).or_insert(value);
            }
        }
    }
    Some(own)
}

fn merged_in(value: Value) -> Option<Value> {
    Some(match value {
        Value::Mapping(mapping) => Value::Mapping(merged(mapping)?),
        Value::Sequence(values) => values.into_iter().map(merged_in).collect::<Option<_>>()?,
        Value::Tagged(mut tagged) => {
            tagged.value = merged_in(tagged.value)?;
            Value::Tagged(tagged)
        }
        other => other,
    })
}
