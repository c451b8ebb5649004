//! smartnotesd watches a folder of notes and keeps an export of it exact.
//!
//! The modules stand in the order in which a change passes through them:
//!
//! ```text
//! kernel event → watch → debounce → engine (scan, vault, plan) → batch → export → output → manifest → log
//! ```
//!
//! The core (`config`, `path`, `agenda`, `debounce`, `vault`, `plan` and the text formats of `export`) takes
//! values and gives values: it touches no clock, no disk and no thread. The shell around it is thin.

pub mod agenda;
pub mod batch;
pub mod cli;
pub mod commands;
pub mod config;
pub mod control;
pub mod daemon;
pub mod debounce;
pub mod disk;
pub mod engine;
pub mod explain;
pub mod export;
pub mod hash;
pub mod log;
pub mod manifest;
pub mod path;
pub mod plan;
pub mod report;
pub mod service;
pub mod session;
pub mod sync;
pub mod tell;
pub mod vault;
pub mod watch;
