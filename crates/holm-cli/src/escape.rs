//! Control characters made visible: names of files and words of a server may hold any text, and a
//! terminal obeys what it is sent.

use std::fmt::Write as _;

use crate::style::Style;

/// One line's worth of foreign text: every control character becomes visible, line ends too.
pub(crate) fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push(&mut out, c));
    out
}

/// A whole text as it goes to a stream: line ends and tabs stay, and so do the colours of `style`.
pub(crate) fn text(text: &str, style: Style) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let colour_bytes = style.leading_code(rest);
        if colour_bytes > 0 {
            let (colour, after) = rest.split_at(colour_bytes);
            out.push_str(colour);
            rest = after;
            continue;
        }
        if matches!(c, '\n' | '\t') {
            out.push(c);
        } else {
            push(&mut out, c);
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// The same for JSON text: what JSON does not have to escape but a terminal may obey.
pub(crate) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            write!(out, "\\u{:04x}", u32::from(c)).expect("a String takes everything");
        } else {
            out.push(c);
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    let number = u32::from(c);
    if !is_obeyed(c) {
        out.push(c);
    } else if number < 0x100 {
        write!(out, "\\x{number:02x}").expect("a String takes everything");
    } else {
        write!(out, "\\u{{{number:x}}}").expect("a String takes everything");
    }
}

/// C0, DEL and C1 (ECMA-48), and the characters that turn the direction of text (Unicode UAX 9).
fn is_obeyed(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::style::Paint;

    #[test]
    fn what_a_terminal_obeys_is_shown_instead() {
        let hostile = "a\u{1b}[2Jb\u{9b}31m\u{7f}\r\u{202e}\nc";
        let shown = "a\\x1b[2Jb\\x9b31m\\x7f\\x0d\\u{202e}";
        assert_eq!(line(hostile), format!("{shown}\\x0ac"));
        for style in [Style::new(false), Style::new(true)] {
            assert_eq!(text(hostile, style), format!("{shown}\nc"));
        }
        assert_eq!(line("日本 ü"), "日本 ü");
    }

    #[test]
    fn our_own_colours_stay() {
        let style = Style::new(true);
        let painted = style.paint(Paint::Bad, "x");
        assert_eq!(text(&painted, style), painted);
        assert_eq!(text(&painted, Style::new(false)), "\\x1b[1;31mx\\x1b[0m");
    }

    #[test]
    fn json_stays_json() {
        let value = "a\u{1b}\u{9b}\u{202e}ü";
        let written = json(&serde_json::to_string(value).unwrap());
        assert_eq!(written, r#""a\u001b\u009b\u202eü""#);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), value);
    }
}
