//! What embeds bring into a note, and where they end.

use super::*;
use crate::export::rewrite::MAX_INLINED;

#[test]
fn embeds_are_inlined() {
    check(&[
        (
            "![[a]]\n",
            "# Top\nalpha\n\n## Sub One\none\n\n## Sub Two\ntwo\n",
        ),
        ("![[a#Sub One]]", "## Sub One\none"),
        (
            "![[a#Top]]\n\nx",
            "# Top\nalpha\n\n## Sub One\none\n\n## Sub Two\ntwo\n\nx",
        ),
        ("![[a#^blk]]", "two"),
        ("![[list#^l]]", "- two\n  - under"),
        ("![[list#^q]]", "> q1\n> q2"),
        ("![[d/My Note]]", "mine [a](a.md) ![pic.png](d/pic.png)"),
        ("x ![[a#^blk]] y", "x\n\ntwo\n\ny"),
        ("x\n![[a#^blk]]\ny", "x\n\ntwo\n\ny"),
        ("![[a#^blk]] ![[a#^blk]]", "two\n\ntwo"),
        ("**![[a]]** # no", "**[a](a.md)** # no"),
        ("# ![[a]]", "# [a](a.md)"),
        ("![[a#^blk]] %%c%%\n\nx", "two\n\nx"),
        ("x ![[hush]]\n\n![[hush]]\n\ny", "x \n\n\n\ny"),
    ]);
}

#[test]
fn embeds_stay_in_their_container() {
    check(&[
        ("> ![[a#Sub One]]\n> x", "> ## Sub One\n> one\n>\n> x"),
        ("> q\n> ![[a#Sub One]]", "> q\n>\n> ## Sub One\n> one"),
        ("- ![[a#Sub One]]\n- y", "- ## Sub One\n  one\n- y"),
        (
            "1. x ![[a#Sub One]]\n2. y",
            "1. x\n\n   ## Sub One\n   one\n2. y",
        ),
        (
            "> [!note] T\n> - ![[list]]",
            "> [!note] T\n> - - one\n>   - two\n>     - under\n>   - three\n>\n>   > q1\n>   > q2",
        ),
        (
            "a\r\n> ![[a#Sub One]]\r\n",
            "a\r\n> ## Sub One\r\n> one\r\n",
        ),
    ]);
}

#[test]
fn what_an_embed_leaves_open_ends_with_it() {
    for (embedded, end) in [
        ("```js\na", "\n```"),
        ("x\n\n  ~~~~\na\n~~~", "\n~~~~"),
        ("```", "\n```"),
        ("x\n\n<!-- a\n\nb", "\n-->"),
        ("<PRE class=x>\n\na", "\n</pre>"),
        ("<script>\n\na </", "\n</script>"),
        ("<?a\n\nb", "\n?>"),
        ("<pre>a</PRE>", "\n</pre>"),
        ("<style>\n\na</script>", "\n</style>"),
        ("```\na\n```", ""),
        ("```\na\n  ````", ""),
        ("```\na\n```\n\n[r]: /u", ""),
        ("```\na\n```\n\n---", ""),
        ("- ```\n  a", ""),
        ("> ```\n> a", ""),
        ("    ```\n    a", ""),
        ("<!-- a -->", ""),
        ("<pre>\n\na</pre> b", ""),
        ("<prefix>\na", ""),
        ("<div>\na", ""),
    ] {
        let shown = format!("{embedded}{end}").replace("\n\n[r]: /u", "");
        let files = [("e.md", embedded)];
        assert_eq!(
            among("![[e]]\n\nb\n", &files),
            format!("{shown}\n\nb\n"),
            "{embedded:?}"
        );
        let quoted = format!("> {}\n>\n> b\n", shown.replace('\n', "\n> "));
        assert_eq!(
            among("> ![[e]]\n>\n> b\n", &files),
            quoted.replace("> \n", ">\n"),
            "{embedded:?}"
        );
    }
}

