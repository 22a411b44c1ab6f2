//! What `/proc` says about a process and its children (Linux, proc(5)).

use std::collections::BTreeMap;

use anyhow::{Context, Result};

/// `sysconf(_SC_CLK_TCK)` on Linux: ticks a second in `/proc/PID/stat`.
const TICKS_PER_SECOND: f64 = 100.0;

/// One process of the table.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    /// User and system time of all its threads, and of children that it has waited for.
    ticks: u64,
}

/// User and system time of a process, its threads and all its descendants, in clock ticks.
pub(crate) fn cpu_ticks(pid: u32) -> Result<u64> {
    let table = process_table()?;
    let root = table
        .get(&pid)
        .with_context(|| format!("process {pid} has ended"))?;
    let mut ticks = root.ticks;
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for (child, stat) in table.iter().filter(|(_, stat)| stat.parent == parent) {
            ticks += stat.ticks;
            parents.push(*child);
        }
    }
    Ok(ticks)
}

/// Clock ticks as seconds.
pub(crate) fn ticks_to_seconds(ticks: u64) -> f64 {
    let ticks = u32::try_from(ticks).unwrap_or(u32::MAX);
    f64::from(ticks) / TICKS_PER_SECOND
}

/// Resident memory of a process (`VmRSS`), in bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let kib: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("{path} has no VmRSS"))?;
    Ok(kib * 1024)
}

fn process_table() -> Result<BTreeMap<u32, Stat>> {
    let mut table = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").context("list /proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process may end between the listing and the look.
        if let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/stat"))
            && let Some(stat) = parse_stat(&text)
        {
            table.insert(pid, stat);
        }
    }
    Ok(table)
}

/// The fields behind the program's name, which is in parentheses and may contain anything.
fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        // utime, stime, cutime, cstime: fields 14 to 17 of the file, from 1.
        ticks: number(11)? + number(12)? + number(13)? + number(14)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_stat_line() {
        let line = "42 (a ) b) S 7 42 42 0 -1 4194304 1 2 3 4 100 20 3 1 20 0 1 0 99 1 1";
        let want = Stat {
            parent: 7,
            ticks: 124,
        };
        assert_eq!(parse_stat(line), Some(want));
        assert_eq!(parse_stat("42 (cut off"), None);
    }

    #[test]
    fn this_process_is_in_the_table() {
        let pid = std::process::id();
        assert!(cpu_ticks(pid).is_ok());
        assert!(resident_bytes(pid).unwrap() > 100_000);
    }
}
