use proptest::prelude::*;

use super::*;
use crate::vault::syntax::Mark;

mod line_ends;

fn md(text: &str) -> Note {
    parse(&NotePath::new("d/Stem.md").unwrap(), text.as_bytes())
}

fn strings(texts: &[Box<str>]) -> Vec<&str> {
    texts.iter().map(|text| &**text).collect()
}

fn refs(text: &str) -> Vec<(RefKind, String)> {
    let note = md(text);
    let shown = |r: &Ref| {
        if r.fragment.is_empty() {
            r.target.to_string()
        } else {
            format!("{}#{}", r.target, r.fragment)
        }
    };
    note.facts.refs.iter().map(|r| (r.kind, shown(r))).collect()
}

#[test]
fn titles() {
    for (text, title) in [
        ("---\ntitle: From FM\n---\n# H", "From FM"),
        ("## no\n# First *one*\n# Two", "First one"),
        ("Setext `code`\n===\n", "Setext code"),
        ("```\n# code\n```\n", "Stem"),
        ("# [[a|Label]] and [[b]]", "Label and b"),
        ("# [[a|A [b](c) %%d%% e]] f", "A b e f"),
        ("# T %%c%%\n", "T"),
        ("# T ^id\n", "T"),
        ("# T %%c%% x", "T x"),
        ("# %%c%% T %%[[d]]%% ==x== %%e%%", "T x"),
        ("# a%%c%%b [[a]] c ^id", "ab a c"),
        ("# ==hi== m", "hi m"),
        (
            "# ==a *b== c* `==`== \\==d== [==e==](f)",
            "a b== c == ==d== e",
        ),
        ("# ==a %%c%% b== [[c]] == ==d", "a b c == ==d"),
        ("#\n# B", "B"),
        ("", "Stem"),
        ("# a &amp; b ![alt](x.png) [l](y.md) #", "a & b  l"),
    ] {
        assert_eq!(&*md(text).facts.title, title, "{text:?}");
    }
}

#[test]
fn tags_of_every_kind() {
    let note = md(
        "---\ntags: [Fm, x]\n---\n#inline (#Nested/tag) `#code` [l](u#no) <b title='#no'> $#m$ %%#c%%\n# h #head\n```\n#no\n```\n[[a#no]] #INLINE\n\nTags: last, #x\n\n",
    );
    assert_eq!(
        strings(&note.facts.tags),
        ["Fm", "x", "inline", "Nested/tag", "head", "last"]
    );
    assert!(md("Tags: a\n\nmore").facts.tags.is_empty());
    assert!(md("    Tags: a").facts.tags.is_empty());
    assert_eq!(strings(&md("a\nTags: b c\r\n").facts.tags), ["b", "c"]);
    let in_order = md("Tags: a, b c, #d, e/f (#g) d");
    assert_eq!(
        strings(&in_order.facts.tags),
        ["a", "b", "c", "d", "e/f", "(#g)", "g"]
    );
}

/// A link to a note that is kept out must not show its name as tags.
#[test]
fn links_are_no_tags() {
    for text in [
        "x\n\nTags: [[Secret Note|s]], a",
        "Tags: a [x](Secret.md \"Secret words\"), [y](<Secret Note.md>)",
        "Tags: a ![x](Secret.png) <a href=Secret.md title='Secret words'></a>",
        "Tags: ![[Secret Note]] a, [[Other]]",
        "[Secret words]: x\n\nTags: a [[Secret Note|`]]` s]] [b][Secret words]",
        "---\ntags: ['[[Secret Note|s]]', a]\n---\n",
        "---\ntag: a [[Secret Note]]\n---\n",
    ] {
        let tags = md(text).facts.tags;
        assert!(tags.iter().all(|tag| **tag == *"a"), "{text:?}: {tags:?}");
    }
}

