//! The supervisor against the real engine, through the real launcher.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod answers;
mod egress;
mod hostile;
mod lifecycle;
mod support;
