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

/// Ends a colour.
const END: &str = "\u{1b}[0m";

impl Paint {
    const ALL: &[Self] = &[
        Self::Bad,
        Self::Warning,
        Self::Good,
        Self::Strong,
        Self::Quiet,
    ];

    fn code(self) -> &'static str {
        match self {
            Self::Bad => "\u{1b}[1;31m",
            Self::Warning => "\u{1b}[1;33m",
            Self::Good => "\u{1b}[32m",
            Self::Strong => "\u{1b}[1m",
            Self::Quiet => "\u{1b}[2m",
        }
    }
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
        format!("{}{text}{END}", paint.code())
    }

    /// How many bytes of one of these colours' codes `text` begins with; 0 for any other text, and
    /// always without colours.
    pub(crate) fn leading_code(self, text: &str) -> usize {
        if !self.is_coloured {
            return 0;
        }
        let codes = Paint::ALL.iter().map(|paint| paint.code());
        let found = codes.chain([END]).find(|code| text.starts_with(code));
        found.map_or(0, str::len)
    }
}
