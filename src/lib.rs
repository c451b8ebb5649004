//! smartnotesd watches a folder of notes and keeps an export of it exact.
//!
//! A change passes through the modules in this order (`ARCHITECTURE.md` follows one from module to module):
//!
//! ```text
//! kernel event → watch → debounce, agenda → engine (look, vault, plan) → batch → export → disk → manifest → log
//! ```
//!
//! The core (`path`, `debounce`, `agenda`, `vault`, `plan`, `config` but for its reading of files, and the text formats of
//! `export`) takes values and gives values: it touches no clock, no disk and no thread. The shell around it is thin.

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
pub mod inode;
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
