//! What a YAML text says, and where it says it. Values and places both come from `serde_yaml`, so they cannot disagree.
//!
//! `serde_yaml` tells no places of values that it could read, but it tells the place of a value that a visitor
//! refuses. So the place of a problem is found by reading the text once more and refusing exactly that value: a
//! price that only a wrong config pays.

use std::convert::Infallible;
use std::fmt;

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};

/// A value as it was written: order and repeated keys of a map are kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Raw {
    Nothing,
    Bool(bool),
    Integer(i128),
    Float(f64),
    Text(String),
    List(Vec<Raw>),
    Map(Vec<(Raw, Raw)>),
    /// A value with a tag of its own (`!name`), which no key takes.
    Tagged(String),
}

/// One step down into a value; numbers count entries as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(usize),
    Value(usize),
    Item(usize),
}

/// Line and column, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

impl Position {
    pub(super) const START: Self = Self { line: 1, column: 1 };

    /// Where the byte `offset` of `text` lies.
    pub(super) fn of_offset(text: &str, offset: usize) -> Self {
        let before = &text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Why a text is no YAML document.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) position: Position,
    pub(super) message: String,
    pub(super) advice: &'static str,
}

/// Reads one document; an empty text says nothing.
pub(super) fn read(text: &str) -> Result<Raw, SyntaxError> {
    // `serde_yaml` calls a text of nothing but comments an unexpected end.
    if text
        .lines()
        .all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'))
    {
        return Ok(Raw::Nothing);
    }
    serde_yaml::from_str(text).map_err(|error| syntax_error(text, &error))
}

fn syntax_error(text: &str, error: &serde_yaml::Error) -> SyntaxError {
    let message = error.to_string();
    match error.location() {
        Some(location) => {
            let (line, column) = (location.line(), location.column());
            SyntaxError {
                position: Position { line, column },
                message: message.replacen(&format!(" at line {line} column {column}"), "", 1),
                advice: "check the indentation and the quotes there and on the line before",
            }
        }
        // What has no place is a property of the whole text: a second document, or aliases of aliases of aliases.
        None => SyntaxError {
            position: second_document(text).unwrap_or(Position::START),
            message,
            advice: "write one document, with few aliases or none",
        },
    }
}

/// Where the second of several documents begins.
fn second_document(text: &str) -> Option<Position> {
    let mut documents = serde_yaml::Deserializer::from_str(text);
    IgnoredAny::deserialize(documents.next()?).ok()?;
    let Err(refusal) = Refusal { steps: &[] }.deserialize(documents.next()?);
    position_of(&refusal)
}

/// Where the value at the end of `steps` is written; `text` is one that [`read`] has read.
pub(super) fn locate(text: &str, steps: &[Step]) -> Position {
    let Err(refusal) = Refusal { steps }.deserialize(serde_yaml::Deserializer::from_str(text));
    position_of(&refusal).unwrap_or(Position::START)
}

fn position_of(error: &serde_yaml::Error) -> Option<Position> {
    let place = error.location()?;
    Some(Position {
        line: place.line(),
        column: place.column(),
    })
}

/// Walks down `steps` and refuses the value it finds there.
#[derive(Clone, Copy)]
struct Refusal<'a> {
    steps: &'a [Step],
}

impl<'de> DeserializeSeed<'de> for Refusal<'_> {
    type Value = Infallible;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Infallible, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// Every method that is not given here refuses by default, scalars for one.
impl<'de> Visitor<'de> for Refusal<'_> {
    type Value = Infallible;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value further down")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Infallible, A::Error> {
        if let Some((Step::Item(index), rest)) = self.steps.split_first() {
            for _ in 0..*index {
                list.next_element::<IgnoredAny>()?;
            }
            list.next_element_seed(Refusal { steps: rest })?;
        }
        Err(A::Error::custom("here"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Infallible, A::Error> {
        if let Some((Step::Key(index) | Step::Value(index), rest)) = self.steps.split_first() {
            for _ in 0..*index {
                map.next_entry::<IgnoredAny, IgnoredAny>()?;
            }
            if matches!(self.steps[0], Step::Key(_)) {
                map.next_key_seed(Refusal { steps: rest })?;
            } else if map.next_key::<IgnoredAny>()?.is_some() {
                map.next_value_seed(Refusal { steps: rest })?;
            }
        }
        Err(A::Error::custom("here"))
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_none<E: Error>(self) -> Result<Raw, E> {
        Ok(Raw::Nothing)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Integer(value.into()))
    }

    fn visit_i128<E: Error>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Integer(value))
    }

    fn visit_u128<E: Error>(self, value: u128) -> Result<Raw, E> {
        Ok(i128::try_from(value).map_or(Raw::Float(value as f64), Raw::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, tagged: A) -> Result<Raw, A::Error> {
        let (tag, content) = tagged.variant::<String>()?;
        content.newtype_variant::<IgnoredAny>()?;
        Ok(Raw::Tagged(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: usize, column: usize) -> Position {
        Position { line, column }
    }

    #[test]
    fn keeps_order_and_repeated_keys() {
        let text = |text: &str| Raw::Text(text.to_owned());
        assert_eq!(
            read("b: 1\na: [x, true]\nb: ~\n").unwrap(),
            Raw::Map(vec![
                (text("b"), Raw::Integer(1)),
                (text("a"), Raw::List(vec![text("x"), Raw::Bool(true)])),
                (text("b"), Raw::Nothing),
            ])
        );
        assert_eq!(
            read("x: !odd 5").unwrap(),
            Raw::Map(vec![(text("x"), Raw::Tagged("odd".to_owned()))])
        );
        assert_eq!(read("\n# only a comment\n").unwrap(), Raw::Nothing);
    }

    #[test]
    fn locates_keys_values_and_items() {
        let text = "a: 1\nbéta:   { c: [x,  y] }\na:\n  - z\n";
        assert_eq!(locate(text, &[]), at(1, 1));
        assert_eq!(locate(text, &[Step::Key(1)]), at(2, 1));
        assert_eq!(locate(text, &[Step::Value(1)]), at(2, 9));
        assert_eq!(
            locate(text, &[Step::Value(1), Step::Value(0), Step::Item(1)]),
            at(2, 19)
        );
        assert_eq!(locate(text, &[Step::Key(2)]), at(3, 1));
        assert_eq!(locate(text, &[Step::Value(2), Step::Item(0)]), at(4, 5));
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let error = read("a: [1\nb: 2\n").unwrap_err();
        assert_eq!(error.position, at(2, 2), "{}", error.message);
        assert!(!error.message.contains("at line 2"), "{}", error.message);
    }
}
