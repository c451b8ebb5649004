//! What the config says about which files are exported and under which names. Pure.

use crate::config::{Attachments, Config, Format, Layout};
use crate::hash::{Key, KeyHasher};
use crate::path::{NotePath, OutputPath};

use super::names::fold;
use super::{NoteFacts, Privacy};

/// The longest slug in bytes: leaves room for an extension within a file name's 255.
const SLUG_BYTES: usize = 200;

/// The part of the config that the vault depends on.
#[derive(Clone, Debug)]
pub struct Rules {
    layout: Layout,
    attachments: Attachments,
    skip_tags: Vec<String>,
    only_tags: Vec<String>,
    places: Vec<Place>,
    reads_pictures: bool,
}

/// Where a format's files go.
#[derive(Clone, Debug)]
struct Place {
    dir: Box<str>,
    extension: Box<str>,
}

impl Rules {
    /// Takes what concerns the vault from the config.
    pub fn new(config: &Config) -> Self {
        let fold_all = |tags: &[String]| tags.iter().map(|tag| fold(tag).into_owned()).collect();
        Self {
            layout: config.layout,
            attachments: config.attachments,
            skip_tags: fold_all(&config.skip_tags),
            only_tags: fold_all(&config.only_tags),
            places: config
                .formats
                .iter()
                .map(|format| Place {
                    dir: format.dir.clone(),
                    extension: format.extension.clone(),
                })
                .collect(),
            reads_pictures: config.formats.iter().any(Format::reads_pictures),
        }
    }

    /// Equal keys mean that the same vault is exported under the same names. The formats' places count: they decide
    /// which names are too long, and where an attachment can't be copied to.
    pub fn key(&self) -> Key {
        let mut key = KeyHasher::new();
        for place in &self.places {
            key.text(&place.dir).text(&place.extension);
        }
        key.number(match self.layout {
            Layout::Mirror => 0,
            Layout::Slug => 1,
        });
        key.number(match self.attachments {
            Attachments::Referenced => 0,
            Attachments::All => 1,
            Attachments::None => 2,
        });
        for tags in [&self.skip_tags, &self.only_tags] {
            key.number(tags.len() as u64);
            for tag in tags {
                key.text(tag);
            }
        }
        key.finish()
    }

    /// Whether some format is made from the content of the pictures that a note shows.
    pub fn reads_pictures(&self) -> bool {
        self.reads_pictures
    }

    /// Which attachments are copied.
    pub fn attachments(&self) -> Attachments {
        self.attachments
    }

    /// Whether a note may be seen in the export at all.
    pub fn lets_out(&self, facts: &NoteFacts) -> bool {
        let filters = !self.skip_tags.is_empty() || !self.only_tags.is_empty();
        match facts.privacy {
            Privacy::Private | Privacy::Withheld => return false,
            Privacy::Unreadable if filters => return false,
            Privacy::Unreadable | Privacy::Public => {}
        }
        if !filters {
            return true;
        }
        let has = |wanted: &[String]| {
            facts.tags.iter().any(|tag| {
                let tag = fold(tag);
                wanted.iter().any(|wanted| covers(wanted, &tag))
            })
        };
        !has(&self.skip_tags) && (self.only_tags.is_empty() || has(&self.only_tags))
    }

    /// The path of a note's outputs, relative to a format's folder and without extension.
    pub fn stem(&self, path: &NotePath, title: &str) -> String {
        match self.layout {
            Layout::Mirror => path.without_extension().to_owned(),
            Layout::Slug => slug(title),
        }
    }

    /// Whether outputs are named after titles rather than paths.
    pub fn names_by_title(&self) -> bool {
        self.layout == Layout::Slug
    }

    /// Whether a note's outputs can have this stem: with every extension it must stay within a file name's 255 bytes.
    pub fn fits(&self, stem: &str) -> bool {
        let name = stem.rsplit('/').next().unwrap_or(stem);
        self.places
            .iter()
            .all(|place| name.len() + 1 + place.extension.len() <= 255)
    }

    /// Where the output with this stem, which [`Self::fits`], goes in a format (an index into the config's formats).
    pub fn output(&self, stem: &str, format: usize) -> OutputPath {
        let place = &self.places[format];
        let separator = if place.dir.is_empty() { "" } else { "/" };
        let text = format!("{}{separator}{stem}.{}", place.dir, place.extension);
        OutputPath::new(&text)
            .expect("a stem that fits, an extension and a folder of the config make a path")
    }

    /// The stems with which a note's output would lie at `path`, one for each format that could write it.
    pub fn stems_at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.places.iter().filter_map(move |place| {
            let inner = if place.dir.is_empty() {
                path
            } else {
                path.strip_prefix(&*place.dir)?.strip_prefix('/')?
            };
            inner.strip_suffix(&*place.extension)?.strip_suffix('.')
        })
    }

    /// How many formats there are.
    pub fn formats(&self) -> usize {
        self.places.len()
    }
}

/// Whether the tag `wanted` is `tag` or a parent of it; both folded.
fn covers(wanted: &str, tag: &str) -> bool {
    tag.strip_prefix(wanted)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `title.lower()` with runs of white space as `-`, made safe as a file name: no separators, no control characters,
/// no leading dot, never empty, at most 200 bytes.
pub fn slug(title: &str) -> String {
    let mut slug = String::with_capacity(title.len());
    for word in title.split_whitespace() {
        if !slug.is_empty() {
            slug.push('-');
        }
        for c in word.chars().flat_map(char::to_lowercase) {
            slug.push(if c == '/' || c == '\\' || c.is_control() {
                '-'
            } else {
                c
            });
        }
    }
    if slug.len() > SLUG_BYTES {
        let end = (0..=SLUG_BYTES)
            .rev()
            .find(|&at| slug.is_char_boundary(at))
            .unwrap_or(0);
        slug.truncate(end);
    }
    match slug.strip_prefix('.') {
        Some(rest) => format!("-{rest}"),
        None if slug.is_empty() => "untitled".to_owned(),
        None => slug,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_safe_file_names() {
        assert_eq!(slug("Shopping  List"), "shopping-list");
        assert_eq!(slug("../etc/Passwd"), "-.-etc-passwd");
        assert_eq!(slug(" "), "untitled");
        assert_eq!(slug("C++: A\tB"), "c++:-a-b");
        assert!(slug(&"é".repeat(300)).len() <= SLUG_BYTES);
    }

    #[test]
    fn parent_tags_cover_their_children() {
        assert!(covers("work", "work"));
        assert!(covers("work", "work/secret"));
        assert!(!covers("work", "workshop"));
        assert!(!covers("work/secret", "work"));
    }
}
