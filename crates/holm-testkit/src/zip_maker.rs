//! ZIP files byte by byte, for tests: every field of every header can be made to lie.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;

/// One entry in the making: what the central directory and the local header will say. Made plausible by
/// the constructors; a test changes what it wants to lie about.
#[derive(Clone, Debug)]
pub struct ZipEntry {
    /// The name in the central directory.
    pub name: Vec<u8>,
    /// The name in the local header.
    pub local_name: Vec<u8>,
    /// General purpose flags, in both.
    pub flags: u16,
    /// The method, in both.
    pub method: u16,
    /// The checksum, in both.
    pub crc: u32,
    /// The packed bytes.
    pub packed: Vec<u8>,
    /// The packed size that the central directory says.
    pub packed_bytes: u32,
    /// The inflated size that the central directory says.
    pub inflated_bytes: u32,
    /// The inflated size that the local header says.
    pub local_inflated_bytes: u32,
    /// External attributes: the Unix mode in the upper half.
    pub attributes: u32,
    /// The extra field of the central directory.
    pub extra: Vec<u8>,
    /// Bytes after the packed ones, such as a data descriptor.
    pub trailer: Vec<u8>,
    /// The place of the local header; `None` is where it is.
    pub offset: Option<u32>,
}

impl ZipEntry {
    /// A stored file.
    pub fn stored(name: &str, bytes: &[u8]) -> Self {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let size = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self {
            name: name.as_bytes().to_vec(),
            local_name: name.as_bytes().to_vec(),
            flags: 0,
            method: 0,
            crc: crc.sum(),
            packed: bytes.to_vec(),
            packed_bytes: size,
            inflated_bytes: size,
            local_inflated_bytes: size,
            attributes: 0o100_644 << 16,
            extra: Vec::new(),
            trailer: Vec::new(),
            offset: None,
        }
    }

    /// A deflated file.
    pub fn deflated(name: &str, bytes: &[u8]) -> Self {
        let mut entry = Self::stored(name, bytes);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        // Writing to memory cannot fail.
        drop(encoder.write_all(bytes));
        entry.packed = encoder.finish().unwrap_or_default();
        entry.packed_bytes = u32::try_from(entry.packed.len()).unwrap_or(u32::MAX);
        entry.method = 8;
        entry
    }

    /// A folder; the name ends with a slash.
    pub fn folder(name: &str) -> Self {
        let mut entry = Self::stored(name, b"");
        entry.attributes = 0o040_755 << 16;
        entry
    }

    /// The same with a Unix mode.
    #[must_use]
    pub fn with_mode(mut self, mode: u32) -> Self {
        self.attributes = mode << 16;
        self
    }

    /// The same as programs write it that do not know the sizes beforehand: zeros in the local header,
    /// and a data descriptor behind.
    #[must_use]
    pub fn streamed(mut self) -> Self {
        self.flags |= 8;
        self.trailer = b"PK\x07\x08".to_vec();
        for number in [self.crc, self.packed_bytes, self.inflated_bytes] {
            self.trailer.extend(number.to_le_bytes());
        }
        self
    }

    fn local(&self) -> Vec<u8> {
        let is_streamed = self.flags & 8 != 0;
        let later = |number: u32| if is_streamed { 0 } else { number };
        let mut out = b"PK\x03\x04\x14\x00".to_vec();
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend([0, 0, 0x21, 0]);
        for number in [self.crc, self.packed_bytes, self.local_inflated_bytes] {
            out.extend(later(number).to_le_bytes());
        }
        out.extend(short(&self.local_name));
        out.extend([0, 0]);
        out.extend(&self.local_name);
        out.extend(&self.packed);
        out.extend(&self.trailer);
        out
    }

    fn central(&self, offset: u32) -> Vec<u8> {
        let mut out = b"PK\x01\x02\x14\x03\x14\x00".to_vec();
        out.extend(self.flags.to_le_bytes());
        out.extend(self.method.to_le_bytes());
        out.extend([0, 0, 0x21, 0]);
        for number in [self.crc, self.packed_bytes, self.inflated_bytes] {
            out.extend(number.to_le_bytes());
        }
        out.extend(short(&self.name));
        out.extend(short(&self.extra));
        out.extend([0; 6]);
        out.extend(self.attributes.to_le_bytes());
        out.extend(self.offset.unwrap_or(offset).to_le_bytes());
        out.extend(&self.name);
        out.extend(&self.extra);
        out
    }
}

fn short(bytes: &[u8]) -> [u8; 2] {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes()
}

/// The whole archive of these entries.
pub fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        directory.extend(entry.central(u32::try_from(out.len()).unwrap_or(u32::MAX)));
        out.extend(entry.local());
    }
    let offset = u32::try_from(out.len()).unwrap_or(u32::MAX);
    let size = u32::try_from(directory.len()).unwrap_or(u32::MAX);
    out.extend(directory);
    out.extend(zip_end(
        u16::try_from(entries.len()).unwrap_or(u16::MAX),
        size,
        offset,
    ));
    out
}

