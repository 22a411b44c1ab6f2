//! The cases: a fixed table of heads, and heads and bodies put together from hostile pieces.

use crate::lab::Random;

/// Who is asked.
pub(super) const HOST: &str = "framing.test";

/// Fields that have been read in two ways by some server or proxy. They stand before a body that is a
/// request of its own.
const TABLE: &[&str] = &[
    "Content-Length: 0\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nContent-Length: 0",
    "Content-Length: 0, {length}",
    "Content-Length: {length}, {length}",
    "Content-Length: +{length}",
    "Content-Length: -1",
    "Content-Length: 0x2a",
    "Content-Length: 4 2",
    "Content-Length: 99999999999999999999",
    "Content-Length:",
    "Content-Length : 0",
    "Transfer-Encoding : chunked",
    " Transfer-Encoding: chunked",
    "X: y\r\n Transfer-Encoding: chunked",
    "Transfer-Encoding:\r\n chunked",
    "Transfer-Encoding: xchunked",
    "Transfer-Encoding: \x0bchunked",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: identity",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked, identity",
    "Transfer-Encoding:",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "X\0: y",
    "X Y: z",
    ": y",
    "Transfer-Encoding: chunked\r\nContent-Length: {length}",
    "Content-Length: {length}\r\nTransfer-Encoding: chunked",
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked",
];

const LENGTH_NAMES: &[&str] = &[
    "Content-Length",
    "content-length",
    "CONTENT-LENGTH",
    "Content_Length",
    "Content-Length ",
    "Content-Length\t",
    " Content-Length",
    "\u{a0}Content-Length",
    "Content-Length\0",
];
const LENGTHS: &[&str] = &[
    "{length}",
    "0",
    "1",
    "0{length}",
    "+{length}",
    "-{length}",
    "0x{length}",
    "{length} ",
    "{length}\t",
    "{length},",
    ",{length}",
    "{length}, {length}",
    "{length}, 0",
    "{length}.0",
    "{length};",
    "{length} 1",
    "\"{length}\"",
    "1e1",
    "",
    "18446744073709551658",
    "\x0c{length}",
];
const CODING_NAMES: &[&str] = &[
    "Transfer-Encoding",
    "transfer-encoding",
    "TRANSFER-ENCODING",
    "Transfer_Encoding",
    "Transfer-Encoding ",
    "Transfer-Encoding\t",
    " Transfer-Encoding",
    "Transfer-Encoding\0",
    "X-Transfer-Encoding",
    "TE",
];
const CODINGS: &[&str] = &[
    "chunked",
    "Chunked",
    "CHUNKED",
    "chunked ",
    "chunked\t",
    "chunked,",
    ",chunked",
    "chunked, chunked",
    "chunked;",
    "chunked;q=1",
    "\"chunked\"",
    "identity",
    "identity, chunked",
    "chunked, identity",
    "gzip, chunked",
    "gzip",
    "xchunked",
    "chunkedx",
    "\x0bchunked",
    "\x0cchunked",
    "chun\0ked",
    "chunked\r\n , identity",
    "",
];
const SEPARATORS: &[&str] = &[
    ": ", ":", ":\t", ":   ", " : ", ":\r\n ", ":\n ", ":\x0b", ":\0", "",
];
const LINE_ENDS: &[&str] = &["\r\n", "\n", "\r", "\r\r\n", "\n\r\n", "\0\r\n"];
const NOISE: &[&str] = &[
    "X: y",
    "X: y\r\n folded",
    "Expect: 100-continue",
    "Expect: nothing",
    "Connection: close",
    "Connection: keep-alive, close",
    "Connection: Content-Length",
    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Host: framing.test",
    "Trailer: Content-Length",
    "Content-Encoding: chunked",
];
const FIRST_LINES: &[&str] = &[
    "GET /first HTTP/1.1",
    "POST /first HTTP/1.1",
    "POST /first HTTP/1.0",
    "GET /first HTTP/1.0",
    "POST  /first HTTP/1.1",
    "POST /first HTTP/1.1 ",
    "POST\t/first\tHTTP/1.1",
    "\r\nGET /first HTTP/1.1",
    "POST /first http/1.1",
    "POST /first HTTP/1.2",
    "GET /first",
];
const CHUNK_SIZES: &[&str] = &[
    "{hex}",
    "0{hex}",
    "{HEX}",
    "{hex};x",
    "{hex};x=y",
    "{hex};x=\"\r\n\"",
    "{hex} ",
    " {hex}",
    "{hex}\t",
    "+{hex}",
    "-{hex}",
    "0x{hex}",
    "{hex}h",
    "{hex} 1",
    "{hex}\0",
    "{hex};\n",
    "1000000000000000{hex}",
    "ffffffffffffffff",
    "",
    "{hex}_",
    "0",
];
const CHUNK_ENDS: &[&str] = &["\r\n", "\n", "\r", "", "\r\r\n", "X\r\n"];
const LAST_CHUNKS: &[&str] = &[
    "0\r\n\r\n",
    "00\r\n\r\n",
    "0;x\r\n\r\n",
    "0\n\n",
    "0\r\n",
    "0\r\nX: y\r\n\r\n",
    "0\r\nContent-Length: 42\r\n\r\n",
    "0\r\nX y\r\n\r\n",
    "0\r\n X: y\r\n\r\n",
    "\r\n",
    "",
];

