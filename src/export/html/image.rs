//! How an image is shown: Obsidian's size in its text, and players for what is no picture.

use super::sanitise::{Purpose, is_safe_url};
use super::write::{Writer, plain_text};
use crate::path::last_part;

/// What `![alt](url)` shows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown<'a> {
    /// The text without the size.
    pub(crate) alt: &'a str,
    /// In pixels.
    pub(crate) width: Option<u32>,
    /// In pixels.
    pub(crate) height: Option<u32>,
    /// By the URL's extension.
    pub(crate) kind: Kind,
}

/// What a browser does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It shows it in place.
    Picture,
    /// It plays it in place.
    Video,
    /// It plays it in place, without a picture.
    Audio,
    /// It needs a link.
    Document,
}

/// Reads `alt|300` and `alt|300x200`, and the kind of file.
pub(crate) fn read<'a>(alt: &'a str, url: &str) -> Shown<'a> {
    let kind = kind(url);
    let sized = alt
        .rsplit_once('|')
        .and_then(|(text, size)| Some((text, size_of(size.trim())?)));
    match sized {
        Some((text, (width, height))) => Shown {
            alt: text.trim_end(),
            width: Some(width),
            height,
            kind,
        },
        None => Shown {
            alt,
            width: None,
            height: None,
            kind,
        },
    }
}

fn size_of(text: &str) -> Option<(u32, Option<u32>)> {
    let number = |digits: &str| {
        let is_number =
            (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    match text.split_once('x') {
        Some((width, height)) => Some((number(width)?, Some(number(height)?))),
        None => Some((number(text)?, None)),
    }
}

pub(super) fn kind(url: &str) -> Kind {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = last_part(path);
    match crate::path::split_extension(name)
        .1
        .to_ascii_lowercase()
        .as_str()
    {
        "mp4" | "webm" | "ogv" | "mov" | "mkv" | "m4v" => Kind::Video,
        "mp3" | "wav" | "m4a" | "ogg" | "oga" | "opus" | "flac" | "3gp" => Kind::Audio,
        "pdf" | "canvas" | "base" | "zip" | "docx" | "xlsx" | "pptx" | "odt" | "txt" | "csv"
        | "json" | "md" | "html" => Kind::Document,
        _ => Kind::Picture,
    }
}

impl Writer<'_> {
    pub(super) fn image(&mut self, at: usize, url: &str, title: &str) -> usize {
        let end = self.end_of(at);
        let alt = plain_text(&self.events[at..end]);
        let shown = read(&alt, url);
        let purpose = match shown.kind {
            Kind::Picture => Purpose::Picture,
            Kind::Video | Kind::Audio | Kind::Document => Purpose::Link,
        };
        if !is_safe_url(url, purpose) {
            self.escaped(shown.alt);
            return end + 1;
        }
        match shown.kind {
            Kind::Picture => self.picture(&shown, url, title),
            Kind::Video => self.media("video", &shown, url, title),
            Kind::Audio => self.media("audio", &shown, url, title),
            Kind::Document => {
                if self.links.is_empty() {
                    self.open_link("", url, title);
                    self.escaped(shown.alt);
                    self.out.push_str("</a>");
                } else {
                    self.escaped(shown.alt);
                }
            }
        }
        end + 1
    }

    fn picture(&mut self, shown: &Shown<'_>, url: &str, title: &str) {
        self.out.push_str("<img src=\"");
        self.url(url);
        self.out.push_str("\" alt=\"");
        self.attribute(shown.alt);
        self.title(title);
        self.out.push('"');
        self.size(shown);
        self.out.push_str(" />");
    }

    fn media(&mut self, name: &str, shown: &Shown<'_>, url: &str, title: &str) {
        self.write(format_args!("<{name} controls=\"\" src=\""));
        self.url(url);
        self.title(title);
        self.out.push('"');
        self.size(shown);
        self.out.push('>');
        self.escaped(shown.alt);
        self.write(format_args!("</{name}>"));
    }

    fn size(&mut self, shown: &Shown<'_>) {
        if let Some(width) = shown.width {
            self.write(format_args!(" width=\"{width}\""));
        }
        if let Some(height) = shown.height {
            self.write(format_args!(" height=\"{height}\""));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let read = |alt| {
            let shown = read(alt, "a.png");
            (shown.alt.to_owned(), shown.width, shown.height)
        };
        assert_eq!(read("a|300"), ("a".into(), Some(300), None));
        assert_eq!(read("|300x200"), (String::new(), Some(300), Some(200)));
        assert_eq!(read("a|b|10"), ("a|b".into(), Some(10), None));
        for alt in [
            "a|b", "300", "a|300x", "a|x3", "a|1e3", "a|-3", "a|123456", "",
        ] {
            assert_eq!(read(alt), (alt.into(), None, None));
        }
    }

    #[test]
    fn kinds_go_by_the_extension() {
        assert_eq!(kind("d/a.MP4#t=10"), Kind::Video);
        assert_eq!(kind("https://a.b/x.pdf?y=z.png"), Kind::Document);
        assert_eq!(kind("a.b/c"), Kind::Picture);
    }
}
