//! Walking through a YAML value: which keys are there, which are unknown or given twice, what type a value has.
//!
//! A value that was refused is reported and reads as `None`, so that the rest is checked all the same.

use super::error::ConfigErrors;
use super::yaml::{self, Position, Raw, Step};

/// More problems than this are counted, not shown.
const MOST_PROBLEMS: usize = 100;

/// Where a problem lies.
#[derive(Clone, Debug)]
pub(super) enum Place {
    /// In the file.
    Steps(Vec<Step>),
    /// In a flag of the command line.
    Flag(&'static str),
    /// Nowhere that can be pointed at: what is missing, or a default.
    Nowhere,
}

impl Place {
    fn step(&self, step: Step) -> Self {
        let mut steps = if let Self::Steps(steps) = self {
            steps.clone()
        } else {
            Vec::new()
        };
        steps.push(step);
        Self::Steps(steps)
    }
}

struct Problem {
    place: Place,
    key: String,
    message: String,
}

/// What was found to be wrong so far.
#[derive(Default)]
pub(super) struct Problems {
    found: Vec<Problem>,
}

impl Problems {
    /// `message` says what is wrong; what to do.
    pub(super) fn report(&mut self, place: &Place, key: &str, message: impl Into<String>) {
        self.found.push(Problem {
            place: place.clone(),
            key: key.to_owned(),
            message: message.into(),
        });
    }

    /// `Ok` where there are none. `name` is the file's; without one there was no file.
    pub(super) fn into_result(self, name: Option<&str>, text: &str) -> Result<(), ConfigErrors> {
        if self.found.is_empty() {
            return Ok(());
        }
        let hidden = self.found.len().saturating_sub(MOST_PROBLEMS);
        let mut lines: Vec<(Option<Position>, String)> = self
            .found
            .iter()
            .take(MOST_PROBLEMS)
            .map(|problem| problem.line(name, text))
            .collect();
        lines.sort_by_key(|(position, _)| *position);
        let more = (hidden > 0).then(|| format!("… and {hidden} more problems"));
        Err(ConfigErrors::new(
            lines.into_iter().map(|(_, line)| line).chain(more),
        ))
    }
}

impl Problem {
    fn line(&self, name: Option<&str>, text: &str) -> (Option<Position>, String) {
        let Self { key, message, .. } = self;
        let position = match &self.place {
            Place::Flag(flag) => return (None, format!("{flag}: {message}")),
            Place::Nowhere => Position::START,
            Place::Steps(steps) => yaml::locate(text, steps),
        };
        match name {
            Some(name) if key.is_empty() => {
                (Some(position), format!("{name}:{position}: {message}"))
            }
            Some(name) => (
                Some(position),
                format!("{name}:{position}: {key}: {message}"),
            ),
            None => (None, format!("{key}: {message}")),
        }
    }
}

/// A value with its dotted key and its place.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) raw: &'a Raw,
    pub(super) key: String,
    pub(super) place: Place,
    /// Where its key is written.
    pub(super) key_place: Place,
}

impl<'a> Node<'a> {
    pub(super) fn root(raw: &'a Raw) -> Self {
        let place = Place::Steps(Vec::new());
        Self {
            raw,
            key: String::new(),
            key_place: place.clone(),
            place,
        }
    }

    /// Reports something wrong with the value.
    pub(super) fn refuse(&self, problems: &mut Problems, message: impl Into<String>) {
        problems.report(&self.place, &self.key, message);
    }

    fn refuse_type(&self, problems: &mut Problems, expected: &str, advice: &str) {
        let found = describe(self.raw);
        self.refuse(
            problems,
            format!("expected {expected}, found {found}; {advice}"),
        );
    }

