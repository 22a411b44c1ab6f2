//! Why an archive is not taken.

use std::fmt;
use std::io;

/// An archive that is not taken: which entry, and why.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The archive breaks a rule. The person who made it can do something about it.
    #[error("{}", Place { entry: entry.as_deref(), refusal })]
    Refused {
        /// The entry's name as the archive has it, control characters escaped, cut when it is long.
        /// `None` when it is about the archive as a whole.
        entry: Option<String>,
        /// Which rule.
        refusal: Refusal,
    },
    /// What the archive is read from failed.
    #[error("read the archive")]
    Io(#[from] io::Error),
}

/// Which rule an archive breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No end record: another kind of file, or cut off.
    #[error("it is no ZIP file, or it was cut off")]
    NotZip,
    /// Something does not add up.
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    /// The two descriptions of an entry differ, so that programs would read it differently.
    #[error("its own header and the central directory differ in {0}")]
    HeadersDiffer(&'static str),
    /// Split over several files.
    #[error("it is one part of several")]
    Split,
    /// Needs a password.
    #[error("it is encrypted")]
    Encrypted,
    /// Neither stored nor deflated.
    #[error("it is compressed by method {0}; only stored and deflated files are read")]
    Method(u16),
    /// A symbolic or hard link.
    #[error("it is a link")]
    Link,
    /// A device, a pipe or a socket.
    #[error("it is a device, a pipe or a socket")]
    Device,
    /// The name is not UTF-8.
    #[error("its name is not UTF-8")]
    NameNotUtf8,
    /// No name.
    #[error("its name is empty")]
    NameEmpty,
    /// Begins with a slash or a drive.
    #[error("its name is an absolute path")]
    NameAbsolute,
    /// A `.`, `..` or empty part.
    #[error("its name has a `.`, `..` or empty part")]
    NameStep,
    /// A backslash, which is a separator to some programs and a character to others.
    #[error("its name has a backslash")]
    NameBackslash,
    /// NUL, line ends and their like.
    #[error("its name has a control character")]
    NameControl,
    /// Too long.
    #[error("its name has more than {0} bytes")]
    NameLong(usize),
    /// Too deep.
    #[error("its name is more than {0} folders deep")]
    NameDeep(usize),
    /// Two names of one entry.
    #[error("it has two names that differ")]
    NameTwice,
    /// Another entry has the same name.
    #[error("another entry has the same name")]
    Duplicate,
    /// Another entry has the same name but for the case of its letters.
    #[error("another entry has the same name but for the case of its letters")]
    DuplicateFolded,
    /// A file and a folder have one name.
    #[error("it is a file, and a folder for other entries")]
    FileAndFolder,
    /// Too many entries.
    #[error("it has more than {limit} entries")]
    Entries {
        /// The rule.
        limit: u64,
        /// What the archive says.
        observed: u64,
    },
    /// The list of entries is too long.
    #[error("its list of entries has more than {limit} bytes")]
    Directory {
        /// The rule.
        limit: u64,
        /// What the archive says.
        observed: u64,
    },
    /// One file is too large.
    #[error("it has more than {limit} bytes")]
    FileBytes {
        /// The rule.
        limit: u64,
        /// What the archive says.
        observed: u64,
    },
    /// All files together are too large.
    #[error("its files have more than {limit} bytes together")]
    TotalBytes {
        /// The rule.
        limit: u64,
        /// What the archive says.
        observed: u64,
    },
    /// A decompression bomb.
    #[error("it grows to more than {limit} times its size")]
    Ratio {
        /// The rule.
        limit: u64,
        /// What the archive says, rounded down.
        observed: u64,
    },
}

impl Refusal {
    /// The rule's maximum and what was found. `None` for a rule without a number.
    pub fn reached(self) -> Option<(u64, u64)> {
        match self {
            Self::Entries { limit, observed }
            | Self::Directory { limit, observed }
            | Self::FileBytes { limit, observed }
            | Self::TotalBytes { limit, observed }
            | Self::Ratio { limit, observed } => Some((limit, observed)),
            _ => None,
        }
    }

    /// About the archive as a whole.
    pub(crate) fn whole(self) -> ArchiveError {
        ArchiveError::Refused {
            entry: None,
            refusal: self,
        }
    }

    /// About the entry with this name.
    pub(crate) fn of(self, name: &[u8]) -> ArchiveError {
        ArchiveError::Refused {
            entry: Some(shown(name)),
            refusal: self,
        }
    }
}

/// The sentence of a refusal.
struct Place<'a> {
    entry: Option<&'a str>,
    refusal: &'a Refusal,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.entry {
            Some(entry) => write!(f, "`{entry}` in the archive: {}", self.refusal),
            None => write!(f, "the archive: {}", self.refusal),
        }
    }
}

/// Characters of a name in a message.
const NAME_SHOWN_MAX: usize = 120;

/// A name for people: no control characters, not too long.
fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut out = String::new();
    for (index, c) in text.chars().enumerate() {
        if index == NAME_SHOWN_MAX {
            out.push_str("...");
            break;
        }
        if c.is_control() {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}
