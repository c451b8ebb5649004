//! A note as `json`, `csv` and templates show it: one set of names and one meaning for all of them.

use serde::Serialize;
use serde_json::{Map, Value};

use super::href;
use super::portable::{self, LinkInfo};
use super::{Source, SourceError};
use crate::path::{NotePath, OutputPath};
use crate::vault::{FileId, Note, Nowhere, RefKind, Target, note};

/// What may be said of a note. Serialised, it is the `json` output.
#[derive(Debug, Default, Serialize)]
pub(crate) struct NoteView<'a> {
    pub(crate) title: String,
    /// Portable Markdown without front matter and without blank lines at either end.
    pub(crate) body: &'a str,
    pub(crate) tags: Vec<Box<str>>,
    /// In the vault.
    pub(crate) path: String,
    pub(crate) front_matter: Map<String, Value>,
    pub(crate) links: Vec<Link>,
    pub(crate) backlinks: Vec<Backlink>,
    pub(crate) headings: Vec<HeadingView>,
    pub(crate) aliases: Vec<Box<str>>,
    /// In the export folder.
    pub(crate) output: String,
}

/// A link or an embed of the note.
#[derive(Debug, Serialize)]
pub(crate) struct Link {
    target: String,
    path: Option<String>,
    output: Option<String>,
    fragment: String,
    label: String,
    kind: &'static str,
}

/// A note that links here.
#[derive(Debug, Serialize)]
pub(crate) struct Backlink {
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) output: String,
    /// From this note's output to that one's; only templates see it.
    #[serde(skip)]
    pub(crate) href: String,
}

/// A heading of the note itself.
#[derive(Debug, Serialize)]
pub(crate) struct HeadingView {
    level: u8,
    text: Box<str>,
    anchor: Box<str>,
}

/// Which of the costlier parts of a view are wanted.
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent answers, each by its name"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) front_matter: bool,
    pub(crate) links: bool,
    pub(crate) backlinks: bool,
    pub(crate) headings: bool,
}

impl Parts {
    /// Every part.
    pub(crate) const ALL: Self = Self {
        front_matter: true,
        links: true,
        backlinks: true,
        headings: true,
    };
    /// Title, body and tags.
    pub(crate) const NONE: Self = Self {
        front_matter: false,
        links: false,
        backlinks: false,
        headings: false,
    };
}

/// The view of the note `id` in the format `format`, around a body that was rewritten for it.
pub(crate) fn view<'a>(
    source: &dyn Source,
    id: FileId,
    format: usize,
    body: &'a str,
    parts: Parts,
) -> Result<NoteView<'a>, SourceError> {
    let note = source.note(id)?;
    let output = source.output(id, format);
    let facts = &note.facts;
    let front_matter = if parts.front_matter {
        front_matter(&note)
    } else {
        Map::new()
    };
    let links = if parts.links {
        links(source, id, format)?
    } else {
        Vec::new()
    };
    let backlinks = if parts.backlinks {
        backlinks(source, id, format, &output)
    } else {
        Vec::new()
    };
    let headings = if parts.headings {
        headings(&note)
    } else {
        Vec::new()
    };
    Ok(NoteView {
        title: facts.title.to_string(),
        body: trim_blank_lines(body),
        tags: facts.tags.clone(),
        path: source.path(id).to_string(),
        front_matter,
        links,
        backlinks,
        headings,
        aliases: facts.aliases.clone(),
        output: output.into(),
    })
}

/// Tags in one text.
pub(crate) fn join_tags(tags: &[Box<str>]) -> String {
    tags.join(", ")
}

/// `body` without the blank lines before and after it; the indent of its first line stays.
pub(crate) fn trim_blank_lines(body: &str) -> &str {
    let text = body.strip_prefix('\u{feff}').unwrap_or(body);
    let first = text.len() - text.trim_start().len();
    let start = text[..first]
        .rfind(['\n', '\r'])
        .map_or(0, |newline| newline + 1);
    let last = text.trim_end().len();
    let end = text[last..]
        .find(['\n', '\r'])
        .map_or(text.len(), |newline| last + newline);
    text.get(start..end).unwrap_or_default()
}

