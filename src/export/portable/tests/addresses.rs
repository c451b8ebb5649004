//! What a link says besides a path: queries, and fragments of files.

use super::*;

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
        ("[x](why?.md)", "[x](why%3F.md)"),
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

/// What is escaped means something else than what is not.
#[test]
fn what_is_rewritten_keeps_its_escapes() {
    check(&[
        (
            "[x](/a.md?q=a%26b&c=%23%C3%A9+%2B%3d 't')",
            "[x](a.md?q=a%26b&c=%23%C3%A9+%2B%3d 't')",
        ),
        (
            "[x](/doc.pdf?q=%25#page=%33&x=a%26b) ![](</d/pic.png?a b%26#c d%26>)",
            "[x](doc.pdf?q=%25#page=%33&x=a%26b) ![](d/pic.png?a%20b%26#c%20d%26)",
        ),
        (
            "<a href='/doc.pdf?q=%26&amp;r=%27#s=%26'>x</a> <img srcset=\"/doc.pdf?q=%2C 2x\">",
            "<a href='doc.pdf?q=%26&amp;r=%27#s=%26'>x</a> <img srcset=\"doc.pdf?q=%2C 2x\">",
        ),
        (
            "[x][r]\n\n[r]: /doc.pdf?q=100%&r=%26",
            "[x][r]\n\n[r]: doc.pdf?q=100%&r=%26",
        ),
    ]);
    let page = render(
        &[("a.md", ""), ("n.md", "[x](a.md?q=%26#z) [y](a%2emd?q=1)")],
        "n.md",
        1,
        Style::Html,
    );
    assert_eq!(page.body, "[x](a.html?q=%26) [y](a.html?q=1)");
}
