//! How a chore says what it found.

use anyhow::{Result, bail};

/// Prints the findings, one a line; fails when there is one.
pub(crate) fn report(chore: &str, subject: &str, findings: &[String]) -> Result<()> {
    if findings.is_empty() {
        println!("{chore}: {subject}, nothing to say");
        return Ok(());
    }
    for finding in findings {
        println!("{chore}: {finding}");
    }
    bail!("{chore}: {} findings", findings.len());
}
