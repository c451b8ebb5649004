//! Tests of the vault as a whole, mostly properties over random vaults and histories of changes. What the formats
//! write is the judge: whatever would be written differently must be affected, and nothing else.

mod affected;
mod claims;
mod converge;
mod cost;
mod generate;
mod incremental;
mod names;
mod privacy;
mod restore;
mod seen;
mod world;
