//! Host names, as requests name them.
#![no_main]

use holm_types::Hostname;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(host) = Hostname::parse(text) else {
        return;
    };
    let name = host.as_str();
    assert!(
        (1..=253).contains(&name.len()),
        "{name:?} is as long as DNS allows"
    );
    assert!(
        name.is_ascii() && !name.contains(['/', '@', ' ', '\\']),
        "{name:?} is a name"
    );
    assert!(
        !name.bytes().any(|byte| byte.is_ascii_uppercase()),
        "{name:?} is lower case"
    );
});
