//! An uploaded ZIP file as a list of checked files, whose bytes are inflated as they are read.
//!
//! Reading is strict where readers of archives are known to differ: the end record, the central
//! directory and the local headers must say the same, and together they must account for every byte of
//! the file. What is left is read in one way only, so that nobody who looked at the archive with another
//! program saw something else. Nothing is ever written: names are paths of a deployment, not of a disk.
//!
//! Layout and field names: PKWARE APPNOTE 6.3.10.
#![forbid(unsafe_code)]

mod archive;
mod contents;
mod directory;
mod end;
mod error;
mod field;
mod local;
mod name;
mod rules;

pub use archive::{Archive, Entry};
pub use contents::Contents;
pub use error::{ArchiveError, Refusal};
pub use rules::ArchiveRules;
