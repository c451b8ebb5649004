//! Random changes at full speed.

use super::*;

/// Changes of every kind at full speed while the walker follows them: in the end it must know what is there, and
/// every folder must still be heard.
#[tokio::test]
async fn a_storm_of_changes_converges() {
    for seed in 1..=6u64 {
        let mut tree = Tree::new();
        let root = tree.root();
        let storm = tokio::task::spawn_blocking(move || storm(&root, seed));
        while !storm.is_finished() {
            tree.absorb();
            tokio::task::yield_now().await;
        }
        storm.await.unwrap();
        tree.prove().await;
        assert_eq!(
            tree.standing(),
            folders(&tree.root()).len(),
            "seed {seed}: a watch too many or too few"
        );
    }
}

/// Random changes; those that happen to be impossible are no matter.
fn storm(root: &Path, seed: u64) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut random = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    for step in 0..1500 {
        let mut place = || {
            root.join(
                [
                    "a", "b", "c", "a/d", "b/d", "c/e", "a/d/f", "b/d/f", "c/e/f",
                ][usize::try_from(random(9)).unwrap()],
            )
        };
        let (from, to) = (place(), place());
        drop(match random(10) {
            0..=3 => fs::create_dir_all(&from),
            4..=6 => fs::write(from.join(format!("{}.md", step % 5)), step.to_string()),
            7 => fs::remove_dir_all(&from),
            _ => fs::rename(&from, &to),
        });
    }
}
