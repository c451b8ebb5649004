//! The guard against what notes bring along: raw HTML goes through ammonia, URLs through one list of schemes.
//!
//! Our own markup passes the same door unharmed, so the allow-list holds all that the writer writes.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use ammonia::Builder;
use percent_encoding::percent_decode_str;

use super::nesting;
use super::tag::{self, Markup};
use crate::sync::lock;
use crate::vault::raw_html::{self, closes, is_name};

/// Schemes of URLs that run code or hold a document of their own. `data` is good for images, see [`is_safe_url`].
const DENIED: [&str; 9] = [
    "javascript",
    "vbscript",
    "livescript",
    "mocha",
    "data",
    "blob",
    "filesystem",
    "view-source",
    "jar",
];

/// Schemes that raw HTML may use, besides those of the note's own links.
const SCHEMES: [&str; 10] = [
    "http", "https", "mailto", "ftp", "tel", "sms", "geo", "file", "data", "obsidian",
];

/// They go with all they hold where they are closed.
pub(crate) const REMOVED: [&str; 2] = ["script", "style"];

/// GFM's disallowed raw HTML: what would make a browser read the rest of the page otherwise.
const ESCAPED_TAGS: [&str; 9] = [
    "script",
    "style",
    "title",
    "textarea",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
];

/// Elements whose content a browser would not show, or not read as any other: the tags go, and what they hold stays.
const DROPPED_TAGS: [&str; 3] = ["template", "noscript", "select"];

/// What a URL is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whoever looks at the page may go there, or play what is there.
    Link,
    /// A picture comes from there.
    Picture,
}

/// Whether a URL may be on a page. A relative one may.
pub(crate) fn is_safe_url(url: &str, purpose: Purpose) -> bool {
    match scheme(url) {
        Some((scheme, rest)) if scheme == "data" => {
            purpose == Purpose::Picture
                && rest
                    .get(..6)
                    .is_some_and(|kind| kind.eq_ignore_ascii_case("image/"))
        }
        Some((scheme, _)) => !DENIED.contains(&scheme.as_str()),
        None => true,
    }
}

/// A URL's scheme as a browser reads it, and what follows it; `None` for a relative URL.
pub(crate) fn scheme(url: &str) -> Option<(String, &str)> {
    let (head, rest) = url.split_once(':')?;
    // Browsers pass over blanks and control characters before a scheme and inside it.
    let seen = head.chars().filter(|c| *c > ' ' && *c != '\u{7f}');
    let scheme: String = seen.map(|c| c.to_ascii_lowercase()).collect();
    let is_scheme = scheme
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    (is_scheme && !scheme.is_empty()).then_some((scheme, rest))
}

/// Raw HTML as it goes before the sanitiser: comments, scripts and styles are gone, and tags that would swallow
/// what follows them are gone too, or text. "" when nothing is left to sanitise.
pub(crate) fn prepare(html: &str) -> Cow<'_, str> {
    let mut kept = String::new();
    let mut rest = html;
    // Those that nothing closes from here on: looked for once.
    let mut unclosed = [false; REMOVED.len()];
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        kept.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(inside) = rest.strip_prefix("<!-") {
            rest = inside.find("->").map_or("", |end| &inside[end + 2..]);
            continue;
        }
        let removed = REMOVED.iter().position(|name| opens(rest, name));
        if let Some(removed) = removed.filter(|removed| !unclosed[*removed]) {
            let after = after_element(rest, REMOVED[removed]);
            unclosed[removed] = after.is_none();
            rest = after.unwrap_or(rest);
        } else {
            let end = match tag::read(rest) {
                Markup::Tag(tag) => tag.len,
                Markup::Nothing(len) => len,
                Markup::Text => 1,
                // It would swallow what follows the raw HTML.
                Markup::Endless => {
                    kept.push_str(&rest.replace('<', "&lt;"));
                    return Cow::Owned(kept);
                }
            };
            let is_tag = |name: &str| opens(rest, name) || closes(rest, name);
            if !DROPPED_TAGS.iter().any(|name| is_tag(name)) {
                let is_escaped = ESCAPED_TAGS.iter().any(|name| is_tag(name));
                kept.push_str(if is_escaped { "&lt;" } else { "<" });
                kept.push_str(&rest[1..end]);
            }
            rest = &rest[end..];
        }
    }
    if rest.len() == html.len() {
        return Cow::Borrowed(html);
    }
    kept.push_str(rest);
    if kept.trim().is_empty() {
        Cow::Borrowed("")
    } else {
        Cow::Owned(kept)
    }
}

/// Whether `html` begins with the start tag of `name`.
pub(crate) fn opens(html: &str, name: &str) -> bool {
    html.strip_prefix('<')
        .is_some_and(|rest| is_name(rest, name))
}

/// What follows the element `name` that `html` begins with; `None` when it is not closed.
fn after_element<'a>(html: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = &html[1..];
    while let Some(at) = memchr::memchr(b'<', rest.as_bytes()) {
        rest = &rest[at..];
        if closes(rest, name) {
            return Some(rest.find('>').map_or("", |end| &rest[end + 1..]));
        }
        rest = &rest[1..];
    }
    None
}

