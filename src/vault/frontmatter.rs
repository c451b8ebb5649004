//! Front matter: where it is, what it says, and how far it can be trusted when it can't be read.
//!
//! Privacy fails closed: whatever could have been meant to keep a note in, keeps it in.

use std::collections::HashSet;

use serde_yaml::{Mapping, Value};

mod value;
mod written;

use super::tags::TagSet;
use super::{Privacy, Problem};

/// Larger front matter is not read.
const MAX_BYTES: usize = 1 << 20;
/// Deeper flow collections are not read: the YAML scanner's time grows with their depth.
const MAX_FLOW_DEPTH: usize = 64;
/// More aliases are not followed: a few that are nested can stand for gigabytes.
const MAX_ALIASES: usize = 8;

/// The parts of a note's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Split<'a> {
    /// What stands between the fences.
    pub(super) yaml: &'a str,
    /// Byte offset after the closing fence's line.
    pub(super) end: usize,
}

/// How a text begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening<'a> {
    /// With the body.
    None,
    /// With front matter.
    Closed(Split<'a>),
    /// With a `---` line that nothing closes: all that follows it.
    Unclosed(&'a str),
}

/// Finds the front matter: the first line is `---` (after a byte order mark), and a later line is.
pub(super) fn split(text: &str) -> Opening<'_> {
    let bom = bom_len(text);
    let Some(first) = text[bom..]
        .split_inclusive('\n')
        .next()
        .filter(|line| is_fence(line) && line.ends_with('\n'))
    else {
        return Opening::None;
    };
    let start = bom + first.len();
    let mut at = start;
    for line in text[start..].split_inclusive('\n') {
        let end = at + line.len();
        if is_fence(line) {
            return Opening::Closed(Split {
                yaml: &text[start..at],
                end,
            });
        }
        at = end;
    }
    Opening::Unclosed(&text[start..])
}

/// The length of the byte order marks at the start of `text`: a careless tool adds a second.
pub(super) fn bom_len(text: &str) -> usize {
    text.len() - text.trim_start_matches('\u{feff}').len()
}

fn is_fence(line: &str) -> bool {
    line.strip_prefix("---")
        .is_some_and(|rest| rest.trim().is_empty())
}

/// What front matter says of its note.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) title: Option<Box<str>>,
    pub(super) tags: TagSet,
    pub(super) aliases: Vec<Box<str>>,
    pub(super) private: bool,
}

/// Front matter that can't be read: what is wrong, and what it means for the note.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) problem: Problem,
    pub(super) privacy: Privacy,
}

/// Reads the YAML between the fences as a mapping; nothing or only comments is an empty one.
///
/// The error's line and column count in `yaml`, from 1.
pub(super) fn mapping(yaml: &str) -> Result<Mapping, Problem> {
    let problem = |line: usize, column: usize, message: &str| Problem {
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        message: message.into(),
    };
    if yaml.trim().is_empty() {
        return Ok(Mapping::new());
    }
    if yaml.len() > MAX_BYTES {
        return Err(problem(1, 1, "the front matter is larger than 1 MiB"));
    }
    if aliases(yaml) > MAX_ALIASES {
        return Err(problem(1, 1, "the front matter has too many YAML aliases"));
    }
    if let Some(at) = too_deep(yaml) {
        let (line, column) = position(yaml, at);
        return Err(problem(
            line,
            column,
            "the front matter is nested too deeply",
        ));
    }
    let value::Any(value) = serde_yaml::from_str(yaml).map_err(|error| {
        let (line, column) = position(yaml, place_of(&error, yaml));
        problem(
            line,
            column,
            &format!(
                "the front matter is not valid YAML: {}",
                without_location(&error)
            ),
        )
    })?;
    match value {
        Value::Mapping(mapping) if has_template(&mapping) => {
            let at = yaml.find("{{").or_else(|| yaml.find('?')).unwrap_or(0);
            let (line, column) = position(yaml, at);
            let message = "the front matter holds a template (`{{…}}` without quotes) or a key that is no text";
            Err(problem(line, column, message))
        }
        Value::Mapping(mapping) if !yaml.contains("<<") => Ok(mapping),
        Value::Mapping(mapping) => value::merged(mapping).ok_or_else(|| {
            let (line, column) = position(yaml, yaml.find("<<").unwrap_or(0));
            problem(
                line,
                column,
                "`<<` in the front matter merges what is no mapping",
            )
        }),
        Value::Null => Ok(Mapping::new()),
        _ => Err(problem(
            1,
            1,
            "the front matter is not a mapping of keys to values",
        )),
    }
}

