//! `_headers`, from text to answers.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| holm_fuzz::deploy("/_headers", text));
