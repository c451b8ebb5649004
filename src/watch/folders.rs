//! Which folders are watched, which should be and cannot, and which watches are left over.
//!
//! Plain bookkeeping under one short-held lock: the event handler uses it on the watcher's own thread, so nobody may
//! hold that lock while waiting for the watcher. It talks neither to the kernel nor to the watcher.
//!
//! A folder's states:
//!
//! ```text
//! (unknown) ──begin──▶ pending ──stands──▶ standing ──forget──▶ (unknown, its watch left over)
//!                         └──────fails───▶ unwatched ──begin──▶ pending
//! ```

use std::collections::{BTreeMap, HashMap};

use crate::path;

/// What tells folders apart whatever they are called: device and inode.
pub(super) type Identity = (u64, u64);

/// Why something has no watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The user has as many watches as the kernel allows.
    TooManyWatches,
    /// There is no watcher at all.
    NoWatcher(String),
    /// The folder may not be read.
    Denied,
    /// Anything else, in the system's words.
    Other(String),
}

/// Whether [`Folders::begin`] leaves something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// A watch is to be set now, and then [`Folders::stands`] or [`Folders::fails`] to be called.
    SetWatch,
    /// It is watched.
    Standing,
    /// There is no use in trying now; it is kept as unwatched.
    Refused,
}

/// Watches that outlived what they were set for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LeftOver {
    /// Those of these folders.
    Some(Vec<Box<str>>),
    /// All.
    All,
}

#[derive(Debug)]
enum Watched {
    /// The watch is being set; what the folder holds must not be read yet. Which folder that is, as far as is known.
    Pending(Option<Identity>),
    Standing(Identity),
}

impl Watched {
    fn identity(&self) -> Option<Identity> {
        match *self {
            Self::Pending(identity) => identity,
            Self::Standing(identity) => Some(identity),
        }
    }
}

/// The books. Folders are named relative to the root, which is "".
#[derive(Debug, Default)]
pub(super) struct Folders {
    watched: BTreeMap<Box<str>, Watched>,
    unwatched: BTreeMap<Box<str>, Refusal>,
    /// The names of each watched folder: more than one where a symlink or a bind mount leads to it.
    names: HashMap<Identity, Vec<Box<str>>>,
    /// How many folders have more than one name.
    shared: usize,
    left_over: Vec<Box<str>>,
    /// Names that were forgotten, and of which folder. The watcher may call it so until the name's watch is given back.
    former: HashMap<Box<str>, Identity>,
    all_left_over: bool,
    /// Why no new watch can be had until [`Self::try_again`]: after one refusal the others would only cost time.
    refused: Option<Refusal>,
}

impl Folders {
    /// Whether the watch of `folder` stands and can be trusted.
    pub(super) fn is_standing(&self, folder: &str) -> bool {
        !self.all_left_over && matches!(self.watched.get(folder), Some(Watched::Standing(_)))
    }

    /// Says what to do to have `folder` watched. One thread at a time may be between this and its end.
    pub(super) fn begin(&mut self, folder: &str) -> Begun {
        if self.is_standing(folder) {
            return Begun::Standing;
        }
        if let Some(refusal) = self.refused.clone() {
            self.unwatched.insert(folder.into(), refusal);
            return Begun::Refused;
        }
        self.watched.insert(folder.into(), Watched::Pending(None));
        Begun::SetWatch
    }

    /// `folder`, whose watch is about to be set, is this one. From the moment at which the watch stands, the watcher calls
    /// the folder by this name, whatever others it has: those must hear of it already.
    pub(super) fn is_named(&mut self, folder: &str, identity: Identity) {
        if let Some(watched @ Watched::Pending(None)) = self.watched.get_mut(folder) {
            *watched = Watched::Pending(Some(identity));
            self.name(identity, folder);
        }
    }

    /// The watch of `folder` stands. Not so if the folder was forgotten meanwhile: then the watch may be that of what
    /// lay there before, it is already left over, and whoever forgot it also asked for another look.
    pub(super) fn stands(&mut self, folder: &str, identity: Identity) {
        let Some(watched) = self.watched.get_mut(folder) else {
            return;
        };
        let before = std::mem::replace(watched, Watched::Standing(identity)).identity();
        if let Some(before) = before {
            self.unname(before, folder);
        }
        self.name(identity, folder);
        self.unwatched.remove(folder);
    }

