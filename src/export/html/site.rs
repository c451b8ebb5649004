//! Pages that list notes: an index, and one page for each tag. Which notes they list is the source's to know.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use crate::export::{Listed, Source, href};
use crate::hash::ContentHash;
use crate::path::OutputPath;
use crate::vault::Page;
use crate::vault::names::fold;
use crate::vault::page::{Spelling, has_page, levels, spellings};

impl Page {
    /// Its path without extension, below the format's folder. Different tags have different ones.
    pub(crate) fn stem(&self) -> String {
        match self {
            Self::Index => "index".to_owned(),
            Self::Tag(tag) => tag.split('/').fold("tags".to_owned(), |path, part| {
                path + "/" + &file_name(part)
            }),
        }
    }
}

/// Of a tag's part in a file name: with a hash and an extension it must fit the 255 bytes that a name may have.
const LONGEST_PART: usize = 200;

/// The longest beginning of `text` that has at most `len` bytes.
fn prefix_of(text: &str, len: usize) -> &str {
    let cut = (0..=len.min(text.len()))
        .rev()
        .find(|&at| text.is_char_boundary(at));
    &text[..cut.unwrap_or_default()]
}

/// Whether a file in the format's folder could be a page, as [`Page::stem`] names them.
pub(crate) fn may_be_page(path: &str) -> bool {
    path.starts_with("index.") || path.starts_with("tags/")
}

/// A part of a tag as a file name: letters, digits, `-` and `_` stand for themselves, other bytes are `~` and
/// two digits, and nothing at all is `~`.
fn file_name(part: &str) -> String {
    let mut name = String::with_capacity(part.len());
    for c in part.chars() {
        if c.is_alphanumeric() || c == '-' || c == '_' {
            name.push(c);
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(name, "~{byte:02x}").expect("a String takes all that is written");
            }
        }
    }
    if name.is_empty() {
        name.push('~');
    }
    if name.len() > LONGEST_PART {
        let hash = u128::from(ContentHash::of(name.as_bytes()));
        name.truncate(prefix_of(&name, LONGEST_PART).len());
        write!(name, "~~{hash:032x}").expect("a String takes all that is written");
    }
    name
}

/// A link on a page.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Anchor {
    pub(crate) href: String,
    pub(crate) title: String,
}

/// The notes of one folder.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Folder {
    /// "" for the notes folder itself.
    pub(crate) path: String,
    pub(crate) notes: Vec<Anchor>,
}

/// What an index page says.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct SiteView {
    pub(crate) title: String,
    /// To the index page; none on the index itself.
    pub(crate) index: Option<String>,
    pub(crate) folders: Vec<Folder>,
    /// On the index all tags, on a tag's page those right below it.
    pub(crate) tags: Vec<TagLink>,
}

/// A tag and its page.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct TagLink {
    pub(crate) name: String,
    pub(crate) href: String,
    pub(crate) count: usize,
}

/// What `page`, which lies at `at`, says. `locate` knows where other pages lie.
pub(crate) fn view(
    source: &dyn Source,
    format: usize,
    page: &Page,
    at: &OutputPath,
    locate: &dyn Fn(&Page) -> OutputPath,
) -> SiteView {
    let listed = source.listed(page);
    let index = (*page != Page::Index).then(|| href::relative(at.folder(), &locate(&Page::Index)));
    let tags = tags(&listed, page, &|tag| {
        href::relative(at.folder(), &locate(tag))
    });
    let title = match page {
        Page::Index => "Notes".to_owned(),
        Page::Tag(tag) => format!("#{}", spelling(&listed, tag)),
    };
    let mut folders: BTreeMap<&str, Vec<Anchor>> = BTreeMap::new();
    for note in &listed {
        let href = href::relative(at.folder(), &source.output(note.id, format));
        folders.entry(note.path.folder()).or_default().push(Anchor {
            href,
            title: note.title.clone(),
        });
    }
    let folders = folders
        .into_iter()
        .map(|(path, notes)| Folder {
            path: path.to_owned(),
            notes,
        })
        .collect();
    SiteView {
        title,
        index,
        folders,
        tags,
    }
}

