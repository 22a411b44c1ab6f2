//! Does the product work from outside: the real program, real sockets, real folders.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot go on ends, and this one starts the program itself"
)]

mod archives;
mod backup;
mod control_down;
mod deploys;
mod http;
mod packaging;
mod pages;
mod program;
mod projects;
mod protection;
mod refusals;
mod releases;
mod rules;
mod s3;
mod starts;
mod take_over;
mod team;
