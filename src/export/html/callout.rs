//! Callouts: quotes whose first line is `[!type]`, `[!type]+` or `[!type]-`, and maybe a title.

use pulldown_cmark::{Event, Tag};

use super::write::Writer;
use crate::vault::syntax::callout;

/// The marker at the beginning of a callout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// The type in lower case, fit for a class name.
    pub(crate) class: String,
    /// What to call it where the writer gave no title.
    pub(crate) default_title: String,
    /// Whether and how it folds.
    pub(crate) fold: Fold,
    /// Bytes of the marker, with the blanks after it.
    pub(crate) len: usize,
}

/// Whether a callout folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// It doesn't.
    Never,
    /// It does, and is open at first (`+`).
    Open,
    /// It does, and is shut at first (`-`).
    Shut,
}

/// Reads the marker that `text` (the quote's first line and more) begins with.
pub(crate) fn marker(text: &str) -> Option<Marker> {
    let (kind, after) = callout(text)?;
    let (fold, rest) = match after.as_bytes().first() {
        Some(b'+') => (Fold::Open, &after[1..]),
        Some(b'-') => (Fold::Shut, &after[1..]),
        _ => (Fold::Never, after),
    };
    let title = rest.trim_start_matches([' ', '\t']);
    // `[!note|wide]`: what follows the bar is for Obsidian's own style sheets.
    let name = kind.split('|').next().unwrap_or(kind).trim().to_lowercase();
    let class = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    Some(Marker {
        class,
        default_title: capitalised(&name),
        fold,
        len: text.len() - title.len(),
    })
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

impl Writer<'_> {
    /// A quote, or a callout with its title.
    pub(super) fn quote(&mut self, at: usize) -> usize {
        let Some((Event::Start(Tag::Paragraph), range)) = self.events.get(at + 1) else {
            return self.plain_quote(at);
        };
        let Some(marker) = marker(&self.body[range.start..]) else {
            return self.plain_quote(at);
        };
        let paragraph = at + 1;
        let title_end = self.first_line_end(paragraph);
        self.skipped = range.start + marker.len;
        let (open, summary, end_summary, close) = match marker.fold {
            Fold::Never => (
                "div",
                "<div class=\"callout-title\">",
                "</div>",
                "</div>\n</div>\n",
            ),
            Fold::Open | Fold::Shut => (
                "details",
                "<summary class=\"callout-title\">",
                "</summary>",
                "</div>\n</details>\n",
            ),
        };
        let is_open = if marker.fold == Fold::Open {
            " open=\"\""
        } else {
            ""
        };
        self.block("");
        self.write(format_args!("<{open} class=\"callout callout-"));
        self.attribute(&marker.class);
        self.write(format_args!("\"{is_open}>{summary}"));
        let title_start = self.out.len();
        self.range(paragraph + 1..title_end);
        self.skipped = 0;
        if self.out[title_start..].trim().is_empty() {
            self.out.truncate(title_start);
            self.escaped(&marker.default_title);
        }
        self.write(format_args!(
            "{end_summary}\n<div class=\"callout-content\">\n"
        ));
        self.quotes.push(close);
        if title_end == self.end_of(paragraph) {
            return title_end + 1;
        }
        self.out.push_str("<p>");
        title_end + 1
    }

    fn plain_quote(&mut self, at: usize) -> usize {
        self.block("<blockquote>\n");
        self.quotes.push("</blockquote>\n");
        at + 1
    }

    /// Where the first line of the paragraph at `at` ends: at a break of its own, or with the paragraph.
    fn first_line_end(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (offset, (event, _)) in self.events[at + 1..].iter().enumerate() {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) | Event::SoftBreak | Event::HardBreak if depth == 0 => {
                    return at + 1 + offset;
                }
                Event::End(_) => depth -= 1,
                _ => {}
            }
        }
        self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_type_fold_and_the_blanks_before_the_title() {
        let read = marker("[!Note]- The title\nmore").unwrap();
        assert_eq!(
            (read.class.as_str(), read.fold, read.len),
            ("note", Fold::Shut, 9)
        );
        assert_eq!(marker("[!tip]").unwrap().default_title, "Tip");
        assert_eq!(marker("[!tip]+\r\nx").unwrap().fold, Fold::Open);
        assert_eq!(marker("[!my \"kind\"|wide] x").unwrap().class, "my--kind-");
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in [
            "[!]",
            "[! ] x",
            "[note] x",
            "[!note](x)",
            "[!note]x",
            "[!note",
            "[!no\nte]",
            "",
        ] {
            assert_eq!(marker(text), None, "{text}");
        }
    }
}
