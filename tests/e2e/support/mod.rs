//! The words that the tests are written in: a vault, a daemon on it, its records, and export trees.

mod daemon;
mod dice;
mod gate;
pub mod links;
mod record;
mod run;
mod tree;
mod vault;

pub use daemon::Daemon;
pub use dice::Dice;
pub use gate::Gate;
pub use record::Record;
pub use run::{LIMIT, Ran, is_full_load, until};
pub use tree::Tree;
pub use vault::{Vault, program, project};