#[test]
fn privacy_and_problems() {
    let facts = |text: &str| md(text).facts;
    assert_eq!(facts("---\nPublish: no\n---\n").privacy, Privacy::Private);
    assert_eq!(
        facts("\u{feff}---\r\ndraft: true\r\n---\r\n").privacy,
        Privacy::Private
    );
    assert_eq!(facts("x\n---\ndraft: true\n---\n").privacy, Privacy::Public);
    let bad = facts("\u{feff}---\ndate: {{date}}\n---\nx");
    assert_eq!((bad.privacy, bad.body_start), (Privacy::Unreadable, 3));
    assert_eq!(bad.problem.map(|p| (p.line, p.column)), Some((2, 7)));
    assert_eq!(facts("---\nprivate: [\n---\nx").privacy, Privacy::Withheld);
    assert_eq!(facts("---\nprivate: true\nx").privacy, Privacy::Withheld);
    assert!(facts("---\nJust text\n").problem.is_none());
    let twice_marked = facts("\u{feff}\u{feff}---\ndraft: true\n---\n");
    assert_eq!(twice_marked.privacy, Privacy::Private);
}

/// What can't be read may say that it is private.
#[test]
fn a_note_in_wide_characters_is_withheld() {
    let text = "---\nprivate: true\n---\nhush";
    let little = || text.encode_utf16().flat_map(u16::to_le_bytes);
    let big = || text.encode_utf16().flat_map(u16::to_be_bytes);
    let wide: [Vec<u8>; 6] = [
        [0xff, 0xfe].into_iter().chain(little()).collect(),
        [0xfe, 0xff].into_iter().chain(big()).collect(),
        little().collect(),
        big().collect(),
        text.chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect(),
        text.chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect(),
    ];
    for bytes in wide {
        let note = parse(&NotePath::new("n.md").unwrap(), &*bytes);
        assert_eq!(note.facts.privacy, Privacy::Withheld, "{bytes:?}");
        assert!(note.facts.problem.is_some());
    }
}

#[test]
fn bytes_that_are_no_text() {
    let note = parse(&NotePath::new("n.md").unwrap(), b"ok\n\xffx\0 [[a]]");
    let problem = note.facts.problem.as_ref().map(|p| (p.line, p.column));
    assert_eq!(
        (note.text.as_str(), problem),
        ("ok\n\u{fffd}x\0 [[a]]", Some((2, 1)))
    );
    assert_eq!(note.facts.refs.len(), 1);
}

