//! What the config says about which files are exported and under which names. Pure.

use crate::config::{Attachments, Config, Format, Layout};
use crate::hash::{Key, KeyHasher};
use crate::path::{NotePath, OutputPath, last_part};

use super::Privacy;
use super::names::fold;
use super::places::above;

/// The longest slug in bytes: leaves room for an extension within a file name's 255.
const SLUG_BYTES: usize = 200;

/// The part of the config that the vault depends on.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an answer that is asked for often"
)]
pub struct Rules {
    layout: Layout,
    attachments: Attachments,
    skip_tags: Vec<String>,
    only_tags: Vec<String>,
    places: Vec<Place>,
    reads_pictures: bool,
    has_pages: bool,
    has_suspect_folder: bool,
    shares_outputs: bool,
}

/// Where a format's files go.
#[derive(Clone, Debug)]
struct Place {
    dir: Box<str>,
    extension: Box<str>,
}

impl Place {
    /// Of a path in the export, what follows the format's folder.
    fn inner<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.dir.is_empty() {
            return Some(path);
        }
        path.strip_prefix(&*self.dir)?.strip_prefix('/')
    }
}

impl Rules {
    /// Takes what concerns the vault from the config.
    pub fn new(config: &Config) -> Self {
        let fold_all = |tags: &[String]| tags.iter().map(|tag| fold(tag).into_owned()).collect();
        let mut rules = Self {
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
            has_pages: config.formats.iter().any(Format::has_pages),
            has_suspect_folder: false,
            shares_outputs: false,
        };
        let mut dirs = rules.places.iter().map(|place| &*place.dir);
        let has_suspect_folder = dirs.any(|dir| {
            let mut folders = above(dir).chain([dir]);
            folders.any(|folder| rules.could_be_output(folder))
        });
        rules.has_suspect_folder = has_suspect_folder;
        let mut extensions = rules.places.iter().map(|place| &*place.extension);
        rules.shares_outputs = extensions.any(|longer| {
            let mut others = rules.places.iter();
            others.any(|other| {
                longer
                    .strip_suffix(&*other.extension)
                    .is_some_and(|rest| rest.ends_with('.'))
            })
        });
        rules
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
            // 1 copied what only private notes refer to.
            Attachments::All => 3,
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

    /// Whether some format has index and tag pages. Where none has, nobody keeps what they would list: for a vault with
    /// tags that is a tenth of a start.
    pub fn has_pages(&self) -> bool {
        self.has_pages
    }

    /// Which attachments are copied.
    pub fn attachments(&self) -> Attachments {
        self.attachments
    }

    /// Whether a note may be seen in the export at all.
    pub fn lets_out(&self, privacy: Privacy, tags: &[impl AsRef<str>]) -> bool {
        let filters = !self.skip_tags.is_empty() || !self.only_tags.is_empty();
        match privacy {
            Privacy::Private | Privacy::Withheld => return false,
            Privacy::Unreadable if filters => return false,
            Privacy::Unreadable | Privacy::Public => {}
        }
        if !filters {
            return true;
        }
        let has = |wanted: &[String]| {
            tags.iter().any(|tag| {
                let tag = fold(tag.as_ref());
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
        let name = last_part(stem);
        self.places
            .iter()
            .all(|place| name.len() + 1 + place.extension.len() <= 255)
    }

    /// Where the output with this stem, which [`Self::fits`], goes in a format (an index into the config's formats).
    pub fn output(&self, stem: &str, format: usize) -> OutputPath {
        let place = &self.places[format];
        let separator = if place.dir.is_empty() { "" } else { "/" };
        let text = [&place.dir, separator, stem, ".", &place.extension].concat();
        OutputPath::try_from(text)
            .expect("a stem that fits, an extension and a folder of the config make a path")
    }

    /// The stems with which a note's output would lie at `path`, one for each format that could write it.
    pub fn stems_at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.places.iter().filter_map(move |place| {
            let inner = place.inner(path)?;
            inner.strip_suffix(&*place.extension)?.strip_suffix('.')
        })
    }

    /// The folders of stems whose outputs lie in a folder at `path`, one for each format.
    pub fn folders_at<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a str> {
        self.places
            .iter()
            .filter_map(move |place| place.inner(path))
    }

    /// Where the outputs of stems in `folder` lie, for each format.
    pub fn folder_outputs(&self, folder: &str) -> impl Iterator<Item = String> {
        self.places.iter().map(move |place| {
            let separator = if place.dir.is_empty() { "" } else { "/" };
            format!("{}{separator}{folder}", place.dir)
        })
    }

    /// Whether a format's folder is at `path` or below.
    pub fn is_format_folder(&self, path: &str) -> bool {
        let mut dirs = self.places.iter().map(|place| &place.dir);
        dirs.any(|dir| {
            dir.strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    }

    /// Whether some note's output could lie at `path`.
    pub fn could_be_output(&self, path: &str) -> bool {
        self.stems_at(path).next().is_some()
    }

    /// Whether outputs of stems in `folder` lie in a folder that has an output's name.
    pub fn is_suspect(&self, folder: &str) -> bool {
        // All extensions follow a dot.
        folder.contains('.')
            && self
                .folder_outputs(folder)
                .any(|path| self.could_be_output(&path))
    }

    /// Whether a format's folder, or one above it, has an output's name.
    pub fn has_suspect_folder(&self) -> bool {
        self.has_suspect_folder
    }

    /// Whether stems can share an output: with the extensions `md` and `x.md`, `a.x.md` is one of `a.x` and one of `a`.
    pub fn shares_outputs(&self) -> bool {
        self.shares_outputs
    }

    /// The stems that share an output with this one.
    pub fn sharing(&self, stem: &str) -> Vec<String> {
        let outputs = (0..self.formats()).map(|format| self.output(stem, format));
        let stems = outputs.flat_map(|output| {
            let stems = self.stems_at(output.as_str());
            stems.map(str::to_owned).collect::<Vec<_>>()
        });
        stems.filter(|other| other != stem).collect()
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
