//! A made-up vault: notes with front matter, tags, links, embeds and attachments, the same on every machine for the
//! same seed and size. Each file follows from the recipe and its number alone; nothing in here touches the disk.
//!
//! Links go out and come in by power laws: few notes have many. Three rules keep what is measured exact: only notes
//! whose number is a multiple of [`EMBEDDED`] are embedded (besides the hub), the hub is embedded by one note in
//! [`Recipe::hub_step`], and a note's number decides whether it is a draft.

/// Notes are embedded only if their number is a multiple of this.
const EMBEDDED: usize = 10;
/// One note in so many is a draft.
const DRAFTS: usize = 97;
const FOLDER: usize = 100;
const TAGS: usize = 60;
const MOST_LINKS: usize = 31;

const WORDS: [&str; 48] = [
    "river", "stone", "after", "light", "the", "a", "of", "and", "garden", "letter", "in", "house",
    "to", "winter", "was", "with", "morning", "paper", "map", "under", "bridge", "is", "small",
    "window", "from", "north", "field", "that", "road", "bread", "salt", "it", "coat", "lamp",
    "for", "table", "copper", "as", "wheel", "harbour", "at", "village", "clock", "by", "thread",
    "orchard", "cloud", "über",
];

/// What a vault is made by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    pub(crate) seed: u64,
    /// How many notes, besides the hub.
    pub(crate) notes: usize,
    /// Bytes of a note, in the mean.
    pub(crate) note_bytes: usize,
}

/// Numbers that look random (SplitMix64): the same for the same seed on every machine.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below 1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn below(&mut self, end: usize) -> usize {
        scaled(end, self.share())
    }

    /// Low numbers far more often than high ones.
    fn popular(&mut self, end: usize) -> usize {
        scaled(end, self.share().powi(3))
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

/// A share of `end`, never `end` itself.
fn scaled(end: usize, share: f64) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count is between 0 and the count"
    )]
    let number = (end as f64 * share) as usize;
    number.min(end.saturating_sub(1))
}

impl Recipe {
    /// Where a note lies in the vault.
    pub(crate) fn path(note: usize) -> String {
        format!("{}/{}.md", Self::folder(note), Self::name(note))
    }

    /// The note that many embed.
    pub(crate) fn hub_path() -> &'static str {
        "hub.md"
    }

    /// The text of the note that many embed.
    pub(crate) fn hub_text(&self) -> String {
        let mut writer = Writer::new(*self, usize::MAX);
        writer.text.push_str("# The hub\n\n");
        writer.paragraph();
        writer.paragraph();
        writer.text
    }

    /// One note in so many embeds the hub: a thousand in a large vault.
    fn hub_step(&self) -> usize {
        (self.notes / 1000).max(4)
    }

    /// The exported notes that embed the hub.
    pub(crate) fn hub_embedders(&self) -> impl Iterator<Item = String> + use<> {
        let recipe = *self;
        let embedders =
            (0..self.notes).filter(move |&note| recipe.embeds_hub(note) && !Self::is_draft(note));
        embedders.map(Self::path)
    }

    fn embeds_hub(&self, note: usize) -> bool {
        note % self.hub_step() == 1
    }

    fn is_draft(note: usize) -> bool {
        note % DRAFTS == DRAFTS - 1
    }

    /// Notes that are exported and that no other note shows, so that an edit of one affects it alone.
    pub(crate) fn lone_notes(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.notes).filter(|&note| note % 5 == 2 && !Self::is_draft(note))
    }

    /// The text of a note.
    pub(crate) fn text(&self, note: usize) -> String {
        Writer::new(*self, note).whole()
    }

    /// How many attachments there are.
    pub(crate) fn attachments(&self) -> usize {
        (self.notes / 50).max(1)
    }

    /// Where an attachment lies.
    pub(crate) fn attachment_path(attachment: usize) -> String {
        format!("attachments/picture {attachment}.png")
    }

    fn folder(note: usize) -> String {
        let folder = note / FOLDER;
        format!("area {:02}/topic {:02}", folder / 20, folder % 20)
    }

    fn name(note: usize) -> String {
        format!("note {note:05}")
    }
}

/// Writes one note.
struct Writer {
    recipe: Recipe,
    note: usize,
    dice: Dice,
    text: String,
    links: usize,
}

impl Writer {
    fn new(recipe: Recipe, note: usize) -> Self {
        let mut dice = Dice(recipe.seed ^ (note as u64).wrapping_mul(0xd134_2543_de82_ef95));
        // A Pareto distribution: half of the notes have one link, one in a hundred has ten or more.
        let links = scaled(
            MOST_LINKS,
            (1.0 - dice.share()).powf(-0.5) / MOST_LINKS as f64,
        );
        Self {
            recipe,
            note,
            dice,
            text: String::new(),
            links,
        }
    }

