use proptest::prelude::*;
use pulldown_cmark::html::push_html;

use super::*;

fn html(body: &str) -> String {
    article(body, &[], &[])
}

fn heading(level: u8, text: &str, anchor: &str) -> Heading {
    Heading { level, start: 0, text: text.into(), anchor: anchor.into(), hash: 0 }
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (body, expected) in cases {
        assert_eq!(html(body), *expected, "{body}");
    }
}

#[test]
fn probe() {
    for body in [
        "> [!note]+ The *title*\n> body ==x==\n>\n> more", "> [!WARNING]\n> x", "> [!tip]", "> [!tip]- T\n> - a", "> > [!a b] t\n> x",
        "a ==b **c** d== e", "\\==a== ==b==", "==a\nb== `==c==`", "x == y == z", "$a<b$ and\n\n$$\nx^2\n$$\n\nin $$y$$",
        "![a|300](x.png) ![b|30x20](x.png \"t\") ![v](m.mp4) [![d|10](d.png)](x.pdf) ![p](x.pdf)",
        "- [x] a\n- [ ] b\n\n1. [x] c\n\n2. d", "```js {1}\na<b\n```\n\n    x",
        "a[^1] b[^b] c[^1]\n\n[^b]: B[^c]\n[^1]: one\n\n    two\n[^c]: see\n[^x]: unused", "a [^zz]",
        "www.a.b, http://x.y/z_a_b?c=d&amp;e and me@x.org [www.c.d](x) <http://q.r> `www.x.y`",
        "| a | b |\n|:-:|--:|\n| `x\\|y` | z |", "<b>x</b> <script>alert(1)</script> y <img src=x onerror=alert(1)> ~~z~~ [l](javascript:x) ![i](data:text/html,x)",
        "<details>\n<summary>s</summary>\n\n- [x] **b**\n\n</details>\n\n## H\n\n> [!note]- t\n> ==m==",
        "<!-- c -->\n\ntext <!-- d --> x", "para <a id=\"^id1\"></a>\n\nother <a id=\"^id1\"></a>", "<article>x</article>", "<div title=\"\n\nrest\n\nmore",
    ] {
        println!("----- {body}\n{}", html(body));
    }
}
#[test]
fn adhoc_spec() {
    let cases: Vec<(String, String, String)> = serde_json::from_str(&std::fs::read_to_string("/tmp/spec.json").unwrap()).unwrap();
    let mut bad = 0;
    for (file, body, expected) in cases {
        let events: Vec<_> = Parser::new_ext(&body, SYNTAX).into_offset_iter().collect();
        let got = write::write(&body, &events, ids::Ids::new(&[], &[])).html;
        let mut push = String::new();
        push_html(&mut push, Parser::new_ext(&body, SYNTAX));
        let strip = |s: &str| {
            let mut s = s.to_owned();
            while let Some(at) = s.find(" id=\"") { let e = s[at+5..].find('"').unwrap(); s.replace_range(at..at+6+e, ""); }
            s.replace("type=\"checkbox\" disabled=\"\"", "disabled=\"\" type=\"checkbox\"").replace(" />", "/>").replace("/>\n","/> ").replace(" class=\"task\"","")
        };
        if strip(&got) != strip(&push) {
            bad += 1;
            println!("=== {file}\n{body}\n--- got\n{got}\n--- pulldown\n{push}\n--- spec\n{expected}");
        }
    }
    println!("bad {bad}");
}
#[test]
fn adhoc2() {
    let body = "<div title=\"\n\nrest\n\nmore";
    println!("{:?}", Parser::new_ext(body, SYNTAX).into_offset_iter().collect::<Vec<_>>());
    println!("{:?}", sanitise::prepare("<div title=\"\n"));
    println!("{}", html(body));
}
