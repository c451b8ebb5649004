//! A note as portable Markdown: what every format begins from.
//!
//! Only the marks that the note's reading found are rewritten; every other byte is copied. What a
//! reference means is the [`Source`]'s to say: a note that is kept out is never opened here.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::href::{encode, escape_label, escape_line_start, escape_name, relative};
use super::place::{self, Site};
use super::{Source, SourceError};
use crate::path::OutputPath;
use crate::vault::syntax::{
    Definition, Destination, Link, Mark, MarkKind, Setting, Wiki, default_label, is_image,
    looks_like_file,
};
use crate::vault::{FileId, Note, NoteKind, Nowhere, Place, Ref, RefKind, Target};

/// An embed in an embed in an embed …: what is deeper becomes a link.
const MAX_DEPTH: usize = 10;
/// What all embeds of one note may add to it; what is beyond becomes a link.
const MAX_INLINED: usize = 16 << 20;
/// What an embed counts at least, so that a fan of empty notes ends too.
const MIN_COST: usize = 256;

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
    /// The front matter as written, with its fences and a byte order mark before it; "" where there is none.
    /// For a JSON note it is made from its title and tags.
    pub front_matter: String,
    /// All that follows it. A picture's size stays in its alt text: `![image.png|300](…)`.
    pub body: String,
    /// The ranges of `body` that come from other notes or places, in text order. The note's own headings are
    /// the first to get their anchors; those in here come after them.
    pub inlined: Vec<Range<usize>>,
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
    let mut writer = Writer::new(source, id, format, style);
    let note = writer.note(id)?;
    let body_start = note.facts.body_start as usize;
    let front_matter = match note.facts.kind {
        NoteKind::Json => synthesised_front_matter(&note),
        NoteKind::Markdown | NoteKind::Text => note.text[..body_start].to_owned(),
    };
    let mut body = String::with_capacity(note.text.len() - body_start + note.text.len() / 8);
    writer.frames.push(Frame {
        id,
        at: 0,
        serial: 0,
    });
    writer.text(&note, body_start..note.text.len(), &mut body)?;
    Ok(Portable {
        front_matter,
        body,
        inlined: writer.inlined,
    })
}

