//! What a deployment contains, derived from its number, so that a mix of two is seen.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::lab::{HolmProcess, Random, write_file};

/// The rule header that says which deployment's rules answered.
const MARKER_HEADER: &str = "x-marker";

/// Larger than what is kept in a pack, so that both kinds of blob are written.
const LARGE_BYTES: usize = 100_000;

/// The paths that are asked for.
const PATHS: &[&str] = &["/", "/page.txt", "/deep/style.css", "/large.bin"];

fn body(marker: u64, path: &str) -> Vec<u8> {
    match path {
        "/" => format!("<!doctype html><title>{marker}</title>\n").into_bytes(),
        "/large.bin" => {
            let mut random = Random::seeded(marker);
            (0..LARGE_BYTES / 8)
                .flat_map(|_| random.next().to_le_bytes())
                .collect()
        }
        path => format!("/* {path} of {marker} */\n")
            .repeat(40)
            .into_bytes(),
    }
}

/// Writes the folder of a deployment, its rules included.
pub(super) fn write(folder: &Path, marker: u64) -> Result<()> {
    for path in PATHS {
        let name = if *path == "/" {
            "index.html"
        } else {
            path.trim_start_matches('/')
        };
        write_file(&folder.join(name), &body(marker, path))?;
    }
    let rules = format!(
        r#"{{"headers": [{{"source": "/*", "headers": [{{"key": "{MARKER_HEADER}", "value": "{marker}"}}]}}]}}"#
    );
    write_file(&folder.join("edgeone.json"), rules.as_bytes())
}

/// What a host shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// One deployment, all files and rules of it.
    Whole(u64),
    /// Every path answers with this status.
    Gate(u16),
}

/// Asks for every path. An error when the answers do not belong to one deployment.
pub(super) fn look(server: &HolmProcess, host: &str) -> Result<Shown> {
    let first = server.visit(host, "/")?;
    let shown = match (
        first.status,
        first
            .header(MARKER_HEADER)
            .and_then(|text| text.parse().ok()),
    ) {
        (200, Some(marker)) => Shown::Whole(marker),
        (200, None) => anyhow::bail!("{host}/ answers 200 without its rule's header"),
        (status, _) => Shown::Gate(status),
    };
    for path in PATHS {
        let answer = server.visit(host, path)?;
        match shown {
            Shown::Gate(status) => {
                ensure!(
                    answer.status == status,
                    "{host}{path} answers {}, {host}/ {status}",
                    answer.status
                );
            }
            Shown::Whole(marker) => {
                ensure!(
                    answer.status == 200,
                    "{host}{path} answers {}, {host}/ 200",
                    answer.status
                );
                let found = answer.header(MARKER_HEADER).unwrap_or_default();
                ensure!(
                    found == marker.to_string(),
                    "{host}{path} has rules of {found}, {host}/ of {marker}"
                );
                ensure!(
                    answer.body == body(marker, path),
                    "{host}{path} is not the file of {marker}"
                );
            }
        }
    }
    Ok(shown)
}
