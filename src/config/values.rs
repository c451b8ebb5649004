//! What single values may be: durations, words of a set, globs, tags, log filters.

use std::time::Duration;

use ignore::gitignore::GitignoreBuilder;
use tracing_subscriber::EnvFilter;

use super::reader::{Node, Problems, nearest, quoted};
use super::yaml::Raw;
use crate::vault::normal_tag;

/// Longer than any wait makes sense, and short enough that no sum of times can overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether a duration may be zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    Allowed,
    Refused,
}

pub(super) fn duration(node: &Node, zero: Zero, problems: &mut Problems) -> Option<Duration> {
    let advice = match node.raw {
        Raw::Integer(number @ 0..) => format!("write it with its unit, such as {number}s"),
        _ => "write a number with its unit".to_owned(),
    };
    let text = node.text_or(problems, "a duration such as 200ms, 2s or 1h", &advice)?;
    match humantime::parse_duration(text) {
        Ok(time) if time > LONGEST => {
            node.refuse(
                problems,
                format!("{} is too long; give at most 366 days", quoted(text)),
            );
        }
        Ok(Duration::ZERO) if zero == Zero::Refused => {
            node.refuse(problems, "must be longer than zero; give a time such as 2s");
        }
        Ok(time) => return Some(time),
        Err(_) => {
            let found = quoted(text);
            node.refuse(problems, format!("{found} is not a duration; write a number with its unit, such as 200ms, 2s or 1h"));
        }
    }
    None
}

/// One of a few words.
pub(super) fn word<T: Copy>(
    node: &Node,
    words: &[(&str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let names: Vec<&str> = words.iter().map(|(name, _)| *name).collect();
    let all = names.join(", ");
    let text = node.text_or(problems, &format!("one of {all}"), "choose one of these")?;
    let found = words
        .iter()
        .find(|(name, _)| *name == text)
        .map(|(_, value)| *value);
    if found.is_none() {
        let advice = nearest(text, &names).map_or_else(
            || "choose one of these".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        node.refuse(
            problems,
            format!("{} is not one of {all}; {advice}", quoted(text)),
        );
    }
    found
}

pub(super) fn globs(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let items = node.list(problems, r#"["*.md", "drafts/"]"#)?;
    Some(
        items
            .iter()
            .filter_map(|item| glob(item, problems))
            .collect(),
    )
}

fn glob(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = node.text(problems, "a glob")?;
    let wrong = if text.trim().is_empty() {
        Some("an empty glob matches nothing; take it out".to_owned())
    } else if text.starts_with('#') {
        Some(format!(
            "{} would be a comment; write `\\#` for a name that starts with #",
            quoted(text)
        ))
    } else if text.contains(['\n', '\r', '\0']) {
        Some("a glob is one line; split it into several".to_owned())
    } else {
        let mut builder = GitignoreBuilder::new("");
        // To git a `[` that nothing closes is one; here it is a slip, and would match nothing.
        builder.allow_unclosed_class(false);
        let added = builder.add_line(None, text).map(|_| ());
        added
            .and_then(|()| builder.build().map(|_| ()))
            .err()
            .map(|error| {
                format!(
                    "{} is not a valid glob ({}); see gitignore(5)",
                    quoted(text),
                    innermost(&error)
                )
            })
    };
    match wrong {
        Some(message) => {
            node.refuse(problems, message);
            None
        }
        None => Some(text.to_owned()),
    }
}

/// The error without the glob, which the message has already.
fn innermost(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

pub(super) fn tags(node: &Node, problems: &mut Problems) -> Option<Vec<String>> {
    let items = node.list(problems, "[draft, work/secret]")?;
    Some(
        items
            .iter()
            .filter_map(|item| tag(item, problems))
            .collect(),
    )
}

fn tag(node: &Node, problems: &mut Problems) -> Option<String> {
    let text = node.text(problems, "a tag")?;
    let tag = normal_tag(text);
    let advice = if tag.contains(['*', '?', '!', '[', ']', '{', '}']) {
        "write the tag alone: it stands for the tags below it too"
    } else if tag.is_empty()
        || tag.contains(|c: char| c == ',' || c.is_whitespace() || c.is_control())
    {
        "write one tag without spaces, such as work/secret"
    } else {
        return Some(tag.into_owned());
    };
    node.refuse(problems, format!("{} is not a tag; {advice}", quoted(text)));
    None
}

pub(super) fn log_level(node: &Node, problems: &mut Problems) -> Option<String> {
    let advice = format!(
        "write one of {} or a filter such as info,smartnotesd=debug",
        LEVELS.join(", ")
    );
    let text = node.text_or(problems, "a log filter such as info", &advice)?;
    // `tracing` takes any single word that is no level for the name of a module, and then logs nothing else.
    let lone_word = text
        .chars()
        .all(|character| character.is_ascii_alphanumeric());
    if lone_word
        && !LEVELS.iter().any(|level| level.eq_ignore_ascii_case(text))
        && text != "smartnotesd"
    {
        let advice =
            nearest(text, &LEVELS).map_or(advice, |near| format!("did you mean `{near}`?"));
        node.refuse(
            problems,
            format!("{} is not a log level; {advice}", quoted(text)),
        );
        return None;
    }
    if EnvFilter::builder().parse(text).is_err() {
        node.refuse(
            problems,
            format!("{} is not a log filter; {advice}", quoted(text)),
        );
        return None;
    }
    Some(text.to_owned())
}