#[test]
fn an_id_at_the_end_of_a_callouts_first_text_names_it_whole() {
    let files = [(
        "c.md",
        "> [!tip]- T\n> body ^a\n>\n> - x\n>\n> last ^b\n\n1. > [!note] N ^c\n   > - x\n\n> [!note](u)\n> q ^d\n",
    )];
    let shown = |embed: &str| body_of(&[&files[..], &[("n.md", embed)]].concat(), "n.md");
    assert_eq!(
        shown("![[c#^a]]"),
        "> [!tip]- T\n> body\n>\n> - x\n>\n> last"
    );
    assert_eq!(shown("![[c#^c]]"), "> [!note] N\n> - x");
}

#[test]
fn an_id_on_a_quotes_last_line_names_it_whole() {
    let shown = |quote: &str, embed: &str| {
        among(
            embed,
            &[("q.md", quote), ("hush.md", "---\nprivate: true\n---\nx")],
        )
    };
    for (quote, expected) in [
        ("> first\n> second ^i\n\nafter", "> first\n> second"),
        ("> first\n> second\n\n^i\n\nafter", "> first\n> second"),
        ("> one\n> ^i", "> one"),
        ("> one\n>\n> two\n>\n> ^i", "> one\n>\n> two"),
        ("> one\nlazy ^i", "> one\nlazy"),
        ("> one ^i\n>\n>\n", "> one"),
        ("> one ^i %%c%%\n", "> one"),
        ("> one\r\n> two ^i\r\n", "> one\n> two"),
        (
            "> one\n>\n> > two\n> > three ^i",
            "> one\n>\n> > two\n> > three",
        ),
        ("> > one\n> > two ^i\n>\n> three", "> one\n> two"),
        (
            "> [!tip]- T\n> a\n>\n> - x\n>\n> last ^i",
            "> [!tip]- T\n> a\n>\n> - x\n>\n> last",
        ),
        ("> [!note](u)\n> q ^i\n", "> [!note](u)\n> q"),
        ("> one\n>\n> # H ^i", "> one\n>\n> # H"),
        (
            "> one\n>\n> | a |\n> |---|\n> ^i\n",
            "> one\n>\n> | a |\n> |---|",
        ),
        ("> - a\n> - b\n>\n> ^i", "> - a\n> - b"),
        ("- x\n  > one\n  > two ^i\n- y", "> one\n> two"),
        ("-\t> one\n\t> two ^i\n", "> one\n> two"),
        ("   > one\n  > two ^i\n", "> one\n> two"),
        (
            "> one [[hush]] ![[hush]] %%c%% two ^i",
            "> one hush hush two",
        ),
        ("> one ^j\n>\n> two ^i", "> one\n>\n> two"),
        ("> one %%c\n> d%%\n>\n> ^i", "> one"),
        // It stays the block's own.
        ("> one\n> two ^i\n>\n> three", "one\ntwo"),
        ("> one\n> - a\n> - b ^i", "- b"),
        ("> one\n>\n> - a\n>\n>   b ^i", "b"),
        ("> [^1]: one\n>\n>     two ^i\n\n[^1]", "two"),
    ] {
        assert_eq!(shown(quote, "![[q#^i]]"), expected, "{quote:?}");
    }
    assert_eq!(
        shown("> one\n> two ^i", "> a\n> ![[q#^i]]\n> b"),
        "> a\n>\n> > one\n> > two\n>\n> b"
    );
}

