//! The supervisor against the real engine, through the real launcher.

mod answers;
mod egress;
mod hostile;
mod lifecycle;
mod support;
