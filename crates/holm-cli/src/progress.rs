//! What is being done right now: a moving line on a terminal, a plain line now and then elsewhere.

use std::cell::Cell;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::printer::Printer;
use crate::surroundings::Surroundings;

/// How a deployment tells about its progress.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressMode {
    /// A moving line when stderr is a terminal that can, plain lines otherwise.
    #[default]
    Auto,
    /// Plain lines, one a phase and one every few seconds within a long one.
    Plain,
    /// Nothing.
    Silent,
}

/// The time between two plain lines of one phase.
const PLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// A phase that ends sooner gets no moving line, so that short runs do not flicker.
const BAR_DELAY: Duration = Duration::from_millis(150);

/// The progress of one deployment.
#[derive(Debug)]
pub(crate) struct Progress {
    form: Form,
    started: Instant,
    phase: Cell<Phase>,
}

#[derive(Debug)]
enum Form {
    Silent,
    Plain(Printer),
    Bar(ProgressBar),
}

#[derive(Clone, Copy, Debug)]
struct Phase {
    verb: &'static str,
    started: Instant,
    said: Instant,
    files: Count,
    bytes: Count,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    done: u64,
    total: u64,
}

impl Progress {
    /// Progress in this form.
    pub(crate) fn new(mode: ProgressMode, surroundings: &Surroundings, printer: Printer) -> Self {
        let can_move =
            surroundings.stderr_is_terminal && !surroundings.is_ci && !surroundings.is_dumb;
        let form = match mode {
            ProgressMode::Silent => Form::Silent,
            ProgressMode::Auto if can_move => Form::Bar(bar()),
            ProgressMode::Auto | ProgressMode::Plain => Form::Plain(printer),
        };
        let now = Instant::now();
        Self {
            form,
            started: now,
            phase: Cell::new(Phase {
                verb: "",
                started: now,
                said: now,
                files: Count::default(),
                bytes: Count::default(),
            }),
        }
    }

    /// Begins a phase with this much to do.
    pub(crate) fn begin(&self, verb: &'static str, files_total: u64, bytes_total: u64) {
        let now = Instant::now();
        let phase = Phase {
            verb,
            started: now,
            said: now,
            files: Count {
                done: 0,
                total: files_total,
            },
            bytes: Count {
                done: 0,
                total: bytes_total,
            },
        };
        self.phase.set(phase);
        match &self.form {
            Form::Silent => {}
            Form::Plain(printer) => printer.note(&phase.first_line()),
            Form::Bar(bar) => {
                bar.set_length(bytes_total);
                bar.set_position(0);
                self.draw(bar, phase, now);
            }
        }
    }

    /// Says that some more is done.
    pub(crate) fn advance(&self, files: u64, bytes: u64) {
        if matches!(self.form, Form::Silent) {
            return;
        }
        let mut phase = self.phase.get();
        phase.files.done += files;
        phase.bytes.done += bytes;
        let now = Instant::now();
        match &self.form {
            Form::Silent => {}
            Form::Plain(printer) => {
                if now.duration_since(phase.said) >= PLAIN_INTERVAL {
                    phase.said = now;
                    printer.note(&phase.line(now));
                }
            }
            Form::Bar(bar) => self.draw(bar, phase, now),
        }
        self.phase.set(phase);
    }

    /// Takes back what a failed request seemed to have done.
    pub(crate) fn rewind(&self, files: u64, bytes: u64) {
        let mut phase = self.phase.get();
        phase.files.done = phase.files.done.saturating_sub(files);
        phase.bytes.done = phase.bytes.done.saturating_sub(bytes);
        self.phase.set(phase);
    }

    /// Removes the moving line, so that other lines can be written.
    pub(crate) fn finish(&self) {
        if let Form::Bar(bar) = &self.form {
            bar.finish_and_clear();
        }
    }

    /// The time since the progress began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn draw(&self, bar: &ProgressBar, phase: Phase, now: Instant) {
        if now.duration_since(self.started) < BAR_DELAY {
            return;
        }
        bar.set_position(phase.bytes.done);
        // The bar draws at most 20 times a second; the text is cheap to hand over more often.
        bar.set_message(phase.line(now));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

impl Phase {
    fn first_line(&self) -> String {
        match self.files.total {
            0 => self.verb.to_owned(),
            files => format!(
                "{} {}, {}",
                self.verb,
                count(files, "file"),
                bytes(self.bytes.total)
            ),
        }
    }

    fn line(&self, now: Instant) -> String {
        if self.files.total == 0 {
            return self.verb.to_owned();
        }
        let seconds = now.duration_since(self.started).as_secs_f64().max(0.001);
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people"
        )]
        let rate = (self.bytes.done as f64 / seconds) as u64;
        format!(
            "{} {} of {} files, {} of {}, {}/s",
            self.verb,
            thousands(self.files.done),
            thousands(self.files.total),
            bytes(self.bytes.done),
            bytes(self.bytes.total),
            bytes(rate)
        )
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{bar:24} {msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// A number of bytes as people say it, for example `31.2 MB` (decimal units).
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1000 {
        return format!("{number} B");
    }
    let mut tenths = number.saturating_mul(10) / 1000;
    for unit in UNITS {
        if tenths < 10_000 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        tenths /= 1000;
    }
    format!("{} PB", tenths / 10)
}

/// A number of things with its word: `1 file`, `10,000 files`.
pub(crate) fn count(number: u64, word: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {word}{plural}", thousands(number))
}

fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (number, want) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (97_312_345, "97.3 MB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (2_500_000_000, "2.5 GB"),
        ] {
            assert_eq!(bytes(number), want);
        }
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(10_000, "file"), "10,000 files");
        assert_eq!(count(123, "file"), "123 files");
    }

    #[test]
    fn a_line_has_counts_and_a_rate() {
        let started = Instant::now();
        let phase = Phase {
            verb: "uploading",
            started,
            said: started,
            files: Count {
                done: 3200,
                total: 10_000,
            },
            bytes: Count {
                done: 31_000_000,
                total: 97_000_000,
            },
        };
        assert_eq!(
            phase.line(started + Duration::from_secs(2)),
            "uploading 3,200 of 10,000 files, 31.0 MB of 97.0 MB, 15.5 MB/s"
        );
        assert_eq!(phase.first_line(), "uploading 10,000 files, 97.0 MB");
    }
}
