//! `csv`: a header and one row, `title,body,tags`; tags joined by `, `.

use ::csv::{Terminator, WriterBuilder};

use super::view::{NoteView, join_tags};

/// The whole file, lines ended by `\n`.
pub(crate) fn render(view: &NoteView<'_>) -> Vec<u8> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::with_capacity(view.body.len() + 256));
    let rows = [
        ["title", "body", "tags"],
        [&view.title, view.body, &join_tags(&view.tags)],
    ];
    for row in rows {
        writer
            .write_record(row)
            .expect("rows of one length, written to memory");
    }
    writer.into_inner().expect("written to memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_what_needs_it() {
        let view = NoteView {
            title: "Say \"hi\", twice".into(),
            body: "one\r\ntwo",
            tags: vec!["a".into(), "b/c".into()],
            ..NoteView::default()
        };
        let text = String::from_utf8(render(&view)).unwrap();
        assert_eq!(
            text,
            "title,body,tags\n\"Say \"\"hi\"\", twice\",\"one\r\ntwo\",\"a, b/c\"\n"
        );
    }
}
