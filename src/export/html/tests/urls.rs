//! Bare URLs and what stands in links.

use super::check;

#[test]
fn a_bare_url_holds_no_markup() {
    let link = |url: &str| format!("<a href=\"{url}\">{url}</a>");
    for url in [
        "https://a.b/__init__.py",
        "https://a.b/_next_/x",
        "https://web.a.b/web/*/https://a.b/*/x",
        "https://a.b/x~~y~~z",
        "https://a.b/**x_y_z**/__u__/v",
        "https://a.b/users?$filter=x&amp;$top=5",
        "https://a.b/x?y=YQ==&amp;z=Yg==&amp;w",
        "https://a.b/__x__?y==z==w",
    ] {
        let expected = link(url);
        let url = url.replace("&amp;", "&");
        check(&[
            (&url, &format!("<p>{expected}</p>\n")),
            (
                &format!("**see {url}** *x*"),
                &format!("<p><strong>see {expected}</strong> <em>x</em></p>\n"),
            ),
            (
                &format!("| {url} | *x* |\n|-|-|"),
                &format!(
                    "<table><thead><tr><th>{expected}</th><th><em>x</em></th></tr></thead><tbody>\n</tbody></table>\n"
                ),
            ),
        ]);
    }
    let url = link("https://a.b/x");
    check(&[
        (
            "**https://a.b/x**",
            &format!("<p><strong>{url}</strong></p>\n"),
        ),
        ("https://a.b/x *y*", &format!("<p>{url} <em>y</em></p>\n")),
        (
            "==see https://a.b/x== ==y==",
            &format!("<p><mark>see {url}</mark> <mark>y</mark></p>\n"),
        ),
        ("==https://a.b/x==", &format!("<p><mark>{url}</mark></p>\n")),
        (
            "https://a.b/*x*c@d.e==f==g www.a.b www.c.d",
            &format!(
                "<p>{} <a href=\"http://www.a.b\">www.a.b</a> <a href=\"http://www.c.d\">www.c.d</a></p>\n",
                link("https://a.b/*x*c@d.e==f==g")
            ),
        ),
        (
            "[https://a.b/*x*](/y)",
            "<p><a href=\"/y\">https://a.b/<em>x</em></a></p>\n",
        ),
        (
            "`https://a.b/`*x*",
            "<p><code>https://a.b/</code><em>x</em></p>\n",
        ),
        ("a https://x *b*", "<p>a https://x <em>b</em></p>\n"),
    ]);
}

#[test]
fn autolinks_stand_in_text_alone() {
    check(&[
        (
            "www.a.b, http://x.y/z_a_b?c=d&amp;e",
            "<p><a href=\"http://www.a.b\">www.a.b</a>, <a href=\"http://x.y/z_a_b?c=d&amp;e\">http://x.y/z_a_b?c=d&amp;e</a></p>\n",
        ),
        (
            "[www.c.d](x) `www.x.y`",
            "<p><a href=\"x\">www.c.d</a> <code>www.x.y</code></p>\n",
        ),
        (
            "**www.a.b**",
            "<p><strong><a href=\"http://www.a.b\">www.a.b</a></strong></p>\n",
        ),
        (
            "==me@a.org==",
            "<p><mark><a href=\"mailto:me@a.org\">me@a.org</a></mark></p>\n",
        ),
    ]);
}

#[test]
fn links_hold_no_links() {
    check(&[(
        "[<a href=\"x\">y</a> z](b) <a href=\"c\">w</a>",
        "<p><a href=\"b\">y z</a> <a href=\"c\">w</a></p>\n",
    )]);
}
