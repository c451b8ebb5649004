//! What the indexes of a vault hold of a note, made ready from its facts alone. Pure, and the same for a note that was
//! read, one that the manifest remembers and one that goes: so it can be made on any thread, before the vault is touched.

use smallvec::{Array, SmallVec};

use super::facts::{NoteFacts, Words};
use super::names::NameKey;
use super::{PackedFacts, Problem, Rules, page, resolve};
use crate::hash::Key;
use crate::path::NotePath;

/// A note that was read.
#[derive(Clone, Debug)]
pub struct SeenNote {
    /// What it says.
    pub facts: PackedFacts,
    /// What is wrong with its front matter, if anything.
    pub(super) problem: Option<Problem>,
    pub(super) indexed: Indexed,
}

impl SeenNote {
    /// The note at `path` that says this.
    pub fn new(rules: &Rules, path: &NotePath, facts: &NoteFacts) -> Self {
        Self {
            indexed: Indexed::new(rules, path, &Words::of(facts)),
            facts: PackedFacts::pack(facts),
            problem: facts.problem.clone(),
        }
    }
}

/// Few enough, mostly, to lie within: they go from one thread to another, and what one allocates and another frees has
/// both wait for the allocator's lock (a tenth of a start).
type Keys<const N: usize> = SmallVec<[NameKey; N]>;

/// What the indexes of a vault hold of a note.
#[derive(Clone, Debug, Default)]
pub(super) struct Indexed {
    /// Its aliases, each once, in order.
    pub(super) aliases: Keys<2>,
    /// The names that its references use, each once, in order.
    pub(super) mentions: Keys<8>,
    /// Of a note that is let out under a name that fits.
    pub(super) claim: Option<Claim>,
}

/// A note's claim to a place in the export.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) stem: String,
    /// What others show of the note once it is exported.
    pub(super) shown: Shown,
}

/// What an exported note adds to the sums of those who show it: the backlinks of the files that it refers to, and the
/// pages that list it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) key: Key,
    /// None where no format has pages.
    pub(super) tags: Vec<Box<str>>,
}

impl Indexed {
    pub(super) fn new(rules: &Rules, path: &NotePath, words: &Words<'_>) -> Self {
        let aliases = words.aliases.iter().map(|alias| NameKey::of(alias));
        let refs = words.refs.iter();
        let mentions =
            refs.flat_map(|reference| resolve::mentioned_by(reference.kind, reference.target));
        Self {
            aliases: set(aliases),
            mentions: set(mentions),
            claim: Claim::new(rules, path, words),
        }
    }

    /// Of a note as it was.
    pub(super) fn of(rules: &Rules, path: &NotePath, facts: &NoteFacts) -> Self {
        Self::new(rules, path, &Words::of(facts))
    }
}

impl Claim {
    fn new(rules: &Rules, path: &NotePath, words: &Words<'_>) -> Option<Self> {
        if !rules.lets_out(words.privacy, &words.tags) {
            return None;
        }
        let stem = rules.stem(path, words.title);
        rules.fits(&stem).then(|| Self {
            shown: Shown::new(rules, path, &stem, words.title, &words.tags),
            stem,
        })
    }
}

impl Shown {
    pub(super) fn new(
        rules: &Rules,
        path: &NotePath,
        stem: &str,
        title: &str,
        tags: &[impl AsRef<str>],
    ) -> Self {
        let listed = tags.iter().filter(|_| rules.has_pages());
        Self {
            key: page::shown(path, title, stem),
            tags: listed.map(|tag| tag.as_ref().into()).collect(),
        }
    }
}

fn set<const N: usize>(keys: impl Iterator<Item = NameKey>) -> Keys<N>
where
    [NameKey; N]: Array<Item = NameKey>,
{
    let mut keys: Keys<N> = keys.collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The keys of a set that are not in another.
pub(super) fn missing<'a>(
    from: &'a [NameKey],
    of: &'a [NameKey],
) -> impl Iterator<Item = NameKey> + 'a {
    let is_missing = |key: &&NameKey| from.binary_search(key).is_err();
    of.iter().filter(is_missing).copied()
}
