//! Links and pictures in raw HTML.

use super::*;

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
        // A page shows these tags as text, and what is in them lives.
        (
            "<textarea><a href=\"secret.md\">x</a></textarea>",
            "<textarea><a>x</a></textarea>",
        ),
        (
            "<style>y\n\n<a href=\"secret.md\">x</a>\n",
            "<style>y\n\n<a>x</a>\n",
        ),
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