/// Reads the front matter of a note.
pub(super) fn read(split: Split<'_>) -> Result<Fields, Unreadable> {
    let mapping = mapping(split.yaml).map_err(|problem| Unreadable {
        privacy: privacy_of_unreadable(split.yaml),
        // The opening fence is the file's first line.
        problem: Problem {
            line: problem.line.saturating_add(1),
            ..problem
        },
    })?;
    Ok(fields(&mapping, split.yaml))
}

/// What an unclosed opening `---` means: `None` if it reads like a rule and text.
///
/// It was meant as front matter if a key stands on the line below: then nobody knows where it was meant to end. Else it
/// ends at the first blank line. It is withheld if one of its lines begins with a key that keeps a note in.
pub(super) fn read_unclosed(rest: &str) -> Option<Unreadable> {
    let key_of = |line: &str| -> Option<String> {
        let (key, _) = line.split_once(':')?;
        let key = key.trim().trim_matches(['"', '\'']);
        let plain = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        plain.then(|| key.to_ascii_lowercase())
    };
    let opened = rest.lines().next().and_then(key_of).is_some();
    let mut keys = rest
        .lines()
        .take_while(|line| opened || !line.trim().is_empty())
        .filter_map(key_of);
    let withheld = keys.any(|key| PRIVACY_WORDS.contains(&key.as_str()));
    if !opened && !withheld {
        return None;
    }
    let message = "the front matter has no closing --- line".into();
    let privacy = if withheld {
        Privacy::Withheld
    } else {
        Privacy::Unreadable
    };
    Some(Unreadable {
        problem: Problem {
            line: 1,
            column: 1,
            message,
        },
        privacy,
    })
}

const PRIVACY_WORDS: [&str; 4] = ["export", "publish", "draft", "private"];

/// Whether a text that can't be read holds one of the words that keep a note in.
pub(super) fn privacy_of_unreadable(text: &str) -> Privacy {
    let mut words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
    if words.any(|word| {
        PRIVACY_WORDS
            .iter()
            .any(|private| word.eq_ignore_ascii_case(private))
    }) {
        Privacy::Withheld
    } else {
        Privacy::Unreadable
    }
}

/// What a mapping says of its note; `yaml` is the text that it was read from.
pub(super) fn fields(mapping: &Mapping, yaml: &str) -> Fields {
    let mut fields = Fields::default();
    let mut spelled = None;
    for (key, value) in mapping {
        let Value::String(key) = key else { continue };
        let name = name_of(key);
        if !matches!(
            name.as_str(),
            "title"
                | "tags"
                | "tag"
                | "aliases"
                | "alias"
                | "export"
                | "publish"
                | "draft"
                | "private"
        ) {
            continue;
        }
        // Only what isn't a text needs a second look at how it was written.
        let texts = if needs_source(value) {
            spelled
                .get_or_insert_with(|| written::as_written(yaml, mapping))
                .get(key.as_str())
                .cloned()
                .unwrap_or_else(|| texts(value))
        } else {
            texts(value)
        };
        match name.as_str() {
            "title" if matches!(value, Value::Sequence(_) | Value::Mapping(_) | Value::Null) => {}
            "title" => {
                let title = texts
                    .first()
                    .map(|text| text.trim())
                    .filter(|text| !text.is_empty());
                fields.title = title.map(Into::into);
            }
            "tags" | "tag" => texts.iter().for_each(|text| fields.tags.add_list(text)),
            "aliases" | "alias" if matches!(value, Value::Sequence(_)) => {
                add_aliases(&mut fields.aliases, texts.iter().map(String::as_str));
            }
            "aliases" | "alias" => add_aliases(
                &mut fields.aliases,
                texts.iter().flat_map(|text| text.split(',')),
            ),
            "draft" | "private" => fields.private |= keeps_in(value),
            _ => fields.private |= is_refusal(value),
        }
    }
    fields
}

fn add_aliases<'a>(aliases: &mut Vec<Box<str>>, texts: impl Iterator<Item = &'a str>) {
    for text in texts.map(str::trim).filter(|text| !text.is_empty()) {
        if !aliases.iter().any(|known| **known == *text) {
            aliases.push(text.into());
        }
    }
}

/// Whether `draft: value` or `private: value` keeps a note in: anything but a clear no.
fn keeps_in(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !matches!(
            text.trim().to_lowercase().as_str(),
            "false" | "no" | "off" | "n" | "0" | "null" | "~" | ""
        ),
        Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_) => true,
    }
}

