//! Finding out which HTTP a client speaks on a clear-text connection: HTTP/2 begins with 24 bytes that
//! begin no request of HTTP/1 (RFC 9113 section 3.4, "prior knowledge"). The `Upgrade: h2c` of RFC 7540
//! is gone from RFC 9113 and not offered.

use std::io;

use tokio::io::{AsyncReadExt as _, ReadBuf};

use crate::socket::WatchedStream;

/// What an HTTP/2 client sends first.
const HTTP2_PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Which HTTP a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// HTTP/1.0 or HTTP/1.1, or something that is neither and will be told so.
    Http1,
    /// HTTP/2.
    Http2,
}

/// The first bytes of a connection, until somebody reads them again.
#[derive(Debug, Default)]
pub(crate) struct Preface {
    bytes: [u8; HTTP2_PREFACE.len()],
    begin: usize,
    end: usize,
}

impl Preface {
    /// Hands out what is left. False when nothing is.
    pub(crate) fn read_again(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let rest = self.bytes.get(self.begin..self.end).unwrap_or_default();
        let rest = rest.get(..rest.len().min(buffer.remaining()));
        let Some(rest @ [_, ..]) = rest else {
            return false;
        };
        buffer.put_slice(rest);
        self.begin += rest.len();
        true
    }

    /// Adds what came. `None` while it may become either.
    fn add(&mut self, came: &[u8]) -> Option<Spoken> {
        let end = self.end + came.len();
        if let Some(room) = self.bytes.get_mut(self.end..end) {
            room.copy_from_slice(came);
            self.end = end;
        }
        let seen = self.bytes.get(..self.end).unwrap_or_default();
        if !HTTP2_PREFACE.starts_with(seen) {
            Some(Spoken::Http1)
        } else if seen.len() == HTTP2_PREFACE.len() {
            Some(Spoken::Http2)
        } else {
            None
        }
    }
}

/// Reads until it is clear what is spoken. `None` when the client left without a word.
pub(crate) async fn detect(stream: &mut WatchedStream) -> io::Result<Option<Spoken>> {
    let mut preface = Preface::default();
    let mut buffer = [0; HTTP2_PREFACE.len()];
    let spoken = loop {
        let room = buffer.len() - preface.end;
        let came = match buffer.get_mut(..room) {
            Some(room) => stream.read(room).await?,
            None => 0,
        };
        match buffer.get(..came) {
            // Whoever reads the request says what is wrong with its end.
            None | Some([]) => break (preface.end > 0).then_some(Spoken::Http1),
            Some(came) => {
                if let Some(spoken) = preface.add(came) {
                    break Some(spoken);
                }
            }
        }
    };
    stream.preface = preface;
    Ok(spoken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(pieces: &[&[u8]]) -> (Option<Spoken>, Vec<u8>) {
        let mut preface = Preface::default();
        let mut found = None;
        for piece in pieces {
            found = preface.add(piece);
        }
        let mut room = [0; 64];
        let mut again = Vec::new();
        loop {
            let mut buffer = ReadBuf::new(&mut room[..5]);
            if !preface.read_again(&mut buffer) {
                return (found, again);
            }
            again.extend_from_slice(buffer.filled());
        }
    }

    #[test]
    fn what_is_spoken_and_nothing_is_lost() {
        let check = |pieces: &[&[u8]], want: Option<Spoken>| {
            let (found, again) = spoken(pieces);
            assert_eq!((found, again), (want, pieces.concat()), "{pieces:?}");
        };
        check(&[b"GET / HTTP/1.1\r\n"], Some(Spoken::Http1));
        check(&[b"P"], None);
        check(&[b"P", b"OST "], Some(Spoken::Http1));
        check(&[b"PR", b"I * HTTP/2.0\r\n"], None);
        check(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], Some(Spoken::Http2));
        check(
            &[b"PRI * HTTP/2.0\r\n\r\nS", b"M\r\n\r\n"],
            Some(Spoken::Http2),
        );
        check(&[b"PRI * HTTP/1.1\r\n\r\n"], Some(Spoken::Http1));
        check(&[b"\x16\x03\x01"], Some(Spoken::Http1));
    }
}
