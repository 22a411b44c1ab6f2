//! What is agreed between whoever makes a bundle, this room, and the host inside the process.
//!
//! # A bundle
//!
//! One ES module, in one file, without imports that are left to resolve. It exports
//!
//! - `handlers`: an array with one entry for each function route, in the order in which the routes were
//!   compiled. An entry is a function that takes an `EventContext` and returns a `Response` (or a
//!   promise of one), or an object with such a function for each method it is for (`{ GET, POST }`), and
//!   `ANY` for every other;
//! - `middleware` (may be missing): a function that takes the middleware's context.
//!
//! Which route answers, whether the method is for it, and what the parameters are is decided in Rust
//! (`holm-site`) and handed over as [`Invocation::route`](crate::Invocation::route) and
//! [`Invocation::params_json`](crate::Invocation::params_json). Here the host calls `handlers[route]`
//! and nothing else. A `params` value is a string, or an array of strings for a catch-all of several
//! segments; neither is decoded (EdgeOne, spec 3.3).
//! A script without exports that calls `addEventListener("fetch", …)` is taken as a bundle with that
//! one handler.
//!
//! # What a middleware answers
//!
//! A response without any of these fields is the visitor's answer. `x-middleware-next: 1` lets the request go on;
//! the other fields of the response are set on the answer that comes. `x-middleware-rewrite: URL` has another path
//! or another server answer; fields are set on the answer only if `x-middleware-next` is there too. Either may
//! change the request first: by `x-middleware-request-headers`, a JSON object of strings and `null` (which
//! removes), written with `encodeURIComponent`; or in Next.js' form, by `x-middleware-override-headers`, the list
//! of all names that stay, and `x-middleware-request-NAME` for those that change. A middleware that returns
//! nothing is answered for with `x-middleware-next`. It is handed no body.
//!
//! # The sockets
//!
//! Each process has a folder of its own with two sockets in it:
//!
//! - `serve`: the process listens, Holm asks. HTTP/1.1. Each request has [`CALL`], one line of JSON:
//!   `id`, `url` (as the visitor sees it), `route`, `params`, `eo` (`uuid`, `clientIp`, `geo`), and
//!   `acceptEncoding`; or `ask`, which is `ping` (answered with the number of background tasks) or `drain`
//!   (answered when there are none). Holm removes what a visitor sent under this or any `x-holm-` name.
//!   An answer with [`FAILURE`] is no answer: its body is JSON with `kind`, `message` and `stack`.
//! - `host`: Holm listens, the process asks for what it cannot do itself. Each request has
//!   [`SUB_REQUEST`], one line of JSON: `url`, `method`, `headers`, `options`, `invocation`, and `next` when
//!   the site itself is to go on. An answer with [`SUB_FAILURE`] says why there is none.
//!   **The socket is the identity**: Holm knows the deployment from the socket, so nothing in the process
//!   carries authority.
//!
//! # Standard input and output
//!
//! The process says `{"t":"waiting"}` when it could take a deployment. It is given one line of JSON on
//! standard input (the deployment's variables and the limits that the host keeps to), loads `bundle.js` of its
//! folder and says `{"t":"ready"}` or `{"t":"failed","message":…,"stack":…}`. After that it writes
//! `{"t":"line","invocation":…,"level":…,"text":…}` for lines of the console. When standard input ends, it
//! ends.

/// The header with what Holm says about an invocation.
pub const CALL: &str = "x-holm-call";
/// The header that marks an answer as a failure of the function.
pub const FAILURE: &str = "x-holm-failure";
/// The header with what a process wants from the outside.
pub const SUB_REQUEST: &str = "x-holm-sub-request";
/// The header that says why a sub-request has no answer.
pub const SUB_FAILURE: &str = "x-holm-sub-failure";
/// What all of them begin with; nothing of this name comes in from a visitor or goes out to one.
pub const PREFIX: &str = "x-holm-";

/// The file of the bundle in a process's folder.
pub const BUNDLE_FILE: &str = "bundle.js";
/// The socket on which a process listens.
pub const SERVE_SOCKET: &str = "serve";
/// The socket on which Holm listens.
pub const HOST_SOCKET: &str = "host";
/// The one host that the host's own client asks for; it is never resolved.
pub const HOST_NAME: &str = "holm.internal";

/// JSON as a header value may carry it: everything beyond ASCII is escaped.
pub fn ascii_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            out.push(character);
            continue;
        }
        let mut units = [0; 2];
        for unit in character.encode_utf16(&mut units) {
            out.push_str("\\u");
            out.push_str(&data_encoding::HEXLOWER.encode(&unit.to_be_bytes()));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_in_a_header_is_ascii_and_the_same() {
        let value = serde_json::json!({ "a": "ü \u{1F600} \u{7f} \\ \"" });
        let escaped = super::ascii_json(&value.to_string());
        assert!(escaped.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&escaped).unwrap(),
            value
        );
    }
}
