//! Colours, or none.

/// Whether a stream gets colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    is_coloured: bool,
}

/// What a piece of text is, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    /// Errors.
    Bad,
    /// Warnings.
    Warning,
    /// Success.
    Good,
    /// Headings.
    Strong,
    /// What most readers may skip.
    Quiet,
}

impl Style {
    /// With or without colours.
    pub(crate) fn new(is_coloured: bool) -> Self {
        Self { is_coloured }
    }

    /// The text in its colour (ECMA-48 SGR).
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        if !self.is_coloured {
            return text.to_owned();
        }
        let code = match paint {
            Paint::Bad => "1;31",
            Paint::Warning => "1;33",
            Paint::Good => "32",
            Paint::Strong => "1",
            Paint::Quiet => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
