//! What `CommonMark` makes of a note's body: where it is plain text, and where its blocks, headings and links are.
//!
//! One pass over pulldown-cmark's events, and a look at what they pass over. Nothing note-specific is known here but the
//! place of a block id.

use std::ops::Range;

use pulldown_cmark::{Options, Parser};

mod nested;
mod walk;

use super::raw_html::RawTags;
use walk::Walk;

/// The Markdown that notes are written in: `CommonMark`, GFM and math. What pulldown lacks of GFM and Obsidian (autolinks
/// without brackets, callouts, highlights, image sizes) is read where it is written, in `export::html`.
pub(crate) fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
        | Options::ENABLE_MATH
}

/// A range that is not plain text.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    pub(super) range: Range<usize>,
    pub(super) kind: ZoneKind,
}

/// Why a range is not plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ZoneKind {
    /// A code span.
    Code,
    /// Inline or display math.
    Math,
    /// A tag of inline HTML, or the like.
    Html,
    /// `<https://…>`
    Autolink,
    /// A block of code or HTML, a link's destination, a definition, a footnote's mention.
    Solid,
}

/// A link or image with a destination of its own or a definition's.
#[derive(Debug)]
pub(super) struct RawLink {
    pub(super) range: Range<usize>,
    pub(super) text: Range<usize>,
    pub(super) image: bool,
    /// Unescaped, not yet percent-decoded.
    pub(super) destination: String,
    /// The definition's label, for a reference link.
    pub(super) label: Option<String>,
}

/// A reference definition, be it the first of its label or not.
#[derive(Debug)]
pub(super) struct RawDefinition {
    pub(super) label: String,
    pub(super) range: Range<usize>,
    pub(super) destination: String,
}

/// A heading.
#[derive(Debug)]
pub(super) struct RawHeading {
    pub(super) level: u8,
    pub(super) start: usize,
    /// The quote, list item or body that it is in.
    pub(super) container: Range<usize>,
    pub(super) text: String,
    /// Which source each part of the text is from; only kept where the heading may hold a wikilink or a comment.
    pub(super) parts: Vec<(Range<usize>, Range<usize>)>,
    pub(super) keep_parts: bool,
}

/// A block id and the block that it names.
#[derive(Debug)]
pub(super) struct RawId {
    /// From the `^`.
    pub(super) range: Range<usize>,
    pub(super) block: Range<usize>,
}

/// The outline of a body. All offsets count in the note's text, all lists are in text order.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) zones: Vec<Zone>,
    pub(super) links: Vec<RawLink>,
    /// What raw HTML says.
    pub(super) html: RawTags,
    pub(super) definitions: Vec<RawDefinition>,
    pub(super) headings: Vec<RawHeading>,
    pub(super) ids: Vec<RawId>,
    /// The texts of paragraphs and of tight list items.
    pub(super) paragraphs: Vec<Range<usize>>,
    /// Outermost lists.
    pub(super) lists: Vec<Range<usize>>,
    /// Headings, emphasis, links, footnotes' texts: what must stay on one line.
    pub(super) lines: Vec<Range<usize>>,
    /// Tables.
    pub(super) tables: Vec<Range<usize>>,
    /// Footnote labels with their brackets, in references and at definitions.
    pub(super) footnotes: Vec<Range<usize>>,
    /// Footnote definitions, labels and all.
    pub(super) footnote_texts: Vec<Range<usize>>,
}

impl Outline {
    /// Reads the body of `text` that starts at `base`.
    pub(super) fn of(text: &str, base: usize) -> Self {
        let mut outline = Self::as_parsed(text, base);
        outline.add_outer_links(text, base);
        outline
    }

    /// Where its links, definitions and tags lead, sorted; what is shown in place is marked by a `!`.
    pub(super) fn destinations(self) -> Vec<String> {
        let marked = |shown: bool, destination: String| {
            if shown {
                format!("!{destination}")
            } else {
                destination
            }
        };
        let links = self.links.into_iter();
        let tags = self.html.urls.into_iter();
        let mut all: Vec<String> = links
            .map(|link| marked(link.image, link.destination))
            .chain(tags.map(|url| marked(url.shown, url.destination)))
            .chain(self.definitions.into_iter().map(|it| it.destination))
            .collect();
        all.sort_unstable();
        all
    }

    fn as_parsed(text: &str, base: usize) -> Self {
        let parser = Parser::new_ext(&text[base..], options());
        let mut walk = Walk::new(text, base);
        for (label, definition) in parser.reference_definitions().iter() {
            walk.definition(
                label,
                &definition.dest,
                definition.span.start + base..definition.span.end + base,
            );
        }
        for (event, range) in parser.into_offset_iter() {
            walk.event(event, range.start + base..range.end + base);
        }
        walk.finish()
    }
}

/// A reference label as labels are compared: without regard to case and spacing.
pub(super) fn fold_label(label: &str) -> String {
    label
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_lowercase()
}
