//! `markdown`: the front matter as written and the portable body.

use super::portable::Portable;

/// The whole file.
pub(crate) fn render(portable: Portable) -> Vec<u8> {
    let Portable {
        mut front_matter,
        body,
        ..
    } = portable;
    front_matter.push_str(&body);
    front_matter.into_bytes()
}
