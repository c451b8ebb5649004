//! What a text leaves open at its end: a note's end closes its last fence, and an embed's end has to be written out. Else the fence
//! that somebody is still typing takes in all that follows the embed, in every note that shows it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use crate::vault::outline::options;

/// What begins a block of HTML that goes over blank lines, and what ends it. The parser takes no other end for one's own, and
/// none in capitals.
const HTML: [(&str, &str); 8] = [
    ("<!--", "-->"),
    ("<![CDATA[", "]]>"),
    ("<!", ">"),
    ("<?", "?>"),
    ("<pre", "</pre>"),
    ("<script", "</script>"),
    ("<style", "</style>"),
    ("<textarea", "</textarea>"),
];

/// `content`, with the line that ends its last block where it has none itself. Quotes and lists end with the text.
pub(super) fn closed(mut content: String) -> String {
    if let Some(end) = missing_end(&content) {
        content.push('\n');
        content.push_str(&end);
    }
    content
}

fn missing_end(content: &str) -> Option<String> {
    let may_open = |line: &str| line.trim_start_matches(' ').starts_with(['`', '~', '<']);
    if !content.split('\n').any(may_open) {
        return None;
    }
    let (mut depth, mut last) = (0_usize, None);
    for (event, range) in Parser::new_ext(content, options()).into_offset_iter() {
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    last = Some((tag, range));
                }
                depth += 1;
            }
            Event::End(_) => depth -= 1,
            Event::Rule if depth == 0 => last = None,
            _ => {}
        }
    }
    let (tag, range) = last?;
    let block = content[range].trim_start();
    match tag {
        Tag::CodeBlock(CodeBlockKind::Fenced(_)) => missing_fence(block),
        Tag::HtmlBlock => missing_html(block),
        _ => None,
    }
}

fn missing_fence(block: &str) -> Option<String> {
    let mark = block.chars().next()?;
    let fence = &block[..block.len() - block.trim_start_matches(mark).len()];
    let last = block.trim_end().rsplit_once('\n').map(|(_, last)| last);
    let is_closed = last.is_some_and(|line| {
        let end = line.trim_start_matches(' ');
        line.len() - end.len() < 4 && end.starts_with(fence) && end.trim_matches(mark).is_empty()
    });
    (!is_closed).then(|| fence.to_owned())
}

fn missing_html(block: &str) -> Option<String> {
    let (_, end) = HTML.iter().find(|(begin, _)| {
        let is_name = begin.ends_with(|c: char| c.is_ascii_lowercase());
        let (written, rest) = block.split_at_checked(begin.len()).unwrap_or_default();
        written.eq_ignore_ascii_case(begin)
            && (!is_name
                || rest.is_empty()
                || rest.starts_with(|c| matches!(c, '\t'..='\r' | ' ' | '>')))
    })?;
    (!block.contains(end)).then(|| (*end).to_owned())
}
