use proptest::prelude::*;

use super::*;
use crate::export::rewrite::MAX_INLINED;
use crate::export::testing::FakeVault;
use crate::vault::note::tests::soup;

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
        ("[[secret|<a href='secret.md'>x</a>]]", "<a>x</a>"),
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
fn a_query_is_no_part_of_a_name() {
    let others = [
        ("a.md", "# H"),
        ("d/pic.png", ""),
        ("secret.md", "---\nprivate: true\n---\n"),
        ("why?.md", ""),
    ];
    for (text, expected) in [
        ("[x](a.md?y=1&z=2#h)", "[x](a.md?y=1&z=2#h)"),
        ("[x](./a.md?y=%201#H)", "[x](a.md?y=%201#h)"),
        ("![x](/d/pic.png?raw=true)", "![x](d/pic.png?raw=true)"),
        (
            "<a href='./a?y=1&amp;z'>x</a>",
            "<a href='a.md?y=1&amp;z'>x</a>",
        ),
        ("[x][r]\n\n[r]: ./a?y", "[x][r]\n\n[r]: a.md?y"),
        ("[x](./why?.md#h)", "[x](why%3F.md)"),
        ("[x](why%3F.md)", "[x](why%3F.md)"),
        ("[x](secret.md?y=1#z) [x](secret?y)", "x x"),
        ("<a href=\"./secret.md?y#z\">x</a>", "<a>x</a>"),
        (
            "[x](gone.md?y) ![x](gone.png?y=1) [x](gone.md/) [x](secret.md%20)",
            "x x x x",
        ),
        (
            "[x](gone?y) [x](gone) [x](/gone.md?y)",
            "[x](gone?y) [x](gone) [x](/gone.md?y)",
        ),
        ("[x](?y) [[a?y]]", "[x](?y) a?y"),
    ] {
        let files = [&others[..], &[("n.md", text)]].concat();
        assert_eq!(body_of(&files, "n.md"), expected, "{text:?}");
    }
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
fn raw_html_leads_where_markdown_does() {
    check(&[
        (
            "x <a class=y href=\"a#Sub%20One\">z</a>",
            "x <a class=y href=\"a.md#sub-one\">z</a>",
        ),
        (
            "<img src='d/no.png' width=300> <img src=d/My%20Note>",
            "<img width=300> <img src=d/My%20Note.md>",
        ),
        (
            "<div>\n  <A HREF = 'd/My Note'\n>x</A> &amp; [[a]]\n</div>\n",
            "<div>\n  <A HREF = 'd/My%20Note.md'\n>x</A> &amp; [[a]]\n</div>\n",
        ),
        (
            "> <a\n> href=\"a\">x</a> <img\n>  src=gone.png\n> alt=y>",
            "> <a\n> href=\"a.md\">x</a> <img\n> alt=y>",
        ),
        (
            "- <div>\r\n  <a\r\n  href='a'>x</a>\r\n  </div>\r\n",
            "- <div>\r\n  <a\r\n  href='a.md'>x</a>\r\n  </div>\r\n",
        ),
        (
            "<picture><source srcset=\"gone.png 2x, d/pic.png, a 3x\"></picture>",
            "<picture><source srcset=\" d/pic.png, a.md 3x\"></picture>",
        ),
        (
            "[<img src=\"d/pic.png\" alt=a>](a) ![<b title='a'>](d/pic.png)",
            "[<img src=\"d/pic.png\" alt=a>](a.md) ![<b title='a'>](d/pic.png)",
        ),
        (
            "# H\n<a href='#H'>x</a> <a href='#gone'>",
            "# H\n<a href='#h'>x</a> <a href='#gone'>",
        ),
    ]);
}

#[test]
fn raw_html_that_leads_nowhere_is_plain() {
    check(&[
        (
            "<a title=t href=\"secret.md\">x</a> <a href='secret#h'>y</a>",
            "<a title=t>x</a> <a>y</a>",
        ),
        (
            "<video poster='secret.md' src=gone.mp4></video>",
            "<video></video>",
        ),
        (
            "> <a href=\"sec\n> ret.md\">x</a> <a href='s&#101;cret.md'>",
            "> <a>x</a> <a>",
        ),
        ("<a href=gone>x</a>", "<a href=gone>x</a>"),
    ]);
}

#[test]
fn all_else_of_raw_html_is_as_written() {
    for text in [
        "<a href=\"a.md\">x</a> <img src = './d/pic.png' width=300>",
        "<a href=\"https://e.org/a\"> <a href='mailto:a@b.c'> <img src='data:image/png;base64,A'>",
        "`<a href='a'>` \\<a href='a'> &lt;a href='a'> <!-- <a href='a'> -->",
        "```\n<a href='a'>\n```\n",
        "    <a href='a'>\n",
        "<script>\nf(\"<a href='a'>\")\n</script>\n",
        "<a href='a",
        "<a data-href=a name=secret.md>",
    ] {
        check(&[(text, text)]);
    }
}

#[test]
fn raw_html_of_embeds_leads_from_where_it_ends_up() {
    let files = [
        (
            "x/deep.md",
            "<a href=\"near#h\">n</a> <img src=p'.png> <a href='#h'> <a href='#mine'>\n\n# h\n",
        ),
        ("x/near.md", "# h"),
        ("x/p'.png", ""),
        ("n.md", "![[deep]]"),
    ];
    let embedded = "<a href=\"x/near.md#h\">n</a> <img src=p'.png> <a href='x/deep.md#h'> <a href='x/deep.md'>\n\n# h";
    assert_eq!(body_of(&files, "n.md"), embedded);
    let html = render(&files, "x/deep.md", 1, Style::Html).body;
    assert_eq!(
        html,
        "<a href=\"near.html#h\">n</a> <img src=p'.png> <a href='#h'> <a href='#mine'>\n\n# h\n"
    );
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
        ("![[list#^q]]", "q1\nq2"),
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
    assert_eq!(shown("![[c#^b]]"), "last");
    assert_eq!(shown("![[c#^c]]"), "> [!note] N\n> - x");
    assert_eq!(shown("![[c#^d]]"), "[!note](u)\nq");
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
        head in prop::sample::select(&["", "\u{feff}", "---\ntitle: 1.10 # c\n---\n", "---\ra: b\n", "---\n"][..]),
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
        let files = [("note.md", ""), ("n.md", text.as_str())];
        let exported = render(&files, "n.md", 0, Style::Markdown);
        let again = FakeVault::new(&[("n.md", &(exported.front_matter + &exported.body))]);
        let again = again.note(again.id("n.md")).unwrap();
        let wikis = again.facts.refs.iter().filter(|r| matches!(r.kind, RefKind::WikiLink | RefKind::WikiEmbed)).count();
        prop_assert_eq!(wikis, 0, "{:?}", again.text);
    }

    #[test]
    fn no_comment_is_exported(pieces in prop::collection::vec(prop::sample::select(&["a ", "\n", "\n\n", "> ", "- ", "%%KEEP OUT%%", "%%\nKEEP OUT\n%%\n", "%%`KEEP OUT%%", "%%\n```\nKEEP OUT %%", " ^id", "[[x]]", "# "][..]), 0..20)) {
        let text = pieces.concat();
        let body = render(&[("n.md", &text), ("x.md", "")], "n.md", 0, Style::Markdown).body;
        prop_assert!(!body.contains("KEEP"), "{:?} of {:?}", body, text);
    }

    #[test]
    fn nothing_of_a_private_note_is_exported(pieces in prop::collection::vec(prop::sample::select(&["![[s]]", "[[s#HUSH]]", "![[s#h]]", "![x](s.md)", "[y](s)", "![[o]]", "\n", "> ", "- ", "a", "[s]", "\n\n[s]: s.md\n", "<a href='quiet.md'>", "<img\n src=\"quiet.md#h\" x>", "<img srcset='quiet.md, o.md 2x'>", "\n\n<div>", "</div>\n\n"][..]), 0..12)) {
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
