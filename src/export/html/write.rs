//! From Markdown events to HTML. What the specification says of CommonMark and GFM is written as their
//! examples have it; headings get ids, and Obsidian's callouts, highlights, math and image sizes a form.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, Event, HeadingLevel, LinkType, Tag, TagEnd};
use pulldown_cmark_escape::{escape_href, escape_html, escape_html_body_text};

use super::footnotes::{self, Footnotes};
use super::ids::Ids;
use super::inline;
use super::sanitise::{self, Purpose};
use crate::vault::highlight::Mark;

/// Events with the bytes of the body that they came from.
pub(crate) type Events<'a> = [(Event<'a>, Range<usize>)];

/// An article that is safe but for the raw HTML in it.
pub(crate) struct Written {
    pub(crate) html: String,
    /// Whether a note's own HTML is in it, so that it must be sanitised.
    pub(crate) has_raw_html: bool,
    /// Every id that was given out.
    pub(crate) ids: HashSet<String>,
    /// Where they stand in it.
    pub(crate) id_places: Vec<usize>,
    /// The schemes of all URLs.
    pub(crate) schemes: HashSet<String>,
}

/// Writes a whole article, in whose text these `urls` are.
pub(crate) fn write(
    body: &str,
    events: &Events<'_>,
    urls: &[Range<usize>],
    ids: Ids<'_>,
) -> Written {
    let mut writer = Writer {
        body,
        events,
        marks: inline::highlights(body, events, urls),
        next_mark: 0,
        open_marks: 0,
        has_autolinks: inline::may_have_autolinks(body),
        ids,
        id_places: Vec::new(),
        footnotes: footnotes::find(events),
        out: String::with_capacity(body.len() + body.len() / 4),
        links: Vec::new(),
        quotes: Vec::new(),
        table: Table::default(),
        skipped: 0,
        has_raw_html: false,
        script_ends: HashMap::new(),
        schemes: HashSet::new(),
    };
    writer.range(0..events.len());
    writer.footnote_section();
    Written {
        html: writer.out,
        has_raw_html: writer.has_raw_html,
        ids: writer.ids.into_taken(),
        id_places: writer.id_places,
        schemes: writer.schemes,
    }
}

pub(super) struct Writer<'a> {
    pub(super) body: &'a str,
    pub(super) events: &'a Events<'a>,
    marks: Vec<Mark>,
    /// The first mark that was not written yet.
    next_mark: usize,
    open_marks: usize,
    has_autolinks: bool,
    pub(super) ids: Ids<'a>,
    id_places: Vec<usize>,
    pub(super) footnotes: Footnotes,
    pub(super) out: String,
    /// For each link that is open: whether it has a tag.
    pub(super) links: Vec<bool>,
    /// How each quote that is open ends.
    pub(super) quotes: Vec<&'static str>,
    table: Table,
    /// While a callout's title is written: where its marker ends in the body. Events before it are not written.
    pub(super) skipped: usize,
    pub(super) has_raw_html: bool,
    /// Where those of the elements that go with all they hold end, by name and place.
    pub(super) script_ends: HashMap<&'static str, HashMap<usize, usize>>,
    schemes: HashSet<String>,
}

/// The table that is being written; tables don't nest.
#[derive(Default)]
struct Table {
    alignments: Vec<Alignment>,
    is_head: bool,
    column: usize,
}

