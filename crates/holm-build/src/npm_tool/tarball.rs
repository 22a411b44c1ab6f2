//! One file out of a package's archive: tar (POSIX ustar) in gzip, whose digest was compared before.

use std::io::{self, Read, Write};

use flate2::read::GzDecoder;

use crate::limits::PROGRAM_BYTES_MAX;

const BLOCK_BYTES: usize = 512;

/// Why the file could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum TarballError {
    /// The archive cannot be read, or the file cannot be written.
    #[error("copy the file")]
    Io(#[from] io::Error),
    /// A header has no size.
    #[error("the archive is damaged")]
    Damaged,
    /// It is not in there.
    #[error("there is no `{0}` in it")]
    Missing(String),
    /// It is larger than any tool's program.
    #[error("the file has {0} bytes, and at most {PROGRAM_BYTES_MAX} are taken")]
    TooLarge(u64),
}

/// Copies the first regular file of this name.
pub(super) fn copy_file(
    archive: impl Read,
    name: &str,
    out: &mut impl Write,
) -> Result<(), TarballError> {
    let mut archive = GzDecoder::new(io::BufReader::new(archive));
    let mut header = [0; BLOCK_BYTES];
    loop {
        match archive.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = size_of_entry(&header).ok_or(TarballError::Damaged)?;
        if is_file(&header) && name_of_entry(&header) == name.as_bytes() {
            return copy_exactly(&mut archive, size, out);
        }
        let padded = size.div_ceil(BLOCK_BYTES as u64) * BLOCK_BYTES as u64;
        io::copy(&mut (&mut archive).take(padded), &mut io::sink())?;
    }
    Err(TarballError::Missing(name.to_owned()))
}

fn copy_exactly(
    archive: &mut impl Read,
    size: u64,
    out: &mut impl Write,
) -> Result<(), TarballError> {
    if size > PROGRAM_BYTES_MAX {
        return Err(TarballError::TooLarge(size));
    }
    let copied = io::copy(&mut archive.take(size), out)?;
    if copied == size {
        Ok(())
    } else {
        Err(TarballError::Damaged)
    }
}

fn name_of_entry(header: &[u8; BLOCK_BYTES]) -> &[u8] {
    let (name, _) = header.split_at(100);
    name.split(|byte| *byte == 0).next().unwrap_or(name)
}

fn is_file(header: &[u8; BLOCK_BYTES]) -> bool {
    matches!(header[156], b'0' | 0)
}

/// The size, an octal number in twelve bytes.
fn size_of_entry(header: &[u8; BLOCK_BYTES]) -> Option<u64> {
    let digits = std::str::from_utf8(header.get(124..136)?).ok()?;
    u64::from_str_radix(digits.trim_matches([' ', '\0']), 8).ok()
}

#[cfg(test)]
mod tests {
    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn tarball(entries: &[(&str, u8, &str, &[u8])]) -> Vec<u8> {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        for (name, kind, size, body) in entries {
            let mut header = [0_u8; BLOCK_BYTES];
            header[..name.len()].copy_from_slice(name.as_bytes());
            header[124..124 + size.len()].copy_from_slice(size.as_bytes());
            header[156] = *kind;
            out.write_all(&header).unwrap();
            out.write_all(body).unwrap();
            out.write_all(&vec![0; body.len().next_multiple_of(512) - body.len()])
                .unwrap();
        }
        out.finish().unwrap()
    }

    fn copied(archive: &[u8]) -> Result<Vec<u8>, TarballError> {
        let mut out = Vec::new();
        copy_file(archive, "package/bin/x", &mut out).map(|()| out)
    }

    #[test]
    fn the_file_is_found_behind_others() {
        let archive = tarball(&[
            ("package/bin/x", b'5', "00000000000", b""),
            ("package/README", b'0', "00000000003", b"abc"),
            ("package/bin/x", b'0', "00000000005", b"hello"),
            ("package/bin/x", b'0', "00000000001", b"2"),
        ]);
        assert_eq!(copied(&archive).unwrap(), b"hello");
    }

    #[test]
    fn what_is_no_such_archive_is_refused() {
        let of = |entries: &[(&str, u8, &str, &[u8])]| copied(&tarball(entries));
        assert!(matches!(of(&[]), Err(TarballError::Missing(_))));
        let link: &[_] = &[("package/bin/x", b'2', "00000000000", &b""[..])];
        assert!(matches!(of(link), Err(TarballError::Missing(_))));
        let no_size: &[_] = &[("package/bin/x", b'0', "z", &b""[..])];
        assert!(matches!(of(no_size), Err(TarballError::Damaged)));
        let cut: &[_] = &[("package/bin/x", b'0', "00000002000", &b"abc"[..])];
        assert!(matches!(of(cut), Err(TarballError::Damaged)));
        let large: &[_] = &[("package/bin/x", b'0', "77777777777", &b""[..])];
        assert!(matches!(of(large), Err(TarballError::TooLarge(_))));
        assert!(copied(b"this is not what gzip makes").is_err());
    }
}
