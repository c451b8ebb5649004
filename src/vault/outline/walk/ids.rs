//! Which block an id (`^id`) names.

use std::ops::Range;

use super::super::super::syntax;
use super::super::RawId;
use super::{HIDDEN, Kind, Open, Walk};

impl Walk<'_> {
    /// Whether the block `at` is a callout whose title begins at `start`.
    pub(super) fn is_callout(&self, at: usize, start: usize) -> bool {
        let block = &self.blocks[at];
        block.kind == Kind::Quote && syntax::callout(&self.text[start..block.range.end]).is_some()
    }

    /// Looks for `^id` at the end of a block's text; says whether the text is nothing but that.
    ///
    /// On the last line of the quote that `parent` is it names that; else by itself the block before it in `parent`; else
    /// the list item or callout `item`, else `block`.
    pub(super) fn block_id(
        &mut self,
        inline: &Range<usize>,
        parent: usize,
        item: Option<usize>,
        block: &Range<usize>,
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
        let before = self.blocks[parent].last_child.clone().filter(|_| alone);
        if !alone {
            self.take_from_heading(block.start);
        } else if before.is_none() {
            return false;
        }
        let named = match (self.quote_ending_at(range.end, parent), before, item) {
            (Some(quote), Some(_), _) => quote..self.end_above(quote, range.start),
            (Some(quote), None, _) => quote..range.end,
            (None, Some(before), _) => before.start..range.end,
            (None, None, Some(item)) => {
                self.blocks[item].id = Some(self.out.ids.len());
                self.blocks[item].range.start..range.end
            }
            (None, None, None) => block.start..range.end,
        };
        self.out.ids.push(RawId {
            range,
            block: named,
        });
        alone
    }

    /// A heading at `start` is known by its text without the id.
    fn take_from_heading(&mut self, start: usize) {
        let heading = self.out.headings.last_mut();
        if let Some(heading) = heading.filter(|heading| heading.start == start) {
            let end = heading.text.rfind('^').unwrap_or(heading.text.len());
            heading.text.truncate(heading.text[..end].trim_end().len());
        }
    }

    /// Where the outermost quote begins whose last line ends at `end`: of those around one another, up to `innermost`, that
    /// no list item or footnote is between. To whoever embeds it, it is one block.
    fn quote_ending_at(&self, end: usize, innermost: usize) -> Option<usize> {
        let around = self.blocks[..=innermost].iter().rev();
        let quotes = around.take_while(|block| block.kind == Kind::Quote);
        let mut passed = end;
        let is_last = |block: &&Open| {
            let from = passed;
            passed = from.max(block.range.end);
            is_empty_quote(&self.text[from..passed])
        };
        quotes
            .take_while(is_last)
            .last()
            .map(|quote| quote.range.start)
    }

    /// Where the text ends of a quote that begins at `quote`, without the empty lines that part it from what is at `below`.
    fn end_above(&self, quote: usize, below: usize) -> usize {
        let lines = self.text[quote..below].split_inclusive('\n').rev();
        let is_empty = |line: &&str| is_empty_quote(line);
        let empty: usize = lines.take_while(is_empty).map(str::len).sum();
        self.trimmed_end(&(quote..below - empty))
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
            let quote = self.quote_ending_at(range.end, self.blocks.len() - 1);
            self.out.ids.push(RawId {
                range,
                block: quote.unwrap_or(table.start)..end,
            });
        }
    }
}

/// Whether there is nothing in these lines but marks of quotes, or what nobody sees.
fn is_empty_quote(lines: &str) -> bool {
    lines
        .trim_start_matches([' ', '\t', '\r', '\n', '>', HIDDEN])
        .is_empty()
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