impl Writer<'_> {
    /// Writes these events.
    pub(super) fn range(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            at = self.event(at);
        }
    }

    /// Writes one event and what belongs to it; gives the next one's place.
    fn event(&mut self, at: usize) -> usize {
        let events = self.events;
        let (event, range) = &events[at];
        if range.end <= self.skipped {
            return at + 1;
        }
        match event {
            Event::Start(tag) => return self.start(at, tag),
            Event::End(tag) => self.end(*tag),
            Event::Text(_) => return self.text(at),
            Event::Code(code) => self.element("code", code),
            Event::InlineMath(math) => self.element_of("span", "math inline", math),
            Event::DisplayMath(math) => self.element_of("span", "math display", math),
            Event::Html(html) => self.raw(html),
            Event::InlineHtml(html) => return self.inline_html(at, html),
            Event::FootnoteReference(name) => self.footnote_reference(name),
            Event::SoftBreak => self.out.push('\n'),
            Event::HardBreak => self.out.push_str("<br />\n"),
            Event::Rule => self.block("<hr />\n"),
            Event::TaskListMarker(done) => {
                let checked = if *done { " checked=\"\"" } else { "" };
                self.write(format_args!(
                    "<input type=\"checkbox\" disabled=\"\"{checked} /> "
                ));
            }
        }
        at + 1
    }

    fn start(&mut self, at: usize, tag: &Tag<'_>) -> usize {
        match tag {
            Tag::Paragraph => return self.paragraph(at),
            Tag::Heading { level, .. } => self.heading(at, *level),
            Tag::BlockQuote(_) => return self.quote(at),
            Tag::CodeBlock(kind) => return self.code_block(at, kind),
            Tag::HtmlBlock => return self.html_block(at),
            Tag::List(Some(1)) => self.block("<ol>\n"),
            Tag::List(Some(first)) => self.block(&format!("<ol start=\"{first}\">\n")),
            Tag::List(None) => self.block("<ul>\n"),
            Tag::Item => self.block(if self.is_task(at) {
                "<li class=\"task\">"
            } else {
                "<li>"
            }),
            // It is written where the page's footnotes are.
            Tag::FootnoteDefinition(_) => return self.end_of(at) + 1,
            Tag::Table(alignments) => {
                self.table.alignments.clone_from(alignments);
                self.out.push_str("<table>");
            }
            Tag::TableHead => self.table_row(true, "<thead><tr>"),
            Tag::TableRow => self.table_row(false, "<tr>"),
            Tag::TableCell => self.cell(),
            Tag::Link {
                link_type,
                dest_url,
                title,
                ..
            } => self.link(*link_type, dest_url, title),
            Tag::Image {
                dest_url, title, ..
            } => return self.image(at, dest_url, title),
            Tag::Emphasis => self.out.push_str("<em>"),
            Tag::Strong => self.out.push_str("<strong>"),
            Tag::Strikethrough => self.out.push_str("<del>"),
            // Their syntax is not on.
            Tag::Superscript
            | Tag::Subscript
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::MetadataBlock(_) => {}
        }
        at + 1
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.out.push_str("</p>\n"),
            TagEnd::Heading(level) => self.write(format_args!("</{level}>\n")),
            TagEnd::BlockQuote(_) => {
                let end = self.quotes.pop().unwrap_or_default();
                self.out.push_str(end);
            }
            TagEnd::List(true) => self.out.push_str("</ol>\n"),
            TagEnd::List(false) => self.out.push_str("</ul>\n"),
            TagEnd::Item => self.out.push_str("</li>\n"),
            TagEnd::Table => self.out.push_str("</tbody></table>\n"),
            TagEnd::TableHead => self.out.push_str("</tr></thead><tbody>\n"),
            TagEnd::TableRow => self.out.push_str("</tr>\n"),
            TagEnd::TableCell => {
                self.out
                    .push_str(if self.table.is_head { "</th>" } else { "</td>" });
                self.table.column += 1;
            }
            TagEnd::Link if self.links.pop() == Some(true) => self.out.push_str("</a>"),
            TagEnd::Emphasis => self.out.push_str("</em>"),
            TagEnd::Strong => self.out.push_str("</strong>"),
            TagEnd::Strikethrough => self.out.push_str("</del>"),
            TagEnd::Link
            | TagEnd::Image
            | TagEnd::CodeBlock
            | TagEnd::HtmlBlock
            | TagEnd::FootnoteDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::MetadataBlock(_) => {}
        }
    }

    /// The place of the event that ends the element which begins at `at`.
    pub(super) fn end_of(&self, at: usize) -> usize {
        end_of(self.events, at)
    }

    fn paragraph(&mut self, at: usize) -> usize {
        if let [
            (Event::DisplayMath(math), _),
            (Event::End(TagEnd::Paragraph), _),
            ..,
        ] = &self.events[at + 1..]
        {
            self.block("");
            self.element_of("div", "math display", math);
            self.out.push('\n');
            return at + 3;
        }
        self.block("<p>");
        at + 1
    }

    fn heading(&mut self, at: usize, level: HeadingLevel) {
        let text = plain_text(&self.events[at..self.end_of(at)]);
        let id = self
            .ids
            .heading(self.events[at].1.start, level as u8, &text);
        self.block("");
        self.write(format_args!("<{level}"));
        if let Some(id) = id {
            self.id(&id);
        }
        self.out.push('>');
    }

    fn code_block(&mut self, at: usize, kind: &CodeBlockKind<'_>) -> usize {
        let language = match kind {
            CodeBlockKind::Fenced(info) => info.split_whitespace().next().unwrap_or_default(),
            CodeBlockKind::Indented => "",
        };
        self.block("<pre><code");
        if !language.is_empty() {
            self.out.push_str(" class=\"language-");
            self.attribute(language);
            self.out.push('"');
        }
        self.out.push('>');
        let end = self.end_of(at);
        let events = self.events;
        for (event, _) in &events[at..end] {
            if let Event::Text(text) = event {
                self.escaped(text);
            }
        }
        self.out.push_str("</code></pre>\n");
        end + 1
    }

    fn is_task(&self, at: usize) -> bool {
        let next = self.events[at + 1..].iter().map(|(event, _)| event);
        let mut inside = next.skip_while(|event| matches!(event, Event::Start(Tag::Paragraph)));
        matches!(inside.next(), Some(Event::TaskListMarker(_)))
    }

    fn table_row(&mut self, is_head: bool, tag: &str) {
        self.table.is_head = is_head;
        self.table.column = 0;
        self.out.push_str(tag);
    }

    fn cell(&mut self) {
        let name = if self.table.is_head { "<th" } else { "<td" };
        let style = match self.table.alignments.get(self.table.column) {
            Some(Alignment::Left) => " style=\"text-align: left\"",
            Some(Alignment::Center) => " style=\"text-align: center\"",
            Some(Alignment::Right) => " style=\"text-align: right\"",
            Some(Alignment::None) | None => "",
        };
        self.write(format_args!("{name}{style}>"));
    }

    fn link(&mut self, kind: LinkType, url: &str, title: &str) {
        let is_email = kind == LinkType::Email;
        let is_safe = is_email || sanitise::is_safe_url(url, Purpose::Link);
        self.links.push(is_safe);
        if is_safe {
            self.open_link(if is_email { "mailto:" } else { "" }, url, title);
        }
    }

    pub(super) fn open_link(&mut self, prefix: &str, url: &str, title: &str) {
        self.out.push_str("<a href=\"");
        self.out.push_str(prefix);
        self.url(url);
        self.title(title);
        self.out.push_str("\">");
    }

    /// An id that was given out, as an attribute.
    pub(super) fn id(&mut self, id: &str) {
        self.out.push_str(" id=\"");
        self.id_places.push(self.out.len());
        self.attribute(id);
        self.out.push('"');
    }

    /// A title attribute that follows an attribute whose value is still open.
    pub(super) fn title(&mut self, title: &str) {
        if !title.is_empty() {
            self.out.push_str("\" title=\"");
            self.attribute(title);
        }
    }

    /// Text and all text that follows it: pulldown parts it where something could have begun.
    fn text(&mut self, at: usize) -> usize {
        let events = self.events;
        let texts = events[at..]
            .iter()
            .take_while(|(event, _)| matches!(event, Event::Text(_)))
            .count();
        let mut before = self.body[..events[at].1.start].chars().next_back();
        let mut run = Cow::Borrowed("");
        for (offset, (event, range)) in events[at..at + texts].iter().enumerate() {
            let Event::Text(text) = event else { continue };
            let mut from = self.skipped.saturating_sub(range.start).min(text.len());
            if !text.is_char_boundary(from) {
                from = 0;
            }
            while let Some(mark) = self.mark_up_to(at + offset) {
                if mark.event < at + offset || mark.at < from {
                    continue;
                }
                run += &text[from..mark.at];
                from = mark.at + 2;
                self.prose(&run, before);
                self.mark(mark.opens);
                run = Cow::Borrowed("");
                before = None;
            }
            run += &text[from..];
        }
        self.prose(&run, before);
        at + texts
    }

    /// The next `==` that is not written yet, up to an event.
    fn mark_up_to(&mut self, event: usize) -> Option<Mark> {
        let mark = *self.marks.get(self.next_mark)?;
        (mark.event <= event).then(|| {
            self.next_mark += 1;
            mark
        })
    }

    /// Begins or ends a highlight. One whose beginning went with a callout's marker has no end either.
    fn mark(&mut self, opens: bool) {
        if opens {
            self.open_marks += 1;
            self.out.push_str("<mark>");
        } else if self.open_marks > 0 {
            self.open_marks -= 1;
            self.out.push_str("</mark>");
        }
    }

    /// Escapes text and links the URLs in it.
    fn prose(&mut self, text: &str, before: Option<char>) {
        let mut from = 0;
        if self.has_autolinks && !self.links.contains(&true) {
            for link in inline::autolinks(text, before) {
                self.escaped(&text[from..link.range.start]);
                from = link.range.end;
                let shown = &text[link.range];
                self.open_link(link.prefix, shown, "");
                self.escaped(shown);
                self.out.push_str("</a>");
            }
        }
        self.escaped(&text[from..]);
    }

    fn element(&mut self, name: &str, text: &str) {
        self.write(format_args!("<{name}>"));
        self.escaped(text);
        self.write(format_args!("</{name}>"));
    }

    fn element_of(&mut self, name: &str, class: &str, text: &str) {
        self.write(format_args!("<{name} class=\"{class}\">"));
        self.escaped(text);
        self.write(format_args!("</{name}>"));
    }

    /// A tag that begins its own line.
    pub(super) fn block(&mut self, tag: &str) {
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        self.out.push_str(tag);
    }

    pub(super) fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.out
            .write_fmt(text)
            .expect("a String takes all that is written");
    }

    pub(super) fn escaped(&mut self, text: &str) {
        escape_html_body_text(&mut self.out, text).expect("a String takes all that is written");
    }

    pub(super) fn attribute(&mut self, text: &str) {
        escape_html(&mut self.out, text).expect("a String takes all that is written");
    }

    pub(super) fn url(&mut self, url: &str) {
        if let Some((scheme, _)) = sanitise::scheme(url) {
            self.schemes.insert(scheme);
        }
        escape_href(&mut self.out, url).expect("a String takes all that is written");
    }

    /// Footnotes are written after the text, out of the order of the body.
    pub(super) fn rewind(&mut self, to: usize) {
        self.next_mark = self.marks.partition_point(|mark| mark.event < to);
    }
}

/// The place of the event that ends the element which begins at `at`.
pub(super) fn end_of(events: &Events<'_>, at: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, (event, _)) in events[at..].iter().enumerate() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) if depth == 1 => return at + offset,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    events.len()
}

/// What a reader sees of these events, without markup.
pub(super) fn plain_text(events: &Events<'_>) -> String {
    let mut text = String::new();
    for (event, _) in events {
        match event {
            Event::Text(part)
            | Event::Code(part)
            | Event::InlineMath(part)
            | Event::DisplayMath(part) => text.push_str(part),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            _ => {}
        }
    }
    text
}
