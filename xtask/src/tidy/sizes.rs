//! The largest files and functions. Nothing may grow through a limit; what is on record may only shrink.

use std::collections::BTreeMap;

use super::TrackedFile;
use super::functions::functions;
use crate::architecture::Ratchet;

/// Lines that a file may have without being on record.
const FILE_LINES_MAX: usize = 1_000;

/// Lines that a function outside tests may have without being on record.
const FUNCTION_LINES_MAX: usize = 70;

/// How many of each are printed.
const PRINTED_COUNT: usize = 10;

/// Lines by name.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    files: BTreeMap<String, usize>,
    functions: BTreeMap<String, usize>,
}

/// Measures the sources; functions in tests are left out.
pub(super) fn measure(files: &[TrackedFile]) -> Sizes {
    let mut sizes = Sizes::default();
    let is_source = |path: &str| {
        ["rs", "ts", "tsx", "js", "mjs"]
            .iter()
            .any(|extension| super::has_extension(path, extension))
    };
    for file in files.iter().filter(|file| is_source(&file.path)) {
        sizes
            .files
            .insert(file.path.clone(), file.text().lines().count());
        if !file.is_rust() || file.is_test() {
            continue;
        }
        for function in functions(file.text())
            .into_iter()
            .filter(|function| !function.in_tests)
        {
            let name = format!("{}::{}", file.path, function.name);
            let longest = sizes.functions.entry(name).or_default();
            *longest = function.lines.max(*longest);
        }
    }
    sizes
}

impl Sizes {
    /// Prints the ten largest of each.
    pub(super) fn print_largest(&self) {
        print_largest("files", &self.files);
        print_largest("functions", &self.functions);
    }

    /// What grew through its limit, and records that no longer hold.
    pub(super) fn findings(&self, ratchet: &Ratchet) -> Vec<String> {
        let mut findings = Vec::new();
        grown(
            "file",
            &self.files,
            &ratchet.files,
            FILE_LINES_MAX,
            &mut findings,
        );
        grown(
            "function",
            &self.functions,
            &ratchet.functions,
            FUNCTION_LINES_MAX,
            &mut findings,
        );
        findings
    }
}

fn print_largest(what: &str, sizes: &BTreeMap<String, usize>) {
    let mut sorted: Vec<_> = sizes.iter().map(|(name, lines)| (*lines, name)).collect();
    sorted.sort_unstable_by(|left, right| right.cmp(left));
    println!("tidy: the largest {what}, in lines");
    for (lines, name) in sorted.into_iter().take(PRINTED_COUNT) {
        println!("  {lines:5} {name}");
    }
}

fn grown(
    what: &str,
    sizes: &BTreeMap<String, usize>,
    recorded: &BTreeMap<String, usize>,
    lines_max: usize,
    findings: &mut Vec<String>,
) {
    for (name, lines) in sizes {
        let allowed = recorded.get(name).copied().unwrap_or(lines_max);
        if *lines > allowed {
            findings.push(format!("{name}: the {what} has grown to {lines} lines, past {allowed}; find the second noun in it"));
        }
    }
    for (name, on_record) in recorded {
        match sizes.get(name) {
            Some(lines) if *lines > lines_max && lines == on_record => {}
            Some(lines) if *lines > *on_record => {}
            Some(lines) => findings.push(format!("{name}: has shrunk to {lines} lines; lower or remove its record in architecture.toml")),
            None => findings.push(format!("{name}: is on record in architecture.toml, but is gone; remove the record")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::file;

    fn check(lines: usize, on_record: Option<usize>, want: &str) {
        let body = "\n".repeat(lines.saturating_sub(1));
        let sizes = measure(&[file("a.rs", &format!("fn f() {{{body}}}\n"))]);
        let mut ratchet = Ratchet::default();
        if let Some(recorded) = on_record {
            ratchet.functions.insert("a.rs::f".to_owned(), recorded);
        }
        let said = sizes.findings(&ratchet).join("\n");
        assert!(
            if want.is_empty() {
                said.is_empty()
            } else {
                said.contains(want)
            },
            "{said:?} / {want:?}"
        );
    }

    #[test]
    fn only_growth_through_the_limit_is_refused() {
        check(70, None, "");
        check(71, None, "has grown to 71 lines, past 70");
        check(80, Some(80), "");
        check(81, Some(80), "past 80");
        check(79, Some(80), "has shrunk");
        check(60, Some(80), "has shrunk");
    }

    #[test]
    fn tests_may_be_long() {
        let text = format!(
            "#[cfg(test)]\nmod tests {{\nfn f() {{{}}}\n}}\n",
            "\n".repeat(90)
        );
        let sizes = measure(&[file("crates/x/src/a.rs", &text)]);
        assert_eq!(sizes.findings(&Ratchet::default()), Vec::<String>::new());
    }
}
