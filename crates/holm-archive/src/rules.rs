//! What an archive may be at most.

/// The bounds that an archive is read within. All of them are checked against what the archive claims
/// before anything is inflated, and again against what comes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveRules {
    /// Entries, folders included.
    pub entries_max: u64,
    /// Bytes of the central directory; this many and a little more are held in memory.
    pub directory_bytes_max: u64,
    /// Bytes of one name.
    pub name_bytes_max: usize,
    /// Folders within one another.
    pub depth_max: usize,
    /// Bytes of one file, inflated.
    pub file_bytes_max: u64,
    /// Bytes of all files, inflated.
    pub total_bytes_max: u64,
    /// Inflated bytes for each byte of the archive, over all of it.
    pub ratio_max: u64,
    /// Below this many inflated bytes the ratio does not matter: a small site of repetitions is no bomb.
    pub ratio_free_bytes: u64,
}
