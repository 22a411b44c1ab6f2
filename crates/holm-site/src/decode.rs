//! Percent-decoding of what a rule's author wrote, the way request paths are decoded: once, and with an
//! encoded slash left as `%2F` (decision D10.17).

use percent_encoding::percent_decode;

/// The text as it looks in a decoded path. Text that cannot be decoded stays as it is, and so matches nothing
/// but itself.
pub(crate) fn decode_literal(text: &str) -> Box<str> {
    if !text.contains('%') {
        return text.into();
    }
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut is_first = true;
    for part in split_encoded_slashes(text) {
        if !is_first {
            out.extend_from_slice(b"%2F");
        }
        is_first = false;
        out.extend(percent_decode(part));
    }
    String::from_utf8(out).map_or_else(|_| text.into(), String::into_boxed_str)
}

/// The parts between `%2F` and `%2f`.
fn split_encoded_slashes(text: &str) -> impl Iterator<Item = &[u8]> {
    text.split("%2F")
        .flat_map(|part| part.split("%2f"))
        .map(str::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_like_a_request_path() {
        for (text, want) in [
            ("/a b", "/a b"),
            ("/%E6%A0%87*", "/标*"),
            ("/a%2fb%2Fc", "/a%2Fb%2Fc"),
            ("/100%25", "/100%"),
            ("/%", "/%"),
            ("/%ff", "/%ff"),
        ] {
            assert_eq!(&*decode_literal(text), want);
        }
    }
}
