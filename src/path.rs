//! Paths that are safe by construction: relative, normalised, UTF-8, never outside their root.
//!
//! [`NotePath`] lies in the notes folder, [`OutputPath`] in the export folder. Text that came from a
//! title or a link becomes one of them or never reaches the disk.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Bound, RangeBounds};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Why a text is no path inside a root.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is empty, or nothing is left of it.
    #[error("the path is empty")]
    Empty,
    /// It leads out of its root (`..` or a leading `/`).
    #[error("the path leads out of its folder")]
    Escapes,
    /// It has a NUL byte or a component that is too long for a file system (255 bytes).
    #[error("a part of the path is no file name")]
    BadName,
    /// The bytes are no UTF-8.
    #[error("the file name is not UTF-8")]
    NotUtf8,
}

/// Joins `text` onto the folder `base` ("" for the root), resolving `.`, `..` and repeated `/`.
fn normalise(base: &str, text: &str) -> Result<Box<str>, PathError> {
    // What a walk or the manifest gives is so already: checking it costs a fifth of building it anew.
    if base.is_empty() && is_normal(text) {
        return Ok(text.into());
    }
    let mut parts: Vec<&str> = base.split('/').filter(|part| !part.is_empty()).collect();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or(PathError::Escapes)?;
            }
            name if name.len() > 255 || name.contains('\0') => return Err(PathError::BadName),
            name => parts.push(name),
        }
    }
    if parts.is_empty() {
        return Err(PathError::Empty);
    }
    Ok(parts.join("/").into())
}

/// Whether normalising would change nothing.
fn is_normal(text: &str) -> bool {
    let is_name = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && part.len() <= 255;
    let bytes = text.as_bytes();
    bytes.split(|&byte| byte == b'/').all(is_name) && memchr::memchr(0, bytes).is_none()
}

/// The folder that `path` lies in; `None` for the root, which lies in none.
pub fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    Some(path.rsplit_once('/').map_or("", |(folder, _)| folder))
}

/// The path of what is called `name` in `folder` ("" for the root).
pub fn child(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        return name.to_owned();
    }
    format!("{folder}/{name}")
}

/// `a`, `a/b`, `a/b/c` for `a/b/c`; nothing for the root.
pub fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path
        .match_indices('/')
        .map(|(end, _)| end)
        .chain([path.len()]);
    ends.map(|end| &path[..end])
        .filter(|prefix| !prefix.is_empty())
}

