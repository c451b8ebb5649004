//! Tags: how they are written, in the text and in lists.

use std::borrow::Cow;

use hashbrown::HashSet;

/// Tags in the order and spelling of their first use.
#[derive(Debug, Default)]
pub(super) struct TagSet {
    tags: Vec<Box<str>>,
    /// Their folded spellings.
    seen: HashSet<Box<str>>,
}

impl TagSet {
    /// Takes in a tag, unless it is empty or known in some spelling.
    pub(super) fn add(&mut self, tag: &str) {
        let tag = &*normal_tag(tag);
        if !tag.is_empty() && self.seen.insert(tag.to_lowercase().into()) {
            self.tags.push(tag.into());
        }
    }

    /// Takes in tags that are parted by commas or spaces, each with or without `#`.
    ///
    /// What holds a bracket is none: it is of a link, whose target is no word of the note's.
    pub(super) fn add_list(&mut self, text: &str) {
        let is_gap = |c: char| c == ',' || c.is_whitespace();
        let mut rest = text;
        let mut has_close = true;
        while let Some(start) = rest.find(|c| !is_gap(c)) {
            rest = &rest[start..];
            let mut end = rest.find(is_gap).unwrap_or(rest.len());
            // A wikilink may hold gaps.
            if let Some(open) = rest[..end].rfind("[[").filter(|_| has_close) {
                let close = rest[open..].find("]]").map(|close| open + close + 2);
                has_close = close.is_some();
                end = end.max(close.unwrap_or(end));
            }
            let (tag, after) = rest.split_at(end);
            if !tag.contains(['[', ']']) {
                self.add(tag);
            }
            rest = after;
        }
    }

    pub(super) fn into_tags(self) -> Vec<Box<str>> {
        self.tags
    }
}

/// A tag as it is compared but for its case: no `#` before it, and slashes only between names. Empty if it has no name.
pub(crate) fn normal_tag(tag: &str) -> Cow<'_, str> {
    let tag = tag.trim_start_matches(['#', '/']).trim_end_matches('/');
    if !tag.contains("//") {
        return tag.into();
    }
    let names: Vec<&str> = tag.split('/').filter(|name| !name.is_empty()).collect();
    names.join("/").into()
}

/// The tag (without `#`) that starts at the `#` at `hash` in `text`, if there is one.
pub(super) fn inline_tag(text: &str, hash: usize) -> Option<&str> {
    let before = &text[..hash];
    let may_begin = before.chars().next_back().is_none_or(may_precede);
    if !may_begin && !is_highlighted(before, &text[hash..]) {
        return None;
    }
    let rest = &text[hash + 1..];
    let tag = &rest[..rest.find(|c| !is_tag_char(c)).unwrap_or(rest.len())];
    let tag = tag.trim_end_matches('/');
    // `#12` is a number, and so is `#1/2` no tag of anyone's.
    tag.contains(|c: char| !c.is_ascii_digit() && c != '/')
        .then_some(tag)
}

/// What may stand before a tag's `#`: nothing that could make it part of a word, an address or an escape.
fn may_precede(c: char) -> bool {
    !(c.is_alphanumeric()
        || matches!(
            c,
            '#' | '/' | '&' | '\\' | '=' | '?' | '.' | '@' | '%' | '+' | '$' | '-' | '_' | '^'
        ))
}

/// Whether a highlight begins between the two: `==` that another one follows in the same paragraph. What is no highlight may
/// be an address: `?key=YQ==#part`.
fn is_highlighted(before: &str, after: &str) -> bool {
    let is_mark = before
        .strip_suffix("==")
        .is_some_and(|before| !before.ends_with(['=', '\\']));
    is_mark
        && memchr::memmem::find(after.as_bytes(), b"==")
            .is_some_and(|end| !after[..end].contains("\n\n"))
}

/// Letters and digits of any script, `_`, `-`, `/`, emoji: everything but space and punctuation.
pub(super) fn is_tag_char(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/');
    }
    !(c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{2000}'..='\u{206f}' | '\u{2e00}'..='\u{2e7f}' | '\u{3001}' | '\u{3002}' | '\u{ff0c}'))
        || c == '\u{200d}'
}

/// The list of a line `Tags: a, b`: all that follows the colon.
pub(super) fn tags_line(line: &str) -> Option<&str> {
    let (key, list) = line.split_once(':')?;
    key.trim().eq_ignore_ascii_case("tags").then_some(list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(text: &str) -> Option<&str> {
        inline_tag(text, text.find('#').unwrap())
    }

    #[test]
    fn inline_tags_follow_obsidian() {
        for (text, expected) in [
            ("#a", Some("a")),
            ("x #nested/tag.", Some("nested/tag")),
            ("(#a_b-c)", Some("a_b-c")),
            ("#2024", None),
            ("#2024a", Some("2024a")),
            ("#1/2", None),
            ("#y1984", Some("y1984")),
            ("a#b", None),
            ("&#39;", None),
            ("\\#a", None),
            ("/#a", None),
            ("##a", None),
            ("# a", None),
            ("#", None),
            ("#über/日本", Some("über/日本")),
            ("#🚀go", Some("🚀go")),
            ("#a/", Some("a")),
            ("x ==#a== y", Some("a")),
            ("==#a\nb==", Some("a")),
            ("x==#a==", Some("a")),
            ("(==#a/b c==)", Some("a/b")),
            ("==**#a**==", Some("a")),
            ("\\==#a==", None),
            ("=#a==", None),
            ("===#a===", None),
            ("b?c=d==#a", None),
            ("==#a\n\nb==", None),
        ] {
            assert_eq!(tag(text), expected, "{text:?}");
        }
    }

    #[test]
    fn first_spelling_wins() {
        let mut tags = TagSet::default();
        tags.add_list("#Work, home work  WORK/secret,,# /# #/#/home home// work//secret/");
        assert_eq!(
            tags.into_tags(),
            ["Work".into(), "home".into(), "WORK/secret".into()] as [Box<str>; 3]
        );
    }

    #[test]
    fn links_are_no_tags() {
        for (list, expected) in [
            ("[[My Topic]], [[Other]], plain", &["plain"][..]),
            ("a [[b, c|d e]],f", &["a", "f"]),
            ("[[a]][[b c]] d", &["d"]),
            ("[[a b, c", &["b", "c"]),
            ("a]] [b] c", &["c"]),
            ("x[[a b]]y z", &["y", "z"]),
        ] {
            let mut tags = TagSet::default();
            tags.add_list(list);
            let expected: Vec<Box<str>> = expected.iter().map(|tag| (*tag).into()).collect();
            assert_eq!(*tags.into_tags(), *expected, "{list}");
        }
    }

    #[test]
    fn tags_lines() {
        assert_eq!(tags_line(" Tags: a, b"), Some(" a, b"));
        assert_eq!(tags_line("tags : a"), Some(" a"));
        assert_eq!(tags_line("My tags: a"), None);
        assert_eq!(tags_line("Tags"), None);
    }
}
