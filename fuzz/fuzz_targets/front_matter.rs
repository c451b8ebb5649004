//! Bytes as front matter. It never panics, its problem lies in the file, and what keeps a note in does so.

#![no_main]

use libfuzzer_sys::fuzz_target;
use smartnotesd::path::NotePath;
use smartnotesd::vault::{Note, Privacy, note};

fuzz_target!(|bytes: &[u8]| {
    let path = NotePath::new("folder/note.md").expect("a path");
    let file = [b"---\n", bytes, b"\n---\nbody\n"].concat();
    let note = note::parse(&path, &file);

    check_problem(&note);
    check_front_matter(&note);
    assert!(
        !keeps_in(&String::from_utf8_lossy(bytes)) || note.facts.privacy != Privacy::Public,
        "a line that keeps the note in was not heeded"
    );
});

fn check_problem(note: &Note) {
    let Some(problem) = &note.facts.problem else {
        return;
    };
    let line = note.text.split('\n').nth(problem.line as usize - 1);
    let line = line.unwrap_or_else(|| panic!("not a line of the file: {problem:?}"));
    let columns = line.chars().count() + 1;
    assert!(
        (1..=columns).contains(&(problem.column as usize)),
        "not a column of the line: {problem:?}"
    );
    assert!(
        !problem.message.contains('\n'),
        "more than a line: {problem:?}"
    );
}

fn check_front_matter(note: &Note) {
    let is_read = note::front_matter(note).is_some();
    assert_eq!(
        is_read,
        note.facts.body_start > 0,
        "read, but counted to the body, or the other way round"
    );
    assert!(!note.facts.title.trim().is_empty(), "a note has a title");
    let tags = &note.facts.tags;
    assert!(
        tags.iter()
            .all(|tag| !tag.is_empty() && !tag.starts_with('#')),
        "{tags:?}"
    );
}

/// Whether a line of the front matter keeps the note in beyond doubt: no quote or bracket can be open there that makes it
/// a part of another value, and no later line can be a part of its own.
fn keeps_in(text: &str) -> bool {
    let is_fence = |line: &&str| {
        line.strip_prefix("---")
            .is_some_and(|rest| rest.trim().is_empty())
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text
        .split('\n')
        .take_while(|line| !is_fence(line))
        .take_while(|line| !line.contains(['"', '\'', '[', '{']))
        .peekable();
    while let Some(line) = lines.next() {
        let is_alone = lines
            .peek()
            .is_none_or(|next| next.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let keeps_in = matches!(
            line,
            "private: true" | "draft: true" | "publish: false" | "export: false"
        );
        if is_alone && keeps_in {
            return true;
        }
    }
    false
}
