//! A figure against its bound.

use anyhow::{Result, ensure};

/// The figures of one benchmark that have a bound.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    passed: usize,
    failed: usize,
}

impl Verdicts {
    /// Prints a figure and whether it is within its bound.
    pub(super) fn at_most(&mut self, what: &str, figure: f64, bound: f64, unit: &str) {
        self.judge(
            figure <= bound,
            &format!("{what}: {figure:.3} {unit} (at most {bound} {unit})"),
        );
    }

    /// As `at_most`, for a figure that is to be large.
    pub(super) fn at_least(&mut self, what: &str, figure: f64, bound: f64, unit: &str) {
        self.judge(
            figure >= bound,
            &format!("{what}: {figure:.3} {unit} (at least {bound} {unit})"),
        );
    }

    fn judge(&mut self, is_within: bool, line: &str) {
        self.passed += usize::from(is_within);
        self.failed += usize::from(!is_within);
        let verdict = if is_within { "pass" } else { "FAIL" };
        println!("{verdict}  {line}");
    }

    /// Prints the sum; an error when a figure is past its bound.
    pub(super) fn finish(self) -> Result<()> {
        println!("{} passed, {} failed", self.passed, self.failed);
        ensure!(
            self.failed == 0,
            "{} figures are past their bounds",
            self.failed
        );
        Ok(())
    }
}