/// Whether `export: value` or `publish: value` keeps a note in: any kind of no.
fn is_refusal(value: &Value) -> bool {
    match value {
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        // A line below folds into the value, and so does a comment without a space before it: the first word counts.
        Value::String(text) => matches!(
            first_word(text).to_lowercase().as_str(),
            "false" | "no" | "not" | "off" | "n" | "0" | "never" | "none" | "draft" | "private"
        ),
        Value::Sequence(values) => values.iter().any(is_refusal),
        Value::Tagged(tagged) => is_refusal(&tagged.value),
        Value::Null | Value::Mapping(_) => false,
    }
}

/// The value whose key is `name` in any case, as written here before any other.
pub(super) fn value_of<'a>(mapping: &'a Mapping, name: &str) -> Option<&'a Value> {
    let is_it = |key: &Value| key.as_str().is_some_and(|key| name_of(key) == name);
    let in_any_case = || mapping.iter().find(|(key, _)| is_it(key));
    let exact = mapping.get(name);
    exact.or_else(|| in_any_case().map(|(_, value)| value))
}

/// A key without regard to case, and to invisible characters and the like around it.
fn name_of(key: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    key.trim_matches(|c| !is_part(c)).to_lowercase()
}

fn first_word(text: &str) -> &str {
    let start = text.trim_start_matches(|c: char| !c.is_alphanumeric());
    let end = start.find(|c: char| !c.is_alphanumeric());
    &start[..end.unwrap_or(start.len())]
}

/// Whether some key is a collection, as in `created: {{date}}`: valid YAML, but nobody's meaning.
fn has_template(mapping: &Mapping) -> bool {
    mapping.iter().any(|(key, value)| {
        matches!(
            key,
            Value::Sequence(_) | Value::Mapping(_) | Value::Tagged(_)
        ) || has_template_in(value)
    })
}

fn has_template_in(value: &Value) -> bool {
    match value {
        Value::Mapping(mapping) => has_template(mapping),
        Value::Sequence(values) => values.iter().any(has_template_in),
        Value::Tagged(tagged) => has_template_in(&tagged.value),
        _ => false,
    }
}

/// Whether the value's own text is lost in `Value` (`1.10` becomes `1.1`).
fn needs_source(value: &Value) -> bool {
    match value {
        Value::Number(_) | Value::Bool(_) => true,
        Value::Sequence(values) => values.iter().any(needs_source),
        _ => false,
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Bool(value) => vec![value.to_string()],
        Value::Sequence(values) => values.iter().flat_map(texts).collect(),
        Value::Tagged(tagged) => texts(&tagged.value),
        Value::Null | Value::Mapping(_) => Vec::new(),
    }
}

/// How often an anchor (`&name`) of the text is repeated by an alias (`*name`).
fn aliases(yaml: &str) -> usize {
    if memchr::memchr(b'&', yaml.as_bytes()).is_none() {
        return 0;
    }
    let names = |sigil: char| {
        yaml.split(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '{' | '}' | ','))
            .filter_map(move |word| word.strip_prefix(sigil))
    };
    let anchors: HashSet<&str> = names('&').collect();
    names('*')
        .filter(|name| anchors.contains(name.trim_end_matches(':')))
        .count()
}

/// The byte offset where the nesting of flow collections becomes too deep, strings and comments not excepted.
fn too_deep(yaml: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in yaml.bytes().enumerate() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_FLOW_DEPTH {
            return Some(at);
        }
    }
    None
}

/// The byte offset of an error in the text that was read. The parser's own lines end at more than line ends do.
fn place_of(error: &serde_yaml::Error, yaml: &str) -> usize {
    match error.location() {
        // Where it meets a character that YAML doesn't allow, it says so without a place.
        Some(at) if at.index() == 0 => yaml.find(is_disallowed).unwrap_or(0),
        Some(at) => at.index(),
        None => 0,
    }
}

fn is_disallowed(c: char) -> bool {
    let is_control = c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    is_control || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Line and column (in characters) of a byte offset, from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |nl| nl + 1);
    (
        before.bytes().filter(|&b| b == b'\n').count() + 1,
        before[line_start..].chars().count() + 1,
    )
}

/// The parser's message in one line, without the place that it puts at its end.
fn without_location(error: &serde_yaml::Error) -> String {
    let message = error.to_string();
    let cut = message.find(" at line ").unwrap_or(message.len());
    message[..cut]
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
