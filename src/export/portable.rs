//! A note as portable Markdown: what every format begins from.
//!
//! The front matter stays as written (a JSON note's is made up), and `rewrite` writes the body. Decided here is whether
//! that has seams to hold, and that its beginning is not read as front matter.

use std::collections::BTreeSet;
use std::ops::Range;

use super::place;
use super::rewrite::{Seams, Writer, Written, links_are_alike};
use super::{Source, SourceError};
use crate::path::OutputPath;
use crate::vault::syntax::{MarkKind, default_label};
use crate::vault::{FileId, Note, NoteKind, RefKind, Target, note};

/// For whom the Markdown is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// For people and any Markdown tool: block ids are left out.
    Markdown,
    /// For our own HTML renderer: a block id is an empty anchor, `<a id="^id"></a>`, at the end of its block.
    Html,
}

/// A note, rewritten so that any tool can read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Portable {
    /// The front matter as written, with its fences and a byte order mark before it; a mark alone where only that is.
    /// For a JSON note it is made from its title and tags.
    pub front_matter: String,
    /// All that follows it. A picture's size stays in its alt text: `![image.png|300](…)`.
    pub body: String,
    /// The ranges of `body` that come from other notes or places, in text order. The note's own headings are
    /// the first to get their anchors; those in here come after them.
    pub inlined: Vec<Range<usize>>,
    /// The attachments that the body shows in place.
    pub pictures: BTreeSet<FileId>,
}

/// One link or embed of a note, as seen from its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkInfo {
    /// Its form.
    pub kind: RefKind,
    /// The path part as the writer wrote it, decoded; "" within the same note.
    pub target: String,
    /// What follows the first `#`, without it.
    pub fragment: String,
    /// What a reader of the note sees: the label, else what Obsidian shows.
    pub label: String,
    /// What that means.
    pub meaning: Target,
    /// The exported file that it leads to; `None` where it leads nowhere.
    pub output: Option<OutputPath>,
}

/// The note `id` as portable Markdown, for its output in the format `format`.
///
/// # Errors
/// When the text of the note, or of one that it embeds, can't be had.
pub fn portable(
    source: &dyn Source,
    id: FileId,
    format: usize,
    style: Style,
) -> Result<Portable, SourceError> {
    let note = source.note(id)?;
    let front_matter = match note.facts.kind {
        NoteKind::Json => synthesised_front_matter(&note),
        NoteKind::Markdown | NoteKind::Text => {
            note.text[..note.facts.body_start as usize].to_owned()
        }
    };
    let mut written = write(source, &note, id, format, style, Seams::Closed)?;
    if written.has_seams {
        let held = write(source, &note, id, format, style, Seams::Held)?;
        if !links_are_alike(&written.body, &held.body) {
            written = held;
        }
    }
    let mut portable = Portable {
        front_matter,
        body: written.body,
        inlined: written.inlined,
        pictures: written.pictures,
    };
    let marks = |c| c == '\u{feff}';
    let has_front_matter = !portable.front_matter.trim_start_matches(marks).is_empty();
    let own = &note.text[note.facts.body_start as usize..];
    if !has_front_matter && !note::opens_front_matter(own) {
        portable.begin_as_body(place::line_end(own));
    }
    Ok(portable)
}

/// Writes the body. What is embedded after a link may change where it leads: that is only known at the end, and rare.
fn write(
    source: &dyn Source,
    note: &Note,
    id: FileId,
    format: usize,
    style: Style,
    seams: Seams,
) -> Result<Written, SourceError> {
    let writer = || Writer::new(source, id, format, style).with_seams(seams);
    let mut written = writer().body(note)?;
    if let Some(anchors) = written.anchors.take() {
        written = writer().with_anchors(anchors).body(note)?;
    }
    Ok(written)
}

impl Portable {
    /// The input of a command: the body, which must not be taken for front matter.
    pub(super) fn into_input(mut self) -> Vec<u8> {
        self.begin_as_body("\n");
        self.body.into_bytes()
    }

    /// A rule at the top, below a comment that is gone, must not become the opening of front matter.
    fn begin_as_body(&mut self, line_end: &str) {
        if note::opens_front_matter(&self.body) {
            self.body.insert_str(0, line_end);
            for range in &mut self.inlined {
                *range = range.start + line_end.len()..range.end + line_end.len();
            }
        }
    }
}

/// The links and embeds of the note `id` itself, in text order.
///
/// # Errors
/// When the note's text can't be had.
pub fn links(source: &dyn Source, id: FileId, format: usize) -> Result<Vec<LinkInfo>, SourceError> {
    let note = source.note(id)?;
    let info = |reference: u32, label: String| {
        let reference = &note.facts.refs[reference as usize];
        let meaning = source.target(id, reference);
        let output = match meaning {
            Target::Note(to, _) | Target::File(to) => Some(source.output(to, format)),
            Target::Nowhere(_) => None,
        };
        let (target, fragment) = (reference.target.to_string(), reference.fragment.to_string());
        LinkInfo {
            kind: reference.kind,
            target,
            fragment,
            label,
            meaning,
            output,
        }
    };
    let shown = note
        .syntax
        .marks
        .iter()
        .filter_map(|mark| match &mark.kind {
            MarkKind::Wiki(wiki) => {
                let label = wiki.shown(&note.text).map_or_else(
                    || default_label(&note.facts.refs[wiki.reference as usize]),
                    |label| label.replace("\\|", "|"),
                );
                Some(info(wiki.reference, label))
            }
            MarkKind::LinkOpen(link) => {
                let link = &note.syntax.links[*link as usize];
                link.reference
                    .map(|reference| info(reference, link.text.of(&note.text).to_owned()))
            }
            MarkKind::HtmlUrl { reference, .. } => {
                let label = default_label(&note.facts.refs[*reference as usize]);
                Some(info(*reference, label))
            }
            _ => None,
        });
    Ok(shown.collect())
}

/// What a Markdown tool can know of a JSON note besides its body.
fn synthesised_front_matter(note: &Note) -> String {
    use serde_yaml::{Mapping, Value};
    let mut mapping = Mapping::new();
    mapping.insert("title".into(), Value::String(note.facts.title.to_string()));
    if !note.facts.tags.is_empty() {
        mapping.insert(
            "tags".into(),
            note.facts
                .tags
                .iter()
                .map(|tag| Value::String(tag.to_string()))
                .collect(),
        );
    }
    let yaml = serde_yaml::to_string(&mapping).expect("a mapping of texts is YAML");
    format!("---\n{yaml}---\n")
}

#[cfg(test)]
mod tests;
