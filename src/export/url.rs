//! Relative URLs from one exported file to another.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::path::OutputPath;

/// All but what can't be mistaken for anything else in a path. `:` is in it: `a:b.html` would be a scheme.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// The URL that leads from the file `from` to the file `to`.
pub(crate) fn relative(from: &OutputPath, to: &OutputPath) -> String {
    let (base, target) = (from.folder(), to.as_str());
    let mut shared = 0;
    let mut left = base;
    while !left.is_empty() {
        let (part, rest) = left.split_once('/').unwrap_or((left, ""));
        let in_same_folder = target[shared..]
            .strip_prefix(part)
            .is_some_and(|after| after.starts_with('/'));
        if !in_same_folder {
            break;
        }
        shared += part.len() + 1;
        left = rest;
    }
    let up = if left.is_empty() {
        0
    } else {
        left.split('/').count()
    };
    let mut url = "../".repeat(up);
    url.extend(utf8_percent_encode(&target[shared..], ESCAPED));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(from: &str, to: &str) -> String {
        relative(
            &OutputPath::new(from).unwrap(),
            &OutputPath::new(to).unwrap(),
        )
    }

    #[test]
    fn goes_up_and_down_by_whole_folders() {
        assert_eq!(url("a.html", "b.html"), "b.html");
        assert_eq!(url("d/a.html", "d/b.html"), "b.html");
        assert_eq!(url("d/a.html", "b.html"), "../b.html");
        assert_eq!(url("d/e/a.html", "d/f/b.html"), "../f/b.html");
        assert_eq!(url("d/a.html", "de/b.html"), "../de/b.html");
        assert_eq!(url("a/b/c.html", "a/b.html"), "../b.html");
    }

    #[test]
    fn encodes_what_a_url_would_misread() {
        assert_eq!(
            url("a.html", "x y/50% #1?.html"),
            "x%20y/50%25%20%231%3F.html"
        );
        assert_eq!(url("a.html", "a:b.html"), "a%3Ab.html");
        assert_eq!(url("a.html", "ä.html"), "%C3%A4.html");
    }
}
