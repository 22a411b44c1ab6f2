//! One file out of an npm package: a gzipped tar archive, whose digest was checked before.
//!
//! Of the format only what is needed: the first regular file of one name is copied, nothing is unpacked
//! by its own path.

use std::io::{self, Read, Write};

const BLOCK: usize = 512;

/// Why the file could not be taken out.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive, or the file to be written.
    #[error("read the package")]
    Io(#[from] io::Error),
    /// The archive is not what npm makes.
    #[error("read the package: its entry {index} has no valid size")]
    Malformed {
        /// Which entry, from 0.
        index: usize,
    },
    /// There is no such file in it.
    #[error("read the package: there is no {name} in it")]
    Missing {
        /// The name that was looked for.
        name: String,
    },
}

/// Copies the file called `name` (with the `package/` that npm puts before it) to `out`; gives its bytes.
pub(super) fn extract(
    archive: impl Read,
    name: &str,
    out: &mut impl Write,
) -> Result<u64, ArchiveError> {
    let mut tar = flate2::read::GzDecoder::new(archive);
    let mut header = [0; BLOCK];
    for index in 0.. {
        if !read_block(&mut tar, &mut header)? || header.iter().all(|byte| *byte == 0) {
            break;
        }
        let size = size(&header).ok_or(ArchiveError::Malformed { index })?;
        if is_regular(&header) && entry_name(&header) == name.as_bytes() {
            let copied = io::copy(&mut (&mut tar).take(size), out)?;
            if copied != size {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            return Ok(size);
        }
        let padded = size.div_ceil(BLOCK as u64) * BLOCK as u64;
        io::copy(&mut (&mut tar).take(padded), &mut io::sink())?;
    }
    Err(ArchiveError::Missing {
        name: name.to_owned(),
    })
}

/// False at a clean end.
fn read_block(tar: &mut impl Read, block: &mut [u8; BLOCK]) -> io::Result<bool> {
    match tar.read_exact(block) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn entry_name(header: &[u8; BLOCK]) -> &[u8] {
    let name = &header[..100];
    name.split(|byte| *byte == 0).next().unwrap_or(name)
}

fn is_regular(header: &[u8; BLOCK]) -> bool {
    matches!(header[156], b'0' | 0)
}

/// The octal number of the size field; at most 8 GiB fit into its digits.
fn size(header: &[u8; BLOCK]) -> Option<u64> {
    let digits = std::str::from_utf8(&header[124..136]).ok()?;
    let digits = digits.trim_matches(|character: char| character == ' ' || character == '\0');
    u64::from_str_radix(digits, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: u8, bytes: &[u8]) -> Vec<u8> {
        let mut block = vec![0; BLOCK];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[124..135].copy_from_slice(format!("{:011o}", bytes.len()).as_bytes());
        block[156] = kind;
        block.extend_from_slice(bytes);
        block.resize(block.len().div_ceil(BLOCK) * BLOCK, 0);
        block
    }

    fn gzip(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        for entry in entries {
            out.write_all(entry).unwrap();
        }
        out.write_all(&[0; 2 * BLOCK]).unwrap();
        out.finish().unwrap()
    }

    fn check(entries: &[Vec<u8>]) -> Result<Vec<u8>, ArchiveError> {
        let mut out = Vec::new();
        extract(&gzip(entries)[..], "package/deno", &mut out).map(|_| out)
    }

    #[test]
    fn takes_the_one_file() {
        let found = check(&[
            entry("package/package.json", b'0', &[b'x'; 700]),
            entry("package/deno", b'0', b"program"),
        ]);
        assert_eq!(found.unwrap(), b"program");
    }

    #[test]
    fn a_link_of_that_name_is_not_the_file() {
        let found = check(&[entry("package/deno", b'2', b"")]);
        assert!(matches!(found, Err(ArchiveError::Missing { .. })));
    }

    #[test]
    fn a_size_that_is_no_number_is_refused() {
        let mut bad = entry("package/deno", b'0', b"program");
        bad[124] = b'z';
        assert!(matches!(
            check(&[bad]),
            Err(ArchiveError::Malformed { index: 0 })
        ));
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let varied: Vec<u8> = (0..40_000_u32)
            .map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0])
            .collect();
        let whole = gzip(&[entry("package/deno", b'0', &varied)]);
        let cut = extract(&whole[..whole.len() / 2], "package/deno", &mut Vec::new());
        assert!(matches!(cut, Err(ArchiveError::Io(_))));
    }
}
