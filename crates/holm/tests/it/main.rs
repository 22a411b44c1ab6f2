//! Does the product work from outside: the real program, real sockets, real folders.

mod deploys;
mod http;
mod program;
mod refusals;
mod releases;
mod rules;
mod starts;
