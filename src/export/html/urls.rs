//! Bare URLs are read before what else is inside a line, as GFM's extension does: the `__init__` of `https://a.b/__init__.py` is not
//! strong, the `$` of a query begins no math, and its `==` no highlight.
//!
//! Markdown's own parser knows no such URLs, so what it took for markup in one becomes text again.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::inline::{autolinks, ends_url, may_have_autolinks};

/// Turns what is markup in a bare URL into text. Returns where those URLs stand in `body`, in order; one that markup
/// parted stands there in pieces.
pub(super) fn as_text<'a>(
    body: &'a str,
    events: &mut [(Event<'a>, Range<usize>)],
) -> Vec<Range<usize>> {
    let mut urls = Vec::new();
    if !may_have_autolinks(body) {
        return urls;
    }
    // For each emphasis that is open: whether it was turned into text.
    let mut turned = Vec::new();
    let (mut verbatim, mut in_url, mut at) = (0_usize, false, 0);
    // Where a URL that goes on ends at the latest. It may hold very many emphases, one in the other.
    let mut limit = 0;
    while at < events.len() {
        let range = events[at].1.clone();
        if in_url && limit < range.start {
            let rest = &body[range.start..];
            limit = range.start + rest.find(ends_url).unwrap_or(rest.len());
        }
        let is_part = in_url && range.end <= limit;
        let text = match &events[at].0 {
            Event::Text(_) if verbatim == 0 => {
                let run = Run::at(body, events, at);
                in_url = run.goes_on_in_url(in_url, &mut urls);
                at += run.starts.len();
                continue;
            }
            Event::Start(tag @ (Tag::Emphasis | Tag::Strong | Tag::Strikethrough)) => {
                turned.push(is_part);
                is_part.then(|| range.start..range.start + marker(body, &range, tag.to_end()))
            }
            Event::End(tag @ (TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough)) => {
                let is_turned = turned.pop() == Some(true);
                is_turned.then(|| range.end - marker(body, &range, *tag)..range.end)
            }
            Event::InlineMath(_) | Event::DisplayMath(_) => is_part.then_some(range),
            Event::Start(tag) => {
                verbatim += usize::from(is_verbatim(tag.to_end()));
                None
            }
            Event::End(tag) => {
                verbatim -= usize::from(is_verbatim(*tag));
                None
            }
            _ => None,
        };
        in_url = text.is_some();
        if let Some(text) = text {
            events[at] = (Event::Text(body[text.clone()].into()), text);
        }
        at += 1;
    }
    urls
}

/// Whether no URL is looked for in it.
fn is_verbatim(tag: TagEnd) -> bool {
    matches!(
        tag,
        TagEnd::Link | TagEnd::Image | TagEnd::CodeBlock | TagEnd::HtmlBlock
    )
}

/// The length of what begins and ends an emphasis.
fn marker(body: &str, range: &Range<usize>, tag: TagEnd) -> usize {
    match tag {
        TagEnd::Emphasis => 1,
        TagEnd::Strikethrough if !body[range.clone()].starts_with("~~") => 1,
        _ => 2,
    }
}

/// A text and all text that follows it: pulldown parts it where something could have begun.
struct Run {
    text: String,
    before: Option<char>,
    /// Where each part begins in `text`, and where in the body.
    starts: Vec<(usize, usize)>,
}

impl Run {
    fn at(body: &str, events: &[(Event<'_>, Range<usize>)], at: usize) -> Self {
        let mut run = Self {
            text: String::new(),
            before: body[..events[at].1.start].chars().next_back(),
            starts: Vec::new(),
        };
        for (event, range) in &events[at..] {
            let Event::Text(text) = event else { break };
            run.starts.push((run.text.len(), range.start));
            run.text += text;
        }
        run
    }

    /// Adds the URLs that are in the run; says whether one goes on behind it.
    fn goes_on_in_url(&self, in_url: bool, urls: &mut Vec<Range<usize>>) -> bool {
        let end = self.text.find(ends_url).unwrap_or(self.text.len());
        let begun = in_url.then_some(0..end);
        let from = begun.as_ref().map_or(0, |begun| begun.end);
        let links = autolinks(&self.text, self.before).into_iter();
        // What looks like a link in a URL, an address in its path, is a part of it.
        let links = links
            .map(|link| link.range)
            .filter(|link| link.start >= from);
        let mut last = None;
        for url in begun.into_iter().chain(links) {
            // A highlight may end where the URL does.
            let shown = self.text[url.clone()].trim_end_matches("==").len();
            urls.push(self.in_body(url.start)..self.in_body(url.start + shown));
            last = Some(url.start);
        }
        last.is_some_and(|start| !self.text[start..].contains(ends_url))
    }

    fn in_body(&self, at: usize) -> usize {
        let part = self.starts.partition_point(|(start, _)| *start <= at);
        let (start, in_body) = self.starts[part.saturating_sub(1)];
        in_body + at - start
    }
}
