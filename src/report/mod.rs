//! How things are shown to people: numbers in words, colours, `status`, `batches` and a batch as a picture. Pure.

pub mod paint;
pub mod words;
