//! Content hashes: xxh3, because nobody attacks us with our own notes and it runs at memory speed.
//!
//! [`ContentHash`] names bytes; [`Key`] names everything that an output is made from, so that equal
//! keys mean an equal output. Neither ever leaves this machine.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

/// 128 bits that stand for some bytes. Kept as bytes, as a `u128` takes the room up to the next multiple of 16 in all that
/// holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "u128", into = "u128")]
pub struct ContentHash([u8; 16]);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        xxh3_128(bytes).into()
    }

    /// Its bytes, the lowest first.
    pub fn to_le_bytes(self) -> [u8; 16] {
        self.0
    }

    /// The hash whose bytes these are.
    pub fn from_le_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl From<u128> for ContentHash {
    fn from(number: u128) -> Self {
        Self(number.to_le_bytes())
    }
}

impl From<ContentHash> for u128 {
    fn from(hash: ContentHash) -> Self {
        Self::from_le_bytes(hash.0)
    }
}

/// The same of bytes that come in pieces.
#[derive(Default)]
pub struct ContentHasher(Xxh3Default);

impl ContentHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in the next piece.
    pub fn bytes(&mut self, piece: &[u8]) -> &mut Self {
        self.0.update(piece);
        self
    }

    /// The hash of all pieces as one.
    pub fn finish(&self) -> ContentHash {
        self.0.digest128().into()
    }
}

/// 64 bits that stand for all that one output (or one aspect of a note) is made from.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Key(pub u64);

/// Builds a [`Key`] from parts. Every part is length-prefixed, so `("ab", "c")` and `("a", "bc")` differ.
///
/// The parts are few and short: hashing them all at the end takes a quarter of the time of setting up and feeding a hasher.
#[derive(Default)]
pub struct KeyHasher(SmallVec<[u8; 256]>);

impl KeyHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a byte string.
    pub fn bytes(&mut self, part: &[u8]) -> &mut Self {
        self.number(part.len() as u64);
        self.0.extend_from_slice(part);
        self
    }

    /// Takes in a text.
    pub fn text(&mut self, part: &str) -> &mut Self {
        self.bytes(part.as_bytes())
    }

    /// Takes in a number.
    pub fn number(&mut self, part: u64) -> &mut Self {
        self.0.extend_from_slice(&part.to_le_bytes());
        self
    }

    /// Takes in a content hash.
    pub fn hash(&mut self, part: ContentHash) -> &mut Self {
        self.0.extend_from_slice(&part.0);
        self
    }

    /// Takes in another key.
    pub fn key(&mut self, part: Key) -> &mut Self {
        self.number(part.0)
    }

    /// The key of all parts so far.
    pub fn finish(&self) -> Key {
        Key(xxh3_64(&self.0))
    }
}

/// Builds the key of long parts, as [`KeyHasher`] does of short ones: they are taken in where they lie, without a copy.
#[derive(Default)]
pub struct TextHasher(Xxh3Default);

impl TextHasher {
    /// A hasher that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a text.
    pub fn text(&mut self, part: &str) -> &mut Self {
        self.number(part.len() as u64);
        self.0.update(part.as_bytes());
        self
    }

    /// Takes in a number.
    pub fn number(&mut self, part: u64) -> &mut Self {
        self.0.update(&part.to_le_bytes());
        self
    }

    /// The key of all parts so far.
    pub fn finish(&self) -> Key {
        Key(self.0.digest())
    }
}
