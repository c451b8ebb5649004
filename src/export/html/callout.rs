//! Callouts: quotes whose first line is `[!type]`, `[!type]+` or `[!type]-`, and maybe a title.

/// The marker at the beginning of a callout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    /// The type in lower case, fit for a class name.
    pub(crate) class: String,
    /// What to call it where the writer gave no title.
    pub(crate) default_title: String,
    /// Whether and how it folds.
    pub(crate) fold: Fold,
    /// Bytes of the marker, with the blanks after it.
    pub(crate) len: usize,
}

/// Whether a callout folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    /// It doesn't.
    Never,
    /// It does, and is open at first (`+`).
    Open,
    /// It does, and is shut at first (`-`).
    Shut,
}

/// Reads the marker that `text` (the quote's first line and more) begins with.
pub(crate) fn marker(text: &str) -> Option<Marker> {
    let inside = text.strip_prefix("[!")?;
    let (kind, after) = inside.split_once(']')?;
    if kind.trim().is_empty() || kind.contains(['\n', '\r', '[']) {
        return None;
    }
    let (fold, rest) = match after.as_bytes().first() {
        Some(b'+') => (Fold::Open, &after[1..]),
        Some(b'-') => (Fold::Shut, &after[1..]),
        _ => (Fold::Never, after),
    };
    let title = rest.trim_start_matches([' ', '\t']);
    let ends_here = rest.is_empty() || rest.starts_with(['\n', '\r']);
    if title.len() == rest.len() && !ends_here {
        return None;
    }
    // `[!note|wide]`: what follows the bar is for Obsidian's own style sheets.
    let name = kind.split('|').next().unwrap_or(kind).trim().to_lowercase();
    let class = name
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { '-' })
        .collect();
    Some(Marker {
        class,
        default_title: capitalised(&name),
        fold,
        len: text.len() - title.len(),
    })
}

fn capitalised(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(chars).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_type_fold_and_the_blanks_before_the_title() {
        let read = marker("[!Note]- The title\nmore").unwrap();
        assert_eq!(
            (read.class.as_str(), read.fold, read.len),
            ("note", Fold::Shut, 9)
        );
        assert_eq!(marker("[!tip]").unwrap().default_title, "Tip");
        assert_eq!(marker("[!tip]+\r\nx").unwrap().fold, Fold::Open);
        assert_eq!(marker("[!my \"kind\"|wide] x").unwrap().class, "my--kind-");
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for text in [
            "[!]",
            "[! ] x",
            "[note] x",
            "[!note](x)",
            "[!note]x",
            "[!note",
            "[!no\nte]",
            "",
        ] {
            assert_eq!(marker(text), None, "{text}");
        }
    }
}
