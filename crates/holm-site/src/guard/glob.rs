//! Patterns in which `*` is any run of characters, compared with the whole of a text, ASCII case aside.

/// One compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Glob {
    /// What stands between the stars, in lower case; without a star there is one piece.
    pieces: Box<[Box<[u8]>]>,
}

impl Glob {
    /// Compiles any text.
    pub(super) fn new(pattern: &str) -> Self {
        let lower = pattern.to_ascii_lowercase();
        let pieces = lower.split('*').map(|piece| piece.as_bytes().into());
        Self {
            pieces: pieces.collect(),
        }
    }

    /// Whether the pattern takes the whole text. `text` is in lower case already.
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        let (first, rest) = match &*self.pieces {
            [] => return text.is_empty(),
            [only] => return text == &**only,
            [first, rest @ ..] => (first, rest),
        };
        let Some((last, middle)) = rest.split_last() else {
            return false;
        };
        let Some(text) = text.strip_prefix(&**first) else {
            return false;
        };
        let Some(mut text) = text.strip_suffix(&**last) else {
            return false;
        };
        // The leftmost place of each piece leaves the most for those after it.
        for piece in middle.iter().filter(|piece| !piece.is_empty()) {
            let Some(at) = text.windows(piece.len()).position(|part| part == &**piece) else {
                return false;
            };
            text = text.get(at + piece.len()..).unwrap_or_default();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|at| naive(rest, &text[at..])),
            [byte, rest @ ..] => text.first() == Some(byte) && naive(rest, &text[1..]),
        }
    }

    #[test]
    fn stars_are_any_run_of_characters() {
        let check = |pattern: &str, text: &str, want: bool| {
            assert_eq!(
                Glob::new(pattern).is_match(text.as_bytes()),
                want,
                "{pattern} {text}"
            );
        };
        check("*curl*", "curl/8.5.0", true);
        check("curl", "curl/8.5.0", false);
        check("CURL/*", "curl/8.5.0", true);
        check("*", "", true);
        check("", "", true);
        check("?*", "a", false);
        check("a*a", "a", false);
    }

    proptest::proptest! {
        #[test]
        fn the_same_as_the_naive_matcher(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let want = naive(pattern.as_bytes(), text.as_bytes());
            assert_eq!(Glob::new(&pattern).is_match(text.as_bytes()), want);
        }
    }
}
