//! What holds of any note.

use proptest::prelude::*;

use super::*;
use crate::export::rewrite::MAX_INLINED;
use crate::vault::Ref;
use crate::vault::note::tests::soup;

/// Markdown of every kind, none of it note-specific.
const PLAIN: [&str; 60] = [
    "\tfoo\tbaz\t\tbim\n",
    "  - foo\n\n\tbar\n",
    "> \t\tfoo\n",
    "\\!\\\"\\#\\$\\%\\&\\'\\(\\)\\*\n",
    "&nbsp; &amp; &copy; &#35; &#X22;\n",
    "***\n---\n___\n",
    "- foo\n***\n- bar\n",
    "Foo\n---\nbar\n",
    "# foo\n## foo ##\n####### foo\n#5 bolt\n",
    "Foo *bar\nbaz*\n====\n",
    "    a simple\n      indented code block\n",
    "```\n<\n >\n```\n",
    "~~~~    ruby startline=3 $%@#$\ndef foo(x)\n~~~~~~~\n",
    "``\nfoo\n``\n",
    "<table><tr><td>\n<pre>\n**Hello**,\n\n_world_.\n</pre>\n</td></tr></table>\n",
    "<!-- Foo\n\nbar\n   baz -->\nokay\n",
    "<?php\n  echo '>';\n?>\n",
    "[foo]: /url \"title\"\n\n[foo]\n",
    "[Foo*bar\\]]:my_(url) 'title (with parens)'\n\n[Foo*bar\\]]\n",
    "[foo]: <https://e.org/x y>\n\n[foo][] and [text][foo]\n",
    "aaa\n\n\nbbb\n  ccc  \n     ddd\\\neee\n",
    "> # Foo\n> bar\n> baz\n",
    "> bar\nbaz\n> foo\n",
    ">>> foo\n> bar\n",
    "1.  A paragraph\n    with two lines.\n\n        indented code\n\n    > A block quote.\n",
    "- a\n - b\n  - c\n   - d\n",
    "* a\n*\n\n* c\n",
    "1. a\n\n  2. b\n\n   3. c\n",
    "10) foo\n    - bar\n",
    "- [ ] foo\n  - [x] bar\n",
    "`` foo ` bar ``\n",
    "`foo   bar \nbaz`\n",
    "*foo*bar* _a_b_ **x __y__**\n",
    "foo***bar***baz ~~gone~~\n",
    "[link](/uri \"title\")\n",
    "[link](</my uri>)\n",
    "[a](<b)c>)\n",
    "[link](foo%20b&auml;)\n",
    "[link *foo **bar** `#`*](/uri)\n",
    "[![moon](/moon.jpg)](/uri)\n",
    "![foo *bar*](/train.jpg \"t\")\n",
    "[foo][bar][baz]\n\n[baz]: /url\n",
    "<https://foo.bar.baz/test?q=hello&id=22> <foo@bar.example.com>\n",
    "<a  /><b2\ndata=\"foo\" >\n",
    "foo  \nbaz\\\nqux\n",
    "| a | b |\n| - | :-: |\n| `x\\|y` | z |\n",
    "| abc |\n| --- |\n| bar |\nbar\n\nbaz\n",
    "Here[^1].\n\n[^1]: A note\n    in two lines.\n",
    "$a_1 + b$ and $$\nx^2\n$$\n",
    "a line\r\nand another\r\n\r\n- x\r\n",
    "Hello $.;'there, 50% off, x^2, a|b, 5 > 3\n",
    "# C# and F# ###\n",
    "#hashtag and (#other)\n",
    "[ref]: https://e.org 'One\ntwo'\n\n[ref]\n",
    "*[a]*: x ![x]\n",
    "]] ][ ![ ] [ ]( ) (]\n",
    "- - - a\n",
    "\\[x\\] \\`y\\` \\*z\\*\n",
    "caf\u{e9} \u{65e5}\u{672c} \u{1f680}\u{a0}\u{2028}x\n",
    "x\u{b}\u{c}\u{1}y\n",
];

#[test]
fn markdown_without_note_syntax_comes_through_alone() {
    for text in PLAIN {
        check(&[(text, text)]);
    }
}

