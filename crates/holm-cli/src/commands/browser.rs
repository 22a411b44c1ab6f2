//! The user's browser: the only program that this room starts.

use std::process::{Command, Stdio};

/// Shows a URL. `false` when nothing could be started.
pub(super) fn open(url: &str) -> bool {
    // The URL comes from the server: nothing else than the web may be opened, and no flag passed.
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    let programs: &[&str] = if cfg!(target_os = "macos") {
        &["open"]
    } else {
        &["xdg-open"]
    };
    is_web && programs.iter().any(|program| start(program, url))
}

/// Starts a program with the URL as its one argument; no shell reads it.
fn start(program: &str, url: &str) -> bool {
    Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn only_the_web_is_opened() {
        for url in ["file:///etc/passwd", "--help", "javascript:alert(1)", ""] {
            assert!(!super::open(url), "{url}");
        }
    }
}
