//! Finds the marks of a note: wikilinks and tags in plain text, and what the outline knows of links and ids.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use memchr::{memchr, memmem};
use percent_encoding::percent_decode_str;

use super::comments::{HIDDEN, Uncommented, begins_line, is_escaped, uncomment};
use super::outline::{Outline, RawDefinition, RawId, RawLink, Zone, ZoneKind, fold_label};
use super::raw_html::{self, RawUrl};
use super::syntax::{
    self, Definition, Destination, Inner, Link, Mark, MarkKind, Span, Syntax, Wiki, line_start,
};
use super::tags::{self, TagSet};
use super::wikilinks::{Cover, FoundWiki, Scanner};
use super::{Ref, RefKind};

/// What a body says, its text apart.
pub(super) struct Scan {
    pub(super) syntax: Syntax,
    pub(super) refs: Vec<Ref>,
    pub(super) outline: Outline,
    /// The blocks that have an id of their own, by index in the outline's ids.
    pub(super) blocks: Vec<usize>,
}

/// Reads the body of `text` that starts at `base`; its tags go to `tags`.
pub(super) fn scan(text: &str, base: usize, tags: &mut TagSet) -> Scan {
    let Uncommented {
        text: plain,
        outline,
        comments,
    } = uncomment(text, base);
    let (outline, wikis, inline) = wikilinks(&plain, base, outline);
    add_tags(
        &plain,
        &inline,
        tags_list(&plain, base, &outline, &wikis),
        tags,
    );
    let mut marks = Marks {
        text: &plain,
        syntax: Syntax::default(),
        refs: Vec::new(),
    };
    marks.comments(&comments);
    let blocks = marks.block_ids(&outline.ids);
    marks.footnotes(&outline.footnotes);
    marks.references(wikis, &outline, &comments);
    marks.syntax.marks.sort_by_key(|mark| mark.span.start);
    marks.drop_overlaps();
    let Marks { syntax, refs, .. } = marks;
    Scan {
        syntax,
        refs,
        outline,
        blocks,
    }
}

/// The wikilinks of a text and its inline tags, with the outline that goes with them.
///
/// `CommonMark` sees a link in `[[note]](path)`, and one to `path` in `[[note]][path]`. The wikilink is what is meant, and what
/// follows it is read as though it stood alone.
fn wikilinks(
    text: &str,
    base: usize,
    outline: Outline,
) -> (Outline, Vec<FoundWiki<'_>>, Vec<Range<usize>>) {
    let mut inline = Vec::new();
    let wikis = Scanner::new(text, base, &outline).run(&mut inline);
    let Some(parted) = part_wikilinks(text, &outline, &wikis) else {
        return (outline, wikis, inline);
    };
    let outline = Outline::of(&parted, base);
    inline.clear();
    let wikis = Scanner::new(text, base, &outline).run(&mut inline);
    (outline, wikis, inline)
}