proptest! {
    #[test]
    fn markdown_without_note_syntax_comes_through(
        pieces in prop::collection::vec(prop::sample::select(&PLAIN[..]), 0..12),
        gaps in prop::collection::vec(prop::sample::select(&["", "\n", "> ", "- ", "  ", "    ", "\r\n"][..]), 12),
        head in prop::sample::select(&["", "\u{feff}", "---\ntitle: 1.10 # c\n---\n", "---\r\na: b\r\n", "---\n"][..]),
    ) {
        let text = pieces.iter().zip(&gaps).fold(head.to_owned(), |text, (piece, gap)| text + gap + piece);
        for style in [Style::Markdown, Style::Html] {
            let exported = render(&[("n.md", &text)], "n.md", 0, style);
            prop_assert_eq!(exported.front_matter + &exported.body, text.as_str());
        }
    }

    #[test]
    fn whatever_is_written_can_be_exported(one in soup(), two in soup()) {
        let files = [("note.md", one.as_str()), ("x.md", two.as_str()), ("n.md", "![[note]]\n> - ![[x]]\n")];
        for style in [Style::Markdown, Style::Html] {
            for path in ["note.md", "x.md", "n.md"] {
                let exported = render(&files, path, 1, style);
                prop_assert!(exported.inlined.iter().all(|range| exported.body.get(range.clone()).is_some()));
                prop_assert!(exported.inlined.is_sorted_by_key(|range| range.start));
            }
        }
    }

    #[test]
    fn an_embed_stays_in_its_quote(text in soup()) {
        let files = [("x.md", text.as_str()), ("n.md", "> a\n> ![[x]] b\n> c\n")];
        let body = render(&files, "n.md", 0, Style::Markdown).body;
        prop_assert!(body.lines().all(|line| line.starts_with('>')), "{:?}", body);
        let lines = body.lines().map(|line| &line[1..]).collect::<Vec<_>>();
        prop_assert_eq!(lines[0], " a");
        prop_assert_eq!(lines[lines.len() - 1], " c");
    }

    #[test]
    fn nothing_of_wikilinks_is_left(text in soup()) {
        // What a comment in a link's name leaves is text, and may look like a link.
        let text = text.replace("%%", "");
        let read = |text: &str| {
            let vault = FakeVault::new(&[("n.md", text)]);
            vault.note(vault.id("n.md")).unwrap()
        };
        let wikilinks = |note: &Note| {
            let wikis = note.facts.refs.iter().filter(|r| matches!(r.kind, RefKind::WikiLink | RefKind::WikiEmbed));
            wikis.map(|r| r.start as usize..r.end as usize).collect::<Vec<_>>()
        };
        // And so may the brackets around one: of `[[a [[r]] b]]` the outer ones are left.
        let note = read(&text);
        let mut without = note.text.clone();
        for range in wikilinks(&note).into_iter().rev() {
            without.replace_range(range, "r");
        }
        // Without an address over two lines, what stands on its two sides is on one, where a wikilink may be.
        let is_long = |r: &Ref| note.text[r.start as usize..r.end as usize].contains('\n');
        prop_assume!(wikilinks(&read(&without)).is_empty() && !note.facts.refs.iter().any(is_long));
        let files = [("note.md", ""), ("n.md", text.as_str())];
        let exported = render(&files, "n.md", 0, Style::Markdown);
        let again = read(&(exported.front_matter + &exported.body));
        prop_assert!(wikilinks(&again).is_empty(), "{:?}", again.text);
    }

    #[test]
    fn no_comment_is_exported(pieces in prop::collection::vec(prop::sample::select(&["a ", "\n", "\n\n", "> ", "- ", "%%KEEP OUT%%", "%%\nKEEP OUT\n%%\n", "%%`KEEP OUT%%", "%%\n```\nKEEP OUT %%", " ^id", "[[x]]", "# "][..]), 0..20)) {
        let text = pieces.concat();
        let body = render(&[("n.md", &text), ("x.md", "")], "n.md", 0, Style::Markdown).body;
        prop_assert!(!body.contains("KEEP"), "{:?} of {:?}", body, text);
    }

    #[test]
    fn nothing_of_a_private_note_is_exported(pieces in prop::collection::vec(prop::sample::select(&["![[s]]", "[[s#HUSH]]", "![[s#h]]", "![x](s.md)", "[y](s)", "![[o]]", "\n", "> ", "- ", "a", "[s]", "\n\n[s]: s.md\n", "<a href='quiet.md'>", "<img\n src=\"quiet.md#h\" x>", "<img srcset='quiet.md, o.md 2x'>", "\n\n<div>", "</div>\n\n", "\n\n[q]: quiet.md\n[Q]: <quiet.md> %%c%%\n", "\n\n> [q]: o.md\n[q]:\n quiet.md\n'\n", "'\n", "\n\n|a|\n|-|\n|b|[x](quiet.md)|\n\n"][..]), 0..12)) {
        let text = pieces.concat().replace("HUSH", "h");
        let files = [("n.md", text.as_str()), ("o.md", "![[s]] [[s]]"), ("s.md", "---\ndraft: true\ntitle: HUSH\n---\n# h\nHUSH"), ("quiet.md", "---\ndraft: true\n---\n")];
        let exported = render(&files, "n.md", 0, Style::Html);
        prop_assert!(!exported.body.contains("HUSH"), "{}", exported.body);
        prop_assert!(!exported.body.contains("quiet"), "{}", exported.body);
    }
}

#[test]
fn long_lines_are_written_in_linear_time() {
    let many = 30_000;
    for text in [
        "![[a#^blk]] ".repeat(many),
        "x ![[gone]] ".repeat(many),
        ">".repeat(many) + &" ![[a#^blk]] ".repeat(many),
        "%%c%% x ".repeat(many),
        "<a\nhref=gone.md>x ".repeat(many),
        "> <div>\n".to_owned() + &"> <img src=gone.png\n> ".repeat(many),
        format!("<img srcset='{}'>", "gone.png 2x, ".repeat(many)),
        format!("<p>{}", "<a href='".repeat(many)),
        "> ".repeat(2_000) + &"![[a#^blk]]\n".repeat(many),
        "| ![[a]] ".repeat(many) + "\n|---|\n",
        "[r]: secret.md\n".repeat(many),
        "> [r]:\n> a.md 'x\n".repeat(many),
        "|a|\n|-|\n".to_owned() + &"|1|[x](secret.md)|[\n".repeat(many),
        "|a|\n|-|\n|1".to_owned() + &"|[x](secret.md)".repeat(many),
        "[x [^1]](secret.md) ".repeat(many) + "\n\n[^1]: f\n",
        "[a [x](secret.md) b](a.md) ".repeat(many),
        "[a ".repeat(many) + &"](a.md)".repeat(many),
        "x [^1] [[a|y [^1]]] ".repeat(many) + "\n\n[^1]: f\n",
    ] {
        let started = std::time::Instant::now();
        let written = among(&text, &VAULT).len();
        let took = started.elapsed();
        assert!(
            took.as_secs() < 20 && written < 3 * MAX_INLINED,
            "{:?} took {took:?}, {written}",
            &text[..20]
        );
    }
}
