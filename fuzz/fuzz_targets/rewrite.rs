//! Three notes that may link to and embed one another, in every format. Nothing panics or grows without bounds, no script
//! gets through, nothing of the private one is in the others, and no link leads to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smartnotesd::export::{Portable, Source, Style, portable};
use smartnotesd::vault::FileId;
use smartnotesd_fuzz::{FORMATS, HTML, JSON, World};

/// Parts the notes of one input.
const BETWEEN: u8 = 0xff;
/// A word of the private note.
const SECRET: &str = "zqsecretx";
/// What embeds may add to a note, and room for the note itself.
const MOST: usize = (16 << 20) + (1 << 20);

fuzz_target!(|bytes: &[u8]| {
    let Some((kinds, bytes)) = bytes.split_first() else {
        return;
    };
    let mut parts = bytes.splitn(3, |&byte| byte == BETWEEN);
    let [a, b, c] = [(); 3].map(|()| parts.next().unwrap_or_default());
    let has_secret = |part: &[u8]| {
        String::from_utf8_lossy(part)
            .to_lowercase()
            .contains(SECRET)
    };
    if has_secret(a) || has_secret(b) {
        return;
    }
    let head =
        format!("---\nprivate: true\ntitle: {SECRET}\naliases: [{SECRET}]\n---\n# {SECRET}\n\n");
    let private = [head.as_bytes(), c, b"\n\n", SECRET.as_bytes(), b" ^block\n"].concat();
    let is_private = kinds & 1 == 0;
    let name = ["d/b.md", "d/b.json", "d/b.txt"][usize::from(kinds >> 1) % 3];
    let world = World::new(
        &[
            ("a.md", a),
            (name, b),
            ("c.md", if is_private { &private } else { c }),
        ],
        &["image.png", "d/other.pdf"],
    );
    for id in world.vault.exported() {
        check_portable(&world, id);
        check_outputs(&world, id, is_private);
    }
    for page in world.vault.pages().iter() {
        let bytes = world
            .formats
            .render_page(HTML, &world, &page)
            .expect("a page renders");
        check_page(&text_of(bytes), is_private);
    }
});

fn check_portable(world: &World, id: FileId) {
    let note = world.note(id).expect("notes are in memory");
    for style in [Style::Markdown, Style::Html] {
        let Portable { body, inlined, .. } =
            portable(world, id, 0, style).expect("notes are in memory");
        assert!(body.len() <= MOST, "{} bytes", body.len());
        let mut last = 0;
        for range in inlined {
            assert!(last <= range.start, "{range:?} is out of order");
            assert!(
                body.get(range.clone()).is_some(),
                "{range:?} is no range of the body"
            );
            last = range.end;
        }
        if note.syntax.marks.is_empty() {
            assert_eq!(body, note.text[note.facts.body_start as usize..]);
        }
    }
}

fn check_outputs(world: &World, id: FileId, is_private: bool) {
    for format in FORMATS {
        let bytes = world
            .formats
            .render(format, world, id)
            .expect("a note renders");
        let text = text_of(bytes);
        assert!(
            !is_private || !text.to_lowercase().contains(SECRET),
            "{text}"
        );
        match format {
            HTML => check_page(&text, is_private),
            JSON => {
                let object: serde_json::Value = serde_json::from_str(&text).expect("JSON");
                assert!(object.is_object());
            }
            _ => {}
        }
    }
}

fn check_page(page: &str, is_private: bool) {
    let page = page.to_lowercase();
    assert!(!is_private || !page.contains(SECRET), "{page}");
    let tags = tags(&page);
    let script = tags
        .iter()
        .find(|tag| tag.starts_with("script") || tag.contains("=\"javascript:"));
    assert!(script.is_none(), "{script:?} in {page}");
    let leads_there = |tag: &&&str| {
        let links = [
            "=\"c.html\"",
            "=\"c.html#",
            "=\"../c.html\"",
            "=\"../c.html#",
        ];
        links.iter().any(|link| tag.contains(link))
    };
    let link = tags.iter().find(leads_there);
    assert!(!is_private || link.is_none(), "{link:?} in {page}");
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("outputs are UTF-8")
}

/// What stands between `<` and `>`; a `<` in an attribute's value begins nothing.
fn tags(page: &str) -> Vec<&str> {
    let mut tags = Vec::new();
    let mut rest = page;
    while let Some(start) = rest.find('<') {
        rest = &rest[start + 1..];
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let (tag, after) = rest.split_at(end.unwrap_or(rest.len()));
        tags.push(tag);
        rest = after;
    }
    tags
}