fn links(source: &dyn Source, id: FileId, format: usize) -> Result<Vec<Link>, SourceError> {
    let links = portable::links(source, id, format)?;
    Ok(links
        .into_iter()
        .filter_map(|link| {
            let path = match link.meaning {
                Target::Note(to, _) | Target::File(to) => Some(source.path(to)),
                // The text shows no more than the label, so the name of a note that is kept in stays out of the list too.
                Target::Nowhere(Nowhere::Hidden) => return None,
                Target::Nowhere(_) => None,
            };
            Some(link_view(link, path))
        })
        .collect())
}

fn link_view(link: LinkInfo, path: Option<&NotePath>) -> Link {
    Link {
        target: link.target,
        path: path.map(NotePath::to_string),
        output: link.output.map(String::from),
        fragment: link.fragment,
        label: link.label,
        kind: match link.kind {
            RefKind::WikiLink => "wikilink",
            RefKind::WikiEmbed => "embed",
            RefKind::Link => "link",
            RefKind::Image => "image",
        },
    }
}

fn backlinks(source: &dyn Source, id: FileId, format: usize, output: &OutputPath) -> Vec<Backlink> {
    let from = source.backlinks(id);
    from.into_iter()
        .map(|from| {
            let from_output = source.output(from, format);
            Backlink {
                path: source.path(from).to_string(),
                title: source.title(from),
                href: href::relative(output.folder(), &from_output),
                output: from_output.into(),
            }
        })
        .collect()
}

fn headings(note: &Note) -> Vec<HeadingView> {
    let headings = note.facts.headings.iter();
    headings
        .map(|heading| HeadingView {
            level: heading.level,
            text: heading.text.clone(),
            anchor: heading.anchor.clone(),
        })
        .collect()
}

/// The front matter as JSON. What is no YAML mapping is empty: the note's facts say what is wrong with it.
fn front_matter(note: &Note) -> Map<String, Value> {
    note::front_matter(note).map_or_else(Map::new, object)
}

fn object(mapping: serde_yaml::Mapping) -> Map<String, Value> {
    mapping
        .into_iter()
        .map(|(key, value)| (key_text(key), json(value)))
        .collect()
}

/// JSON has only texts as keys: any other key becomes its JSON text.
fn key_text(key: serde_yaml::Value) -> String {
    match key {
        serde_yaml::Value::String(text) => text,
        other => json(other).to_string(),
    }
}

/// A YAML value as JSON: tags are dropped, and what JSON has no number for is null.
fn json(value: serde_yaml::Value) -> Value {
    match value {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(bool) => Value::Bool(bool),
        serde_yaml::Value::Number(number) => number_json(&number),
        serde_yaml::Value::String(text) => Value::String(text),
        serde_yaml::Value::Sequence(items) => items.into_iter().map(json).collect(),
        serde_yaml::Value::Mapping(mapping) => Value::Object(object(mapping)),
        serde_yaml::Value::Tagged(tagged) => json(tagged.value),
    }
}

fn number_json(number: &serde_yaml::Number) -> Value {
    if let Some(whole) = number.as_u64() {
        return whole.into();
    }
    if let Some(whole) = number.as_i64() {
        return whole.into();
    }
    number
        .as_f64()
        .and_then(serde_json::Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_go_and_indents_stay() {
        assert_eq!(
            trim_blank_lines("\n  \r\n    code\n\nend  \r\n\r\n"),
            "    code\n\nend  "
        );
        assert_eq!(trim_blank_lines("\u{feff}\nx"), "x");
        assert_eq!(trim_blank_lines(" \n\n "), "");
        assert_eq!(trim_blank_lines(""), "");
    }

    #[test]
    fn yaml_becomes_json() {
        let yaml = "date: 2024-01-02\nversion: 1.10\n1: one\ntrue: yes\n~: nothing\n[a, b]: pair\nnan: .nan\n\
                    big: 18446744073709551615\nlow: -3\ntagged: !thing {x: [1, null]}\n";
        let read = object(serde_yaml::from_str(yaml).unwrap());
        let order: Vec<_> = read.keys().take(3).map(String::as_str).collect();
        assert_eq!(order, ["date", "version", "1"]);
        let expected = serde_json::json!({
            "date": "2024-01-02", "version": 1.1, "1": "one", "true": "yes", "null": "nothing", "[\"a\",\"b\"]": "pair",
            "nan": null, "big": 18_446_744_073_709_551_615_u64, "low": -3, "tagged": {"x": [1, null]},
        });
        assert_eq!(Value::Object(read), expected);
    }
}