#[test]
fn json_and_text_notes() {
    let json = |text: &str| parse(&NotePath::new("n.json").unwrap(), text.as_bytes());
    let note = json(r#"{"title": "T", "body": "b [[x]] #in", "tags": "a, b"}"#);
    assert_eq!(
        (&*note.facts.title, note.text.as_str()),
        ("T", "b [[x]] #in")
    );
    assert_eq!(strings(&note.facts.tags), ["a", "b", "in"]);
    assert_eq!(
        json(r#"{"body": "", "private": true}"#).facts.privacy,
        Privacy::Private
    );
    let any_case = json(r#"{"TITLE": "x", "Body": "b"}"#);
    assert_eq!((&*any_case.facts.title, &*any_case.text), ("x", "b"));
    for (text, place) in [
        ("{\"body\": {\"a\": 1}, \"title\": \"x\"}", Some((1, 2))),
        ("{\n \"BODY\": [\"a\"]}", Some((2, 2))),
        ("{\"body\": 1}", Some((1, 2))),
        ("{\"body\": null}", None),
        ("{}", None),
    ] {
        let note = json(text);
        let problem = note.facts.problem.map(|p| (p.line, p.column));
        assert_eq!((problem, &*note.text), (place, ""), "{text}");
        assert_eq!(note.facts.privacy, Privacy::Public);
    }
    let bad = json("{\"body\":\n oops}");
    assert_eq!(
        (bad.text.as_str(), bad.facts.problem.map(|p| p.line)),
        ("{\"body\":\n oops}", Some(2))
    );
    assert_eq!(json("[1]").facts.privacy, Privacy::Unreadable);
    assert_eq!(json("{private: 1}").facts.privacy, Privacy::Withheld);
    let text = parse(
        &NotePath::new("n.txt").unwrap(),
        b"---\ntitle: x\n---\n[[a]]",
    );
    assert_eq!(
        (
            &*text.facts.title,
            text.facts.body_start,
            text.facts.refs.len()
        ),
        ("n", 0, 1)
    );
}

#[test]
fn references_of_every_form() {
    use RefKind::{Image, Link, WikiEmbed, WikiLink};
    let found = refs(
        "[[a]] ![[b#h|30]] [t](c%20d.md#H%20x) ![i](<e f.png>) [r][R] [u](http://x) [m](mailto:x) [[#h1#h2]]\n\n[r]: g.md 'T'\n",
    );
    let expected = [
        (WikiLink, "a"),
        (WikiEmbed, "b#h"),
        (Link, "c d.md#H x"),
        (Image, "e f.png"),
        (Link, "g.md"),
        (WikiLink, "#h1#h2"),
        (Link, "g.md"),
    ];
    assert_eq!(
        found,
        expected.map(|(kind, target)| (kind, target.to_owned()))
    );
    assert_eq!(
        refs("[x](//h/a) [x](/abs) [x](?q) [x](#f) [x](a:b) [x](#)").len(),
        2
    );
    assert_eq!(refs("[[a^b]] [[a|b|c]] [[ a # b ]]").len(), 3);
    assert_eq!(refs("[[1]](a.md)"), [(Link, "a.md".to_owned())]);
}

#[test]
fn headings_anchors_and_sections() {
    let text = "lead\n\n# A\na\n## B\nb\n> ## Q\n> q\n\nC\n---\nc\n# A\n";
    let note = md(text);
    let shown: Vec<_> = note
        .facts
        .headings
        .iter()
        .map(|h| (h.level, &*h.text, &*h.anchor))
        .collect();
    assert_eq!(
        shown,
        [
            (1, "A", "a"),
            (2, "B", "b"),
            (2, "Q", "q"),
            (2, "C", "c"),
            (1, "A", "a-1")
        ]
    );
    let sections: Vec<_> = note
        .syntax
        .sections
        .iter()
        .map(|section| section.of(text))
        .collect();
    assert_eq!(sections[1], "## B\nb\n> ## Q\n> q\n\n");
    assert_eq!(sections[2], "## Q\n> q\n");
    assert_eq!(sections[3], "C\n---\nc\n");
    assert!(sections[0].starts_with("# A") && sections[0].ends_with("c\n"));
}

/// A block of code or HTML that ends a list or a quote ends with it, and not the other way round.
#[test]
fn sections_follow_code_in_lists_and_quotes() {
    for before in [
        "- a\n  ```\n  c\n  ```\n",
        "-\t\t#\n",
        "> ```\n> c\n> ```\n",
        "1. > <div>\n   > x\n   > </div>\n",
    ] {
        let text = format!("{before}\n# H\ntext ^id\n");
        let note = md(&text);
        assert_eq!(note.syntax.sections[0].of(&text), "# H\ntext ^id\n");
        let block = &note.facts.blocks[0];
        assert_eq!(&text[block.start as usize..block.end as usize], "text ^id");
    }
}

#[test]
fn hashes_tell_which_part_changed() {
    let before = md("lead\n# A\na\n# B\nb ^x\n").facts;
    let after = md("lead\n# A\nCHANGED\n# B\nb ^x\n").facts;
    assert_ne!(before.body_hash, after.body_hash);
    assert_ne!(before.headings[0].hash, after.headings[0].hash);
    assert_eq!(before.headings[1].hash, after.headings[1].hash);
    assert_eq!(before.blocks[0].hash, after.blocks[0].hash);
}

/// The hash of the section `S`.
fn section_hash(text: &str) -> u64 {
    let headings = md(text).facts.headings;
    headings
        .iter()
        .find(|heading| *heading.text == *"S")
        .unwrap()
        .hash
}

#[test]
fn what_an_embed_shows_counts() {
    let plain = "# S\n[t][r] and ![[e]] fn[^1] ^b\n\n# Z\n[r]: x.md \"title\"\n\n[^1]: note\n";
    let same = [
        ("# Z\n", "# Z\nanother section\n\n"),
        ("# S", "before\n\n# S"),
        ("^b", "^renamed"),
        ("\n[^1]:", "\n[^2]: another note\n\n[^1]:"),
        ("# Z\n", "# Z\n[other]: y.md\n\n"),
    ];
    for (from, to) in same {
        assert_eq!(
            section_hash(plain),
            section_hash(&plain.replacen(from, to, 1)),
            "{to:?}"
        );
    }
    let different = [
        ("and", "or"),
        ("x.md", "y.md"),
        ("\"title\"", "\"other\""),
        ("[r]: x.md", "[r2]: x.md"),
        ("[^1]: note", "text"),
        ("note", "another note"),
        ("note", "note[^2]\n\n[^2]: another note"),
        ("![[e]]", "- ![[e]]"),
        (" ^b", ""),
    ];
    for (from, to) in different {
        assert_ne!(
            section_hash(plain),
            section_hash(&plain.replacen(from, to, 1)),
            "{to:?}"
        );
    }
    assert_ne!(
        section_hash(plain),
        section_hash(&plain.replace('\n', "\r\n"))
    );
    // What a comment says doesn't count, nor how deep the quote is that a section ends with.
    assert_eq!(
        section_hash("# S\n%%one%% x"),
        section_hash("# S\n%%two%% x")
    );
    assert_ne!(section_hash("> # S\n> x"), section_hash(">> # S\n> x"));
    // A heading in a quote ends the quote's section only.
    assert_eq!(
        section_hash("> # S\n> x\n\nafter"),
        section_hash("> # S\n> x\n\nlater")
    );
    assert_ne!(
        section_hash("# S\n> # Q\n\nafter"),
        section_hash("# S\n> # Q\n\nlater")
    );
}

#[test]
fn the_front_matter_is_not_in_the_body() {
    let hash = |text: &str| md(text).facts.body_hash;
    assert_eq!(hash("---\na: 1\n---\nbody"), hash("body"));
    assert_ne!(hash("body"), hash("other"));
}

#[test]
fn blocks() {
    let text = "para\nend ^p\n\n- a ^a\n  - b ^b\n\n^list\n\n```\ncode ^no\n```\n^code\n\n# H ^h\n\nmid ^no\nx\n\n`c ^no`\n\ny ^p\n";
    let note = md(text);
    let found: Vec<_> = note
        .facts
        .blocks
        .iter()
        .map(|b| (&*b.id, &text[b.start as usize..b.end as usize]))
        .collect();
    let expected = [
        ("p", "para\nend ^p"),
        ("a", "- a ^a\n  - b ^b"),
        ("list", "- a ^a\n  - b ^b\n\n^list"),
        ("b", "- b ^b"),
        ("code", "```\ncode ^no\n```\n^code"),
        ("h", "# H ^h"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn front_matter_is_had_on_demand() {
    assert_eq!(front_matter(&md("---\na: 1\n---\n")).unwrap().len(), 1);
    assert_eq!(front_matter(&md("---\na: [\n---\n")), None);
    assert_eq!(front_matter(&md("x")), None);
}

/// Everything of a note that points into its text is in bounds, in order and on character boundaries.
fn assert_sound(note: &Note) {
    let text = &note.text;
    let inside = |start: u32, end: u32| text.get(start as usize..end as usize).is_some();
    let mut end = note.facts.body_start;
    for Mark { span, .. } in &note.syntax.marks {
        assert!(
            span.start >= end && inside(span.start, span.end),
            "{span:?} in {text:?}"
        );
        end = span.end;
    }
    assert!(
        note.facts.refs.iter().all(|r| inside(r.start, r.end)),
        "{text:?}"
    );
    assert!(note.facts.refs.is_sorted_by_key(|r| r.start), "{text:?}");
    assert!(
        note.facts.headings.is_sorted_by_key(|h| h.start),
        "{text:?}"
    );
    assert!(
        note.facts.blocks.is_sorted_by_key(|b| b.start)
            && note.facts.blocks.iter().all(|b| inside(b.start, b.end)),
        "{text:?}"
    );
    assert_eq!(note.facts.headings.len(), note.syntax.sections.len());
    assert!(
        note.syntax.sections.iter().all(|s| inside(s.start, s.end)),
        "{text:?}"
    );
}

/// Pieces that notes and their breakage are made of.
pub(crate) fn soup() -> impl Strategy<Value = String> {
    const PIECES: [&str; 68] = [
        "[[",
        "]]",
        "![[",
        "[",
        "](",
        ")",
        "|",
        "\\|",
        "#",
        "^id",
        " ^id",
        "\n",
        "\n\n",
        "\r\n",
        "%%",
        "%%\n",
        "`",
        "```\n",
        "~~~",
        "$",
        "$$",
        "<!--",
        "-->",
        "<div>",
        "<b>",
        "<a href=\"",
        "<img src='x.png' ",
        "<p srcset=a.md,b ",
        "\">",
        "> ",
        "- ",
        "1. ",
        "  ",
        "    ",
        "\t",
        "# ",
        "## ",
        "===",
        "---\n",
        "| a | b |\n",
        "|---|---|\n",
        "*",
        "**",
        "_",
        "\\",
        "&amp;",
        "é",
        "日本",
        "🚀",
        "\u{feff}",
        "\0",
        "a",
        "note",
        "b c",
        ".md",
        "[r]: x.md\n",
        "[r]",
        "[^1]",
        "[^1]: ",
        "tags: x\n",
        "private: true\n",
        "title: y\n",
        "Tags: a, b",
        "==",
        "~~",
        "- [ ] ",
        "%20",
        "\u{1}",
    ];
    prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40)
        .prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn reading_is_total_and_sound(text in soup(), fenced in any::<bool>()) {
        let text = if fenced { format!("---\n{text}") } else { text };
        assert_sound(&md(&text));
        assert_sound(&parse(&NotePath::new("n.json").unwrap(), text.as_bytes()));
        // Of what is withheld as UTF-16 no text is kept.
        assert_eq!(is_recalled("n.md", text.as_bytes()), !is_wide(text.as_bytes()));
    }

    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        assert_sound(&parse(&NotePath::new("n.md").unwrap(), bytes.clone()));
        prop_assert_eq!(is_recalled("n.md", &bytes), std::str::from_utf8(&bytes).is_ok());
    }
}

/// Whether a note can be read again from what was kept of it; asserts that it is the same note then.
fn is_recalled(path: &str, bytes: &[u8]) -> bool {
    let note = parse(&NotePath::new(path).unwrap(), bytes);
    let Some(syntax) = note.packed_syntax() else {
        return false;
    };
    let facts = note.facts.clone();
    assert_eq!(
        Note::recall(b"other".to_vec(), facts.clone(), &syntax),
        None
    );
    assert_eq!(Note::recall(bytes.to_vec(), facts, &syntax), Some(note));
    true
}

#[test]
fn degenerate_notes_end_soon() {
    let deep = 20_000;
    let long = 1 << 20;
    let cases = [
        ">".repeat(deep),
        "> ".repeat(deep),
        "[".repeat(deep),
        "*".repeat(deep),
        "*a ".repeat(deep),
        "[[".repeat(deep),
        "![[".repeat(deep),
        "- ".repeat(deep),
        "[[a|".repeat(deep),
        "]]".repeat(deep),
        "[[a]]".repeat(deep),
        "%%".repeat(deep),
        "%%`%%".repeat(deep),
        "`".repeat(deep),
        "$".repeat(deep),
        "<!--".repeat(deep),
        "\\".repeat(deep),
        "a".repeat(long),
        "#".repeat(deep),
        "#a ".repeat(deep),
        "# a\n".repeat(deep),
        "x ^a\n\n".repeat(deep),
        "[a](b.md)".repeat(deep),
        "`a` ".repeat(deep) + "[[",
        "[a][b]\n\n[b]: c.md\n\n".repeat(deep / 10),
        "[[a|`]]`".repeat(deep),
        "```\n".repeat(deep + 1),
        "| [[a]] ".repeat(deep) + "\n|---|\n",
        "%%\n".repeat(deep),
        "[^1]".repeat(deep),
        "---\n".to_owned() + &"- ".repeat(deep) + "\n---\n",
        "---\n".to_owned() + &"{".repeat(deep) + "\n---\n",
        "---\n".to_owned() + &"a: b\n".repeat(deep),
        "> ".repeat(deep) + &"\na".repeat(deep),
        "![".repeat(deep) + &"](a.md)".repeat(deep),
        "<div><script></style>".repeat(4 * deep),
    ];
    for text in &cases {
        let started = std::time::Instant::now();
        let note = md(text);
        assert_sound(&note);
        let took = started.elapsed();
        assert!(
            took.as_secs() < 20,
            "{:?} took {took:?}",
            text.chars().take(20).collect::<String>()
        );
    }
}