/// The links and embeds of the note `id` itself, in text order.
///
/// # Errors
/// When the note's text can't be had.
pub fn links(source: &dyn Source, id: FileId, format: usize) -> Result<Vec<LinkInfo>, SourceError> {
    let note = source.note(id)?;
    let info = |reference: u32, label: String| {
        let reference = &note.facts.refs[reference as usize];
        let output = match source.target(id, reference) {
            Target::Note(to, _) | Target::File(to) => Some(source.output(to, format)),
            Target::Nowhere(_) => None,
        };
        let (target, fragment) = (reference.target.to_string(), reference.fragment.to_string());
        LinkInfo {
            kind: reference.kind,
            target,
            fragment,
            label,
            output,
        }
    };
    let shown = note
        .syntax
        .marks
        .iter()
        .filter_map(|mark| match &mark.kind {
            MarkKind::Wiki(wiki) => {
                let label = wiki.label.map_or_else(
                    || default_label(&note.facts.refs[wiki.reference as usize]),
                    |label| label.of(&note.text).replace("\\|", "|"),
                );
                Some(info(wiki.reference, label))
            }
            MarkKind::LinkOpen(link) => {
                let link = &note.syntax.links[*link as usize];
                link.reference
                    .map(|reference| info(reference, link.text.of(&note.text).to_owned()))
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

/// What a reference turns into.
enum Meaning {
    /// A link with this destination.
    Link(String),
    /// A picture with this destination.
    Picture(String),
    /// Its label alone.
    Plain,
    /// What is written already.
    AsWritten,
}

/// A text that is being written: the note's own, or one that is inlined in it.
struct Frame {
    id: FileId,
    /// Where the embed stands that is being inlined.
    at: usize,
    /// The how-manieth embed it is; 0 for the note's own text.
    serial: usize,
}

struct Writer<'a> {
    source: &'a dyn Source,
    format: usize,
    style: Style,
    /// The file that is being written, and its folder.
    output: OutputPath,
    /// What has been inlined so far, in bytes.
    cost: usize,
    serial: usize,
    frames: Vec<Frame>,
    notes: HashMap<FileId, Arc<Note>>,
    inlined: Vec<Range<usize>>,
}

impl<'a> Writer<'a> {
    fn new(source: &'a dyn Source, id: FileId, format: usize, style: Style) -> Self {
        let output = source.output(id, format);
        let (frames, notes, inlined) = (Vec::new(), HashMap::new(), Vec::new());
        Self {
            source,
            format,
            style,
            output,
            cost: 0,
            serial: 0,
            frames,
            notes,
            inlined,
        }
    }

    fn note(&mut self, id: FileId) -> Result<Arc<Note>, SourceError> {
        if let Some(note) = self.notes.get(&id) {
            return Ok(Arc::clone(note));
        }
        let note = self.source.note(id)?;
        self.notes.insert(id, Arc::clone(&note));
        Ok(note)
    }

    fn frame(&mut self) -> &mut Frame {
        self.frames
            .last_mut()
            .expect("the note's own frame is never taken off")
    }

    fn is_host(&self) -> bool {
        self.frames.len() == 1
    }

    /// Writes a part of the topmost frame's note.
    fn text(
        &mut self,
        note: &Note,
        range: Range<usize>,
        out: &mut String,
    ) -> Result<(), SourceError> {
        let mut at = range.start;
        // Where `out` ends with an inlined block, to which nothing may be appended.
        let mut block_end = None;
        for mark in note.syntax.marks_in(&range) {
            let span = mark.span.range();
            if span.start < at {
                continue;
            }
            out.push_str(&note.text[at..span.start]);
            at = span.end.min(range.end);
            match &mark.kind {
                MarkKind::Comment => {}
                MarkKind::Footnote => self.footnote(&note.text[span], out),
                MarkKind::BlockId { block, own_line } => self.block_id(
                    note,
                    mark,
                    *block,
                    *own_line,
                    block_end == Some(out.len()),
                    out,
                ),
                MarkKind::LinkOpen(link) => {
                    self.link_open(note, mark, &note.syntax.links[*link as usize], out)
                }
                MarkKind::LinkClose(link) => {
                    self.link_close(note, mark, &note.syntax.links[*link as usize], out)?
                }
                MarkKind::Definition(definition) => {
                    let definition = &note.syntax.definitions[*definition as usize];
                    if !self.definition(note, mark, definition, out)? {
                        at = end_of_line(&note.text, at).min(range.end);
                    }
                }
                MarkKind::Wiki(wiki) => {
                    if let Some(skipped) = self.wiki(note, mark, wiki, &range, out)? {
                        block_end = Some(out.len());
                        at = skipped;
                    }
                }
            }
        }
        out.push_str(&note.text[at..range.end.max(at)]);
        Ok(())
    }

    /// A footnote's label must stay unique in the file that it ends up in.
    fn footnote(&mut self, label: &str, out: &mut String) {
        match (self.frame().serial, label.rfind(']')) {
            (1.., Some(bracket)) => {
                let serial = self.frame().serial;
                out.push_str(&label[..bracket]);
                out.push_str(&format!("-{serial}"));
                out.push_str(&label[bracket..]);
            }
            _ => out.push_str(label),
        }
    }

    fn block_id(
        &mut self,
        note: &Note,
        mark: &Mark,
        block: Option<u32>,
        own_line: bool,
        after_block: bool,
        out: &mut String,
    ) {
        let (Style::Html, true, Some(block)) = (self.style, self.is_host(), block) else {
            return;
        };
        let anchor = format!("<a id=\"^{}\"></a>", note.facts.blocks[block as usize].id);
        let eol = place::line_end(&note.text);
        if own_line {
            // A table goes on until a blank line.
            let written = mark.span.of(&note.text);
            let prefix = &written[..written.find('^').unwrap_or(0)];
            out.push_str(&[prefix.trim_end(), eol, prefix, &anchor, eol].concat());
        } else if after_block {
            let prefix = place::prefix_at(&note.text, mark.span.start as usize, true);
            out.push_str(&[eol, prefix.trim_end(), eol, &prefix, &anchor].concat());
        } else {
            out.push(' ');
            out.push_str(&anchor);
        }
    }

    /// What a reference of the topmost frame's note means, but for the inlining of notes.
    fn meaning(&mut self, reference: &Ref) -> Result<Meaning, SourceError> {
        let from = self.frame().id;
        let markdown = matches!(reference.kind, RefKind::Link | RefKind::Image);
        let target = self.source.target(from, reference);
        Ok(match target {
            Target::Note(_, Place::Missing) if reference.kind.is_embed() => Meaning::Plain,
            Target::Note(_, Place::Missing)
                if markdown && reference.target.is_empty() && self.is_host() =>
            {
                match self.style {
                    Style::Markdown => Meaning::AsWritten,
                    Style::Html => Meaning::Link("#".to_owned()),
                }
            }
            Target::Note(id, place) => {
                let fragment = self.fragment(id, place)?;
                let output = self.source.output(id, self.format);
                if markdown
                    && self.says(reference, &output, &fragment)
                    && reference.kind == RefKind::Link
                {
                    Meaning::AsWritten
                } else {
                    Meaning::Link(self.href(&output, &fragment))
                }
            }
            Target::File(id) => {
                let output = self.source.output(id, self.format);
                let fragment = if markdown {
                    reference.fragment.as_ref()
                } else {
                    ""
                };
                if markdown && self.says(reference, &output, fragment) {
                    Meaning::AsWritten
                } else if reference.kind == RefKind::Image
                    || (reference.kind.is_embed() && is_image(output.as_str()))
                {
                    Meaning::Picture(self.href(&output, fragment))
                } else {
                    Meaning::Link(self.href(&output, fragment))
                }
            }
            Target::Nowhere(Nowhere::Unresolved)
                if markdown && !looks_like_file(&reference.target) =>
            {
                Meaning::AsWritten
            }
            Target::Nowhere(_) => Meaning::Plain,
        })
    }

    fn fragment(&mut self, id: FileId, place: Place) -> Result<String, SourceError> {
        Ok(match (place, self.style) {
            (Place::Heading(heading), _) => self
                .note(id)?
                .facts
                .headings
                .get(heading)
                .map(|heading| heading.anchor.to_string()),
            (Place::Block(block), Style::Html) => self
                .note(id)?
                .facts
                .blocks
                .get(block)
                .map(|block| format!("^{}", block.id)),
            (Place::Block(_), Style::Markdown) | (Place::Whole | Place::Missing, _) => None,
        }
        .unwrap_or_default())
    }

    /// Whether a Markdown link as written leads from the file that is being written to that very place.
    fn says(&self, reference: &Ref, output: &OutputPath, fragment: &str) -> bool {
        let same_file = if reference.target.is_empty() {
            *output == self.output
        } else {
            !reference.target.starts_with('/')
                && OutputPath::join(self.output.folder(), &reference.target)
                    .is_ok_and(|path| path == *output)
        };
        same_file && *reference.fragment == *fragment
    }

    fn href(&self, output: &OutputPath, fragment: &str) -> String {
        let mut href = if *output == self.output && !fragment.is_empty() {
            String::new()
        } else {
            relative(self.output.folder(), output)
        };
        if !fragment.is_empty() {
            href.push('#');
            encode(fragment, &mut href);
        }
        href
    }

    fn link_open(&mut self, note: &Note, mark: &Mark, link: &Link, out: &mut String) {
        let written = mark.span.of(&note.text);
        let target = link.reference.map(|reference| {
            self.source.target(
                self.frames[self.frames.len() - 1].id,
                &note.facts.refs[reference as usize],
            )
        });
        match target {
            Some(Target::Nowhere(Nowhere::Unresolved))
                if !link
                    .reference
                    .is_some_and(|r| looks_like_file(&note.facts.refs[r as usize].target)) =>
            {
                out.push_str(written)
            }
            Some(Target::Nowhere(_)) => {}
            // A picture of a note is a link to it.
            Some(Target::Note(..)) => {
                out.push('[');
                if let (true, true, Some(reference)) =
                    (link.image, link.text.start == link.text.end, link.reference)
                {
                    out.push_str(&escape_name(&default_label(
                        &note.facts.refs[reference as usize],
                    )));
                }
            }
            Some(Target::File(_)) | None => out.push_str(written),
        }
    }

    fn link_close(
        &mut self,
        note: &Note,
        mark: &Mark,
        link: &Link,
        out: &mut String,
    ) -> Result<(), SourceError> {
        let written = mark.span.of(&note.text);
        let meaning = match link.reference {
            Some(reference) => self.meaning(&note.facts.refs[reference as usize])?,
            None => Meaning::AsWritten,
        };
        match (meaning, link.destination) {
            (Meaning::Plain, _) => {}
            (Meaning::Link(href) | Meaning::Picture(href), Destination::Inline(destination)) => {
                out.push_str(&note.text[mark.span.start as usize..destination.start as usize]);
                out.push_str(&href);
                out.push_str(&note.text[destination.end as usize..mark.span.end as usize]);
            }
            (meaning, Destination::Definition(definition)) if !self.is_host() => {
                let definition = &note.syntax.definitions[definition as usize];
                out.push_str("](");
                out.push_str(&definition_with(note, definition, &meaning));
                out.push(')');
            }
            (_, _) => out.push_str(written),
        }
        Ok(())
    }

    /// Writes a definition; says whether anything was written. Inlined text has none: its links name their destinations.
    fn definition(
        &mut self,
        note: &Note,
        mark: &Mark,
        definition: &Definition,
        out: &mut String,
    ) -> Result<bool, SourceError> {
        if !self.is_host() {
            return Ok(false);
        }
        let meaning = match definition.reference {
            Some(reference) => self.meaning(&note.facts.refs[reference as usize])?,
            None => Meaning::AsWritten,
        };
        if matches!(meaning, Meaning::Plain) {
            return Ok(false);
        }
        out.push_str(&note.text[mark.span.start as usize..definition.destination.start as usize]);
        out.push_str(&definition_with(note, definition, &meaning));
        Ok(true)
    }

    /// Writes a wikilink or an embed. Where a block was inlined: the offset at which the text goes on.
    fn wiki(
        &mut self,
        note: &Note,
        mark: &Mark,
        wiki: &Wiki,
        range: &Range<usize>,
        out: &mut String,
    ) -> Result<Option<usize>, SourceError> {
        let reference = &note.facts.refs[wiki.reference as usize];
        if reference.kind.is_embed()
            && let Setting::Paragraph(paragraph) = wiki.setting
        {
            let site = Site {
                text: &note.text,
                marks: &note.syntax,
                mark: mark.span.range(),
                range: range.clone(),
                paragraph,
            };
            if let Some(content) = self.embed(note, reference, &site)? {
                let placed = place::block(&site, &content, out);
                if self.is_host() {
                    self.inlined.push(placed.content);
                }
                return Ok(Some(placed.resume));
            }
        }
        let written = wiki.label.map(|label| label.of(&note.text));
        let label = || written.map_or_else(|| escape_name(&default_label(reference)), escape_label);
        match self.meaning(reference)? {
            Meaning::Link(href) => out.push_str(&["[", &label(), "](", &href, ")"].concat()),
            Meaning::Picture(href) => {
                let bar = if wiki.setting == Setting::Cell {
                    "\\|"
                } else {
                    "|"
                };
                let size = wiki.size.map_or(String::new(), |size| {
                    format!("{bar}{}", size.of(&note.text))
                });
                out.push_str(&["![", &label(), &size, "](", &href, ")"].concat());
            }
            Meaning::Plain | Meaning::AsWritten => {
                let plain =
                    written.map_or_else(|| escape_name(&default_label(reference)), str::to_owned);
                let begins = place::begins_block(&note.text, mark.span.start as usize);
                out.push_str(&if begins {
                    escape_line_start(&plain)
                } else {
                    plain
                });
            }
        }
        Ok(None)
    }

    /// The text that an embed shows, every line of it ready to be placed; `None` where it must stay a link or text.
    fn embed(
        &mut self,
        note: &Note,
        reference: &Ref,
        site: &Site<'_>,
    ) -> Result<Option<String>, SourceError> {
        let from = self.frame().id;
        let Target::Note(id, place) = self.source.target(from, reference) else {
            return Ok(None);
        };
        if place == Place::Missing || self.frames.len() > MAX_DEPTH {
            return Ok(None);
        }
        self.frame().at = site.mark.start;
        let embedded = if id == from {
            None
        } else {
            Some(self.note(id)?)
        };
        let embedded = embedded.as_deref().unwrap_or(note);
        let Some(range) = shown(embedded, place) else {
            return Ok(None);
        };
        let repeats = self
            .frames
            .iter()
            .any(|frame| frame.id == id && range.contains(&frame.at));
        if repeats || self.cost + range.len() + MIN_COST > MAX_INLINED {
            return Ok(None);
        }
        let before = self.cost;
        self.cost += MIN_COST;
        self.serial += 1;
        self.frames.push(Frame {
            id,
            at: 0,
            serial: self.serial,
        });
        let mut content = String::with_capacity(range.len());
        let written = self.text(embedded, range.clone(), &mut content);
        self.frames.pop();
        written?;
        let content = place::freed(&embedded.text, range.start, content);
        self.cost = self
            .cost
            .max(before + MIN_COST + place::size_at(site, &content));
        if self.cost > MAX_INLINED {
            // Whatever comes after it is a link too: the work for one note stays bounded.
            self.cost = MAX_INLINED;
            return Ok(None);
        }
        Ok(Some(content))
    }
}

/// The part of a note that an embed of a place shows.
fn shown(note: &Note, place: Place) -> Option<Range<usize>> {
    match place {
        Place::Whole => Some(note.facts.body_start as usize..note.text.len()),
        Place::Heading(heading) => note
            .syntax
            .sections
            .get(heading)
            .map(|section| section.range()),
        Place::Block(block) => note
            .facts
            .blocks
            .get(block)
            .map(|block| block.start as usize..block.end as usize),
        Place::Missing => None,
    }
}

/// A definition's destination and title, with the destination that it now means.
fn definition_with(note: &Note, definition: &Definition, meaning: &Meaning) -> String {
    match meaning {
        Meaning::Link(href) | Meaning::Picture(href) => format!(
            "{href}{}",
            &note.text[definition.destination.end as usize..definition.rest.end as usize]
        ),
        Meaning::Plain | Meaning::AsWritten => definition.rest.of(&note.text).to_owned(),
    }
}

/// After the line end that follows `at`, if only spaces stand between.
fn end_of_line(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let line = rest.find('\n').map_or(rest, |nl| &rest[..=nl]);
    if line.trim().is_empty() {
        at + line.len()
    } else {
        at
    }
}

#[cfg(test)]
mod tests;