/// The block id of an anchor that portable Markdown for HTML holds: `<a id="^id">`.
pub(crate) fn block_anchor(html: &str) -> Option<&str> {
    let id = html.strip_prefix("<a id=\"")?.strip_suffix("\">")?;
    let name = id.strip_prefix('^')?;
    let is_id = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    is_id.then_some(id)
}

/// Begins an id that we gave out, so that raw HTML with the same id can be told from it. Raw HTML has none of these: they
/// are taken out of it, and to HTML `&#x80;` is another character.
pub(super) const GIVEN_OUT: char = '\u{80}';

/// An article whose ids at `places` begin with [`GIVEN_OUT`].
pub(super) fn mark_ids(html: &str, places: &[usize]) -> String {
    let mut marked = String::with_capacity(html.len() + 2 * places.len());
    let mut at = 0;
    for &place in places {
        marked.push_str(&html[at..place]);
        marked.push(GIVEN_OUT);
        at = place;
    }
    marked.push_str(&html[at..]);
    marked
}

/// An article with raw HTML in it, made harmless. `own` are the ids that we gave out: they stay where they are marked, and
/// the notes' own ids stay where they are no repeats; `schemes` are those that our links have. A raw link to a place
/// that the article has not is plain text.
pub(crate) fn sanitise(html: &str, own: HashSet<String>, schemes: &HashSet<String>) -> String {
    let html = &nesting::in_order(html);
    let own = Arc::new(own);
    let seen = Arc::<Seen>::default();
    let article = clean(html, &own, schemes, &seen, HashSet::new());
    let dead = seen.dead_links(&own);
    if dead.is_empty() {
        return article;
    }
    // Which places there are is only known at the end.
    clean(html, &own, schemes, &Arc::default(), dead)
}

/// The ids of an article, and the places in it that its links lead to.
#[derive(Default)]
struct Seen {
    ids: Mutex<HashSet<String>>,
    links: Mutex<HashSet<String>>,
}

impl Seen {
    /// Whether an id is met for the first time.
    fn is_first(&self, id: &str) -> bool {
        lock(&self.ids).insert(id.to_owned())
    }

    /// The links of the kind `#place` that lead nowhere. `#` and `#top` are the top of any page.
    fn dead_links(&self, own: &HashSet<String>) -> HashSet<String> {
        let ids = lock(&self.ids);
        let is_dead = |link: &String| {
            let place = percent_decode_str(&link[1..]).decode_utf8_lossy();
            let is_top = place.is_empty() || place.eq_ignore_ascii_case("top");
            !is_top && !own.contains(&*place) && !ids.contains(&*place)
        };
        lock(&self.links).drain().filter(is_dead).collect()
    }
}

fn clean(
    html: &str,
    own: &Arc<HashSet<String>>,
    schemes: &HashSet<String>,
    seen: &Arc<Seen>,
    dead: HashSet<String>,
) -> String {
    let (own, seen) = (own.clone(), seen.clone());
    let mut builder = Builder::default();
    builder
        .tags(nesting::elements().collect())
        .generic_attributes(HashSet::from([
            "lang", "title", "class", "id", "dir", "style", "align",
        ]))
        .tag_attributes(attributes())
        .filter_style_properties(HashSet::from([
            "color",
            "background-color",
            "text-align",
            "font-weight",
            "font-style",
            "text-decoration",
        ]))
        .url_schemes(
            SCHEMES
                .into_iter()
                .chain(schemes.iter().map(String::as_str))
                .collect(),
        )
        .link_rel(None)
        .attribute_filter(move |element, attribute, value| match attribute {
            "id" | "name" => match value.strip_prefix(GIVEN_OUT) {
                Some(given_out) => Some(given_out.into()),
                None => (!own.contains(value) && seen.is_first(value)).then_some(value.into()),
            },
            // Each box has both, see `nesting`: what the sanitiser adds of its own comes in no fixed order.
            "type" if element == "input" => Some("checkbox".into()),
            "disabled" => Some("".into()),
            "href" if value.starts_with('#') => {
                lock(&seen.links).insert(value.to_owned());
                (!dead.contains(value)).then_some(value.into())
            }
            "srcset" => srcset(value),
            "href" | "src" | "poster" | "cite" => {
                let purpose = match (element, attribute) {
                    ("img", "src") => Purpose::Picture,
                    _ => Purpose::Link,
                };
                is_safe_url(value, purpose).then_some(value.into())
            }
            _ => Some(value.into()),
        });
    builder.clean(html).to_string()
}

/// A `srcset` without the URLs that are not safe; `None` when there are no others. The sanitiser's own list of schemes
/// is not asked about it, so only what pictures come from is.
fn srcset(value: &str) -> Option<Cow<'_, str>> {
    let urls = raw_html::list(value, &(0..value.len()));
    let is_good = |url: &str| match scheme(url) {
        Some((scheme, _)) => {
            matches!(&*scheme, "http" | "https" | "file" | "data")
                && is_safe_url(url, Purpose::Picture)
        }
        None => true,
    };
    let good = urls.iter().filter(|(_, url)| is_good(&value[url.clone()]));
    let kept: Vec<&str> = good
        .map(|(all, _)| value[all.clone()].trim_end_matches([',', ' ']))
        .collect();
    if kept.len() == urls.len() {
        return Some(value.into());
    }
    (!kept.is_empty()).then(|| kept.join(", ").into())
}