/// The text with the outer brackets of those wikilinks replaced that a link starts in and goes beyond; `None` where there
/// is no such.
fn part_wikilinks(text: &str, outline: &Outline, wikis: &[FoundWiki<'_>]) -> Option<String> {
    let mut parted: Option<String> = None;
    for wiki in wikis {
        let links = in_range(&outline.links, &wiki.range, |link| &link.range);
        if links
            .into_iter()
            .all(|link| link.range.end <= wiki.range.end)
        {
            continue;
        }
        let open = wiki.range.start + text[wiki.range.clone()].find('[').unwrap_or(0);
        let hidden = HIDDEN.encode_utf8(&mut [0; 1]).to_owned();
        let parted = parted.get_or_insert_with(|| text.to_owned());
        for bracket in [open, wiki.range.end - 1] {
            parted.replace_range(bracket..=bracket, &hidden);
        }
    }
    parted
}

/// Takes in the inline tags and those of a last line `Tags: a, b`, in text order.
fn add_tags(text: &str, inline: &[Range<usize>], list: Option<TagsList>, tags: &mut TagSet) {
    let start = list.as_ref().map_or(text.len(), |list| list.start);
    let (before, within) = inline.split_at(inline.partition_point(|tag| tag.start < start));
    for tag in before {
        tags.add(&text[tag.clone()]);
    }
    if let Some(list) = list {
        tags.add_list(&list.text);
    }
    for tag in within {
        tags.add(&text[tag.clone()]);
    }
}

/// The list of a line `Tags: a, b`.
struct TagsList {
    start: usize,
    text: String,
}

/// The list of tags that is the last line, if there is one. Links and HTML in it are no more than brackets.
fn tags_list(
    text: &str,
    base: usize,
    outline: &Outline,
    wikis: &[FoundWiki<'_>],
) -> Option<TagsList> {
    let line = last_line(text, base, &outline.zones)?;
    let list = tags::tags_line(&text[line.clone()])?;
    let start = line.end - list.len();
    let mut list = list.to_owned();
    let zones = outline.zones.iter().rev();
    let solid = zones.filter(|zone| !matches!(zone.kind, ZoneKind::Code | ZoneKind::Math));
    let links = wikis.iter().rev().map(|wiki| &wiki.range);
    let is_in = |range: &&Range<usize>| range.end > start;
    for range in links
        .take_while(is_in)
        .chain(solid.map(|zone| &zone.range).take_while(is_in))
    {
        let from = range.start.max(start) - start;
        let to = range.end.min(line.end) - start;
        list.replace_range(from..to, &"[".repeat(to - from));
    }
    Some(TagsList { start, text: list })
}

/// The last line that isn't blank, unless it is code or the like.
fn last_line(text: &str, base: usize, zones: &[Zone]) -> Option<Range<usize>> {
    let body = text[base..].trim_end();
    let start = base + memchr::memrchr(b'\n', body.as_bytes()).map_or(0, |nl| nl + 1);
    let end = base + body.len();
    let line = &text[start..end];
    // Code may begin after the line's indentation.
    let first = start + (line.len() - line.trim_start().len());
    let is_covered = |zone: &Zone| zone.range.start <= first && zone.range.end > first;
    (!zones.last().is_some_and(is_covered)).then_some(start..end)
}

/// Those that begin in a range, of some in text order.
fn in_range<'a, T>(
    all: &'a [T],
    range: &Range<usize>,
    of: impl Fn(&T) -> &Range<usize>,
) -> impl Iterator<Item = &'a T> {
    let from = all.partition_point(|one| of(one).start < range.start);
    let to = all.partition_point(|one| of(one).start < range.end);
    all[from..to.max(from)].iter()
}

/// Gathers marks and refs.
struct Marks<'a> {
    text: &'a str,
    syntax: Syntax,
    refs: Vec<Ref>,
}