/// Whether `path` is `top` ("" for the root) or lies below it.
pub fn is_below(path: &str, top: &str) -> bool {
    top.is_empty()
        || path
            .strip_prefix(top)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// All paths below `folder` ("" for the root), as a range of ordered ones.
pub fn below(folder: &str) -> Below {
    Below(if folder.is_empty() {
        None
    } else {
        // `0` is the byte after `/`: between them lies exactly what begins with `folder/`.
        Some((format!("{folder}/"), format!("{folder}0")))
    })
}

/// See [`below`].
#[derive(Clone, Debug)]
pub struct Below(Option<(String, String)>);

impl RangeBounds<str> for Below {
    fn start_bound(&self) -> Bound<&str> {
        self.0
            .as_ref()
            .map_or(Bound::Excluded(""), |(first, _)| Bound::Included(first))
    }

    fn end_bound(&self) -> Bound<&str> {
        self.0
            .as_ref()
            .map_or(Bound::Unbounded, |(_, end)| Bound::Excluded(end))
    }
}

macro_rules! rooted_path {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Reads a path relative to the root.
            ///
            /// # Errors
            /// When the text is empty, absolute, leads out of the root or holds no file name.
            pub fn new(text: &str) -> Result<Self, PathError> {
                if text.starts_with('/') {
                    return Err(PathError::Escapes);
                }
                normalise("", text).map(Self)
            }

            /// Reads `text` relative to the folder `base` ("" for the root).
            ///
            /// # Errors
            /// As [`Self::new`].
            pub fn join(base: &str, text: &str) -> Result<Self, PathError> {
                normalise(base, text).map(Self)
            }

            /// The path as text, parts separated by `/`.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The path for the file system, still relative to the root.
            pub fn as_path(&self) -> &Path {
                Path::new(&*self.0)
            }

            /// The folder it lies in, "" for the root.
            pub fn folder(&self) -> &str {
                last(b'/', &self.0).map_or("", |slash| &self.0[..slash])
            }

            /// The last part.
            pub fn name(&self) -> &str {
                last_part(&self.0)
            }

            /// The last part without its extension; a leading dot starts no extension.
            pub fn stem(&self) -> &str {
                split_extension(self.name()).0
            }

            /// The extension without its dot, "" where there is none.
            pub fn extension(&self) -> &str {
                split_extension(self.name()).1
            }

            /// The whole path without its extension.
            pub fn without_extension(&self) -> &str {
                let extension = self.extension();
                if extension.is_empty() {
                    &self.0
                } else {
                    &self.0[..self.0.len() - extension.len() - 1]
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = PathError;
            fn try_from(text: String) -> Result<Self, PathError> {
                if is_normal(&text) {
                    return Ok(Self(text.into()));
                }
                Self::new(&text)
            }
        }

        impl From<$name> for String {
            fn from(path: $name) -> String {
                path.0.into()
            }
        }

        impl TryFrom<&Path> for $name {
            type Error = PathError;
            fn try_from(path: &Path) -> Result<Self, PathError> {
                Self::new(path.to_str().ok_or(PathError::NotUtf8)?)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<Path> for $name {
            fn as_ref(&self) -> &Path {
                self.as_path()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }
    };
}

rooted_path! {
    /// A file in the notes folder: a note or an attachment. Order is path order: plain byte order.
    NotePath
}
rooted_path! {
    /// A file in the export folder.
    OutputPath
}

/// Where a byte of ASCII stands last. Paths are asked for their parts so often that `str::rfind`, which takes the text
/// character by character, was 4 % of the instructions of an export in four formats.
fn last(wanted: u8, text: &str) -> Option<usize> {
    memchr::memrchr(wanted, text.as_bytes())
}

/// The last part of a path as text.
pub(crate) fn last_part(path: &str) -> &str {
    last(b'/', path).map_or(path, |slash| &path[slash + 1..])
}

/// `name` as (stem, extension); a leading dot starts no extension.
pub fn split_extension(name: &str) -> (&str, &str) {
    match last(b'.', name) {
        Some(dot) if dot > 0 => (&name[..dot], &name[dot + 1..]),
        _ => (name, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_and_never_escapes() {
        assert_eq!(NotePath::new("a//./b/../c.md").unwrap().as_str(), "a/c.md");
        assert_eq!(NotePath::join("d/e", "../x.md").unwrap().as_str(), "d/x.md");
        assert_eq!(NotePath::new("../x"), Err(PathError::Escapes));
        assert_eq!(NotePath::new("/etc/passwd"), Err(PathError::Escapes));
        assert_eq!(NotePath::new("a/.."), Err(PathError::Empty));
        assert_eq!(NotePath::new("a\0b"), Err(PathError::BadName));
    }

    #[test]
    fn what_lies_below_a_folder_is_a_range_of_ordered_paths() {
        let paths = [
            "", "a", "a!b", "a-b/c", "a/", "a/b", "a/b/c", "a/é", "a0", "ab", "b/a",
        ];
        let ordered: std::collections::BTreeSet<&str> = paths.into();
        for top in ["", "a", "a/b", "b", "c"] {
            let range: Vec<&str> = ordered.range::<str, _>(below(top)).copied().collect();
            let is_inside = |path: &&&str| **path != top && is_below(path, top);
            let asked: Vec<&str> = ordered.iter().filter(is_inside).copied().collect();
            assert_eq!(range, asked, "below {top:?}");
        }
    }

    #[test]
    fn folders_above_and_back() {
        assert_eq!(parent(""), None);
        assert_eq!(parent("a"), Some(""));
        assert_eq!(parent("a/b/c"), Some("a/b"));
        for path in ["a", "a/b", "a/b/c"] {
            assert_eq!(child(parent(path).unwrap(), last_part(path)), path);
        }
        assert_eq!(prefixes("a/b/c").collect::<Vec<_>>(), ["a", "a/b", "a/b/c"]);
        assert_eq!(prefixes("").count(), 0);
    }

    #[test]
    fn parts() {
        let path = NotePath::new("d1/Core.v2.md").unwrap();
        assert_eq!(
            (path.folder(), path.name(), path.stem(), path.extension()),
            ("d1", "Core.v2.md", "Core.v2", "md")
        );
        assert_eq!(path.without_extension(), "d1/Core.v2");
        assert_eq!(NotePath::new(".hidden").unwrap().stem(), ".hidden");
    }
}
