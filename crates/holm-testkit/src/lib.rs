//! What tests share: a clock they hold, entropy they can repeat, a folder that goes away, archives
//! that lie.
//!
//! A dev-dependency only; no room uses it outside its tests (`cargo xtask arrows`).
#![forbid(unsafe_code)]

mod entropy;
mod folder;
mod manual_clock;
mod zip_maker;

pub use entropy::SeededEntropy;
pub use folder::TempFolder;
pub use manual_clock::ManualClock;
pub use zip_maker::{ZipEntry, hostile_zips, zip, zip_end, zip64_end};
