//! Content hashes: xxh3, because nobody attacks us with our own notes and it runs at memory speed.
//!
//! [`ContentHash`] names bytes; [`Key`] names everything that an output is made from, so that equal
//! keys mean an equal output. Neither ever leaves this machine.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::{Xxh3Default, xxh3_64, xxh3_128};

/// 128 bits that stand for some bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentHash(pub u128);

impl ContentHash {
    /// The hash of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(xxh3_128(bytes))
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
        ContentHash(self.0.digest128())
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
        self.0.extend_from_slice(&part.0.to_le_bytes());
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
