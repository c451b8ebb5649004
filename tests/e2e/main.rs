//! Black-box tests: the built binary on folders of its own, one module a theme.

// In a crate of tests `pub` says what the modules' words are; nothing can be reached from outside.
#![allow(unreachable_pub)]

mod chaos;
mod command_formats;
mod commands;
mod concurrency;
mod config_errors;
mod control;
mod convergence;
mod dependencies;
mod explain;
mod failures;
mod first_run;
mod json_keys;
mod layout;
mod line_ends;
mod log_formats;
mod pages;
mod reload;
mod selection;
mod service_manager;
mod signals;
mod support;
mod unreadable;
mod vaults;
mod watching;
