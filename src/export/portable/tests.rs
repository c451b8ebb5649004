//! Notes as portable Markdown, and as the HTML writer gets them.

mod addresses;
mod definitions;
mod embeds;
mod footnotes;
mod labels;
mod properties;
mod raw_html;
mod seams;

use super::*;
use crate::export::testing::FakeVault;

/// The body of `path` as it is exported to Markdown.
fn body_of(files: &[(&str, &str)], path: &str) -> String {
    render(files, path, 0, Style::Markdown).body
}

fn render(files: &[(&str, &str)], path: &str, format: usize, style: Style) -> Portable {
    let vault = FakeVault::new(files);
    portable(&vault, vault.id(path), format, style).unwrap()
}

/// The export of `text` as `n.md` among `others`.
fn among(text: &str, others: &[(&str, &str)]) -> String {
    body_of(&[others, &[("n.md", text)]].concat(), "n.md")
}

const VAULT: [(&str, &str); 7] = [
    ("hush.md", "%%\nx\n%%\n"),
    (
        "a.md",
        "# Top\nalpha\n\n## Sub One\none\n\n## Sub Two\ntwo ^blk\n",
    ),
    ("d/My Note.md", "mine [[a]] ![[pic.png]]\n"),
    ("d/pic.png", ""),
    ("doc.pdf", ""),
    ("secret.md", "---\nprivate: true\n---\nhush"),
    (
        "list.md",
        "- one\n- two ^l\n  - under\n- three\n\n> q1\n> q2 ^q\n",
    ),
];

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        assert_eq!(among(text, &VAULT), *expected, "{text:?}");
    }
}

/// A reader of the output must not take a rule of the note for front matter.
#[test]
fn a_rule_at_the_top_opens_no_front_matter() {
    let others = [
        ("e.md", "---\nt: 1\n---\n---\nprivate: true\n---\n"),
        ("secret.md", "---\nprivate: true\n---\n"),
    ];
    for (text, expected) in [
        (
            "%% c %%\n---\nprivate: true\n---\nx",
            "\n---\nprivate: true\n---\nx",
        ),
        ("%% c %%\r\n---\r\nx", "\r\n---\r\nx"),
        ("\u{feff}%% c %%\n--- \nx", "\n--- \nx"),
        ("[r]: secret.md\n---\nx", "\n---\nx"),
        ("![[e]]\n\nx", "\n---\nprivate: true\n---\n\nx"),
        ("---\nt: 1\n---\n%% c %%\n---\nx", "---\nx"),
        ("---\nJust text\n", "---\nJust text\n"),
        ("%% c %%\n----\nx", "----\nx"),
    ] {
        let files = [&others[..], &[("n.md", text)]].concat();
        let portable = render(&files, "n.md", 0, Style::Markdown);
        assert_eq!(portable.body, expected, "{text:?}");
        let input = String::from_utf8(portable.into_input()).unwrap();
        assert!(!input.starts_with("---\n"), "{input:?}");
    }
    let embed = render(
        &[&others[..], &[("n.md", "![[e]]")]].concat(),
        "n.md",
        0,
        Style::Html,
    );
    assert!(embed.body[embed.inlined[0].clone()].starts_with("---"));
}

#[test]
fn links_become_markdown_links() {
    check(&[
        ("x [[a]] y", "x [a](a.md) y"),
        ("[[a|label]]", "[label](a.md)"),
        ("[[a|]]", "[a](a.md)"),
        ("[[a#Sub One]]", "[a > Sub One](a.md#sub-one)"),
        ("[[a#Top#Sub Two|t]]", "[t](a.md#sub-two)"),
        ("[[a#Gone]]", "[a > Gone](a.md)"),
        ("[[a#^blk]]", "[a > ^blk](a.md)"),
        ("[[My Note]]", "[My Note](d/My%20Note.md)"),
        ("[[d/My Note]]", "[d/My Note](d/My%20Note.md)"),
        ("# Here\n[[#Here]]", "# Here\n[Here](#here)"),
        ("[[n]]", "[n](n.md)"),
        ("[[doc.pdf]]", "[doc.pdf](doc.pdf)"),
        ("[[a|x]y]]", "[x\\]y](a.md)"),
        ("[[a|`c]]`]]", "[`c]]`](a.md)"),
    ]);
}

