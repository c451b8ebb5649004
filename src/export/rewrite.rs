//! Rewrites a note's text: links, embeds, comments, ids.
//!
//! Only the marks that the note's reading found are rewritten; every other byte is copied. What a
//! reference means is the [`Source`]'s to say: a note that is kept out is never opened here.

mod embed;
mod meaning;
mod open_end;
mod part;
mod seam;

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use super::href::{escape_label, escape_line_start, escape_name, in_attribute};
use super::place;
use super::portable::Style;
use super::{Source, SourceError};
use crate::path::OutputPath;
use crate::vault::anchor::Slugger;
use crate::vault::syntax::{
    Definition, Destination, Link, Mark, MarkKind, Setting, Span, Wiki, default_label,
};
use crate::vault::{FileId, Note};
#[cfg(test)]
pub(super) use embed::MAX_INLINED;
use meaning::{Meaning, TOP};
use part::Part;
use seam::Seam;
pub(super) use seam::{Seams, links_are_alike};

/// A text that is being written: the note's own, or one that is inlined in it.
struct Frame {
    id: FileId,
    /// Where the embed stands that is being inlined.
    at: usize,
    /// Which of the embeds it is, counted from 1; 0 for the note's own text.
    serial: usize,
}

/// Writes one note's body.
pub(super) struct Writer<'a> {
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
    pictures: BTreeSet<FileId>,
    /// The headings of the page so far.
    page: Vec<PageHeading>,
    /// Whether some link leads to a heading of the page.
    leads_to_heading: bool,
    /// The anchors of the note's own headings, where embedded ones before them make these others than the note's facts say.
    anchors: Option<Vec<String>>,
    seam: Seam,
    /// What parts an embedded footnote's label from the embed's number: no label of the note's own ends in that.
    dashes: String,
}

/// A heading that is on the page.
struct PageHeading {
    id: FileId,
    /// Its index in the facts of that note.
    heading: usize,
    embedded: bool,
}

/// A note's body, written.
pub(super) struct Written {
    pub(super) body: String,
    /// What of it was inlined.
    pub(super) inlined: Vec<Range<usize>>,
    /// The attachments that it shows in place.
    pub(super) pictures: BTreeSet<FileId>,
    /// Set where links to the page's headings are wrong: to be given to [`Writer::with_anchors`].
    pub(super) anchors: Option<Vec<String>>,
    /// Whether what stood apart in the note may meet in the body, and be read otherwise.
    pub(super) has_seams: bool,
}

impl<'a> Writer<'a> {
    pub(super) fn new(source: &'a dyn Source, id: FileId, format: usize, style: Style) -> Self {
        let output = source.output(id, format);
        let host = Frame {
            id,
            at: 0,
            serial: 0,
        };
        Self {
            source,
            format,
            style,
            output,
            cost: 0,
            serial: 0,
            frames: vec![host],
            notes: HashMap::new(),
            inlined: Vec::new(),
            pictures: BTreeSet::new(),
            page: Vec::new(),
            leads_to_heading: false,
            anchors: None,
            seam: Seam::default(),
            dashes: "-".to_owned(),
        }
    }

    /// With seams that are left to close, or held.
    pub(super) fn with_seams(self, seams: Seams) -> Self {
        Self {
            seam: Seam::new(seams),
            ..self
        }
    }

    /// With the anchors that the note's own headings have on the page.
    pub(super) fn with_anchors(self, anchors: Vec<String>) -> Self {
        Self {
            anchors: Some(anchors),
            ..self
        }
    }

    /// The body of `note`, the one that is written.
    pub(super) fn body(mut self, note: &Note) -> Result<Written, SourceError> {
        let range = note.facts.body_start as usize..note.text.len();
        self.dashes = "-".repeat(longest_dash(&note.text[range.clone()]) + 1);
        let mut body = String::with_capacity(range.len() + range.len() / 8);
        self.text(note, range, &mut body)?;
        Ok(Written {
            body,
            anchors: self.anchors_on_page(note)?,
            has_seams: self.seam.met,
            inlined: self.inlined,
            pictures: self.pictures,
        })
    }

