//! Notes that become private or public while others link to them.

use crate::support::Vault;

#[test]
fn a_link_to_nothing_whose_end_comes_as_a_private_note() {
    let vault = Vault::with("formats: {markdown: , json: , html: }\n");
    vault.write(
        "index.md",
        "[[secret]] ![[secret]] ![[secret.png]] [[page]]",
    );
    let _daemon = vault.daemon();
    for matter in ["private: true", "private: false", "export: false"] {
        vault.write("secret.md", format!("---\n{matter}\n---\nsecret text"));
        vault.assert_converged();
        vault.write("secret.png", matter);
        vault.assert_converged();
        vault.remove("secret.md");
        vault.assert_converged();
        vault.remove("secret.png");
        vault.write("secret.md", format!("---\n{matter}\n---\nsecret text"));
        vault.assert_converged();
    }
}