    fn whole(mut self) -> String {
        self.front_matter();
        // An exponential distribution of sizes, without its ends.
        let stretch = (-(1.0 - self.dice.share()).ln()).clamp(0.1, 6.0);
        let size = scaled(self.recipe.note_bytes * 6, stretch / 6.0);
        while self.text.len() < size {
            self.section();
        }
        self.line(String::new);
        while self.links > 0 {
            let link = self.link();
            self.line(|| format!("- {link}"));
        }
        self.embeds();
        if self.dice.chance(10) {
            let tag = self.tag();
            self.line(|| format!("\nTags: {tag}, shared"));
        }
        self.text
    }

    fn line(&mut self, line: impl FnOnce() -> String) {
        self.text.push_str(&line());
        self.text.push('\n');
    }

    fn front_matter(&mut self) {
        let title = self.words(3);
        if Recipe::is_draft(self.note) {
            self.line(|| "---\ndraft: true\n---".to_owned());
        } else if self.dice.chance(60) {
            let (one, two) = (self.tag(), self.tag());
            self.line(|| format!("---\ntitle: {title}\ntags: [{one}, {two}]\n---"));
        }
        self.line(|| format!("# {title}\n"));
    }

    fn section(&mut self) {
        let heading = self.words(2);
        self.line(|| format!("## {heading}\n"));
        for _ in 0..=self.dice.below(3) {
            self.paragraph();
        }
        match self.dice.below(20) {
            0 | 1 => self.line(|| "```rust\nlet answer = [[not a link]];\n```\n".to_owned()),
            2 => self.line(|| {
                "| what | how many |\n| --- | --- |\n| bread | 3 |\n| salt | 1 |\n".to_owned()
            }),
            3 => self.line(|| "> [!note] Mind\n> This is a callout.\n".to_owned()),
            4 => self.line(|| "%% to be said better %%\n".to_owned()),
            5 => self.line(|| "The sum is $a^2 + b^2$, ==marked== and ~~gone~~.\n".to_owned()),
            6 => self.line(|| "- [ ] one\n- [x] two\n  - three\n".to_owned()),
            _ => {}
        }
    }

    fn paragraph(&mut self) {
        for _ in 0..4 {
            let length = 6 + self.dice.below(12);
            let sentence = self.words(length);
            self.text.push_str(&sentence);
            if self.links > 0 && self.dice.chance(30) {
                self.text.push(' ');
                let link = self.link();
                self.text.push_str(&link);
            }
            if self.dice.chance(3) {
                let tag = self.tag();
                self.text.push_str(" #");
                self.text.push_str(&tag);
            }
            self.text.push_str(". ");
        }
        self.text.push_str("\n\n");
    }

    fn words(&mut self, count: usize) -> String {
        let mut text = String::new();
        for at in 0..count {
            if at > 0 {
                text.push(' ');
            }
            text.push_str(WORDS[self.dice.below(WORDS.len())]);
        }
        text
    }

    fn tag(&mut self) -> String {
        let tag = self.dice.popular(TAGS);
        if tag.is_multiple_of(4) {
            format!("topic/tag{tag}")
        } else {
            format!("tag{tag}")
        }
    }

    fn link(&mut self) -> String {
        self.links = self.links.saturating_sub(1);
        let to = self.dice.popular(self.recipe.notes);
        let name = Recipe::name(to);
        match self.dice.below(8) {
            0 => format!("[[{name}|as was said]]"),
            1 => format!("[[{}/{name}]]", Recipe::folder(to)),
            2 => format!(
                "[as was said](../../{})",
                Recipe::path(to).replace(' ', "%20")
            ),
            3 => "[[a note that nobody wrote]]".to_owned(),
            _ => format!("[[{name}]]"),
        }
    }

    fn embeds(&mut self) {
        if self.recipe.embeds_hub(self.note) {
            self.line(|| "\n![[hub]]".to_owned());
        }
        if self.dice.chance(8) {
            let to = self.dice.popular(self.recipe.notes);
            let name = Recipe::name(to - to % EMBEDDED);
            self.line(|| format!("\n![[{name}]]"));
        }
        if self.dice.chance(5) {
            let picture = self.dice.below(self.recipe.attachments());
            self.line(|| format!("\n![[picture {picture}.png|300]]"));
        }
    }
}
