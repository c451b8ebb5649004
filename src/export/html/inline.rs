//! What Markdown's own parser does not know inside a line: `==highlights==` and GFM's extended autolinks.

use std::ops::Range;

use pulldown_cmark::{Event, Tag, TagEnd};

use crate::vault::highlight::{Mark, pair_marks};

/// The highlights of a document, in text order. Both ends of one lie in the same element, and neither in one of the `urls`.
pub(crate) fn highlights(
    body: &str,
    events: &[(Event<'_>, Range<usize>)],
    urls: &[Range<usize>],
) -> Vec<Mark> {
    let mut marks = Vec::new();
    if memchr::memmem::find(body.as_bytes(), b"==").is_none() {
        return marks;
    }
    // One slot for each element that is open: where a highlight in it may have begun.
    let mut open: Vec<Option<Mark>> = vec![None];
    let mut verbatim = 0_usize;
    let is_in_url = |at: usize| {
        let next = urls.partition_point(|url| url.end <= at);
        urls.get(next).is_some_and(|url| url.start <= at)
    };
    for (event, (inside, range)) in events.iter().enumerate() {
        match inside {
            Event::Start(tag) => {
                verbatim += usize::from(matches!(
                    tag,
                    Tag::CodeBlock(_) | Tag::HtmlBlock | Tag::Image { .. }
                ));
                open.push(None);
            }
            Event::End(tag) => {
                verbatim -= usize::from(matches!(
                    tag,
                    TagEnd::CodeBlock | TagEnd::HtmlBlock | TagEnd::Image
                ));
                open.pop();
            }
            // Where text and source differ, something in it was escaped.
            Event::Text(text) if verbatim == 0 && body.get(range.clone()) == Some(text) => {
                if let Some(slot) = open.last_mut() {
                    pair_marks(body, range.clone(), event, slot, &mut marks, is_in_url);
                }
            }
            _ => {}
        }
    }
    marks.sort_by_key(|mark| (mark.event, mark.at));
    marks
}

/// A link that was found in plain text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Autolink {
    /// Where it is in the text.
    pub(crate) range: Range<usize>,
    /// What goes before the text to make it a URL.
    pub(crate) prefix: &'static str,
}

/// Whether a document can have autolinks at all.
pub(crate) fn may_have_autolinks(body: &str) -> bool {
    let bytes = body.as_bytes();
    memchr::memchr(b'@', bytes).is_some()
        || memchr::memmem::find(bytes, b"://").is_some()
        || memchr::memmem::find(bytes, b"www.").is_some()
}

/// GFM's extended autolinks in `text`, whose first character follows `before` in its line.
pub(crate) fn autolinks(text: &str, before: Option<char>) -> Vec<Autolink> {
    let mut links: Vec<Autolink> = Vec::new();
    let mut from = 0;
    while let Some(found) = text[from..].find([':', '@', 'w']) {
        let at = from + found;
        let floor = links.last().map_or(0, |link| link.range.end);
        let link = match text.as_bytes()[at] {
            b':' => scheme_link(text, at, floor, before),
            b'@' => email(text, at, floor),
            _ => www(text, at, before),
        };
        from = link
            .as_ref()
            .map_or(at + 1, |link| link.range.end.max(at + 1));
        links.extend(link);
    }
    links
}

/// Whether a link may begin at `at`: after a line's beginning, a blank, or one of `*_~(`.
fn may_begin(text: &str, at: usize, before: Option<char>) -> bool {
    let left = text[..at].chars().next_back().or(before);
    left.is_none_or(|c| c.is_whitespace() || matches!(c, '*' | '_' | '~' | '('))
}

fn www(text: &str, at: usize, before: Option<char>) -> Option<Autolink> {
    if !text[at..].starts_with("www.") || !may_begin(text, at, before) {
        return None;
    }
    let end = url_end(text, at, at)?;
    Some(Autolink {
        range: at..end,
        prefix: "http://",
    })
}

fn scheme_link(text: &str, colon: usize, floor: usize, before: Option<char>) -> Option<Autolink> {
    let after = colon + 3;
    if text.get(colon..after) != Some("://") {
        return None;
    }
    let head = &text[floor..colon];
    let scheme = ["https", "http", "ftp"].into_iter().find(|scheme| {
        head.get(head.len().wrapping_sub(scheme.len())..)
            .is_some_and(|tail| tail.eq_ignore_ascii_case(scheme))
    })?;
    let start = colon - scheme.len();
    if !may_begin(text, start, before) {
        return None;
    }
    let end = url_end(text, start, after)?;
    Some(Autolink {
        range: start..end,
        prefix: "",
    })
}

/// What a URL ends before at the latest.
pub(super) fn ends_url(c: char) -> bool {
    c.is_whitespace() || c == '<'
}

/// The end of a URL that begins at `start` and whose domain begins at `domain`.
fn url_end(text: &str, start: usize, domain: usize) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = &text[domain..];
    let name = &name[..name.find(|c| !is_part(c)).unwrap_or(name.len())];
    let name = name.trim_end_matches('.');
    let mut last_two = name.rsplit('.').take(2);
    let is_domain =
        name.contains('.') && !name.contains("..") && last_two.all(|part| !part.contains('_'));
    if !is_domain {
        return None;
    }
    let rest = &text[start..];
    let end = rest.find(ends_url).unwrap_or(rest.len());
    let end = start + without_trailing(&rest[..end]);
    (end > domain).then_some(end)
}

