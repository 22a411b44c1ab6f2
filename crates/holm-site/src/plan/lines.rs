//! The lines of `_redirects` in both steps (`docs/adr/0009-lines-of-rivals.md`).
//!
//! They are one list: the first that takes the path decides, whatever it does, and those below it are not
//! asked. A redirect acts with the redirects, `200!` and `404!` with the rewrites, `200` and `404` after files
//! and functions.

use crate::location::redirect_target;
use crate::pattern::Captures;
use crate::plan::note::{
    Tracer, match_words, matched, mismatch_words, not_matched, not_reached, rule,
};
use crate::{LineAction, Outcome, Redirect, RedirectLine, RequestHead, Site, Step};

/// The line that takes a path, and what it captured.
pub(super) struct Taken<'s, 'p> {
    index: usize,
    line: &'s RedirectLine,
    captures: Captures<'p>,
}

/// The first line that takes this path.
pub(super) fn first<'s, 'p>(site: &'s Site, path: &'p str) -> Option<Taken<'s, 'p>> {
    let patterns = site.rules().line_patterns();
    let index = patterns.first(path)?;
    Some(Taken {
        index,
        line: site.document().rules.redirect_lines.get(index)?,
        captures: patterns.get(index)?.captures(path)?,
    })
}

impl Taken<'_, '_> {
    /// How the line is called when it decided: `_redirects:3`.
    pub(super) fn name(&self) -> String {
        name_of(self.line)
    }

    /// What to redirect to, if the line redirects. `None` also when the location would be too long.
    pub(super) fn redirect(&self, site: &Site, head: &RequestHead<'_>) -> Option<Redirect> {
        let LineAction::Redirect(status) = self.line.action else {
            return None;
        };
        let template = site.rules().line_template(self.index)?;
        let location = redirect_target(template, &self.captures, head.query)?;
        Some(Redirect { status, location })
    }

    /// Path and status of the file that answers, if the line serves one at this strength.
    pub(super) fn served(&self, site: &Site, forced: bool) -> Option<(String, u16)> {
        match self.line.action {
            LineAction::Serve { status, is_forced } if is_forced == forced => {
                let template = site.rules().line_template(self.index)?;
                Some((template.fill(&self.captures), status))
            }
            _ => None,
        }
    }

    fn match_words(&self, site: &Site) -> String {
        match site.rules().line_patterns().get(self.index) {
            Some(pattern) => match_words(&self.line.source, pattern, &self.captures),
            None => String::new(),
        }
    }
}

/// When a line acts.
fn step_of(action: LineAction) -> Step {
    match action {
        LineAction::Redirect(_) => Step::Redirects,
        LineAction::Serve {
            is_forced: true, ..
        } => Step::Rewrites,
        LineAction::Serve {
            is_forced: false, ..
        } => Step::FileRoutes,
    }
}

fn name_of(line: &RedirectLine) -> String {
    format!("{}:{}", line.origin.file, line.origin.line)
}

/// What to write down of the lines of one step.
pub(super) struct Notes<'n, 's, 'p> {
    /// The line that takes the path.
    pub(super) taken: Option<&'n Taken<'s, 'p>>,
    /// What decided before the lines of this step. `None` when nothing had.
    pub(super) decided_by: Option<&'n str>,
    /// What came of the line that takes the path, if it acts in this step.
    pub(super) finding: (Outcome, String),
}

/// Writes down the lines that act in this step.
pub(super) fn note<T: Tracer>(
    site: &Site,
    path: &str,
    step: Step,
    notes: &Notes<'_, '_, '_>,
    tracer: &mut T,
) {
    for (index, line) in site.document().rules.redirect_lines.iter().enumerate() {
        if step_of(line.action) != step {
            continue;
        }
        let finding = match (notes.decided_by, notes.taken) {
            (Some(decided_by), _) => not_reached(decided_by),
            (None, Some(taken)) if index == taken.index => {
                let (outcome, why) = &notes.finding;
                (*outcome, format!("{}{why}", taken.match_words(site)))
            }
            (None, Some(taken)) if index > taken.index => {
                not_reached_line(taken, step, notes.finding.0)
            }
            _ => not_matched(mismatch_words(&line.source, path)),
        };
        let words = format!("{} -> {} ({})", line.source, line.destination, line.action);
        tracer.note(rule(step, words, &line.origin, finding));
    }
}

/// A line below the one that takes the path.
fn not_reached_line(taken: &Taken<'_, '_>, step: Step, outcome: Outcome) -> (Outcome, String) {
    if step_of(taken.line.action) == step && outcome == Outcome::Matched {
        not_reached(&taken.name())
    } else {
        not_matched(format!("not asked: {} takes the path", taken.name()))
    }
}

/// The finding about a line that served, or could not.
pub(super) fn served_finding(target: &str, status: u16, is_found: bool) -> (Outcome, String) {
    match (is_found, status) {
        (true, _) => matched(format!("; `{target}` answers with {status}")),
        (false, 404) => matched(format!(
            "; there is no file for `{target}`, so the 404 page answers"
        )),
        (false, _) => not_matched(format!(", but there is no file for `{target}`")),
    }
}