/// How the first note that has the tag spells it.
fn spelling<'a>(listed: &'a [Listed], folded: &'a str) -> &'a str {
    let depth = folded.split('/').count();
    let mut written = listed
        .iter()
        .flat_map(|note| &note.tags)
        .map(|tag| levels(tag, depth));
    written.find(|tag| fold(tag) == folded).unwrap_or(folded)
}

/// On the index all tags that have a page, on a tag's page those right below it.
fn tags(listed: &[Listed], page: &Page, locate: &dyn Fn(&Page) -> String) -> Vec<TagLink> {
    let mut found = Counts::new();
    for (number, note) in listed.iter().enumerate() {
        match page {
            Page::Index => {
                for spelling in spellings(&note.tags) {
                    count(&mut found, spelling, number);
                }
            }
            Page::Tag(parent) => {
                for spelling in note.tags.iter().filter_map(|tag| below(parent, tag)) {
                    count(&mut found, spelling, number);
                }
            }
        }
    }
    let link = |(tag, count): (Cow<'_, str>, Count<'_>)| TagLink {
        name: count.written.to_owned(),
        href: locate(&Page::Tag(tag.into())),
        count: count.notes,
    };
    found.into_iter().map(link).collect()
}

/// By folded tag.
type Counts<'a> = BTreeMap<Cow<'a, str>, Count<'a>>;

struct Count<'a> {
    /// How the first note spells it.
    written: &'a str,
    notes: usize,
    last: usize,
}

/// Counts a tag of a note once, however often it has it.
fn count<'a>(found: &mut Counts<'a>, (tag, written): Spelling<'a>, note: usize) {
    let first = Count {
        written,
        notes: 0,
        last: usize::MAX,
    };
    let count = found.entry(tag).or_insert(first);
    count.notes += usize::from(count.last != note);
    count.last = note;
}

/// What is right below `parent` of a tag; `None` if the tag is not below it. Only that part of the tag is looked at: a
/// note with thousands of tags is on thousands of pages.
fn below<'a>(parent: &str, tag: &'a str) -> Option<Spelling<'a>> {
    let above = parent.split('/').count();
    // Most tags have no so many levels, which is soon known.
    tag.match_indices('/').nth(above - 1)?;
    let depth = above + 1;
    let written = levels(tag, depth);
    let folded = fold(written);
    let name = folded.strip_prefix(parent)?.strip_prefix('/')?;
    (!name.is_empty() && has_page(depth)).then_some((folded, written))
}