#[test]
fn embeds_keep_their_columns() {
    let files = [
        ("s.md", "- a\n\t- b ^b\n\t\t- c\n\t\t  d\n- e\n"),
        ("t.md", "> - a\n>   - b ^b\n>\t\t- c\n>     \td\n"),
        (
            "f.md",
            "1. a\n   -\tb ^b\n\n\t\tc\n\n\t\t```\n\t\t\td\n\t\t```\n",
        ),
        ("q.md", "- a\n\t- b\n\n```\n\tc\n```\n\n1.\tx\n"),
        ("l.md", "1. ```\n\tc\n\t\td\n\t```\n"),
    ];
    let shown = |embed: &str| body_of(&[&files[..], &[("n.md", embed)]].concat(), "n.md");
    assert_eq!(shown("![[s#^b]]"), "- b\n\t- c\n\t  d");
    assert_eq!(shown("![[t#^b]]"), "- b\n\t- c\n  \td");
    assert_eq!(
        shown("![[f#^b]]"),
        "-    b\n\n     c\n\n     ```\n     \td\n     ```"
    );
    let q = "   - a\n       - b\n\n   ```\n   \tc\n   ```\n\n   1.  x";
    assert_eq!(shown("1. x\n\n   ![[q]]\n"), format!("1. x\n\n{q}\n"));
    assert_eq!(
        shown("- x\n\t- ![[q]]"),
        "- x\n\t- - a\n\t      - b\n\n\t  ```\n\t  \tc\n\t  ```\n\n\t  1.  x"
    );
    assert_eq!(
        shown("> ![[s]]"),
        "> - a\n>     - b\n>         - c\n>           d\n> - e"
    );
    // The tab reaches over the item's column: without all of it, the line would not be the item's.
    assert_eq!(shown("> ![[l]]"), "> 1. ```\n>     c\n>     \td\n>     ```");
    assert_eq!(
        shown("- x\n\n\t![[s#^b]]"),
        "- x\n\n\t- b\n\t\t- c\n\t\t  d"
    );
    assert_eq!(shown("![[s]]"), "- a\n\t- b\n\t\t- c\n\t\t  d\n- e");
}

#[test]
fn links_in_embeds_lead_from_where_they_end_up() {
    let files = [
        (
            "x/y/deep.md",
            "[[near]] [m](near.md) [h](#h) ![](p.png)\n\n# h\n[r]\n\n[r]: near.md 'T'\n",
        ),
        ("x/y/near.md", ""),
        ("x/y/p.png", ""),
        ("x/n.md", "![[deep]]"),
        ("z.md", "![[deep#h]]"),
    ];
    assert_eq!(
        body_of(&files, "x/n.md"),
        "[near](y/near.md) [m](y/near.md) [h](y/deep.md#h) ![](y/p.png)\n\n# h\n[r](y/near.md 'T')"
    );
    assert_eq!(body_of(&files, "z.md"), "# h\n[r](x/y/near.md 'T')");
}

#[test]
fn links_to_the_pages_headings_count_those_that_embeds_bring() {
    let files = [
        (
            "a.md",
            "[[#Z]] [x](#z)\n\n# X\n\n> ![[b]]\n\n## Z\n\n[[#X]] [[c#Z]]\n\n![[c]] ![[a#Z]]\n",
        ),
        ("b.md", "# X\n## Z\n[[#Z]] [[a#Z]]\n"),
        ("c.md", "# Z\n"),
        ("d.md", "[[a#Z]] [[#Y]]\n\n![[c]]\n\n# Y\n"),
    ];
    let body = body_of(&files, "a.md");
    let links: Vec<&str> = body
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next())
        .collect();
    assert_eq!(
        links,
        ["#z-1", "#z-1", "b.md#z", "#z-1", "#x", "c.md#z", "#z-1"]
    );
    // Other pages lead to where the note's own heading is without them.
    assert!(body_of(&files, "d.md").starts_with("[a > Z](a.md#z) [Y](#y)"));
    // Our own HTML has the note's own anchors there.
    let html = render(&files, "a.md", 1, Style::Html).body;
    assert!(html.starts_with("[Z](#z) [x](#z)"), "{html}");
}

#[test]
fn footnotes_of_embeds_keep_apart() {
    let files = [
        ("a.md", "a[^1]\n\n[^1]: of a\n"),
        ("n.md", "n[^1]\n\n![[a]]\n\n[^1]: of n\n"),
    ];
    assert_eq!(
        body_of(&files, "n.md"),
        "n[^1]\n\na[^1-1]\n\n[^1-1]: of a\n\n[^1]: of n\n"
    );
    for (own, label) in [
        ("1-1", "1--1"),
        ("x--12", "1---1"),
        ("1-a", "1-1"),
        ("-", "1-1"),
    ] {
        let note = format!("n[^{own}]\n\n![[a]]\n\n[x-1] [^{own}]: of n\n");
        let shown = format!("a[^{label}]\n\n[^{label}]: of a");
        let files = [files[0], ("n.md", &note)];
        assert_eq!(body_of(&files, "n.md"), note.replace("![[a]]", &shown));
    }
}