#[test]
fn labels_may_hold_any_inline_syntax() {
    check(&[
        ("[[secret|<b>x</b>]]", "<b>x</b>"),
        ("![[secret|<b>x</b>]]", "<b>x</b>"),
        ("[[secret|a [y](secret.md) b]]", "a y b"),
        (
            "[[secret|a [y][r] [r] b]]\n\n[r]: a.md",
            "a y r b\n\n[r]: a.md",
        ),
        ("[[secret|x <http://a.b>]]", "x http://a.b"),
        ("[[secret|![i](d/pic.png)]]", "i"),
        ("[[secret|[![i](d/pic.png)](a.md)!]]", "i!"),
        ("[[secret|<a href='secret.md'>x</a>]]", "x"),
        ("[[secret|<b title=\"]]\">x</b>]]", "<b title=\"]]\">x</b>"),
        ("[[secret|x %%hush%% y]] [[secret|%%hush%%]]", "x y secret"),
        ("[[secret|b [c]] d](a.md)", "b [c d](a.md)"),
        ("[[secret|b]] [c](a.md) d]]", "b [c](a.md) d]]"),
        ("[[a|*a* <b> `c`]]", "[*a* <b> `c`](a.md)"),
        ("[[a|see [y](https://e.org)]]", "[see y](a.md)"),
        ("[[a|<b>x</b> %%c%%]]", "[<b>x</b>](a.md)"),
        ("![[pic.png|<b>x</b>|30]]", "![<b>x</b>|30](d/pic.png)"),
        (
            "[[secret#Use `x` <b>now</b>]]",
            "secret > Use \\`x\\` \\<b>now\\</b>",
        ),
        (
            "| a |\n|-|\n| [[secret\\|<b>x</b>]] |",
            "| a |\n|-|\n| <b>x</b> |",
        ),
    ]);
    for text in [
        "[[a|b](https://e.org) c]]",
        "[[a|b]](https://e.org) c]]",
        "[[a](https://e.org) c]]",
        "[[a|`]]` b](https://e.org) c]]",
        "[[a <b>x</b>]]",
        "[[a|x <b\ntitle=y>z</b>]]",
    ] {
        check(&[(text, text)]);
    }
    let vault = FakeVault::new(&[("n.md", "[[a|[y](b.md) <img src=b.png>]]"), ("a.md", "")]);
    let links = links(&vault, vault.id("n.md"), 0).unwrap();
    let shown: Vec<_> = links
        .iter()
        .map(|link| (&*link.target, &*link.label))
        .collect();
    assert_eq!(shown, [("a", "y <img>")]);
}

#[test]
fn what_opens_an_attachment_is_told_where() {
    check(&[
        ("[[doc.pdf#page=3]]", "[doc.pdf > page=3](doc.pdf#page=3)"),
        ("![[doc.pdf#page=3&zoom=9|p]]", "[p](doc.pdf#page=3&zoom=9)"),
        ("![[pic.png#center]]", "![pic.png > center](d/pic.png)"),
        ("[x](/doc.pdf#page=3&zoom=9)", "[x](doc.pdf#page=3&zoom=9)"),
        ("[x](doc.pdf#page=3)", "[x](doc.pdf#page=3)"),
    ]);
}

#[test]
fn ids_in_raw_html_can_be_linked_to() {
    let others = [(
        "h.md",
        "# H\n\n<a id=\"anc\"></a> <a name='a&amp;b'></a>\n\n<h3 id=h>S</h3>\n",
    )];
    for (text, expected) in [
        ("[x](h.md#anc)", "[x](h.md#anc)"),
        ("[x](/h#anc)", "[x](h.md#anc)"),
        ("<a href='/h#anc'>x</a>", "<a href='h.md#anc'>x</a>"),
        ("[x](/h#a&b)", "[x](h.md#a%26b)"),
        ("[x](/h#gone) [x](/h#ANC)", "[x](h.md) [x](h.md)"),
        ("[[h#anc]] ![[h#anc]]", "[h > anc](h.md) h > anc"),
        (
            "<p id=here></p>\n\n[x](#here)",
            "<p id=here></p>\n\n[x](#here)",
        ),
    ] {
        let files = [&others[..], &[("n.md", text)]].concat();
        assert_eq!(body_of(&files, "n.md"), expected, "{text:?}");
    }
    let here = "<a id=\"here\"></a> [x](#here) [y](#gone)";
    let page = render(&[("n.md", here)], "n.md", 1, Style::Html);
    assert_eq!(page.body, "<a id=\"here\"></a> [x](#here) [y](#)");
}

