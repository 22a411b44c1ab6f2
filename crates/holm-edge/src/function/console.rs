//! Lines that functions write to their consoles, on their way to the log: counted here too, because
//! what counts them in the process shares it with the code that it counts.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use hashbrown::HashMap;
use holm_functions::{ConsoleLine, ConsoleSink};
use holm_telemetry::event::{FunctionConsole, FunctionConsoleWarned};
use holm_types::DeploymentId;

use crate::EdgeLimits;
use crate::record::shortened;

/// Takes lines, and says those within the limits.
#[derive(Debug)]
pub(super) struct ConsoleLog {
    lines_max: usize,
    line_chars_max: usize,
    invocations_max: usize,
    counted: Mutex<Counted>,
}

/// Whose lines are counted together: those of one invocation, or those of a deployment outside of any.
type Place = (DeploymentId, Option<Box<str>>);

/// How many lines each has had, for those that wrote last.
#[derive(Debug, Default)]
struct Counted {
    lines: HashMap<Place, usize>,
    order: VecDeque<Place>,
}

impl ConsoleLog {
    pub(super) fn new(limits: &EdgeLimits) -> Self {
        Self {
            lines_max: limits.console_lines_max,
            line_chars_max: limits.console_line_chars_max,
            invocations_max: limits.console_invocations_max.max(1),
            counted: Mutex::default(),
        }
    }

    /// Whether one more line is within the limit.
    fn may_say(&self, place: Place) -> bool {
        let counted = &mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lines) = counted.lines.get_mut(&place) {
            *lines += 1;
            return *lines <= self.lines_max;
        }
        if counted.order.len() >= self.invocations_max
            && let Some(oldest) = counted.order.pop_front()
        {
            counted.lines.remove(&oldest);
        }
        counted.order.push_back(place.clone());
        counted.lines.insert(place, 1);
        self.lines_max > 0
    }
}

impl ConsoleSink for ConsoleLog {
    fn line(&self, deployment_id: DeploymentId, line: ConsoleLine) {
        // An id of ours is 20 digits; what is longer is none.
        const ID_CHARS_MAX: usize = 32;
        let invocation = line.invocation.map(|id| shortened(&id, ID_CHARS_MAX));
        if !self.may_say((deployment_id, invocation.clone())) {
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
