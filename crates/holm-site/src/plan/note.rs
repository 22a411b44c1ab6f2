//! Writing down what was considered, in sentences.

use crate::pattern::{Captures, Pattern};
use crate::{Considered, Outcome, RuleOrigin, Step, Trace};

/// What is told of every rule that a plan considers.
pub(crate) trait Tracer {
    /// Whether anything is written down. When not, nothing is put into words either.
    const IS_ON: bool;

    /// Writes one down.
    fn note(&mut self, considered: Considered);
}

/// Writes nothing down.
pub(crate) struct Silent;

impl Tracer for Silent {
    const IS_ON: bool = false;

    fn note(&mut self, _: Considered) {}
}

impl Tracer for Trace {
    const IS_ON: bool = true;

    fn note(&mut self, considered: Considered) {
        self.considered.push(considered);
    }
}

/// A rule that somebody wrote.
pub(crate) fn rule(
    step: Step,
    rule: String,
    origin: &RuleOrigin,
    (outcome, why): (Outcome, String),
) -> Considered {
    Considered {
        step,
        rule,
        file: Some(origin.file.to_string()),
        line: Some(origin.line),
        outcome,
        why,
    }
}

/// A look-up or a switch that nobody wrote a line for.
pub(crate) fn built_in(
    step: Step,
    rule: impl Into<String>,
    (outcome, why): (Outcome, String),
) -> Considered {
    Considered {
        step,
        rule: rule.into(),
        file: None,
        line: None,
        outcome,
        why,
    }
}

pub(crate) fn matched(why: String) -> (Outcome, String) {
    (Outcome::Matched, why)
}

pub(crate) fn not_matched(why: String) -> (Outcome, String) {
    (Outcome::NotMatched, why)
}

/// `decided_by` is the rule that did, for example `redirects[0]`.
pub(crate) fn not_reached(decided_by: &str) -> (Outcome, String) {
    (
        Outcome::NotReached,
        format!("not reached: {decided_by} decided"),
    )
}

/// `` `/old/*` matched with splat = `a/b` ``.
pub(crate) fn match_words(source: &str, pattern: &Pattern, captures: &Captures<'_>) -> String {
    let pairs = pattern.names().iter().enumerate();
    let values: Vec<String> = pairs
        .map(|(index, name)| format!("{name} = `{}`", captures.get(index)))
        .collect();
    if values.is_empty() {
        format!("`{source}` matched")
    } else {
        format!("`{source}` matched with {}", values.join(", "))
    }
}

/// `` `/old/*` does not match `/x` ``.
pub(crate) fn mismatch_words(source: &str, path: &str) -> String {
    format!("`{source}` does not match `{path}`")
}
