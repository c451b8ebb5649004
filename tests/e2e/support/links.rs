//! Whether the links of a folder of HTML pages lead anywhere: a scanner for the little of HTML that this takes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use percent_encoding::percent_decode_str;

use super::Tree;

/// A page: where it leads, and where one can be led in it.
#[derive(Debug, Default)]
struct Page {
    links: Vec<String>,
    ids: BTreeSet<String>,
}

/// Every local link below `root` that leads to no file, or to no such place in a page.
pub fn broken(root: &Path) -> Vec<String> {
    let tree = Tree::read(root);
    let pages: BTreeMap<&str, Page> = tree
        .files_with("html")
        .map(|path| {
            (
                path,
                scan(&fs::read_to_string(root.join(path)).expect("a page is text")),
            )
        })
        .collect();
    let mut broken = Vec::new();
    for (path, page) in &pages {
        for link in page.links.iter().filter(|link| is_local(link)) {
            if let Err(why) = follow(path, link, &tree, &pages) {
                broken.push(format!("{path}: {link}: {why}"));
            }
        }
    }
    broken
}

/// How many local links there are: a check that checks nothing is none.
pub fn count(root: &Path) -> usize {
    let tree = Tree::read(root);
    let read = |path| fs::read_to_string(root.join(path)).expect("a page is text");
    tree.files_with("html")
        .map(|path| {
            scan(&read(path))
                .links
                .iter()
                .filter(|link| is_local(link))
                .count()
        })
        .sum()
}

fn is_local(link: &str) -> bool {
    let scheme = link.split([':', '/', '?', '#']).next().unwrap_or_default();
    let has_scheme = link[scheme.len()..].starts_with(':') && !scheme.is_empty();
    !has_scheme && !link.starts_with("//")
}

fn follow(from: &str, link: &str, tree: &Tree, pages: &BTreeMap<&str, Page>) -> Result<(), String> {
    let (path, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = decode(path.split('?').next().unwrap_or_default())?;
    let target = if path.is_empty() {
        from.to_owned()
    } else {
        resolve(from, &path)?
    };
    if !tree.files().contains(&target.as_str()) {
        return Err(format!("there is no file {target}"));
    }
    let fragment = decode(fragment)?;
    match pages.get(target.as_str()) {
        Some(page) if !fragment.is_empty() && !page.ids.contains(&fragment) => {
            Err(format!("{target} has no id {fragment}"))
        }
        _ => Ok(()),
    }
}

fn decode(text: &str) -> Result<String, String> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded
        .map(Into::into)
        .map_err(|_| "is no UTF-8 when decoded".to_owned())
}

fn resolve(from: &str, path: &str) -> Result<String, String> {
    if path.starts_with('/') {
        return Err("begins at the root of the disk".to_owned());
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop().ok_or("leads out of the export")?;
            }
            part => parts.push(part),
        }
    }
    Ok(parts.join("/"))
}

/// Reads tags and their attributes; text, comments and what stands in `style` is passed over.
fn scan(html: &str) -> Page {
    let mut page = Page::default();
    let mut rest = html;
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
        } else if let Some(style) = rest.strip_prefix("<style") {
            rest = style.split_once("</style>").map_or("", |(_, after)| after);
        } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            rest = scan_tag(&rest[1..], &mut page);
        } else {
            rest = &rest[1..];
        }
    }
    page
}

/// Reads a tag's attributes and returns what follows its `>`.
fn scan_tag<'a>(tag: &'a str, page: &mut Page) -> &'a str {
    let name = tag
        .find(|c: char| c.is_whitespace() || c == '>')
        .unwrap_or(tag.len());
    let mut rest = &tag[name..];
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
        if rest.is_empty() {
            return "";
        }
        if let Some(after) = rest.strip_prefix('>') {
            return after;
        }
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/'))
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end.max(1));
        let Some(value) = after.trim_start().strip_prefix('=') else {
            rest = after;
            continue;
        };
        let (value, after) = scan_value(value.trim_start());
        match name.to_ascii_lowercase().as_str() {
            "href" | "src" | "poster" | "cite" => page.links.push(unescape(value)),
            "id" | "name" => {
                page.ids.insert(unescape(value));
            }
            _ => {}
        }
        rest = after;
    }
}

fn scan_value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote).unwrap_or((quoted, ""));
        }
    }
    text.split_at(
        text.find(|c: char| c.is_whitespace() || c == '>')
            .unwrap_or(text.len()),
    )
}

fn unescape(value: &str) -> String {
    let mut text = value.to_owned();
    for (entity, character) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, character);
    }
    text
}
