//! What a person sees of `holm` where no server is needed: the words, the refusals, the exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up fails")]

mod links;
mod person;
mod refusals;
mod words;
