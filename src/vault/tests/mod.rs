//! Tests of the vault as a whole, mostly properties over random vaults and histories of changes. What the formats
//! write is the judge: whatever would be written differently must be affected, and nothing else.

mod affected;
mod claims;
mod converge;
mod copies;
mod cost;
mod generate;
mod incremental;
mod names;
mod privacy;
mod restore;
mod seen;
mod through;
mod world;

use proptest::test_runner::{Config, RngSeed};

/// So many cases, the same on every run, so that a change is judged by what it changed. `PROPTEST_CASES` and
/// `PROPTEST_RNG_SEED` go before it, to look further.
fn cases(cases: u32) -> Config {
    let given = Config::default();
    let is_set = |name: &str| std::env::var_os(name).is_some();
    Config {
        cases: if is_set("PROPTEST_CASES") {
            given.cases
        } else {
            cases
        },
        rng_seed: if is_set("PROPTEST_RNG_SEED") {
            given.rng_seed
        } else {
            RngSeed::Fixed(1)
        },
        failure_persistence: None,
        ..given
    }
}