    /// The anchors of the note's own headings as any tool gives them out over the whole page, if some link leads to one and
    /// embedded headings change them.
    fn anchors_on_page(&mut self, note: &Note) -> Result<Option<Vec<String>>, SourceError> {
        let page = std::mem::take(&mut self.page);
        if !self.leads_to_heading || !page.iter().any(|heading| heading.embedded) {
            return Ok(None);
        }
        let mut slugger = Slugger::new();
        let own = &note.facts.headings;
        let mut anchors: Vec<String> = own.iter().map(|own| own.anchor.to_string()).collect();
        for heading in page {
            if heading.embedded {
                let embedded = self.note(heading.id)?;
                slugger.anchor(&embedded.facts.headings[heading.heading].text);
            } else {
                anchors[heading.heading] = slugger.anchor(&own[heading.heading].text);
            }
        }
        let differ = anchors
            .iter()
            .zip(own)
            .any(|(anchor, own)| **anchor != *own.anchor);
        Ok(differ.then_some(anchors))
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
        let mut part = Part::new(note, range);
        for mark in note.syntax.marks_in(&part.range) {
            let span = mark.span.range();
            if span.start < part.at {
                continue;
            }
            out.push_str(part.advance(&span));
            self.headings(&mut part, span.start);
            self.mark(&mut part, mark, out)?;
        }
        let end = part.range.end;
        self.headings(&mut part, end);
        out.push_str(&note.text[part.at..part.range.end.max(part.at)]);
        Ok(())
    }

    /// Takes note of a part's headings that begin before `end`. Our own HTML gives the note's own headings their anchors first.
    fn headings(&mut self, part: &mut Part<'_>, end: usize) {
        if self.style == Style::Html || self.anchors.is_some() {
            return;
        }
        let (id, embedded) = (self.frame().id, !self.is_host());
        let headings = &part.note.facts.headings;
        while let Some(heading) = headings.get(part.next_heading)
            && (heading.start as usize) < end
        {
            self.page.push(PageHeading {
                id,
                heading: part.next_heading,
                embedded,
            });
            part.next_heading += 1;
        }
    }

    fn mark(
        &mut self,
        part: &mut Part<'_>,
        mark: &Mark,
        out: &mut String,
    ) -> Result<(), SourceError> {
        let note = part.note;
        let link = |index: u32| &note.syntax.links[index as usize];
        match &mark.kind {
            MarkKind::Footnote if self.style == Style::Html && part.is_in_link(mark) => {
                // A link holds no other: our own HTML has the mention behind it.
                let mut mention = std::mem::take(&mut part.mentions);
                self.footnote(mark.span.of(&note.text), &mut mention);
                part.mentions = mention;
            }
            MarkKind::Footnote => self.footnote(mark.span.of(&note.text), out),
            MarkKind::BlockId {
                block: Some(block),
                own_line,
            } if self.style == Style::Html && self.is_host() => {
                let id = &note.facts.blocks[*block as usize].id;
                part.block_anchor(mark, id, *own_line, out);
            }
            MarkKind::BlockId { own_line, .. } => {
                if !own_line {
                    self.seam.block_id(part, out);
                }
            }
            MarkKind::Comment => self.seam.comment(part, mark, out),
            MarkKind::HtmlUrl { reference, url } => {
                self.html_url(note, mark, *reference, *url, out);
            }
            MarkKind::LinkOpen(index) => {
                part.open_link(link(*index));
                self.link_open(note, mark, link(*index), out);
            }
            MarkKind::LinkClose(index) => {
                self.link_close(note, mark, link(*index), out);
                part.close_link(mark, out);
            }
            MarkKind::Definition(index) => {
                let definition = &note.syntax.definitions[*index as usize];
                let is_written = self.definition(note, mark, definition, out);
                // After a quote's or a list's marker the next line would come to stand.
                if !is_written && part.line == mark.span.start as usize {
                    part.pass_line_end();
                }
            }
            MarkKind::Wiki(wiki) => match self.embed(part, mark, wiki)? {
                Some(content) => self.block(part, mark, wiki, &content, out),
                None => self.wiki(note, mark, wiki, out),
            },
        }
        Ok(())
    }

    /// Writes what an embed shows as a block of its own.
    fn block(
        &mut self,
        part: &mut Part<'_>,
        mark: &Mark,
        wiki: &Wiki,
        content: &str,
        out: &mut String,
    ) {
        if content.is_empty() {
            self.seam.link_open(out);
        }
        self.seam.before_block(part, mark, out);
        let placed = place::block(&part.site(mark, wiki), content, out);
        if self.is_host() {
            self.inlined.push(placed.content);
        }
        part.block_end = Some(out.len());
        part.at = placed.resume;
        self.seam.after_block(part, mark, out);
    }