    fn name(&mut self, identity: Identity, folder: &str) {
        let names = self.names.entry(identity).or_default();
        names.push(folder.into());
        self.shared += usize::from(names.len() == 2);
    }

    /// The watch of `folder` could not be set; with no reason to remember when the folder is gone.
    pub(super) fn fails(&mut self, folder: &str, refusal: Option<Refusal>) {
        let watched = self.watched.remove(folder);
        if let Some(identity) = watched.and_then(|watched| watched.identity()) {
            self.unname(identity, folder);
        }
        let Some(refusal) = refusal else {
            self.unwatched.remove(folder);
            return;
        };
        if refusal == Refusal::TooManyWatches {
            self.refused = Some(refusal.clone());
        }
        self.unwatched.insert(folder.into(), refusal);
    }

    /// There is no watcher: nothing is watched.
    pub(super) fn no_watcher(&mut self, reason: String) {
        self.forget_all();
        self.refused = Some(Refusal::NoWatcher(reason));
    }

    /// What was refused is asked for again.
    pub(super) fn try_again(&mut self) {
        self.refused = None;
    }

    pub(super) fn refused(&self) -> Option<&Refusal> {
        self.refused.as_ref()
    }

    /// `folder` is no longer what it was, nor is anything below it. Their watches are left over.
    pub(super) fn forget(&mut self, folder: &str) {
        if folder.is_empty() {
            return self.forget_all();
        }
        for name in below(&self.watched, folder) {
            let watched = self.watched.remove(&name);
            if let Some(identity) = watched.and_then(|watched| watched.identity()) {
                self.unname(identity, &name);
                self.former.insert(name.clone(), identity);
            }
            self.left_over.push(name);
        }
        for name in below(&self.unwatched, folder) {
            self.unwatched.remove(&name);
        }
    }

    /// No watch is trusted any more. What could not be watched stays on the books: it must not seem mended until a
    /// watch stands, and it is polled until then.
    pub(super) fn forget_all(&mut self) {
        let (unwatched, refused) = (std::mem::take(&mut self.unwatched), self.refused.take());
        *self = Self {
            all_left_over: true,
            unwatched,
            refused,
            ..Self::default()
        };
    }

    fn unname(&mut self, identity: Identity, folder: &str) {
        let Some(names) = self.names.get_mut(&identity) else {
            return;
        };
        names.retain(|name| **name != *folder);
        self.shared -= usize::from(names.len() == 1);
        if names.is_empty() {
            self.names.remove(&identity);
        }
    }

    /// The watches to remove before any new one is set; then [`Self::given_back`] is to be called.
    pub(super) fn take_left_over(&mut self) -> LeftOver {
        let some = std::mem::take(&mut self.left_over);
        let all = self.all_left_over;
        if all {
            // Also those set since on the old watcher: it goes.
            self.forget_all();
            self.all_left_over = false;
        }
        if (all || !some.is_empty()) && self.refused == Some(Refusal::TooManyWatches) {
            self.refused = None;
        }
        if all {
            LeftOver::All
        } else {
            LeftOver::Some(some)
        }
    }

    /// The watches of these folders were removed: the watcher calls nothing by these names any more.
    pub(super) fn given_back(&mut self, folders: &[Box<str>]) {
        for folder in folders {
            self.former.remove(folder);
        }
    }

    /// Whether no folder is watched.
    pub(super) fn none_watched(&self) -> bool {
        self.watched.is_empty()
    }

    /// The folders at and below `folder` that are watched or should be.
    pub(super) fn below(&self, folder: &str) -> Vec<Box<str>> {
        let mut all = below(&self.watched, folder);
        all.extend(below(&self.unwatched, folder));
        all
    }

    pub(super) fn unwatched(&self) -> &BTreeMap<Box<str>, Refusal> {
        &self.unwatched
    }

