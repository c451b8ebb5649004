//! Bytes as a note of any kind. Reading never panics, and all that it finds lies in the text, in order.

#![no_main]

use std::collections::HashSet;
use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use smartnotesd::path::NotePath;
use smartnotesd::vault::syntax::{Destination, MarkKind, Span};
use smartnotesd::vault::{Note, NoteKind, PackedFacts, note};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let name = ["note.md", "note.json", "note.txt"][usize::from(*kind) % 3];
    let note = note::parse(&NotePath::new(name).expect("a path"), bytes);

    // Of UTF-16 and UTF-32 nothing is read.
    if note.facts.kind != NoteKind::Json && !note.text.is_empty() {
        let line_feeds = |text: &str| text.replace("\r\n", "\n").replace('\r', "\n");
        let text = String::from_utf8_lossy(bytes);
        assert_eq!(line_feeds(&note.text), line_feeds(&text));
        assert_eq!(note.text.len(), text.len());
    }
    let packed = PackedFacts::pack(&note.facts);
    assert_eq!(packed.unpack(), note.facts);
    check_facts(&note);
    check_syntax(&note);
});

fn check_facts(note: &Note) {
    let facts = &note.facts;
    let body = facts.body_start as usize;
    check(note, body..note.text.len());
    check_all(
        note,
        facts.refs.iter().map(|r| r.start as usize..r.end as usize),
    );
    check_all(
        note,
        facts
            .headings
            .iter()
            .map(|h| h.start as usize..h.end as usize),
    );
    check_all(
        note,
        facts
            .blocks
            .iter()
            .map(|b| b.start as usize..b.end as usize),
    );
    assert!(
        facts
            .headings
            .iter()
            .all(|heading| (1..=6).contains(&heading.level))
    );
    assert!(
        is_unique(
            facts
                .headings
                .iter()
                .map(|heading| heading.anchor.to_string())
        ),
        "{:?}",
        facts.headings
    );
    assert!(
        is_unique(facts.blocks.iter().map(|block| block.id.to_lowercase())),
        "{:?}",
        facts.blocks
    );
    assert!(!facts.title.is_empty());
}

fn check_syntax(note: &Note) {
    let syntax = &note.syntax;
    check_all(note, syntax.marks.iter().map(|mark| mark.span.range()));
    let apart = syntax
        .marks
        .windows(2)
        .all(|two| two[0].span.end <= two[1].span.start);
    assert!(apart, "marks overlap: {:?}", syntax.marks);
    assert_eq!(syntax.sections.len(), note.facts.headings.len());
    syntax
        .sections
        .iter()
        .for_each(|section| check(note, section.range()));
    for mark in &syntax.marks {
        match &mark.kind {
            MarkKind::Wiki(wiki) => {
                assert!((wiki.reference as usize) < note.facts.refs.len());
                let parts = wiki.label.iter().chain(&wiki.size);
                parts.for_each(|part| check_within(note, *part, mark.span));
            }
            MarkKind::LinkOpen(link) | MarkKind::LinkClose(link) => check_link(note, *link),
            MarkKind::Definition(index) => {
                let definition = &syntax.definitions[*index as usize];
                check_within(note, definition.rest, mark.span);
                check_within(note, definition.destination, definition.rest);
            }
            MarkKind::HtmlUrl { reference, url } => {
                assert!((*reference as usize) < note.facts.refs.len());
                check_within(note, *url, mark.span);
            }
            MarkKind::BlockId { block, .. } => {
                assert!(block.is_none_or(|block| (block as usize) < note.facts.blocks.len()));
            }
            MarkKind::Comment | MarkKind::Footnote => {}
        }
    }
}

fn check_link(note: &Note, index: u32) {
    let link = &note.syntax.links[index as usize];
    assert!(
        link.reference
            .is_none_or(|index| (index as usize) < note.facts.refs.len())
    );
    check(note, link.text.range());
    match link.destination {
        Destination::Inline(span) => check(note, span.range()),
        Destination::Definition(index) => assert!((index as usize) < note.syntax.definitions.len()),
    }
}

/// The ranges lie in the body and begin one after the other.
fn check_all(note: &Note, ranges: impl Iterator<Item = Range<usize>>) {
    let mut last = 0;
    for range in ranges {
        assert!(last <= range.start, "out of order at {range:?}");
        last = range.start;
        check(note, range);
    }
}

fn check_within(note: &Note, part: Span, whole: Span) {
    check(note, part.range());
    assert!(
        whole.start <= part.start && part.end <= whole.end,
        "{part:?} is not in {whole:?}"
    );
}

/// The range is one of the body.
fn check(note: &Note, range: Range<usize>) {
    assert!(
        note.facts.body_start as usize <= range.start,
        "{range:?} is not in the body"
    );
    assert!(
        note.text.get(range.clone()).is_some(),
        "{range:?} is no range of the text"
    );
}

fn is_unique(names: impl Iterator<Item = String>) -> bool {
    let mut seen = HashSet::new();
    names.into_iter().all(|name| seen.insert(name))
}
