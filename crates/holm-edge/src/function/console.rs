//! Lines that functions write to their consoles, on their way to the log: counted here too, because
//! what counts them in the process shares it with the code that it counts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use holm_functions::{ConsoleLine, ConsoleSink};
use holm_telemetry::event::{FunctionConsole, FunctionConsoleWarned};
use holm_types::{Clock, DeploymentId};

use crate::EdgeLimits;
use crate::record::shortened;

/// How long the lines of a deployment are counted together.
const WINDOW: Duration = Duration::from_mins(1);

/// Takes lines, and says those within the limits.
#[derive(Debug)]
pub(super) struct ConsoleLog {
    clock: Arc<dyn Clock>,
    lines_max: usize,
    deployment_lines_max: usize,
    line_chars_max: usize,
    invocations_max: usize,
    counted: Mutex<Counted>,
}

/// One invocation, as the process names it.
type Place = (DeploymentId, Box<str>);

/// How many lines each has had, for those that wrote last.
#[derive(Debug, Default)]
struct Counted {
    lines: HashMap<Place, usize>,
    order: VecDeque<Place>,
    /// Since when, and how many in all: a process can name invocations that are none.
    deployments: HashMap<DeploymentId, (Duration, usize)>,
}

impl ConsoleLog {
    pub(super) fn new(limits: &EdgeLimits, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            deployment_lines_max: limits.console_deployment_lines_max,
            lines_max: limits.console_lines_max,
            line_chars_max: limits.console_line_chars_max,
            invocations_max: limits.console_invocations_max.max(1),
            counted: Mutex::default(),
        }
    }

    /// Whether one more line is within the limits.
    fn may_say(&self, deployment: DeploymentId, invocation: Option<&str>) -> bool {
        let now = self.clock.monotonic();
        let counted = &mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = counted.count_deployment(deployment, now) <= self.deployment_lines_max;
        is_due
            && invocation.is_none_or(|invocation| {
                let place = (deployment, invocation.into());
                counted.count_invocation(place, self.invocations_max) <= self.lines_max
            })
    }
}

impl Counted {
    fn count_deployment(&mut self, deployment: DeploymentId, now: Duration) -> usize {
        if !self.deployments.contains_key(&deployment) {
            self.deployments
                .retain(|_, (since, _)| now.saturating_sub(*since) < WINDOW);
        }
        let (since, lines) = self.deployments.entry(deployment).or_insert((now, 0));
        if now.saturating_sub(*since) >= WINDOW {
            (*since, *lines) = (now, 0);
        }
        *lines += 1;
        *lines
    }

    fn count_invocation(&mut self, place: Place, max: usize) -> usize {
        if let Some(lines) = self.lines.get_mut(&place) {
            *lines += 1;
            return *lines;
        }
        if self.order.len() >= max
            && let Some(oldest) = self.order.pop_front()
        {
            self.lines.remove(&oldest);
        }
        self.order.push_back(place.clone());
        self.lines.insert(place, 1);
        1
    }
}

impl ConsoleSink for ConsoleLog {
    fn line(&self, deployment_id: DeploymentId, line: ConsoleLine) {
        // An id of ours is 20 digits; what is longer is none.
        const ID_CHARS_MAX: usize = 32;
        let invocation = line.invocation.map(|id| shortened(&id, ID_CHARS_MAX));
        if !self.may_say(deployment_id, invocation.as_deref()) {
            return;
        }
        let request_id = invocation.map(Into::into).unwrap_or_default();
        let text = shortened(&line.text, self.line_chars_max).into();
        if matches!(&*line.level, "warn" | "error") {
            FunctionConsoleWarned {
                request_id,
                deployment_id,
                text,
            }
            .emit();
        } else {
            FunctionConsole {
                request_id,
                deployment_id,
                text,
            }
            .emit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holm_testkit::ManualClock;

    #[test]
    fn lines_are_counted_by_invocation_and_by_deployment() {
        let clock = Arc::new(ManualClock::at(holm_types::Timestamp::from_unix_ms(0)));
        let limits = EdgeLimits {
            console_lines_max: 2,
            console_deployment_lines_max: 5,
            console_invocations_max: 2,
            ..EdgeLimits::default()
        };
        let held: Arc<ManualClock> = Arc::clone(&clock);
        let log = ConsoleLog::new(&limits, held);
        let one = DeploymentId::from_bytes([1; 16]);
        let two = DeploymentId::from_bytes([2; 16]);
        let may_say = |deployment, invocation: &str| {
            let invocation = (!invocation.is_empty()).then_some(invocation);
            log.may_say(deployment, invocation)
        };
        assert!(may_say(one, "a") && may_say(one, "a") && !may_say(one, "a"));
        // Another deployment's `a` is another one.
        assert!(may_say(two, "a"));
        assert!(may_say(one, "b") && may_say(one, ""));
        // That was the fifth within the minute.
        assert!(!may_say(one, "c") && may_say(two, "c"));
        clock.advance(WINDOW);
        assert!(may_say(one, "c") && may_say(one, ""));
        let counted = log.counted.lock().unwrap();
        assert_eq!((counted.lines.len(), counted.order.len()), (2, 2));
    }
}