/// The length of a URL without the punctuation that belongs to the sentence around it.
fn without_trailing(url: &str) -> usize {
    let mut url = url;
    // Counted once: a URL may end in very many brackets.
    let mut surplus = url
        .matches(')')
        .count()
        .saturating_sub(url.matches('(').count());
    loop {
        if let Some(shorter) = url.strip_suffix(['?', '!', '.', ',', ':', '*', '_', '~', '\'', '"'])
        {
            url = shorter;
        } else if surplus > 0 && url.ends_with(')') {
            surplus -= 1;
            url = &url[..url.len() - 1];
        } else if let Some(amp) = entity_at_end(url) {
            url = &url[..amp];
        } else {
            return url.len();
        }
    }
}

/// Where the text `&name;` at the end of a URL begins.
fn entity_at_end(url: &str) -> Option<usize> {
    let amp = url.strip_suffix(';')?.rfind('&')?;
    let name = &url[amp + 1..url.len() - 1];
    (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(amp)
}

fn email(text: &str, at: usize, floor: usize) -> Option<Autolink> {
    let bytes = text.as_bytes();
    let is_local =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'+');
    let local = bytes[floor..at]
        .iter()
        .rev()
        .take_while(|byte| is_local(byte))
        .count();
    let is_domain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let domain = bytes[at + 1..]
        .iter()
        .take_while(|byte| is_domain(byte))
        .count();
    let domain = text[at + 1..at + 1 + domain].trim_end_matches('.');
    let is_good = domain.contains('.')
        && domain.split('.').all(|part| !part.is_empty())
        && !domain.ends_with(['-', '_'])
        && local > 0;
    if !is_good {
        return None;
    }
    let (start, end) = (at - local, at + 1 + domain.len());
    // `mailto:` and `xmpp:` are part of the link where they are written out.
    for scheme in ["mailto:", "xmpp:"] {
        if text[floor..start].ends_with(scheme) {
            return Some(Autolink {
                range: start - scheme.len()..end,
                prefix: "",
            });
        }
    }
    Some(Autolink {
        range: start..end,
        prefix: "mailto:",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        autolinks(text, None)
            .into_iter()
            .map(|link| format!("{}{}", link.prefix, &text[link.range]))
            .collect()
    }

    #[test]
    fn autolinks_as_in_the_gfm_specification() {
        for (text, link) in [
            ("www.commonmark.org", "http://www.commonmark.org"),
            (
                "Visit www.commonmark.org/help for more.",
                "http://www.commonmark.org/help",
            ),
            ("Visit www.commonmark.org.", "http://www.commonmark.org"),
            (
                "Visit www.commonmark.org/a.b.",
                "http://www.commonmark.org/a.b",
            ),
            (
                "www.google.com/search?q=Markup+(business)",
                "http://www.google.com/search?q=Markup+(business)",
            ),
            (
                "www.google.com/search?q=Markup+(business)))",
                "http://www.google.com/search?q=Markup+(business)",
            ),
            (
                "(www.google.com/search?q=Markup+(business))",
                "http://www.google.com/search?q=Markup+(business)",
            ),
            (
                "www.google.com/search?q=(business))+ok",
                "http://www.google.com/search?q=(business))+ok",
            ),
            (
                "www.google.com/search?q=commonmark&hl=en",
                "http://www.google.com/search?q=commonmark&hl=en",
            ),
            (
                "www.google.com/search?q=commonmark&hl;",
                "http://www.google.com/search?q=commonmark",
            ),
            ("www.commonmark.org/he<lp", "http://www.commonmark.org/he"),
            ("http://commonmark.org", "http://commonmark.org"),
            ("ftp://foo.bar.baz.", "ftp://foo.bar.baz"),
            (
                "(Visit https://encrypted.google.com/search?q=Markup+(business))",
                "https://encrypted.google.com/search?q=Markup+(business)",
            ),
            ("foo@bar.baz", "mailto:foo@bar.baz"),
            (
                "hello@mail+xyz.example isn't valid, but hello+xyz@mail.example is.",
                "mailto:hello+xyz@mail.example",
            ),
            ("a.b-c_d@a.b", "mailto:a.b-c_d@a.b"),
            ("a.b-c_d@a.b.", "mailto:a.b-c_d@a.b"),
            ("mailto:foo@bar.baz", "mailto:foo@bar.baz"),
        ] {
            assert_eq!(found(text), [link], "{text}");
        }
    }

    #[test]
    fn what_is_no_autolink() {
        for text in [
            "a.b-c_d@a.b-",
            "a.b-c_d@a.b_",
            "www.",
            "http://",
            "http://localhost",
            "xwww.a.b",
            "http://a_b.c_d",
            "@a.b",
            "a@b",
            "javascript://a.b",
            "w:@",
            "ahttp://a.b",
            "sftp://a.b",
        ] {
            assert_eq!(found(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_long_tail_of_brackets_takes_no_long_time() {
        let text = format!("www.a.b/{}", ")".repeat(200_000));
        assert_eq!(found(&text), ["http://www.a.b/"]);
    }
}