#[test]
fn degenerate_links_stay_text() {
    for text in [
        "[[]]",
        "[[|]]",
        "[[#]]",
        "[[|x]]",
        "[[a",
        "[[a]",
        "[[a\nb]]",
        "\\[[a]]",
        "[\\[a]]",
        "`[[a]]`",
        "[[##]]",
        "x [[ ]] y",
    ] {
        check(&[(text, text)]);
    }
    check(&[
        ("[[[a]]]", "[[a](a.md)]"),
        ("[[x [[a]]", "[[x [a](a.md)"),
        ("\\![[a]]", "\\![a](a.md)"),
    ]);
}

#[test]
fn code_math_html_comments_and_escapes_are_left_alone() {
    for text in [
        "```\n[[a]] %%x%% #t ^id\n```\n",
        "    [[a]]\n",
        "``[[a]]``",
        "$[[a]]$ $$\n[[a]]\n$$",
        "<!-- [[a]] -->",
        "<div>\n[[a]]\n</div>\n",
        "x <b title=\"[[a]]\"> y",
        "<https://e.org/[[a]]>",
        "[x](https://e.org/%%a%%)",
        "[x](<https://e.org/[[a]]> \"[[a]]\")x",
        "100%% sure",
        "> ```\n> [[a]]\n> ```",
        "- x\n\n      [[a]]\n",
    ] {
        check(&[(text, text)]);
    }
}

#[test]
fn what_leads_nowhere_is_plain_text() {
    check(&[
        ("[[gone]] [[gone|label]] [[gone#h]]", "gone label gone > h"),
        ("![[gone]] ![[gone.png|300]]", "gone gone.png"),
        ("[[secret]] ![[secret]]", "secret secret"),
        ("![[a#Gone]]", "a > Gone"),
        ("[x *y*](gone.md) ![alt](gone.png)", "x *y* alt"),
        ("[x](secret.md)", "x"),
        (
            "[x](gone) [y](/abs.md) [z]()",
            "[x](gone) [y](/abs.md) [z]()",
        ),
        ("[[1. Intro]]", "1\\. Intro"),
        ("- [[gone|- y]]", "- \\- y"),
        ("[t][r]\n\n[r]: gone.md \"T\"\n\nx", "t\n\n\nx"),
    ]);
}

#[test]
fn markdown_links_keep_all_but_their_destination() {
    check(&[
        ("[x](a.md \"t\") [y](<a.md>)", "[x](a.md \"t\") [y](<a.md>)"),
        ("[x](./d/My%20Note.md)", "[x](./d/My%20Note.md)"),
        ("[x](a.md#Sub%20One 'ti')", "[x](a.md#sub-one 'ti')"),
        ("[x](a#sub-one)", "[x](a.md#sub-one)"),
        ("[x](<d/My Note> (t))", "[x](d/My%20Note.md (t))"),
        (
            "[**[[a]]** x](d/My%20Note)",
            "[**[a](a.md)** x](d/My%20Note.md)",
        ),
        (
            "![i](d/pic.png) ![n](a.md) ![](a.md)",
            "![i](d/pic.png) [n](a.md) [a.md](a.md)",
        ),
        (
            "[t][r] [r]\n\n[r]: a#top \"T\"\n",
            "[t][r] [r]\n\n[r]: a.md#top \"T\"\n",
        ),
        (
            "[e](https://e.org/a.md) [m](mailto:a@b.c)",
            "[e](https://e.org/a.md) [m](mailto:a@b.c)",
        ),
        ("> [x](\n> a#top)", "> [x](a.md#top)"),
        ("> [r]:\n> a#top\n\n[r]", "> [r]:a.md#top\n\n[r]"),
        ("# H\n[x](#h) [y](#gone)", "# H\n[x](#h) [y](#gone)"),
    ]);
}

