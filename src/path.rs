//! Paths that are safe by construction: relative, normalised, UTF-8, never outside their root.
//!
//! [`NotePath`] lies in the notes folder, [`OutputPath`] in the export folder. Text that came from a
//! title or a link becomes one of them or never reaches the disk.

use std::borrow::Borrow;
use std::fmt;
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