#[test]
fn embeds_of_parts_bring_their_footnotes() {
    let files = [
        (
            "b.md",
            "# S\n\nB[^1] x[^Two] ^b\n\n# N\n\nn[^n] [^in]\n\n[^in]: in\n\n\
             > [^1]: one [[b]]\n> more[^two]\n\n[^two]: t\n\n    [^1] %%c%%\n\n[^n]: no\n",
        ),
        (
            "n.md",
            "A[^1]\n\n- ![[b#S]]\n- ![[b#^b]]\n- ![[b#N]]\n\n[^1]: own\n",
        ),
    ];
    let notes = |serial: &str| {
        format!(
            "  [^1-{serial}]: one [b](b.md)\n  more[^two-{serial}]\n\n  [^two-{serial}]: t\n\n      [^1-{serial}]\n"
        )
    };
    let section = "n[^n-3] [^in-3]\n\n  [^in-3]: in\n\n  > [^1-3]: one [b](b.md)\n  > more[^two-3]\n\n  [^two-3]: t\n\n      [^1-3]\n\n  [^n-3]: no";
    assert_eq!(
        body_of(&files, "n.md"),
        format!(
            "A[^1]\n\n- # S\n\n  B[^1-1] x[^Two-1]\n\n{}- B[^1-2] x[^Two-2]\n\n{}- # N\n\n  {section}\n\n[^1]: own\n",
            notes("1"),
            notes("2")
        )
    );
}

#[test]
fn footnotes_with_spaces_keep_apart_too() {
    let files = [
        (
            "a.md",
            "a[^x  \u{fffd}y] b[^c\\]:d]\n\n[^x   \u{fffd}y]:\nof a\n\n[^c\\]:d]: more\n",
        ),
        ("n.md", "![[a]]\n"),
    ];
    assert_eq!(
        body_of(&files, "n.md"),
        "a[^x  \u{fffd}y-1] b[^c\\]:d-1]\n\n[^x   \u{fffd}y-1]:\nof a\n\n[^c\\]:d-1]: more\n"
    );
}

#[test]
fn cycles_and_depth_end_in_links() {
    assert_eq!(body_of(&[("a.md", "a ![[a]]")], "a.md"), "a [a](a.md)");
    assert_eq!(
        body_of(&[("a.md", "a\n\n![[b]]"), ("b.md", "b\n\n![[a]]")], "a.md"),
        "a\n\nb\n\n[a](a.md)"
    );
    assert_eq!(
        body_of(&[("a.md", "# one\n![[#two]]\n\n# two\nx")], "a.md"),
        "# one\n\n# two\nx\n\n# two\nx".replace("\n\n# two\nx\n", "\n# two\nx\n")
    );
    let notes: Vec<(String, String)> = (0..15)
        .map(|n| (format!("n{n:02}.md"), format!("t{n}\n\n![[n{:02}]]", n + 1)))
        .collect();
    let files: Vec<(&str, &str)> = notes
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let body = body_of(&files, "n00.md");
    assert!(body.contains("t10") && !body.contains("t11"), "{body}");
    assert!(body.ends_with("[n11](n11.md)"), "{body}");
}

#[test]
fn fans_are_bounded() {
    let notes: Vec<(String, String)> = (0..30)
        .map(|n| {
            (
                format!("n{n:02}.md"),
                format!("{n}\n\n") + &format!("![[n{:02}]]\n\n", n + 1).repeat(8),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = notes
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let started = std::time::Instant::now();
    let body = body_of(&files, "n00.md");
    assert!(
        body.len() < 2 * MAX_INLINED && started.elapsed().as_secs() < 60,
        "{} {:?}",
        body.len(),
        started.elapsed()
    );
    assert!(body.contains("](n0"));
}