    /// Other names of what an event calls `path`, a watched folder or something in one. The kernel has one watch for
    /// a folder however many names lead there, and the watcher reports only the name that was added last.
    pub(super) fn twins(&self, path: &str) -> Vec<String> {
        if self.shared == 0 && self.former.is_empty() {
            return Vec::new();
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        let inside = self.other_names(folder).map(|twin| {
            if twin.is_empty() {
                name.to_owned()
            } else {
                format!("{twin}/{name}")
            }
        });
        let itself = self
            .other_names(path)
            .filter(|twin| !twin.is_empty())
            .map(str::to_owned);
        inside.chain(itself).collect()
    }

    fn other_names<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a str> {
        let watched = self.watched.get(folder).and_then(Watched::identity);
        let identity = watched.or_else(|| self.former.get(folder).copied());
        let names = identity
            .and_then(|identity| self.names.get(&identity))
            .into_iter()
            .flatten();
        names
            .map(|name| &**name)
            .filter(move |name| *name != folder)
    }
}

/// The keys at and below `folder` ("" for all), in order.
fn below<V>(map: &BTreeMap<Box<str>, V>, folder: &str) -> Vec<Box<str>> {
    let itself = map.get_key_value(folder);
    let inside = map.range::<str, _>(path::below(folder));
    itself
        .into_iter()
        .chain(inside)
        .map(|(name, _)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(folders: &mut Folders, folder: &str, inode: u64) {
        assert_eq!(folders.begin(folder), Begun::SetWatch);
        folders.stands(folder, (1, inode));
    }

    fn names(names: &[&str]) -> Vec<Box<str>> {
        names.iter().map(|name| (*name).into()).collect()
    }

    #[test]
    fn forgets_a_folder_and_what_lies_below_it_only() {
        let mut folders = Folders::default();
        for (inode, folder) in ["", "a", "a b", "a/b", "a/b/c", "a-b", "ab"]
            .into_iter()
            .enumerate()
        {
            watch(&mut folders, folder, inode as u64);
        }
        folders.forget("a");
        assert_eq!(folders.below(""), names(&["", "a b", "a-b", "ab"]));
        assert_eq!(
            folders.take_left_over(),
            LeftOver::Some(names(&["a", "a/b", "a/b/c"]))
        );
        assert_eq!(folders.take_left_over(), LeftOver::Some(Vec::new()));
    }

    #[test]
    fn a_folder_does_not_stand_before_its_watch() {
        let mut folders = Folders::default();
        assert_eq!(folders.begin("a"), Begun::SetWatch);
        assert!(!folders.is_standing("a"));
        folders.stands("a", (1, 1));
        assert_eq!(folders.begin("a"), Begun::Standing);
    }

    #[test]
    fn forgotten_while_its_watch_is_set_it_does_not_stand() {
        let mut folders = Folders::default();
        folders.begin("a");
        folders.forget("a");
        folders.stands("a", (1, 1));
        assert!(!folders.is_standing("a"));
        assert_eq!(folders.take_left_over(), LeftOver::Some(names(&["a"])));
    }

    #[test]
    fn after_all_was_forgotten_nothing_stands_before_the_watcher_is_replaced() {
        let mut folders = Folders::default();
        folders.forget_all();
        // A thread that had settled just before.
        folders.begin("a");
        folders.stands("a", (1, 1));
        assert!(!folders.is_standing("a"));
        assert_eq!(folders.take_left_over(), LeftOver::All);
        assert!(!folders.is_standing("a"));
        watch(&mut folders, "a", 1);
        assert!(folders.is_standing("a"));
    }

    #[test]
    fn what_could_not_be_watched_is_not_mended_by_a_watch_that_was_forgotten_while_it_was_set() {
        let mut folders = Folders::default();
        folders.begin("a");
        folders.fails("a", Some(Refusal::Denied));
        assert_eq!(folders.begin("a"), Begun::SetWatch);
        folders.forget_all();
        folders.stands("a", (1, 1));
        assert_eq!(
            folders.unwatched().len(),
            1,
            "it is polled until one stands"
        );
        folders.take_left_over();
        watch(&mut folders, "a", 1);
        assert!(folders.unwatched().is_empty());
    }

    #[test]
    fn one_refusal_spares_the_others_until_the_next_round() {
        let mut folders = Folders::default();
        folders.begin("a");
        folders.fails("a", Some(Refusal::TooManyWatches));
        assert_eq!(folders.begin("b"), Begun::Refused);
        assert_eq!(folders.unwatched().len(), 2);
        folders.try_again();
        watch(&mut folders, "b", 1);
        assert_eq!(folders.below(""), names(&["b", "a"]));
        folders.fails("a", None);
        assert!(folders.unwatched().is_empty());
    }

    #[test]
    fn a_watch_given_back_may_serve_another_folder() {
        let mut folders = Folders::default();
        watch(&mut folders, "a", 1);
        folders.begin("b");
        folders.fails("b", Some(Refusal::TooManyWatches));
        folders.forget("a");
        assert_eq!(
            folders.begin("b"),
            Begun::Refused,
            "nothing was given back yet"
        );
        folders.take_left_over();
        assert_eq!(folders.begin("b"), Begun::SetWatch);
    }

    #[test]
    fn every_name_of_a_folder_hears_of_its_changes() {
        let mut folders = Folders::default();
        watch(&mut folders, "", 1);
        watch(&mut folders, "real", 2);
        assert!(folders.twins("real/x.md").is_empty());
        watch(&mut folders, "link", 2);
        assert_eq!(folders.twins("link/x.md"), ["real/x.md"]);
        assert_eq!(folders.twins("link"), ["real"]);
        watch(&mut folders, "third", 2);
        folders.forget("link");
        assert_eq!(folders.twins("real/x.md"), ["third/x.md"]);
        folders.forget("third");
        assert!(folders.twins("real/x.md").is_empty());
        assert_eq!(folders.shared, 0);
    }

    #[test]
    fn a_second_name_is_heard_as_both_before_it_is_known_to_stand() {
        let mut folders = Folders::default();
        watch(&mut folders, "real", 2);
        folders.begin("link");
        folders.is_named("link", (1, 2));
        // The watcher may call the folder by its new name from here on.
        assert_eq!(folders.twins("link/x.md"), ["real/x.md"]);
        assert!(!folders.is_standing("link"));
        folders.stands("link", (1, 2));
        assert_eq!(folders.twins("link/x.md"), ["real/x.md"]);
        folders.forget("link");
        folders.begin("link");
        folders.is_named("link", (1, 2));
        folders.stands("link", (1, 3));
        assert!(folders.twins("link/x.md").is_empty(), "it was replaced");
        folders.forget("link");
        folders.begin("link");
        folders.is_named("link", (1, 2));
        folders.fails("link", None);
        assert!(folders.twins("real/x.md").is_empty());
        assert_eq!(folders.shared, 0);
    }

    #[test]
    fn a_name_that_was_forgotten_is_heard_as_the_others_until_its_watch_is_given_back() {
        let mut folders = Folders::default();
        watch(&mut folders, "real", 2);
        watch(&mut folders, "a", 3);
        watch(&mut folders, "a/link", 2);
        folders.forget("a");
        assert_eq!(folders.twins("a/link/x.md"), ["real/x.md"]);
        let LeftOver::Some(left_over) = folders.take_left_over() else {
            panic!("some watches are left over");
        };
        assert_eq!(folders.twins("a/link/x.md"), ["real/x.md"]);
        folders.given_back(&left_over);
        assert!(folders.twins("a/link/x.md").is_empty());
    }

    #[test]
    fn a_link_to_the_root_is_heard_as_both() {
        let mut folders = Folders::default();
        watch(&mut folders, "", 1);
        watch(&mut folders, "self", 1);
        assert_eq!(folders.twins("self/x.md"), ["x.md"]);
        assert_eq!(folders.twins("x.md"), ["self/x.md"]);
    }

    #[test]
    fn forgetting_the_root_forgets_all_but_why_watches_are_refused() {
        let mut folders = Folders::default();
        watch(&mut folders, "", 1);
        watch(&mut folders, "a", 2);
        folders.begin("b");
        folders.fails("b", Some(Refusal::Other("no".into())));
        folders.forget("");
        assert!(folders.none_watched());
        assert_eq!(folders.below(""), names(&["b"]), "not mended yet");
        assert_eq!(folders.take_left_over(), LeftOver::All);
        folders.no_watcher("none".into());
        folders.forget("");
        assert_eq!(folders.begin("a"), Begun::Refused);
    }
}
