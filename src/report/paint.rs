//! Colours for terminals, or none. The only place that knows escape sequences.

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// To be seen first.
    Bold,
    /// To be seen last.
    Dim,
    /// Failed.
    Red,
    /// Done.
    Green,
    /// Worth a look.
    Yellow,
    /// A figure or a mark.
    Cyan,
}

/// Whether there are colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Text only.
    Off,
    /// ANSI escape sequences.
    On,
}

impl Paint {
    /// Colours for a terminal, unless `NO_COLOR` or a dumb terminal says no; `CLICOLOR_FORCE` says yes in any case.
    pub fn detect(is_terminal: bool) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let forced = std::env::var_os("CLICOLOR_FORCE")
            .is_some_and(|value| !value.is_empty() && value != "0");
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        if !set("NO_COLOR") && (forced || (is_terminal && !dumb)) {
            Self::On
        } else {
            Self::Off
        }
    }

    /// `text` in a style.
    pub fn style(self, style: Style, text: &str) -> String {
        let code = match style {
            Style::Plain => return text.to_owned(),
            Style::Bold => 1,
            Style::Dim => 2,
            Style::Red => 31,
            Style::Green => 32,
            Style::Yellow => 33,
            Style::Cyan => 36,
        };
        match self {
            Self::Off => text.to_owned(),
            Self::On => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}
