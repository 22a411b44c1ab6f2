//! The integration tests of this room: real projects, the real bundler, and the bundle run by Node.js.

mod bundles;
mod project;
mod refusals;
mod tools;