/// Attributes of single elements.
fn attributes() -> HashMap<&'static str, HashSet<&'static str>> {
    let cell = ["colspan", "rowspan", "headers", "scope"];
    let media = [
        "src", "controls", "width", "height", "poster", "loop", "muted", "preload",
    ];
    HashMap::from([
        ("a", HashSet::from(["href", "hreflang", "name"])),
        ("bdo", HashSet::from(["dir"])),
        ("blockquote", HashSet::from(["cite"])),
        ("q", HashSet::from(["cite"])),
        ("del", HashSet::from(["cite", "datetime"])),
        ("ins", HashSet::from(["cite", "datetime"])),
        ("time", HashSet::from(["datetime"])),
        ("details", HashSet::from(["open"])),
        ("font", HashSet::from(["color"])),
        (
            "img",
            HashSet::from(["src", "srcset", "sizes", "alt", "width", "height"]),
        ),
        ("input", HashSet::from(["type", "disabled", "checked"])),
        ("ol", HashSet::from(["start", "type", "reversed"])),
        ("li", HashSet::from(["value"])),
        ("col", HashSet::from(["span"])),
        ("colgroup", HashSet::from(["span"])),
        ("td", HashSet::from(cell)),
        ("th", HashSet::from(cell)),
        ("video", HashSet::from(media)),
        ("audio", HashSet::from(media)),
        (
            "source",
            HashSet::from(["src", "srcset", "sizes", "type", "media"]),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_run_code_are_refused() {
        for url in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            " java\nscript:x",
            "\u{1}javascript:x",
            "java\tscript\r:x",
            "vbscript:x",
            "data:text/html,x",
            "data:image/png,x",
            "view-source:x",
            "blob:x",
            "livescript:x",
        ] {
            assert!(!is_safe_url(url, Purpose::Link), "{url:?}");
        }
        assert!(!is_safe_url("data:text/html,x", Purpose::Picture));
    }

    #[test]
    fn other_urls_pass() {
        for url in [
            "",
            "a/b.html#x",
            "../a:b",
            "#javascript:x",
            "?q=javascript:x",
            "https://a.b",
            "mailto:a@b.c",
            "obsidian://open?x",
            "./javascript:x",
        ] {
            assert!(is_safe_url(url, Purpose::Link), "{url:?}");
        }
        assert!(is_safe_url("data:image/png;base64,AA", Purpose::Picture));
    }

    #[test]
    fn scripts_go_and_swallowing_tags_become_text() {
        assert_eq!(prepare("<b>x</b>"), "<b>x</b>");
        assert_eq!(prepare("<!-- a --> <!---->\n"), "");
        assert_eq!(prepare("<!-->x"), "x");
        assert_eq!(prepare("<!-- open"), "");
        assert_eq!(
            prepare("<div><SCRIPT a=b>alert(1)</b></script >x</div>"),
            "<div>x</div>"
        );
        assert_eq!(prepare("a<style>b</script>"), "a&lt;style>b&lt;/script>");
        assert_eq!(
            prepare("<script>a<style>b</style>c<script>"),
            "&lt;script>ac&lt;script>"
        );
        assert_eq!(
            prepare("<template>a</template><NoScript ><b>b</b>"),
            "a<b>b</b>"
        );
        assert_eq!(prepare("<templates>"), "<templates>");
        assert_eq!(prepare("<scripty>"), "<scripty>");
        assert_eq!(
            prepare("<Title>a</TITLE><plaintext"),
            "&lt;Title>a&lt;/TITLE>&lt;plaintext"
        );
    }

    #[test]
    fn ids_stay_unique() {
        let own = HashSet::from(["top".to_owned()]);
        let clean = sanitise(
            "<p id=\"top\">y</p><h1 id=\"\u{80}top\">x</h1><p id=\"mine\">a<b id=\"mine\">b</b><a name=\"top\">c</a></p>",
            own,
            &HashSet::new(),
        );
        assert_eq!(
            clean,
            "<p>y</p><h1 id=\"top\">x</h1><p id=\"mine\">a<b>b</b><a>c</a></p>"
        );
    }

    #[test]
    fn links_to_places_that_are_not_there_are_text() {
        let clean = sanitise(
            "<p><a href=\"#%C3%A4\">1</a><a href=\"#gone\" title=\"t\">2</a><a href=\"#own\">3</a><a href=\"#top\">4</a></p>\
             <h1 id=\"\u{80}own\">x</h1><p id=\"ä\">y</p>",
            HashSet::from(["own".to_owned()]),
            &HashSet::new(),
        );
        assert_eq!(
            clean,
            "<p><a href=\"#%C3%A4\">1</a><a title=\"t\">2</a><a href=\"#own\">3</a><a href=\"#top\">4</a></p>\
             <h1 id=\"own\">x</h1><p id=\"ä\">y</p>"
        );
    }
}