    /// A footnote's label must stay unique in the file that it ends up in.
    fn footnote(&mut self, label: &str, out: &mut String) {
        match (self.frame().serial, label.rfind(']')) {
            (1.., Some(bracket)) => {
                let serial = self.frame().serial;
                out.push_str(&label[..bracket]);
                out.push_str(&self.dashes);
                out.push_str(&serial.to_string());
                out.push_str(&label[bracket..]);
            }
            _ => out.push_str(label),
        }
    }

    fn link_open(&mut self, note: &Note, mark: &Mark, link: &Link, out: &mut String) {
        let Some(reference) = link.reference else {
            out.push_str(mark.span.of(&note.text));
            return;
        };
        match self.meaning(note, reference) {
            Meaning::Plain => self.seam.link_open(out),
            // A picture of a note is a link to it.
            Meaning::Link(_) if link.image => {
                out.push('[');
                if link.text.start == link.text.end {
                    let reference = &note.facts.refs[reference as usize];
                    out.push_str(&escape_name(&default_label(reference)));
                }
            }
            Meaning::Link(_) | Meaning::Picture(_) | Meaning::AsWritten => {
                out.push_str(mark.span.of(&note.text));
            }
        }
    }

    fn link_close(&mut self, note: &Note, mark: &Mark, link: &Link, out: &mut String) {
        let written = mark.span.of(&note.text);
        let meaning = match link.reference {
            Some(reference) => self.meaning(note, reference),
            None => Meaning::AsWritten,
        };
        match (meaning, link.destination) {
            (Meaning::Plain, _) => self.seam.link_close(note, link.text, mark.span.end, out),
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
    }

    /// Writes a definition; says whether anything was written. Inlined text has none: its links name their destinations.
    fn definition(
        &mut self,
        note: &Note,
        mark: &Mark,
        definition: &Definition,
        out: &mut String,
    ) -> bool {
        if !self.is_host() {
            return false;
        }
        let meaning = match definition.reference {
            Some(reference) => self.meaning(note, reference),
            None => Meaning::AsWritten,
        };
        if matches!(meaning, Meaning::Plain) {
            return false;
        }
        out.push_str(&note.text[mark.span.start as usize..definition.destination.start as usize]);
        out.push_str(&definition_with(note, definition, &meaning));
        true
    }

    /// Writes what raw HTML says with a URL; nothing of it where that leads nowhere.
    fn html_url(&mut self, note: &Note, mark: &Mark, reference: u32, url: Span, out: &mut String) {
        match self.meaning(note, reference) {
            Meaning::Plain => {}
            Meaning::Link(href) | Meaning::Picture(href) if href != TOP => {
                out.push_str(&note.text[mark.span.start as usize..url.start as usize]);
                out.push_str(&in_attribute(&href));
                out.push_str(&note.text[url.end as usize..mark.span.end as usize]);
            }
            // Only the sanitiser knows which places raw HTML makes.
            Meaning::Link(_) | Meaning::Picture(_) | Meaning::AsWritten => {
                out.push_str(mark.span.of(&note.text));
            }
        }
    }

    /// Writes a wikilink, or an embed that is not inlined, and behind it the footnotes that its label mentions.
    fn wiki(&mut self, note: &Note, mark: &Mark, wiki: &Wiki, out: &mut String) {
        let reference = &note.facts.refs[wiki.reference as usize];
        let written = wiki.shown(&note.text);
        let written = written.as_deref();
        let label = || written.map_or_else(|| escape_name(&default_label(reference)), escape_label);
        match self.meaning(note, wiki.reference) {
            Meaning::Link(href) => {
                for piece in ["[", &label(), "](", &href, ")"] {
                    out.push_str(piece);
                }
            }
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
                self.seam.link_open(out);
                out.push_str(&if begins {
                    escape_line_start(&plain)
                } else {
                    plain
                });
                self.seam.link_close(note, mark.span, mark.span.end, out);
            }
        }
        for mention in wiki.mentions(&note.text) {
            self.footnote(mention, out);
        }
    }
}

/// The most dashes before the number that a footnote's label ends in, as in `[^a-1]`.
fn longest_dash(text: &str) -> usize {
    let ends = memchr::memchr_iter(b']', text.as_bytes());
    let dashes = ends.filter_map(|end| {
        let label = &text[..end];
        let number = label.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let dash = label[..number].trim_end_matches('-').len();
        let begin = label[..dash].rfind(['[', ']', '\n'])?;
        (number < end && label[begin..].starts_with("[^")).then_some(number - dash)
    });
    dashes.max().unwrap_or_default()
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
