//! Which block an id (`^id`) names.

use std::ops::Range;

use super::super::super::syntax;
use super::super::RawId;
use super::{Kind, Walk};

impl Walk<'_> {
    /// Whether the block `at` is a callout whose title begins at `start`.
    pub(super) fn is_callout(&self, at: usize, start: usize) -> bool {
        let block = &self.blocks[at];
        block.kind == Kind::Container
            && self.text.as_bytes().get(block.range.start) == Some(&b'>')
            && syntax::callout(&self.text[start..block.range.end]).is_some()
    }

    /// Looks for `^id` at the end of a block's text; says whether the text is nothing but that.
    ///
    /// By itself it names the block before it in `parent`; else the list item or callout `item`, else `block`.
    pub(super) fn block_id(
        &mut self,
        inline: &Range<usize>,
        parent: usize,
        item: Option<usize>,
        block: Range<usize>,
    ) -> bool {
        let Some(range) = id_at_end(self.text, inline) else {
            return false;
        };
        if self
            .out
            .zones
            .last()
            .is_some_and(|zone| zone.range.end > range.start)
        {
            return false;
        }
        let alone = range.start == inline.start;
        let block = match (alone, item) {
            (true, _) => {
                let Some(before) = self.blocks[parent].last_child.clone() else {
                    return false;
                };
                before.start..range.end
            }
            (false, Some(item)) => {
                self.blocks[item].id = Some(self.out.ids.len());
                self.blocks[item].range.start..range.end
            }
            (false, None) => block.start..range.end,
        };
        if let Some(heading) = self
            .out
            .headings
            .last_mut()
            .filter(|heading| heading.start == block.start && !alone)
        {
            let end = heading.text.rfind('^').unwrap_or(heading.text.len());
            heading.text.truncate(heading.text[..end].trim_end().len());
        }
        self.out.ids.push(RawId { range, block });
        alone
    }

    /// `CommonMark` takes the line below a table for a row, so an id there is the row's only cell.
    pub(super) fn table_id(&mut self, table: &Range<usize>) {
        let end = self.trimmed_end(table);
        let line = self.text[..end]
            .rfind('\n')
            .map_or(0, |nl| nl + 1)
            .max(table.start);
        let row = &self.text[line..end];
        let start = line + (row.len() - row.trim_start_matches([' ', '\t', '>']).len());
        if let Some(range) =
            id_at_end(self.text, &(start..end)).filter(|range| range.start == start)
        {
            self.out.ids.push(RawId {
                range,
                block: table.start..end,
            });
        }
    }
}

/// The range of `^id` at the end of the text in `inline`, after a space, a line's start or nothing.
fn id_at_end(text: &str, inline: &Range<usize>) -> Option<Range<usize>> {
    let inner = text.get(inline.clone())?.trim_end();
    let bytes = inner.as_bytes();
    let id = bytes
        .iter()
        .rev()
        .take_while(|b| b.is_ascii_alphanumeric() || **b == b'-')
        .count();
    let caret = bytes
        .len()
        .checked_sub(id + 1)
        .filter(|&at| id > 0 && bytes[at] == b'^')?;
    let spaced = caret == 0 || bytes[caret - 1].is_ascii_whitespace() || bytes[caret - 1] == b'>';
    spaced.then_some(inline.start + caret..inline.start + bytes.len())
}
