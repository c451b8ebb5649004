//! Draws the rows that have a goal beside a floor: a bar for the ratio, a mark for the goal.

use crate::figures::{Goal, Row};

const WIDTH: f64 = 760.0;
const LABELS: f64 = 330.0;
const FIGURES: f64 = 120.0;
const LINE: f64 = 30.0;
const TOP: f64 = 56.0;
const BAR: f64 = 12.0;

/// The colours follow the reader's theme.
const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#24292f}.quiet{fill:#6e7781}.bar{fill:#4c78a8}.over{fill:#c98b3c}\
.goal{stroke:#24292f;stroke-width:2}.rule{stroke:#d0d7de;stroke-width:1}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.quiet{fill:#8b949e}.bar{fill:#6ea8dc}.over{fill:#d8a659}\
.goal{stroke:#e6edf3}.rule{stroke:#3d444d}}";

/// The chart as SVG.
pub(crate) fn draw(rows: &[Row]) -> String {
    let shown: Vec<(&Row, f64, f64)> = rows
        .iter()
        .filter_map(|row| match row.goal {
            Goal::Times(goal) => Some((row, row.ratio()?, goal)),
            Goal::None | Goal::AtMost(_) => None,
        })
        .collect();
    let longest = shown
        .iter()
        .map(|(_, ratio, goal)| ratio.max(*goal))
        .fold(1.0, f64::max);
    let scale = (WIDTH - LABELS - FIGURES) / longest;
    let height = TOP + LINE * shown.len() as f64 + 12.0;
    let floor = LABELS + scale;
    let end = height - 12.0;
    let bars: String = (0u16..)
        .zip(shown)
        .map(|(at, (row, ratio, goal))| bar(TOP + LINE * f64::from(at), scale, row, ratio, goal))
        .collect();
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"Time over the time of the floor\">\n\
         <style>{STYLE}</style>\n\
         <text x=\"0\" y=\"18\">Time over the time of the least that any program has to do</text>\n\
         <text x=\"0\" y=\"38\" class=\"quiet\">bar: smartnotesd, mark: goal, line: the floor itself; less is better</text>\n\
         <line class=\"rule\" x1=\"{floor:.1}\" x2=\"{floor:.1}\" y1=\"{TOP}\" y2=\"{end:.1}\"/>\n\
         {bars}</svg>\n"
    )
}

fn bar(top: f64, scale: f64, row: &Row, ratio: f64, goal: f64) -> String {
    let base = top + LINE / 2.0;
    let text = base + 4.5;
    let class = if ratio <= goal { "bar" } else { "over" };
    let mark = LABELS + goal * scale;
    let (mark_top, mark_end) = (base - BAR, base + BAR);
    format!(
        "<text x=\"0\" y=\"{text:.1}\">{}</text>\n\
         <rect class=\"{class}\" x=\"{LABELS}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>\n\
         <line class=\"goal\" x1=\"{mark:.1}\" x2=\"{mark:.1}\" y1=\"{mark_top:.1}\" y2=\"{mark_end:.1}\"/>\n\
         <text x=\"{:.1}\" y=\"{text:.1}\" class=\"quiet\">{ratio:.2} × · {}</text>\n",
        escaped(&row.work),
        base - BAR / 2.0,
        ratio * scale,
        WIDTH - FIGURES + 8.0,
        row.unit.show(row.ours.median()),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
