//! Text that cannot break out of its line: what visitors sent, on its way into a log.

use std::fmt::{self, Display, Write};

/// True for characters that end lines, move a terminal's cursor or hide text: the C0 and C1 controls,
/// delete, the line and paragraph separators and the bidirectional overrides.
pub(crate) fn is_control(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Shows a value with every control character written as `\u{…}`.
#[derive(Debug)]
pub(crate) struct PlainText<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: Display + ?Sized> Display for PlainText<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping(f), "{}", self.0)
    }
}

/// Passes text on and escapes what `is_control`.
struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for piece in text.split_inclusive(is_control) {
            let Some(last) = piece.chars().next_back().filter(|last| is_control(*last)) else {
                self.0.write_str(piece)?;
                continue;
            };
            self.0
                .write_str(piece.strip_suffix(last).unwrap_or(piece))?;
            write!(self.0, "{}", last.escape_unicode())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::PlainText;

    #[test]
    fn controls_are_escaped_and_the_rest_stays() {
        let check = |input: &str, want: &str| assert_eq!(PlainText(input).to_string(), want);
        check("plain, ünïcode, \"quotes\"", "plain, ünïcode, \"quotes\"");
        check("two\nlines\r", "two\\u{a}lines\\u{d}");
        check("\u{1b}[31mred", "\\u{1b}[31mred");
        check("a\u{2028}b\u{202e}c\u{85}", "a\\u{2028}b\\u{202e}c\\u{85}");
        check("", "");
    }
}