/// What is sent on one connection.
pub(super) struct Case {
    pub(super) raw: Vec<u8>,
}

impl Case {
    /// Two requests that nobody can misread.
    pub(super) fn plain() -> Self {
        Self {
            raw: [request("first"), request("last")].concat().into_bytes(),
        }
    }

    fn of(first_line: &str, fields: &str, body: &str) -> Self {
        let smuggled = request("smuggled");
        let raw = format!(
            "{first_line}\r\nHost: {HOST}\r\n{fields}\r\n{body}{}",
            request("last")
        );
        let length = smuggled.len().to_string();
        let raw = raw
            .replace("{length}", &length)
            .replace("{hex}", &format!("{:x}", smuggled.len()))
            .replace("{HEX}", &format!("{:X}", smuggled.len()))
            .replace("{smuggled}", &smuggled);
        Self {
            raw: raw.into_bytes(),
        }
    }
}

fn request(path: &str) -> String {
    format!("GET /{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

/// The table, then as many made ones as are wanted.
pub(super) struct Cases {
    random: Random,
    next: usize,
    count: usize,
}

impl Cases {
    /// So many cases; the same seed gives the same.
    pub(super) fn seeded(seed: u64, count: usize) -> Self {
        Self {
            random: Random::seeded(seed),
            next: 0,
            count,
        }
    }

    fn made(&mut self) -> Case {
        let random = &mut self.random;
        let mut fields = String::new();
        for _ in 0..=random.below(2) {
            let field = match random.below(5) {
                0 | 1 => length_field(random),
                2 | 3 => coding_field(random),
                _ => piece(random, NOISE).to_owned(),
            };
            fields.push_str(&field);
            let line_end = piece(random, LINE_ENDS);
            fields.push_str(line_end);
        }
        let first_line = piece(random, FIRST_LINES);
        let body = match random.below(5) {
            0 => String::new(),
            1 | 2 => "{smuggled}".to_owned(),
            _ => chunks(random),
        };
        Case::of(first_line, &fields, &body)
    }
}

impl Iterator for Cases {
    type Item = Case;

    fn next(&mut self) -> Option<Case> {
        if self.next == self.count {
            return None;
        }
        self.next += 1;
        Some(match TABLE.get(self.next - 1) {
            Some(field) => Case::of(
                "POST /first HTTP/1.1",
                &format!("{field}\r\n"),
                "{smuggled}",
            ),
            None => self.made(),
        })
    }
}

/// Mostly the first, which is as it should be: a case with one thing wrong is read further than one with
/// five, and shows more.
fn piece(random: &mut Random, pieces: &'static [&'static str]) -> &'static str {
    match random.below(4) {
        0 => random.one_of::<&'static str>(pieces),
        _ => pieces[0],
    }
}

fn length_field(random: &mut Random) -> String {
    let name = piece(random, LENGTH_NAMES);
    let separator = piece(random, SEPARATORS);
    format!("{name}{separator}{}", piece(random, LENGTHS))
}

fn coding_field(random: &mut Random) -> String {
    let name = piece(random, CODING_NAMES);
    let separator = piece(random, SEPARATORS);
    format!("{name}{separator}{}", piece(random, CODINGS))
}

/// A body in chunks, the first of which is a request.
fn chunks(random: &mut Random) -> String {
    let size = piece(random, CHUNK_SIZES);
    let (after_size, after_data) = (piece(random, CHUNK_ENDS), piece(random, CHUNK_ENDS));
    let last = piece(random, LAST_CHUNKS);
    format!("{size}{after_size}{{smuggled}}{after_data}{last}")
}

#[cfg(test)]
mod tests {
    use super::Cases;

    #[test]
    fn a_seed_repeats_its_cases_and_no_placeholder_is_left() {
        let all =
            |seed| -> Vec<Vec<u8>> { Cases::seeded(seed, 500).map(|case| case.raw).collect() };
        assert_eq!(all(3), all(3));
        assert_ne!(all(3), all(4));
        assert!(all(3).iter().all(|raw| !raw.contains(&b'{')));
    }
}
