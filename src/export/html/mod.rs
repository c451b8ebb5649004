//! `html`: the note as a page. `write` turns Markdown into an article's content; where that holds raw HTML, `nesting` puts its
//! tags in order and `sanitise` guards against it. `site` lists notes; the page around all of it is a template.
//!
//! What comes out of here is safe to open: no script, no handler, no URL of a scheme that runs code.

pub(crate) mod site;

mod callout;
mod footnotes;
mod ids;
mod image;
mod inline;
mod nesting;
mod raw;
mod sanitise;
mod tag;
mod urls;
mod write;

use std::ops::Range;

use pulldown_cmark::Parser;

use crate::vault::Heading;
use crate::vault::outline::options;

/// The content of the page's `<article>`: `body` (portable, for HTML) as HTML.
///
/// `own` are the headings of the note itself: they get their anchors whatever `embedded` text
/// (byte ranges of `body`, in order) brings along.
pub(crate) fn article(body: &str, own: &[Heading], embedded: &[Range<usize>]) -> String {
    // Prose has an event for some forty bytes; to grow the list by doubling was 1 % of a page.
    let mut events = Vec::with_capacity(body.len() / 32);
    events.extend(Parser::new_ext(body, options()).into_offset_iter());
    let urls = urls::as_text(body, &mut events);
    let written = write::write(body, &events, &urls, ids::Ids::new(own, embedded));
    if written.has_raw_html {
        let marked = sanitise::mark_ids(&written.html, &written.id_places);
        sanitise::sanitise(&marked, written.ids, &written.schemes)
    } else {
        written.html
    }
}

/// Whether a page plays a file in place.
pub(crate) fn is_played(path: &str) -> bool {
    matches!(image::kind(path), image::Kind::Video | image::Kind::Audio)
}

#[cfg(test)]
mod tests;
