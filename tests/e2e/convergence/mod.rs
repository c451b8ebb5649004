//! Nothing missed, nothing stale, nothing torn, nothing harmed: a test for each way in which a watcher of folders loses
//! changes or a writer of files breaks them, with the real kernel. Each builds the situation while the daemon runs; in
//! the end the export tree must be, byte for byte, what a fresh export gives.

mod editors;
mod lost_events;
mod moves;
mod new_folders;
mod room;
mod root;