/// Where a page or a note lies: `stem` and `extension` below `folder`. Names that no file system takes are cut
/// and told apart by a hash.
pub(crate) fn place(folder: &str, stem: &str, extension: &str) -> OutputPath {
    let whole = format!("{stem}.{extension}");
    if let Ok(path) = OutputPath::join(folder, &whole) {
        return path;
    }
    let hash = u128::from(ContentHash::of(whole.as_bytes()));
    let (parent, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let room = 255_usize.saturating_sub(extension.len() + 34);
    let short = prefix_of(name, room);
    let cut = format!("{parent}/{short}~{hash:032x}.{extension}");
    OutputPath::join(folder, &cut)
        .or_else(|_| OutputPath::new(&format!("{hash:032x}")))
        .expect("digits are a file name")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path::NotePath;
    use crate::vault::FileId;

    fn tags(tags: &[&str]) -> Vec<Box<str>> {
        tags.iter().map(|&tag| tag.into()).collect()
    }

    #[test]
    fn a_tag_is_counted_once_a_note_and_spelled_as_the_first_one_does() {
        let listed = |id: u32, path: &str, written: &[&str]| Listed {
            id: FileId(id),
            path: NotePath::new(path).unwrap(),
            title: String::new(),
            tags: tags(written),
        };
        let listed = [
            listed(0, "a.md", &["Team/Tea", "TEAM/tea", "b"]),
            listed(1, "b.md", &["team", "tEAM/tea/pot"]),
        ];
        let links = |page: &Page| {
            let links = super::tags(&listed, page, &Page::stem).into_iter();
            let links: Vec<_> = links.map(|tag| (tag.name, tag.href, tag.count)).collect();
            links
        };
        let link = |name: &str, stem: &str, count| (name.to_owned(), format!("tags/{stem}"), count);
        let tea = link("Team/Tea", "team/tea", 2);
        let pot = link("tEAM/tea/pot", "team/tea/pot", 1);
        assert_eq!(
            links(&Page::Index),
            [
                link("b", "b", 1),
                link("Team", "team", 2),
                tea.clone(),
                pot.clone()
            ]
        );
        assert_eq!(links(&Page::tag("team")), [tea]);
        assert_eq!(links(&Page::tag("team/tea")), [pot]);
        assert_eq!(links(&Page::tag("b")), []);
    }

    #[test]
    fn a_note_is_on_the_pages_of_its_tags_and_those_above() {
        let pages = Page::listing(&tags(&["Team/Secret", "team", "Ä"]));
        assert_eq!(
            pages,
            [
                Page::Index,
                Page::tag("team"),
                Page::tag("team/secret"),
                Page::tag("ä")
            ]
            .into()
        );
        for page in &pages {
            assert!(page.lists(&tags(&["TEAM/secret/x", "ä"])), "{page:?}");
        }
        assert!(!Page::tag("team").lists(&tags(&["teamwork", "home/team"])));
        assert!(!Page::tag("team/secret").lists(&tags(&["team"])));
    }

    fn listed(tags: Vec<Box<str>>) -> [Listed; 1] {
        [Listed {
            id: FileId(0),
            path: NotePath::new("a.md").unwrap(),
            title: String::new(),
            tags,
        }]
    }

    #[test]
    fn a_note_of_very_many_tags_takes_no_long_time() {
        let start = std::time::Instant::now();
        let many: Vec<Box<str>> = (0..3000).map(|tag| format!("x/t{tag}").into()).collect();
        let listed = listed(many);
        let pages = Page::listing(&listed[0].tags);
        assert_eq!(pages.len(), 3002);
        let links = pages
            .iter()
            .map(|page| super::tags(&listed, page, &Page::stem).len());
        assert_eq!(links.sum::<usize>(), 3001 + 3000);
        let mut kept = crate::vault::page::Pages::default();
        kept.add(FileId(0), &listed[0].tags, crate::hash::Key::default());
        assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    }

    #[test]
    fn very_deep_tags_have_a_page_for_their_upper_levels() {
        let deep = "A/".repeat(999) + "A";
        let listed = listed(tags(&[&deep]));
        let pages = Page::listing(&listed[0].tags);
        assert_eq!(pages.len(), 1 + 32);
        let lowest = Page::tag(&deep);
        assert!(pages.contains(&lowest) && lowest.lists(&listed[0].tags));
        assert_eq!(lowest.stem().matches("/a").count(), 32);
        assert_eq!(super::tags(&listed, &lowest, &Page::stem), []);
        assert_eq!(super::tags(&listed, &Page::Index, &Page::stem).len(), 32);
        assert_eq!(
            super::tags(&listed, &Page::tag("a/a"), &Page::stem).len(),
            1
        );
    }

    #[test]
    fn stems_are_safe_and_differ() {
        assert_eq!(Page::tag("Team/Secret").stem(), "tags/team/secret");
        assert_eq!(Page::tag("v1.2").stem(), "tags/v1~2e2");
        let odd = [
            "a", "a/", "/a", "a//b", "a/b", "..", "../x", ".", "~", "~7e", "a b", "a~20b", "A\0",
            "é", "x/~",
        ];
        let mut stems: Vec<String> = odd.iter().map(|tag| Page::tag(tag).stem()).collect();
        for stem in &stems {
            let path = OutputPath::new(stem).unwrap();
            assert!(path.as_str() == stem && stem.starts_with("tags/"), "{stem}");
        }
        stems.sort();
        stems.dedup();
        assert_eq!(stems.len(), odd.len());
    }

    #[test]
    fn tags_and_names_of_any_length_have_a_place() {
        let long = "ä".repeat(1000);
        assert_ne!(
            Page::tag(&long).stem(),
            Page::tag(&(long.clone() + "b")).stem()
        );
        for stem in [
            Page::tag(&long).stem(),
            "x".repeat(255),
            format!("d/{}", "ä".repeat(127)),
        ] {
            let path = place("site", &stem, "html");
            assert!(
                path.name().len() <= 255 && path.extension() == "html",
                "{path}"
            );
        }
        assert_eq!(place("", "d/a", "html").as_str(), "d/a.html");
        assert_eq!(place("site", "a.b", "html").as_str(), "site/a.b.html");
    }
}