#[test]
fn wikilinks_win_over_foams_definitions() {
    let text = "see [[a]] and [[a|b]]\n\n[a]: a.md \"Top\"\n";
    check(&[(text, "see [a](a.md) and [b](a.md)\n\n[a]: a.md \"Top\"\n")]);
    check(&[("[[secret]]\n\n[secret]: secret.md \"Hush\"\n", "secret\n\n")]);
}

#[test]
fn tables_stay_tables() {
    check(&[(
        "| x | y |\n|---|---|\n| [[a\\|l]] | ![[pic.png\\|30]] |\n| ![[a]] | [[a|no]] |\n",
        "| x | y |\n|---|---|\n| [l](a.md) | ![pic.png\\|30](d/pic.png) |\n| [a](a.md) | [[a|no]] |\n",
    )]);
}

#[test]
fn pictures_and_other_attachments() {
    check(&[
        ("![[pic.png]]", "![pic.png](d/pic.png)"),
        ("![[pic.png|300]]", "![pic.png|300](d/pic.png)"),
        ("![[pic.png|300x20]]", "![pic.png|300x20](d/pic.png)"),
        ("![[pic.png|alt|300]]", "![alt|300](d/pic.png)"),
        ("![[pic.png|alt]]", "![alt](d/pic.png)"),
        (
            "![[doc.pdf]] ![[doc.pdf|the doc]]",
            "[doc.pdf](doc.pdf) [the doc](doc.pdf)",
        ),
    ]);
}

#[test]
fn comments_go() {
    check(&[
        ("a %%c%% b", "a b"),
        ("a %%c%%\nb", "a\nb"),
        ("%%c%% b", "b"),
        ("a\n\n%%\nb\n\nc\n%%\n\nd", "a\n\n\nd"),
        ("> a\n> %%c%%\n> b", "> a\n> b"),
        ("a %%x [[a]] ![[a]] #t%%", "a"),
        ("%%\n```\n%%\n[[a]]\n", "[a](a.md)\n"),
        (
            "```\n%% mermaid\n```\n[[a]] %%c%%",
            "```\n%% mermaid\n```\n[a](a.md)",
        ),
        ("a %%b\n\nc%% d", "a d"),
        ("a\n%%\nrest\n# h", "a\n"),
        ("a \\%%b%% c", "a \\%%b%% c"),
        ("%%`%% x [[a]] `", "x [a](a.md) `"),
    ]);
}

#[test]
fn block_ids_go() {
    check(&[
        ("text ^id\n\nmore", "text\n\nmore"),
        ("- a ^x\n- b ^y\n", "- a\n- b\n"),
        ("> q\n> ^id\n\nx", "> q\n\nx"),
        (
            "| a |\n|---|\n| b |\n\n^tab\n\nx",
            "| a |\n|---|\n| b |\n\n\nx",
        ),
        ("| a |\n|---|\n| b |\n^tab\n", "| a |\n|---|\n| b |\n"),
        ("^alone", "^alone"),
        ("x^2", "x^2"),
        ("# H ^h\n", "# H\n"),
        ("a ^mid\nb", "a ^mid\nb"),
        ("x %%c%% ^id", "x "),
    ]);
}

#[test]
fn windows_line_ends_are_line_ends() {
    check(&[
        ("text ^id\r\n\r\nmore\r\n", "text\r\n\r\nmore\r\n"),
        ("> q\r\n> ^id\r\n\r\nx", "> q\r\n\r\nx"),
        (
            "| a |\r\n|---|\r\n| b |\r\n\r\n^t\r\n",
            "| a |\r\n|---|\r\n| b |\r\n\r\n",
        ),
        ("a\r\n%%c%%\r\nb %%d%%\r\n", "a\r\nb\r\n"),
        (
            "[[a]]\r\n![[a#^blk]]\r\nx\r\n",
            "[a](a.md)\r\n\r\ntwo\r\n\r\nx\r\n",
        ),
        (
            "# H\r\n[r][r]\r\n\r\n[r]: a\r\n",
            "# H\r\n[r][r]\r\n\r\n[r]: a.md\r\n",
        ),
        ("[r][r]\r\n\r\n[r]: gone.md\r\nx", "r\r\n\r\nx"),
    ]);
}