/// Whatever becomes a ref, in text order.
enum Found<'a> {
    Wiki(FoundWiki<'a>),
    Link(&'a RawLink),
    Definition(usize),
    Url(&'a RawUrl),
}

/// All that becomes a ref. A link that is a wikilink's inside does not: Foam writes `[note]: …` for every `[[note]]`.
fn in_text_order<'a>(
    wikis: Vec<FoundWiki<'a>>,
    outline: &'a Outline,
) -> impl Iterator<Item = Found<'a>> {
    let covered: Vec<Range<usize>> = wikis.iter().map(|wiki| wiki.range.clone()).collect();
    let (mut in_wiki, mut url_in_wiki) = (Cover::new(&covered), Cover::new(&covered));
    let links = outline.links.iter();
    let links = links.filter(|link| !in_wiki.has(link.range.start));
    let definitions = outline.definitions.iter().enumerate();
    let urls = outline.html.urls.iter();
    let urls = urls.filter(|url| !url_in_wiki.has(url.range.start));
    let mut found: Vec<(usize, Found<'a>)> = links
        .map(|link| (link.range.start, Found::Link(link)))
        .collect();
    found.extend(definitions.map(|(index, raw)| (raw.range.start, Found::Definition(index))));
    found.extend(
        wikis
            .into_iter()
            .map(|wiki| (wiki.range.start, Found::Wiki(wiki))),
    );
    found.extend(urls.map(|url| (url.range.start, Found::Url(url))));
    found.sort_by_key(|(start, _)| *start);
    found.into_iter().map(|(_, found)| found)
}

/// The index of the definition that has a label: the first of that label.
fn labels(definitions: &[RawDefinition]) -> HashMap<String, u32> {
    let mut labels = HashMap::new();
    for (index, raw) in definitions.iter().enumerate() {
        let label = labels.entry(fold_label(&raw.label));
        label.or_insert(syntax::offset(index));
    }
    labels
}

impl Marks<'_> {
    fn push(&mut self, range: Range<usize>, kind: MarkKind) {
        self.syntax.marks.push(Mark {
            span: Span::new(range),
            kind,
        });
    }

    fn comments(&mut self, comments: &[Range<usize>]) {
        for comment in comments {
            self.push(comment.clone(), MarkKind::Comment);
        }
    }

    fn footnotes(&mut self, labels: &[Range<usize>]) {
        for label in labels {
            self.push(label.clone(), MarkKind::Footnote);
        }
    }

    /// Marks every id; returns which of them have a block, in text order of the blocks.
    fn block_ids(&mut self, ids: &[RawId]) -> Vec<usize> {
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_by_key(|&id| (ids[id].block.start, ids[id].range.start));
        let mut taken = HashSet::new();
        let mut blocks = Vec::new();
        for id in order {
            let name = self.text[ids[id].range.clone()].to_lowercase();
            let block = taken.insert(name).then(|| {
                blocks.push(id);
                syntax::offset(blocks.len() - 1)
            });
            let (range, own_line) = self.id_with_space(&ids[id].range);
            self.push(range, MarkKind::BlockId { block, own_line });
        }
        blocks
    }

    /// An id with the space before it, or with its whole line.
    fn id_with_space(&self, id: &Range<usize>) -> (Range<usize>, bool) {
        if let Some(start) = begins_line(self.text, id.start) {
            let end = memchr(b'\n', &self.text.as_bytes()[id.end..])
                .map_or(self.text.len(), |nl| id.end + nl + 1);
            return (start..end, true);
        }
        let line = &self.text[line_start(self.text, id.start)..id.start];
        (
            id.start - (line.len() - line.trim_end_matches([' ', '\t']).len())..id.end,
            false,
        )
    }

    fn references(
        &mut self,
        wikis: Vec<FoundWiki<'_>>,
        outline: &Outline,
        comments: &[Range<usize>],
    ) {
        let definitions = outline.definitions.iter();
        self.syntax.definitions = definitions.map(|raw| self.definition(raw)).collect();
        let labels = labels(&outline.definitions);
        for found in in_text_order(wikis, outline) {
            match found {
                Found::Wiki(wiki) => self.wiki(wiki, outline, comments),
                Found::Link(link) => {
                    let mut mentions = in_range(&outline.footnotes, &link.text, |label| label);
                    self.link(link, &labels, mentions.next().is_some());
                }
                Found::Url(url) => self.url(url),
                Found::Definition(index) => {
                    let raw = &outline.definitions[index];
                    self.syntax.definitions[index].reference =
                        self.local(RefKind::Link, &raw.range, &raw.destination);
                    self.push(
                        raw.range.clone(),
                        MarkKind::Definition(syntax::offset(index)),
                    );
                }
            }
        }
    }

    fn wiki(&mut self, found: FoundWiki<'_>, outline: &Outline, comments: &[Range<usize>]) {
        let reference = syntax::offset(self.refs.len());
        let kind = if found.embed {
            RefKind::WikiEmbed
        } else {
            RefKind::WikiLink
        };
        let span = Span::new(found.range.clone());
        let Inner {
            target,
            fragment,
            label,
            size,
        } = found.inner;
        self.refs.push(Ref {
            kind,
            start: span.start,
            end: span.end,
            target: target.into(),
            fragment: fragment.into(),
        });
        let hidden = label
            .clone()
            .map(|label| self.hidden(&label, outline, comments));
        let wiki = Wiki {
            reference,
            hidden: hidden.unwrap_or_default(),
            label: label.map(Span::new),
            size: size.map(Span::new),
            setting: found.setting,
        };
        self.push(found.range, MarkKind::Wiki(wiki));
    }

    /// What a wikilink's label doesn't show. A link within a link is none, be it a footnote's mention, and what it leads to
    /// may be kept out.
    fn hidden(
        &self,
        label: &Range<usize>,
        outline: &Outline,
        comments: &[Range<usize>],
    ) -> Vec<Span> {
        if !self.text[label.clone()].contains(['[', '<', HIDDEN]) {
            return Vec::new();
        }
        let is_in = |range: &Range<usize>| label.start <= range.start && range.end <= label.end;
        let mut hidden = Vec::new();
        for link in
            in_range(&outline.links, label, |link| &link.range).filter(|link| is_in(&link.range))
        {
            hidden.extend([
                link.range.start..link.text.start,
                link.text.end..link.range.end,
            ]);
        }
        for url in in_range(&outline.html.urls, label, |url| &url.range) {
            hidden.push(url.range.clone());
        }
        for mention in in_range(&outline.footnotes, label, |mention| mention) {
            let is_space = |at: usize| self.text.as_bytes().get(at) == Some(&b' ');
            let spaced = is_space(mention.start - 1) && is_space(mention.end);
            hidden.push(mention.start..mention.end + usize::from(spaced));
        }
        for zone in in_range(&outline.zones, label, |zone| &zone.range) {
            match zone.kind {
                ZoneKind::Autolink => hidden.extend([
                    zone.range.start..zone.range.start + 1,
                    zone.range.end - 1..zone.range.end,
                ]),
                ZoneKind::Html if raw_html::is_anchor(&self.text[zone.range.clone()]) => {
                    hidden.push(zone.range.clone());
                }
                _ => {}
            }
        }
        for comment in in_range(comments, label, |comment| comment) {
            hidden.push(comment.clone());
        }
        hidden.sort_unstable_by_key(|range| range.start);
        hidden.into_iter().map(Span::new).collect()
    }

    fn url(&mut self, raw: &RawUrl) {
        let kind = if raw.shown {
            RefKind::Image
        } else {
            RefKind::Link
        };
        if let Some(reference) = self.local(kind, &raw.range, &raw.destination) {
            let url = Span::new(raw.url.clone());
            self.push(raw.range.clone(), MarkKind::HtmlUrl { reference, url });
        }
    }

    fn link(&mut self, raw: &RawLink, labels: &HashMap<String, u32>, has_mention: bool) {
        let kind = if raw.image {
            RefKind::Image
        } else {
            RefKind::Link
        };
        let destination = match &raw.label {
            Some(label) => labels
                .get(&fold_label(label))
                .copied()
                .map(Destination::Definition),
            None => Some(Destination::Inline(Span::new(self.inline_destination(raw)))),
        };
        let Some(destination) = destination else {
            return;
        };
        let reference = self.local(kind, &raw.range, &raw.destination);
        if reference.is_none() && raw.label.is_none() && !has_mention {
            return;
        }
        let index = syntax::offset(self.syntax.links.len());
        self.syntax.links.push(Link {
            reference,
            image: raw.image,
            text: Span::new(raw.text.clone()),
            destination,
        });
        self.push(raw.range.start..raw.text.start, MarkKind::LinkOpen(index));
        self.push(raw.text.end..raw.range.end, MarkKind::LinkClose(index));
    }

    /// Where an inline link's destination is written; all between its parentheses if that can't be told.
    fn inline_destination(&self, raw: &RawLink) -> Range<usize> {
        let (open, close) = (raw.text.end + 2, raw.range.end - 1);
        let found = syntax::destination(self.text, open, raw.range.end, true);
        found
            .filter(|found| self.reads_as(found, &raw.destination))
            .unwrap_or(open.min(close)..close)
    }

    /// Whether the text in `range` can be the destination that Markdown found: a quote's `>` may stand in between.
    fn reads_as(&self, range: &Range<usize>, destination: &str) -> bool {
        let written = &self.text[range.clone()];
        let inner = written
            .strip_prefix('<')
            .and_then(|inner| inner.strip_suffix('>'))
            .unwrap_or(written);
        inner == destination || inner.contains(['\\', '&'])
    }

    /// The index of the ref for a destination, if it is a path in the vault.
    fn local(&mut self, kind: RefKind, range: &Range<usize>, destination: &str) -> Option<u32> {
        if !syntax::is_local(destination) {
            return None;
        }
        let (path, fragment) = destination.split_once('#').unwrap_or((destination, ""));
        let decode = |text: &str| -> Box<str> {
            let decoded: Cow<'_, str> = percent_decode_str(text).decode_utf8_lossy();
            decoded.into()
        };
        let span = Span::new(range.clone());
        self.refs.push(Ref {
            kind,
            start: span.start,
            end: span.end,
            target: decode(path),
            fragment: decode(fragment),
        });
        let index = syntax::offset(self.refs.len() - 1);
        let address = &destination[destination.find(['?', '#']).unwrap_or(destination.len())..];
        if address.contains('%') {
            self.syntax.addresses.push((index, address.into()));
        }
        Some(index)
    }

    /// Where the parts of a definition stand; its destination is all that follows the label if that can't be told.
    fn definition(&self, raw: &RawDefinition) -> Definition {
        let (bytes, end) = (self.text.as_bytes(), raw.range.end);
        let mut label_ends =
            memmem::find_iter(&bytes[raw.range.clone()], b"]:").map(|at| raw.range.start + at);
        let after_label = label_ends
            .find(|&at| !is_escaped(bytes, at))
            .map_or(end, |at| at + 2);
        let found = syntax::destination(self.text, after_label, end, false);
        let destination = found
            .filter(|found| self.reads_as(found, &raw.destination))
            .unwrap_or(after_label..end);
        Definition {
            reference: None,
            rest: Span::new(destination.start..end),
            destination: Span::new(destination),
        }
    }

    /// Of two marks that overlap, the first stays; one that only shares the space before it loses that.
    fn drop_overlaps(&mut self) {
        let mut end = 0;
        self.syntax.marks.retain_mut(|mark| {
            let hides = matches!(mark.kind, MarkKind::Comment | MarkKind::BlockId { .. });
            if mark.span.start < end && hides && mark.span.end > end {
                mark.span.start = end;
            }
            let keep = mark.span.start >= end;
            if keep {
                end = mark.span.end;
            }
            keep
        });
    }
}
