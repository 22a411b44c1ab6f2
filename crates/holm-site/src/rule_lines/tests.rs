//! `_redirects` and `_headers`, line by line.

use proptest::prelude::*;

use super::*;
use crate::LineAction;

fn redirects(text: &str) -> (Vec<String>, Vec<String>) {
    let parsed = read_redirects(text.as_bytes(), &RuleLimits::DEFAULT);
    let rule = |line: &crate::RedirectLine| {
        format!("{} {} {}", line.source, line.destination, line.action)
    };
    (
        parsed.value.iter().map(rule).collect(),
        places(&parsed.diagnostics),
    )
}

fn headers(text: &str) -> (Vec<String>, Vec<String>) {
    let parsed = read_headers(text.as_bytes(), &RuleLimits::DEFAULT);
    let block = |block: &crate::HeaderBlock| {
        let set: Vec<String> = block.set.iter().map(|(n, v)| format!("{n}={v}")).collect();
        format!(
            "{}{} {} -{}",
            block.host.as_deref().unwrap_or_default(),
            block.source,
            set.join(" "),
            block.unset.join(" ")
        )
    };
    (
        parsed.value.iter().map(block).collect(),
        places(&parsed.diagnostics),
    )
}

/// `code line:column` of each finding.
fn places(findings: &[Diagnostic]) -> Vec<String> {
    let place = |found: &Diagnostic| {
        let line = found.line.unwrap_or_default();
        format!("{} {line}:{}", found.code, found.column.unwrap_or_default())
    };
    findings.iter().map(place).collect()
}

#[test]
fn every_limit_cuts_and_says_so() {
    let limits = RuleLimits {
        redirect_lines_max: 2,
        redirect_patterns_max: 1,
        header_blocks_max: 1,
        header_pairs_max: 1,
        redirect_line_chars_max: 30,
        header_line_chars_max: 30,
        ..RuleLimits::DEFAULT
    };
    let long = "x".repeat(30);
    let text = format!("/a/* /x\n/1 /x\n/2 /x\n/b/* /x\n/3 /x\n/4 /x\n/{long} /x\n");
    let parsed = read_redirects(text.as_bytes(), &limits);
    assert_eq!(parsed.value.len(), 3);
    assert_eq!(
        places(&parsed.diagnostics),
        [
            "rule-line/limit 7:31",
            "rule-line/limit 4:1",
            "rule-line/limit 5:1"
        ]
    );
    let text = format!("/a\n X-A: 1\n X-B: 2\n X-C: {long}\n/b\n X-A: 1\n");
    let parsed = read_headers(text.as_bytes(), &limits);
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(
        places(&parsed.diagnostics),
        [
            "rule-line/limit 4:31",
            "rule-line/limit 3:1",
            "rule-line/limit 5:1"
        ]
    );
}

#[test]
fn a_heap_of_bad_lines_is_counted() {
    let limits = RuleLimits {
        line_findings_max: 3,
        ..RuleLimits::DEFAULT
    };
    let parsed = read_redirects("bad\n".repeat(10).as_bytes(), &limits);
    assert_eq!(parsed.diagnostics.len(), 4);
    assert_eq!(
        parsed.diagnostics[3].message,
        "7 more lines are wrong and dropped"
    );
    let limits = RuleLimits {
        file_bytes_max: 10,
        ..RuleLimits::DEFAULT
    };
    let parsed = read_headers(b"/a\n  X-A: 1\n", &limits);
    assert_eq!((parsed.value.len(), parsed.diagnostics.len()), (0, 1));
}

#[test]
fn a_line_that_is_no_text_takes_no_other_with_it() {
    let text = b"/a /b\n/\xff /c\n/d\x00 /e\n/f /g\n";
    let parsed = read_redirects(text, &RuleLimits::DEFAULT);
    assert_eq!(parsed.value.len(), 2);
    assert_eq!(
        places(&parsed.diagnostics),
        ["rule-line/syntax 2:2", "rule-line/unsafe 3:3"]
    );
    // The fields under a path that cannot be read go with it, those under a field do not.
    let text = b"/a\n X-A: 1\n X-B: \xff\n X-C: 3\n/\xff\n X-D: 4\n";
    let parsed = read_headers(text, &RuleLimits::DEFAULT);
    assert_eq!(parsed.value.len(), 1);
    assert_eq!(parsed.value[0].set.len(), 2);
}

#[test]
fn what_windows_and_editors_leave_is_read() {
    let (rules, findings) = redirects("\u{feff}# x\r\n/a /b 301\r\n\t/c\t/d # why\r\n");
    assert_eq!(rules, ["/a /b 301", "/c /d 302"]);
    assert_eq!(findings, [""; 0]);
    let (blocks, findings) = headers("\u{feff}/a\r\n\tX-A:  1 \r\n");
    assert_eq!(blocks, ["/a X-A=1 -"]);
    assert_eq!(findings, [""; 0]);
}

proptest! {
    #[test]
    fn no_bytes_are_too_strange(text in prop::collection::vec(any::<u8>(), 0..200)) {
        read_redirects(&text, &RuleLimits::DEFAULT);
        read_headers(&text, &RuleLimits::DEFAULT);
    }

    /// Whatever stands around them, good lines are read as if they stood alone.
    #[test]
    fn bad_lines_take_no_good_ones_down(noise in prop::collection::vec("[ -~é\\t]{0,20}", 0..6)) {
        let good = ["/good/1 /x 301", "/good/:a /y/:a", "/good/*/z /z 200!"];
        let mut text = String::new();
        for (at, line) in noise.iter().enumerate() {
            text.push_str(line);
            text.push('\n');
            text.push_str(good.get(at).unwrap_or(&""));
            text.push('\n');
        }
        let parsed = read_redirects(text.as_bytes(), &RuleLimits::DEFAULT);
        for line in good.iter().take(noise.len()) {
            let source = line.split(' ').next().unwrap_or_default();
            prop_assert!(parsed.value.iter().any(|rule| &*rule.source == source), "{text}");
        }
    }

    /// What a rule may lead to: a path of this site, or a host that its author named.
    #[test]
    fn a_line_that_is_kept_is_safe(line in "/[a:*]{0,3}/[:*]?[ab]? (/|//|https://|\\\\)[:a-c./@]{0,8} ?(200|301|404!)?") {
        let parsed = read_redirects(line.as_bytes(), &RuleLimits::DEFAULT);
        for rule in parsed.value {
            let to = &*rule.destination;
            prop_assert!(!to.contains('\\') && !to.starts_with("//"), "{to}");
            let serves = matches!(rule.action, LineAction::Serve { .. });
            prop_assert!(!serves || to.starts_with('/'), "{to}");
            if let Some(rest) = to.strip_prefix("https://") {
                let host = rest.split('/').next().unwrap_or_default();
                prop_assert!(!host.is_empty() && !host.contains('@'), "{to}");
            }
        }
    }
}