    pub(super) fn text(&self, problems: &mut Problems, expected: &str) -> Option<&'a str> {
        let advice = "put it in quotes if it is meant as text";
        self.text_or(problems, expected, advice)
    }

    /// As [`Self::text`], for what no number and no `true` is even in quotes: `advice` says what to write in its place.
    pub(super) fn text_or(
        &self,
        problems: &mut Problems,
        expected: &str,
        advice: &str,
    ) -> Option<&'a str> {
        match self.raw {
            Raw::Text(text) => return Some(text),
            Raw::Nothing => self.refuse_type(problems, expected, "give one or leave the key out"),
            Raw::Bool(_) | Raw::Integer(_) | Raw::Float(_) => {
                self.refuse_type(problems, expected, advice);
            }
            Raw::List(_) | Raw::Map(_) | Raw::Tagged(_) => {
                self.refuse_type(problems, expected, "write one text");
            }
        }
        None
    }

    pub(super) fn integer(&self, problems: &mut Problems) -> Option<i128> {
        let Raw::Integer(number) = self.raw else {
            self.refuse_type(problems, "a whole number", "write digits only, such as 8");
            return None;
        };
        Some(*number)
    }

    pub(super) fn list(&self, problems: &mut Problems, example: &str) -> Option<Vec<Node<'a>>> {
        let Raw::List(items) = self.raw else {
            self.refuse_type(problems, "a list", &format!("write it as {example}"));
            return None;
        };
        let node = |(index, raw)| {
            let place = self.place.step(Step::Item(index));
            Node {
                raw,
                key: self.key.clone(),
                key_place: place.clone(),
                place,
            }
        };
        Some(items.iter().enumerate().map(node).collect())
    }

    /// The entries of a map by key, each key once; nothing at all is an empty map.
    pub(super) fn entries(&self, problems: &mut Problems) -> Option<Vec<(&'a str, Node<'a>)>> {
        let entries = match self.raw {
            Raw::Map(entries) => entries.as_slice(),
            Raw::Nothing => &[],
            _ => {
                self.refuse_type(problems, "a map", "write `key: value` lines");
                return None;
            }
        };
        let mut kept: Vec<(&str, Node)> = Vec::with_capacity(entries.len());
        for (index, (key, raw)) in entries.iter().enumerate() {
            let key_place = self.place.step(Step::Key(index));
            let Raw::Text(name) = key else {
                let found = describe(key);
                problems.report(
                    &key_place,
                    &self.key,
                    format!("a key must be text, found {found}; put it in quotes"),
                );
                continue;
            };
            let full = self.key_of(name);
            if kept.iter().any(|(other, _)| other == name) {
                problems.report(&key_place, &full, "is given twice; keep one of the two");
                continue;
            }
            let place = self.place.step(Step::Value(index));
            kept.push((
                name,
                Node {
                    raw,
                    key: full,
                    place,
                    key_place,
                },
            ));
        }
        Some(kept)
    }

    /// The dotted key of `name` below this value.
    fn key_of(&self, name: &str) -> String {
        if self.key.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.key)
        }
    }
}

/// A map of which all keys are known.
pub(super) struct Section<'a> {
    entries: Vec<(&'a str, Node<'a>)>,
}

impl<'a> Section<'a> {
    /// Reads a map, reporting each key that is not in `known`; `elsewhere` are dotted keys that may have been meant.
    pub(super) fn read(
        node: &Node<'a>,
        known: &[&str],
        elsewhere: &[&str],
        problems: &mut Problems,
    ) -> Self {
        let entries = node.entries(problems).unwrap_or_default();
        for (name, entry) in &entries {
            if !known.contains(name) {
                let advice = advice_for_unknown(name, known, elsewhere);
                problems.report(
                    &entry.key_place,
                    &entry.key,
                    format!("is not a known key; {advice}"),
                );
            }
        }
        Self { entries }
    }

    pub(super) fn empty() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Node<'a>> {
        self.entries
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, node)| node)
    }
}

fn advice_for_unknown(name: &str, known: &[&str], elsewhere: &[&str]) -> String {
    let moved = elsewhere
        .iter()
        .find(|key| **key == name || key.rsplit('.').next() == Some(name));
    if let Some((section, key)) = moved.and_then(|key| key.split_once('.')) {
        return format!("write `{key}` indented below `{section}:`");
    }
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here are {}", known.join(", ")),
    }
}

/// The name that was most likely meant, if any is near enough to be worth proposing.
pub(super) fn nearest<'n>(text: &str, names: &[&'n str]) -> Option<&'n str> {
    let folded = text.to_lowercase().replace('-', "_");
    let distance = |name: &str| strsim::damerau_levenshtein(&folded, &name.replace('-', "_"));
    let near = names
        .iter()
        .map(|name| (distance(name), *name))
        .min_by_key(|(distance, _)| *distance)?;
    (near.0 <= 1.max(near.1.chars().count() / 3)).then_some(near.1)
}

/// A value in the words of a message.
fn describe(raw: &Raw) -> String {
    match raw {
        Raw::Nothing => "nothing".to_owned(),
        Raw::Bool(value) => format!("`{value}`"),
        Raw::Integer(number) => format!("the number {number}"),
        // With its `.0`, which is what is wrong with it where a whole number is wanted.
        Raw::Float(number) => format!("the number {number:?}"),
        Raw::Text(text) => format!("the text {}", quoted(text)),
        Raw::List(_) => "a list".to_owned(),
        Raw::Map(_) => "a map".to_owned(),
        Raw::Tagged(tag) => format!("a value with the tag `!{tag}`"),
    }
}

/// A text of the user's in a message, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("`{}…`", &text[..cut]),
        None => format!("`{text}`"),
    }
}
