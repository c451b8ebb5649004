//! `json`: the note as one object, described by `schema/note.schema.json`.

use super::view::NoteView;

/// The whole file: two spaces a level, keys in the order of [`NoteView`], a newline at the end.
pub(crate) fn render(view: &NoteView) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec_pretty(view).expect("keys are strings and numbers are finite");
    bytes.push(b'\n');
    bytes
}
