//! The walk over pulldown-cmark's events: keeps the blocks and links that are open, and writes the outline.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Tag, TagEnd};

use super::super::comments::{HIDDEN, is_escaped};
use super::super::highlight::{Mark, pair_marks};
use super::super::raw_html;
use super::{Outline, RawDefinition, RawHeading, RawLink, Zone, ZoneKind};

mod ids;
mod passed;

/// A block that has begun.
struct Open {
    kind: Kind,
    range: Range<usize>,
    /// From the first to the last byte of the inline content that is directly in it.
    inline: Option<Range<usize>>,
    last_child: Option<Range<usize>>,
    /// The id that names this item or callout, whose end is not known before its own.
    id: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A body, or a footnote's text.
    Container,
    Quote,
    List,
    Item,
    Paragraph,
    Heading,
    Table,
    Cell,
}

/// A link whose text is being read.
struct OpenLink {
    link: RawLink,
    text_end: usize,
}

/// The walk over a body's events.
pub(super) struct Walk<'a> {
    text: &'a str,
    out: Outline,
    blocks: Vec<Open>,
    links: Vec<Option<OpenLink>>,
    /// The walk is in a block of code or HTML, which is done with.
    in_solid: bool,
    /// The lines of the HTML block that it is in.
    html: Vec<Range<usize>>,
    /// How many images the walk is in: their text is no heading's.
    images: usize,
    /// For the heading that the walk is in, and each element in it: where a highlight may have begun.
    highlights: Vec<Option<Mark>>,
    /// How far the text is known: to the end of what events were about.
    covered: usize,
    /// What no event was about, where it may be that Markdown passed a definition over.
    passed: Vec<Range<usize>>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(text: &'a str, base: usize) -> Self {
        let root = Open {
            kind: Kind::Container,
            range: base..text.len(),
            inline: None,
            last_child: None,
            id: None,
        };
        Self {
            text,
            out: Outline::default(),
            blocks: vec![root],
            links: Vec::new(),
            in_solid: false,
            html: Vec::new(),
            images: 0,
            highlights: Vec::new(),
            covered: base,
            passed: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Outline {
        if !self.out.definitions.is_empty() {
            self.add_repeated_definitions();
            for definition in &self.out.definitions {
                self.out.zones.push(Zone {
                    range: definition.range.clone(),
                    kind: ZoneKind::Solid,
                });
            }
            self.out.zones.sort_by_key(|zone| zone.range.start);
        }
        self.out.links.sort_by_key(|link| link.range.start);
        self.out.footnotes.sort_by_key(|label| label.start);
        self.out
    }

    pub(super) fn definition(&mut self, label: &str, destination: &str, range: Range<usize>) {
        let length = self.text[range.clone()].trim_end().len();
        let range = range.start..range.start + length;
        self.out.definitions.push(RawDefinition {
            label: label.to_owned(),
            range,
            destination: destination.to_owned(),
        });
    }

    pub(super) fn event(&mut self, event: Event<'_>, range: Range<usize>) {
        if self.in_solid {
            self.solid(&event, range);
            return;
        }
        if !holds_blocks(&event) {
            self.cover(&range);
        }
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag, range),
            Event::Text(text) => {
                let in_heading = self.inline(&range, Some(&text));
                if let Some(from) =
                    in_heading.filter(|_| self.text.get(range.clone()) == Some(&text))
                {
                    self.highlight(from, range);
                }
            }
            Event::Code(text) => self.zone(ZoneKind::Code, &range, Some(&text)),
            Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.zone(ZoneKind::Math, &range, Some(&text));
            }
            Event::InlineHtml(html) => {
                let lines = raw_html::lines(self.text, range.clone(), &html);
                raw_html::read(self.text, &lines, &mut self.out.html);
                self.zone(ZoneKind::Html, &range, None);
            }
            Event::Html(_) => self.zone(ZoneKind::Solid, &range, None),
            Event::SoftBreak | Event::HardBreak => {
                self.inline(&range, Some(" "));
            }
            Event::FootnoteReference(_) => {
                self.out.footnotes.push(range.clone());
                self.zone(ZoneKind::Solid, &range, None);
            }
            Event::TaskListMarker(_) => {
                self.inline(&range, None);
            }
            Event::Rule => self.close_child(range),
        }
    }

    /// Of code and HTML there is nothing to know but the URLs in the latter.
    fn solid(&mut self, event: &Event<'_>, range: Range<usize>) {
        match event {
            Event::Html(_) => self.html.push(range),
            Event::End(TagEnd::HtmlBlock) => {
                raw_html::read(self.text, &self.html, &mut self.out.html);
                self.html.clear();
                self.in_solid = false;
            }
            Event::End(TagEnd::CodeBlock | TagEnd::MetadataBlock(_)) => self.in_solid = false,
            _ => {}
        }
    }

    fn zone(&mut self, kind: ZoneKind, range: &Range<usize>, shown: Option<&str>) {
        self.out.zones.push(Zone {
            range: range.clone(),
            kind,
        });
        self.inline(range, shown);
    }

    /// Inline content: `shown` is what a heading's plain text has of it. Says where it begins there.
    fn inline(&mut self, range: &Range<usize>, shown: Option<&str>) -> Option<usize> {
        self.extend_inline(range);
        if self.images > 0 || self.top().kind != Kind::Heading {
            return None;
        }
        let (shown, heading) = (shown?, self.out.headings.last_mut()?);
        let from = heading.text.len();
        heading.text.push_str(shown);
        if heading.keep_parts {
            heading
                .parts
                .push((range.clone(), from..heading.text.len()));
        }
        Some(from)
    }

    /// Hides the `==` of highlights in a heading's text, of which `range` stands from `from` on.
    fn highlight(&mut self, from: usize, range: Range<usize>) {
        let (Some(opener), Some(heading)) =
            (self.highlights.last_mut(), self.out.headings.last_mut())
        else {
            return;
        };
        let mut marks = Vec::new();
        pair_marks(self.text, range, from, opener, &mut marks, |_| false);
        for mark in marks {
            let at = mark.event + mark.at;
            let hidden: String = [HIDDEN; 2].iter().collect();
            heading.text.replace_range(at..at + hidden.len(), &hidden);
        }
    }

    fn extend_inline(&mut self, range: &Range<usize>) {
        if let Some(Some(link)) = self.links.last_mut() {
            link.text_end = link.text_end.max(range.end);
        }
        let top = self.top();
        match &mut top.inline {
            Some(inline) => inline.end = inline.end.max(range.end),
            none => *none = Some(range.clone()),
        }
    }

    fn top(&mut self) -> &mut Open {
        // The root is never taken off: every `End` has its `Start`.
        let last = self.blocks.len() - 1;
        &mut self.blocks[last]
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>) {
        match tag {
            Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::MetadataBlock(_) => {
                self.finish_tight_text();
                self.in_solid = true;
                self.out.zones.push(Zone {
                    range: range.clone(),
                    kind: ZoneKind::Solid,
                });
                self.close_child(range);
            }
            Tag::Paragraph => self.open(Kind::Paragraph, range),
            Tag::Heading { level, .. } => self.heading(level as u8, range),
            Tag::List(_) => {
                let range = self.begun_by(range, &[' ', '\t', '\r', '\n', '>']);
                push_outermost(&mut self.out.lists, &range);
                self.open(Kind::List, range);
            }
            Tag::Item => {
                let range = self.begun_by(range, &[' ', '\t', '\r', '\n', '>']);
                self.open(Kind::Item, range);
            }
            Tag::FootnoteDefinition(_) => {
                self.cover(&(range.start..range.start));
                self.footnote_label(&range);
                let end = self.trimmed_end(&range);
                self.out.footnote_texts.push(range.start..end);
                push_outermost(&mut self.out.lines, &range);
                self.open(Kind::Container, range);
            }
            Tag::Table(_) => {
                self.out.tables.push(range.clone());
                self.open(Kind::Table, range);
            }
            Tag::TableHead | Tag::TableRow | Tag::TableCell => self.open(Kind::Cell, range),
            Tag::Link {
                link_type,
                dest_url,
                id,
                ..
            } => self.open_link(false, link_type, &dest_url, &id, range),
            Tag::Image {
                link_type,
                dest_url,
                id,
                ..
            } => {
                self.images += 1;
                self.open_link(true, link_type, &dest_url, &id, range);
            }
            Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough
            | Tag::Superscript
            | Tag::Subscript => {
                push_outermost(&mut self.out.lines, &range);
                self.extend_inline(&(range.start..range.start));
                self.highlights.push(None);
            }
            Tag::BlockQuote(_) => {
                let range = self.begun_by(range, &[' ', '\t', '\r', '\n']);
                self.open(Kind::Quote, range);
            }
            Tag::DefinitionList | Tag::DefinitionListTitle | Tag::DefinitionListDefinition => {
                self.open(Kind::Container, range);
            }
        }
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        match tag {
            TagEnd::Link | TagEnd::Image => {
                if tag == TagEnd::Image {
                    self.images -= 1;
                }
                self.close_link(range.end);
                self.extend_inline(&range);
                self.highlights.pop();
            }
            TagEnd::Emphasis
            | TagEnd::Strong
            | TagEnd::Strikethrough
            | TagEnd::Superscript
            | TagEnd::Subscript => {
                self.extend_inline(&range);
                self.highlights.pop();
            }
            TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::MetadataBlock(_) => {}
            TagEnd::TableHead | TagEnd::TableRow => {
                self.surplus_cells(&range);
                self.close();
            }
            TagEnd::Paragraph
            | TagEnd::Heading(_)
            | TagEnd::BlockQuote(_)
            | TagEnd::List(_)
            | TagEnd::Item
            | TagEnd::FootnoteDefinition
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Table
            | TagEnd::TableCell => self.close(),
        }
    }

    fn open(&mut self, kind: Kind, range: Range<usize>) {
        self.finish_tight_text();
        self.blocks.push(Open {
            kind,
            range,
            inline: None,
            last_child: None,
            id: None,
        });
    }

    /// A quote, a list or an item, from its first marker on, which is none of `before`: to the parser it begins before
    /// that, by what a tab there is wider than its one byte.
    fn begun_by(&self, range: Range<usize>, before: &[char]) -> Range<usize> {
        let written = &self.text[range.clone()];
        let marker = written.trim_start_matches(before);
        range.end - marker.len()..range.end
    }

    /// A definition's label is shorter than it is written where spaces are.
    fn footnote_label(&mut self, definition: &Range<usize>) {
        let bytes = &self.text.as_bytes()[..definition.end];
        let mut brackets =
            memchr::memchr_iter(b']', &bytes[definition.start..]).map(|at| definition.start + at);
        let end = brackets.find(|&at| bytes.get(at + 1) == Some(&b':') && !is_escaped(bytes, at));
        if let Some(end) = end {
            let label = definition.start..end + 1;
            self.cover(&label);
            self.out.footnotes.push(label);
        }
    }

    fn heading(&mut self, level: u8, range: Range<usize>) {
        let container = self
            .blocks
            .iter()
            .rev()
            .find(|block| block.kind != Kind::List)
            .map_or(0..0, |block| block.range.clone());
        let written = &self.text[range.clone()];
        let keep_parts = written.contains("[[") || written.contains(HIDDEN);
        self.highlights.clear();
        self.highlights.push(None);
        push_outermost(&mut self.out.lines, &range);
        self.out.headings.push(RawHeading {
            level,
            start: range.start,
            container,
            text: String::new(),
            parts: Vec::new(),
            keep_parts,
        });
        self.open(Kind::Heading, range);
    }

    /// The text of a tight list item ends where its first block begins.
    fn finish_tight_text(&mut self) {
        let top = self.blocks.len() - 1;
        if self.blocks[top].kind == Kind::Item
            && let Some(inline) = self.blocks[top].inline.take()
        {
            let first = self.blocks[top].last_child.is_none();
            self.out.paragraphs.push(inline.clone());
            self.block_id(&inline, top, first.then_some(top), &inline);
            self.blocks[top].last_child = Some(inline);
        }
    }

    fn close(&mut self) {
        self.finish_tight_text();
        let Some(open) = self.blocks.pop() else {
            return;
        };
        let parent = self.blocks.len() - 1;
        match (open.kind, &open.inline) {
            (Kind::Paragraph, Some(inline)) => {
                self.out.paragraphs.push(inline.clone());
                let opens = self.blocks[parent].last_child.is_none()
                    && (self.blocks[parent].kind == Kind::Item
                        || self.is_callout(parent, open.range.start));
                let names = opens.then_some(parent);
                if self.block_id(inline, parent, names, &open.range) {
                    // An id by itself is no block that another id could name.
                    return;
                }
            }
            (Kind::Heading, Some(inline)) => {
                self.block_id(inline, parent, None, &open.range);
            }
            (Kind::Table, _) => self.table_id(&open.range),
            (Kind::Item | Kind::Quote, _) => {
                if let Some(id) = open.id {
                    let end = self.trimmed_end(&open.range);
                    let id = &mut self.out.ids[id];
                    id.block.end = end.max(id.range.end);
                }
            }
            _ => {}
        }
        self.close_child(open.range);
    }

    fn close_child(&mut self, range: Range<usize>) {
        self.finish_tight_text();
        self.top().last_child = Some(range);
    }

    fn trimmed_end(&self, range: &Range<usize>) -> usize {
        range.start + self.text[range.clone()].trim_end().len()
    }

    fn open_link(
        &mut self,
        image: bool,
        kind: LinkType,
        destination: &str,
        id: &str,
        range: Range<usize>,
    ) {
        push_outermost(&mut self.out.lines, &range);
        self.highlights.push(None);
        let label = match kind {
            LinkType::Inline => None,
            LinkType::Reference | LinkType::Collapsed | LinkType::Shortcut => Some(id.to_owned()),
            _ => {
                self.out.zones.push(Zone {
                    range: range.clone(),
                    kind: ZoneKind::Autolink,
                });
                self.links.push(None);
                return;
            }
        };
        let text_start = (range.start + 1 + usize::from(image)).min(range.end);
        let link = RawLink {
            text: text_start..text_start,
            range,
            image,
            destination: destination.to_owned(),
            label,
        };
        self.links.push(Some(OpenLink {
            text_end: text_start,
            link,
        }));
    }

    fn close_link(&mut self, end: usize) {
        let Some(Some(OpenLink { mut link, text_end })) = self.links.pop() else {
            return;
        };
        let Some(bracket) = self.text.get(text_end..end).and_then(|tail| tail.find(']')) else {
            return;
        };
        link.text.end = text_end + bracket;
        // The closing bracket of a shortcut link is no destination: it may be the first of a wikilink's two.
        if end - link.text.end > 1 {
            self.out.zones.push(Zone {
                range: link.text.end..end,
                kind: ZoneKind::Solid,
            });
        }
        self.out.links.push(link);
    }
}

/// Whether there may be text between what an event is about and what the blocks in it are about.
fn holds_blocks(event: &Event<'_>) -> bool {
    match event {
        Event::Start(tag) => matches!(
            tag,
            Tag::BlockQuote(_)
                | Tag::List(_)
                | Tag::Item
                | Tag::FootnoteDefinition(_)
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::DefinitionList
                | Tag::DefinitionListTitle
                | Tag::DefinitionListDefinition
        ),
        Event::End(_) => true,
        _ => false,
    }
}

fn push_outermost(ranges: &mut Vec<Range<usize>>, range: &Range<usize>) {
    if ranges.last().is_none_or(|last| last.end <= range.start) {
        ranges.push(range.clone());
    }
}
