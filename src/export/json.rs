//! `json`: the note as one object, described by `schema/note.schema.json`.

use super::view::NoteView;

/// The whole file: two spaces a level, keys in the order of [`NoteView`], a newline at the end.
pub(crate) fn render(view: &NoteView<'_>) -> Vec<u8> {
    // Most of it is the body, and most bodies have a line end to escape in every fifty bytes.
    let mut bytes = Vec::with_capacity(view.body.len() + view.body.len() / 8 + 1024);
    serde_json::to_writer_pretty(&mut bytes, view)
        .expect("keys are strings and numbers are finite");
    bytes.push(b'\n');
    bytes
}