/// The end record.
pub fn zip_end(count: u16, directory_bytes: u32, directory_offset: u32) -> Vec<u8> {
    let mut out = b"PK\x05\x06\x00\x00\x00\x00".to_vec();
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(directory_bytes.to_le_bytes());
    out.extend(directory_offset.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// The ZIP64 end record, its locator, and the end record that refers to them; `end64` is where the first
/// of them stands.
pub fn zip64_end(count: u64, directory_bytes: u64, directory_offset: u64, end64: u64) -> Vec<u8> {
    let mut out = b"PK\x06\x06".to_vec();
    out.extend(44_u64.to_le_bytes());
    out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [count, count, directory_bytes, directory_offset] {
        out.extend(number.to_le_bytes());
    }
    out.extend(b"PK\x06\x07\x00\x00\x00\x00");
    out.extend(end64.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    out.extend(zip_end(u16::MAX, u32::MAX, u32::MAX));
    out
}

/// What is wrong with an archive, the entry that a refusal must name, and the archive.
type Hostile = (&'static str, &'static str, Vec<u8>);

/// Archives that must be refused. Each also holds a good `index.html`.
pub fn hostile_zips() -> Vec<Hostile> {
    [bad_names(), bad_kinds(), bad_company(), lies()].concat()
}

/// With a good page before them.
fn with(entries: &[ZipEntry]) -> Vec<u8> {
    let good = ZipEntry::deflated("index.html", b"<h1>good</h1>");
    zip(&[&[good], entries].concat())
}

fn bad_names() -> Vec<Hostile> {
    let names = [
        ("../up.html", "../up.html"),
        ("a/../../up.html", "a/../../up.html"),
        ("/etc/passwd", "/etc/passwd"),
        ("//host/share", "//host/share"),
        (r"..\up.html", r"..\up.html"),
        (r"a\b", r"a\b"),
        ("C:/x", "C:/x"),
        ("C:x", "C:x"),
        ("nul\0.html", r"nul\u{0}.html"),
        ("line\nend", r"line\nend"),
        ("./x", "./x"),
        ("a/./b", "a/./b"),
        ("a//b", "a//b"),
        ("", ""),
    ];
    let archive = |(name, shown)| ("a bad name", shown, with(&[ZipEntry::stored(name, b"x")]));
    names.into_iter().map(archive).collect()
}

fn bad_kinds() -> Vec<Hostile> {
    let kinds = [
        ("symlink", 0o120_777),
        ("block device", 0o060_644),
        ("character device", 0o020_644),
        ("pipe", 0o010_644),
        ("socket", 0o140_644),
    ];
    let archive = |(what, mode)| {
        let entry = ZipEntry::stored("entry", b"/etc/passwd").with_mode(mode);
        (what, "entry", with(&[entry]))
    };
    kinds.into_iter().map(archive).collect()
}

/// Entries that are good alone and not together.
fn bad_company() -> Vec<Hostile> {
    let below = ZipEntry::stored("entry/passwd", b"x");
    let link = ZipEntry::stored("entry", b"/etc").with_mode(0o120_777);
    let file = ZipEntry::stored("entry", b"x");
    let mut over = ZipEntry::stored("over", b"x");
    over.offset = Some(0);
    let page = |name| ZipEntry::stored(name, b"other");
    let all = [
        (
            "symlink, then a file below it",
            "entry",
            vec![link, below.clone()],
        ),
        ("file, then a file below it", "entry", vec![file, below]),
        ("duplicate", "index.html", vec![page("index.html")]),
        (
            "duplicate but for case",
            "INDEX.html",
            vec![page("INDEX.html")],
        ),
        ("two entries over the same bytes", "index.html", vec![over]),
    ];
    let archive = |(what, name, entries): (_, _, Vec<ZipEntry>)| (what, name, with(&entries));
    all.into_iter().map(archive).collect()
}

/// Entries whose headers or bytes are not what is said of them.
fn lies() -> Vec<Hostile> {
    type Lie = (&'static str, fn(&mut ZipEntry));
    let lies: [Lie; 15] = [
        ("hard link", |entry| {
            entry.extra = [&[0x0d, 0, 16, 0][..], &[0; 12], b"/etc"].concat();
        }),
        ("encrypted", |entry| entry.flags |= 1),
        ("encrypted in another way", |entry| entry.flags |= 1 << 13),
        ("another method", |entry| entry.method = 12),
        ("another name in its own header", |entry| {
            entry.local_name = b"other".to_vec();
        }),
        ("another size in its own header", |entry| {
            entry.local_inflated_bytes += 1;
        }),
        ("a second name", |entry| {
            entry.extra = [&[0x75, 0x70, 10, 0, 1][..], &[0; 4], b"other"].concat();
        }),
        ("another checksum", |entry| entry.crc ^= 1),
        ("a size too small", |entry| {
            entry.inflated_bytes -= 1;
            entry.local_inflated_bytes -= 1;
        }),
        ("a size too large", |entry| {
            entry.inflated_bytes += 1;
            entry.local_inflated_bytes += 1;
        }),
        ("bytes behind its stream", |entry| {
            entry.packed.push(0);
            entry.packed_bytes += 1;
        }),
        ("no stream", |entry| entry.packed.fill(0xFF)),
        ("bytes of no entry", |entry| {
            entry.trailer = b"hidden".to_vec();
        }),
        ("a descriptor that lies", |entry| {
            *entry = entry.clone().streamed();
            entry.crc ^= 1;
        }),
        ("an extra field that is none", |entry| {
            entry.extra = vec![1, 0, 9, 0, 0];
        }),
    ];
    let archive = |(what, change): Lie| {
        let mut entry = ZipEntry::deflated("entry", b"hello hello hello hello");
        change(&mut entry);
        (what, "entry", with(&[entry]))
    };
    lies.into_iter().map(archive).collect()
}
