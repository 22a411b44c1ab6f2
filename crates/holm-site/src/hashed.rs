//! Whether a file's name carries a content hash, so that browsers may keep it for a year (decision D10.18).

/// Folders whose files the common bundlers name by content.
const HASHED_FOLDERS: &[&str] = &[
    "/assets/",
    "/_next/static/",
    "/_astro/",
    "/_nuxt/",
    "/_app/immutable/",
];

/// Fewest characters of a hash in a name.
const TOKEN_CHARS_MIN: usize = 8;

/// Whether the file at this path may be kept for a year as `immutable`.
///
/// Documents never: their address stays while their content changes, wherever they lie. A token counts
/// when separators stand on both sides of it (`main.a1b2c3d4.js`); a name that is nothing but the token
/// counts only when it cannot be a word.
pub(crate) fn is_hashed(path: &str, media_type: &str) -> bool {
    if media_type.starts_with("text/html") {
        return false;
    }
    if HASHED_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        return true;
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut tokens = name.split(['.', '-', '_']).peekable();
    let mut is_first = true;
    while let Some(token) = tokens.next() {
        // The last token is the extension, or the whole of a name without one.
        if tokens.peek().is_none() {
            return false;
        }
        if is_hash(token, is_first) {
            return true;
        }
        is_first = false;
    }
    false
}

fn is_hash(token: &str, is_first: bool) -> bool {
    if token.len() < TOKEN_CHARS_MIN || !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return false;
    }
    let has_digit = token.bytes().any(|byte| byte.is_ascii_digit());
    let has_upper = token.bytes().any(|byte| byte.is_ascii_uppercase());
    let has_lower = token.bytes().any(|byte| byte.is_ascii_lowercase());
    let is_hex = token.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_date(token) {
        return false;
    }
    if is_first {
        return is_hex && has_digit && (has_lower || has_upper);
    }
    let is_mixed = (has_digit && (has_lower || has_upper)) || (has_lower && has_upper);
    is_hex || is_mixed
}

/// A day written as eight digits, as people name reports and photographs: `20260131`.
fn is_date(token: &str) -> bool {
    let part = |from: usize, to: usize| -> u32 {
        let text = token.get(from..to).unwrap_or_default();
        text.parse().unwrap_or_default()
    };
    token.len() == 8
        && token.bytes().all(|byte| byte.is_ascii_digit())
        && (1900..2100).contains(&part(0, 4))
        && (1..=12).contains(&part(4, 6))
        && (1..=31).contains(&part(6, 8))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media_type::media_type_of;

    fn check(path: &str, want: bool) {
        assert_eq!(is_hashed(path, &media_type_of(path)), want, "{path}");
    }

    #[test]
    fn names_with_a_hash() {
        check("/main.a1b2c3d4.js", true);
        check("/static/js/2.4bd1b696.chunk.js", true);
        check("/index-DiwrgTda.js", true);
        check("/app.deadbeef.css", true);
        check("/img/4bd1b6964f00.png", true);
        check("/font-Bf3x9aQZ.woff2", true);
    }

    #[test]
    fn folders_of_bundlers() {
        check("/assets/logo.png", true);
        check("/_next/static/chunks/main.js", true);
        check("/_astro/x.css", true);
        check("/_nuxt/entry.js", true);
        check("/_app/immutable/start.js", true);
        check("/blog/assets/logo.png", false);
    }

    #[test]
    fn names_without_one() {
        check("/main.js", false);
        check("/main.a1b2c3.js", false);
        check("/jquery-3.6.0.min.js", false);
        check("/MyComponent.js", false);
        check("/bootstrap5.css", false);
        check("/some-long-descriptive-name.png", false);
        check("/report-20260131.pdf", false);
        check("/a1b2c3d4e5f6", false);
    }

    #[test]
    fn documents_never() {
        check("/main.a1b2c3d4.html", false);
        check("/assets/index.html", false);
    }
}