#[test]
fn block_ids_are_anchors_for_html() {
    let html = |text: &str| {
        render(
            &[&VAULT[..], &[("n.md", text)]].concat(),
            "n.md",
            1,
            Style::Html,
        )
        .body
    };
    assert_eq!(html("text ^id\n"), "text <a id=\"^id\"></a>\n");
    assert_eq!(html("a ^x\n\nb ^x\n"), "a <a id=\"^x\"></a>\n\nb\n");
    assert_eq!(
        html("| a |\n|---|\n^t\n"),
        "| a |\n|---|\n\n<a id=\"^t\"></a>\n"
    );
    assert_eq!(html("[[a#^blk]]"), "[a > ^blk](a.html#^blk)");
    assert_eq!(html("![[a#^blk]]"), "two");
    assert_eq!(html("![[a#^blk]] ^id"), "two\n\n<a id=\"^id\"></a>");
    assert_eq!(html("[x](#gone)"), "[x](#)");
}

#[test]
fn what_is_played_is_embedded_for_html() {
    let files = [
        ("v.mp4", ""),
        ("d/a.MP3", ""),
        ("x.pdf", ""),
        (
            "n.md",
            "![[v.mp4]] ![[v.mp4|300]] ![[a.MP3|*b*]] ![[x.pdf]] [[a.MP3]]\n\n| ![[a.MP3\\|30x4]] |\n|-|\n",
        ),
    ];
    assert_eq!(
        render(&files, "n.md", 1, Style::Html).body,
        "![v.mp4](v.mp4) ![v.mp4|300](v.mp4) ![*b*](d/a.MP3) [x.pdf](x.pdf) [a.MP3](d/a.MP3)\n\n| ![a.MP3\\|30x4](d/a.MP3) |\n|-|\n"
    );
    assert_eq!(
        render(&files, "n.md", 0, Style::Markdown)
            .body
            .split(' ')
            .next(),
        Some("[v.mp4](v.mp4)")
    );
}

#[test]
fn headings_with_links_have_the_anchors_that_the_html_has() {
    check(&[(
        "## About [[a|The *Top*]]\n[[#About The Top]]",
        "## About [The *Top*](a.md)\n[About The Top](#about-the-top)",
    )]);
    check(&[(
        "## About [[a|Top]] x\n[[#About Top x]]",
        "## About [Top](a.md) x\n[About Top x](#about-top-x)",
    )]);
}

#[test]
fn front_matter_comes_through_as_written() {
    let text = "\u{feff}---\r\ntitle: 1.10 # why\r\n---\r\nbody\r\n";
    let exported = render(&[("n.md", text)], "n.md", 0, Style::Markdown);
    assert_eq!(exported.front_matter + &exported.body, text);
    let json = render(
        &[(
            "j.json",
            r#"{"title": "T: x", "tags": ["a"], "body": "b [[j]]"}"#,
        )],
        "j.json",
        0,
        Style::Markdown,
    );
    assert_eq!(
        (json.front_matter.as_str(), json.body.as_str()),
        ("---\ntitle: 'T: x'\ntags:\n- a\n---\n", "b [j](j.md)")
    );
}

#[test]
fn inlined_ranges_are_known() {
    let exported = render(
        &[
            &VAULT[..],
            &[("n.md", "> x\n>\n> ![[a#Sub One]]\n\n![[a#^blk]]")],
        ]
        .concat(),
        "n.md",
        0,
        Style::Markdown,
    );
    let parts: Vec<&str> = exported
        .inlined
        .iter()
        .map(|range| &exported.body[range.clone()])
        .collect();
    assert_eq!(parts, ["## Sub One\n> one", "two"]);
}

#[test]
fn links_are_listed_in_order() {
    let vault = FakeVault::new(
        &[
            &VAULT[..],
            &[(
                "n.md",
                "[[a#Top|t]] [x](doc.pdf) ![[gone]] [u](https://e.org) [[secret]]\n\n[a]: a.md\n",
            )],
        ]
        .concat(),
    );
    let listed = links(&vault, vault.id("n.md"), 1).unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|l| {
            (
                l.label.as_str(),
                l.output.as_ref().map_or("-", OutputPath::as_str),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            ("t", "a.html"),
            ("x", "doc.pdf"),
            ("gone", "-"),
            ("secret", "-")
        ]
    );
}
