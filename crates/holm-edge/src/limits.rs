//! Every maximum of the data plane, with its default and what happens there.

use std::time::Duration;

use holm_types::{Limit, Unit};

/// The maxima of the data plane. `Default` is what holds when nobody says otherwise; [`LIMITS`] says
/// what happens at each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeLimits {
    /// Connections open at once, over all listeners of one edge. At least 1.
    pub connections_max: usize,
    /// Requests whose answer has not ended, over all connections. At least 1.
    pub requests_in_flight_max: usize,
    /// Bytes of a request target (path and query, or the whole absolute form).
    pub target_bytes_max: usize,
    /// Bytes of a request's header fields: names, values and four bytes a field. At most 48 KiB, so
    /// that it stays below the hard stop of the HTTP library.
    pub header_bytes_max: usize,
    /// Header fields of a request. At most [`EdgeLimits::HEADER_COUNT_CEILING`].
    pub header_count_max: usize,
    /// From the first byte of a request head (or from the opening of a connection) to its end.
    pub header_read_max: Duration,
    /// How long a connection may stay open without a request.
    pub idle_max: Duration,
    /// Bytes of a request body that are read and thrown away to keep the connection.
    pub body_bytes_max: usize,
    /// How long such a body may take to arrive.
    pub body_read_max: Duration,
    /// How long sending may make no progress at all.
    pub write_stall_max: Duration,
    /// Bytes a second that a client has to take while there is more for it, on average over
    /// [`EdgeLimits::write_stall_max`] of waiting for it. 0: none.
    pub send_rate_min_bytes: u64,
    /// How long requests in flight may go on after the edge was told to stop.
    pub drain_max: Duration,
    /// How long, and [`EdgeLimits::linger_bytes_max`] how much, is read from a client whose request
    /// was refused before it was read to its end, so that the answer reaches it.
    pub linger_max: Duration,
    /// See [`EdgeLimits::linger_max`].
    pub linger_bytes_max: usize,
    /// Bytes of blobs kept in memory.
    pub cache_bytes_max: u64,
    /// The largest blob that is kept in memory; larger ones are streamed from the store.
    pub cached_blob_bytes_max: u64,
    /// Bytes of pieces of large blobs kept in memory.
    pub piece_cache_bytes_max: u64,
    /// Bytes that the kernel takes for a connection and has not put on the way to the client, who has to
    /// make room first. What is on its way does not count.
    pub unsent_bytes_max: usize,
    /// The pieces in which a large blob is read; a connection holds at most three of them: two that
    /// the HTTP library has, and the one that is read ahead.
    pub chunk_bytes_max: usize,
    /// Pieces of large blobs read at once, over all connections. Each takes a thread of the blocking
    /// pool, and threads keep what they once allocated. At least 1.
    pub store_reads_max: usize,
    /// Bytes of pieces of large blobs in memory, from reading to sent, over all connections. Without
    /// room a connection does not read ahead and has one piece of
    /// [`EdgeLimits::SMALL_CHUNK_BYTES`] at a time, which does not count here.
    pub stream_bytes_max: usize,
    /// Bytes of built sites kept in memory (as [`holm_site::Site::weight_bytes`] estimates them).
    pub site_table_bytes_max: usize,
    /// Counters for rate limits, and as many again for passwords tried: 25 bytes each, taken when the
    /// first is needed.
    pub rate_places_max: usize,
    /// Passwords that an address may try in [`EdgeLimits::password_window`], for a project.
    pub password_attempts_max: usize,
    /// See [`EdgeLimits::password_attempts_max`].
    pub password_window: Duration,
    /// Passwords checked at once, 1 to 64. Each takes a core for some 20 ms and 19 MiB.
    pub password_checks_max: usize,
    /// How long a form with a password waits for its turn.
    pub password_wait_max: Duration,
    /// Bytes of a form with a password.
    pub password_form_bytes_max: usize,
    /// How long TLS may take to be agreed upon, waiting for a turn included.
    pub tls_handshake_max: Duration,
    /// TLS handshakes under way at once, over all listeners of one edge. At least 1.
    pub tls_handshakes_max: usize,
    /// Requests open at once on one HTTP/2 connection.
    pub http2_streams_max: usize,
    /// Requests of one HTTP/2 connection that the client took back before they were looked at
    /// (CVE-2023-44487).
    pub http2_resets_max: usize,
    /// Requests of one HTTP/2 connection that were refused because they break the protocol.
    pub http2_errors_max: usize,
    /// Bytes of request bodies that one HTTP/2 connection may have under way.
    pub http2_window_bytes: usize,
    /// Bytes of one answer that wait in the HTTP library for the client to make room; a connection
    /// holds at most two pieces of a large blob besides.
    pub http2_send_bytes_max: usize,
    /// How often a client on an HTTP/2 connection is asked whether it is still there.
    pub http2_ping_interval: Duration,
    /// How long it may take to say so.
    pub http2_ping_max: Duration,
    /// Parts of a file that one request may ask for, before overlapping ones are joined.
    pub range_count_max: usize,
    /// Characters of a target that an access record keeps.
    pub record_target_chars_max: usize,
    /// Characters of each other text from a client that an access record keeps.
    pub record_text_chars_max: usize,
    /// Characters that an access record keeps of why a function failed, which its code has a say in.
    pub record_reason_chars_max: usize,
    /// How long a request waits for the engine of functions when it has to be set up first.
    pub function_open_wait_max: Duration,
    /// How long after a failure the engine of functions is set up again.
    pub function_open_retry_interval: Duration,
    /// Bytes of a request body that is passed on to a function.
    pub function_body_bytes_max: u64,
    /// How long such a body may make no progress while the function waits for it.
    pub function_body_idle_max: Duration,
    /// Bytes a second in which such a body has to come, on average over the time in which it is waited for, once
    /// that is longer than [`EdgeLimits::function_body_idle_max`]. 0: none.
    pub function_body_rate_min_bytes: u64,
    /// Deployments with functions whose variables are kept in memory.
    pub function_deployments_max: usize,
    /// New deployments that wait for being started before they are asked for.
    pub function_warm_max: usize,
    /// Lines of the console of one invocation that get into the log (`EdgeOne`: 20).
    pub console_lines_max: usize,
    /// Lines of all consoles of a deployment, in a minute, that get into the log.
    pub console_deployment_lines_max: usize,
    /// Characters of one of them.
    pub console_line_chars_max: usize,
    /// Invocations whose lines are counted at the same time.
    pub console_invocations_max: usize,
}

impl EdgeLimits {
    /// Where the HTTP library refuses a request by itself, without a page (decision D10.10).
    pub const HEADER_COUNT_CEILING: usize = 128;
    /// The piece that a connection may have when [`EdgeLimits::stream_bytes_max`] is used up.
    pub const SMALL_CHUNK_BYTES: u64 = 16 * 1024;
    /// As `HEADER_COUNT_CEILING`, for the bytes of a head.
    pub(crate) const HEAD_BYTES_CEILING: usize = 80 * 1024;
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            requests_in_flight_max: 10_000,
            target_bytes_max: 8 * 1024,
            header_bytes_max: 32 * 1024,
            header_count_max: 100,
            header_read_max: Duration::from_secs(10),
            idle_max: Duration::from_secs(75),
            body_bytes_max: 64 * 1024,
            body_read_max: Duration::from_secs(1),
            write_stall_max: Duration::from_secs(30),
            send_rate_min_bytes: 1024,
            drain_max: Duration::from_secs(30),
            linger_max: Duration::from_secs(1),
            linger_bytes_max: 256 * 1024,
            cache_bytes_max: 64 * 1024 * 1024,
            cached_blob_bytes_max: 256 * 1024,
            piece_cache_bytes_max: 64 * 1024 * 1024,
            unsent_bytes_max: 256 * 1024,
            chunk_bytes_max: 256 * 1024,
            store_reads_max: 4,
            stream_bytes_max: 64 * 1024 * 1024,
            site_table_bytes_max: 256 * 1024 * 1024,
            rate_places_max: 65_536,
            password_attempts_max: 10,
            password_window: Duration::from_mins(15),
            password_checks_max: 2,
            password_wait_max: Duration::from_secs(5),
            password_form_bytes_max: 16 * 1024,
            tls_handshake_max: Duration::from_secs(10),
            tls_handshakes_max: 64,
            http2_streams_max: 100,
            http2_resets_max: 20,
            http2_errors_max: 100,
            http2_window_bytes: 128 * 1024,
            http2_send_bytes_max: 64 * 1024,
            http2_ping_interval: Duration::from_secs(30),
            http2_ping_max: Duration::from_secs(20),
            range_count_max: 16,
            record_target_chars_max: 2_048,
            record_text_chars_max: 256,
            record_reason_chars_max: 1_024,
            function_open_wait_max: Duration::from_secs(30),
            function_open_retry_interval: Duration::from_secs(10),
            function_body_bytes_max: 100 * 1024 * 1024,
            function_body_idle_max: Duration::from_secs(30),
            function_body_rate_min_bytes: 1024,
            function_deployments_max: 10_000,
            function_warm_max: 64,
            console_lines_max: 20,
            console_deployment_lines_max: 6_000,
            console_line_chars_max: 4_096,
            console_invocations_max: 4_096,
        }
    }
}

const fn limit(name: &'static str, unit: Unit, default: u64, at_max: &'static str) -> Limit {
    Limit {
        name,
        unit,
        default,
        at_max,
    }
}

/// What `docs/reference/limits.md` says about this room. A unit test holds it to [`EdgeLimits`].
pub const LIMITS: &[Limit] = &[
    limit(
        "edge.connections_max",
        Unit::Count,
        10_000,
        "A new connection is closed at once and counted.",
    ),
    limit(
        "edge.requests_in_flight_max",
        Unit::Count,
        10_000,
        "The request is answered 503 SERVICE_UNAVAILABLE with `Retry-After: 1`.",
    ),
    limit(
        "edge.target_bytes_max",
        Unit::Bytes,
        8_192,
        "The request is answered 414 URI_TOO_LONG and the connection closed.",
    ),
    limit(
        "edge.header_bytes_max",
        Unit::Bytes,
        32_768,
        "The request is answered 431 REQUEST_HEADER_FIELDS_TOO_LARGE and the connection closed; \
         from 80 KiB on without a page.",
    ),
    limit(
        "edge.header_count_max",
        Unit::Count,
        100,
        "The request is answered 431 REQUEST_HEADER_FIELDS_TOO_LARGE and the connection closed; \
         from 129 fields on without a page.",
    ),
    limit(
        "edge.header_read_max",
        Unit::Milliseconds,
        10_000,
        "The request is answered 408 REQUEST_TIMEOUT and the connection closed.",
    ),
    limit(
        "edge.idle_max",
        Unit::Milliseconds,
        75_000,
        "The connection is closed.",
    ),
    limit(
        "edge.body_bytes_max",
        Unit::Bytes,
        65_536,
        "Reading stops, the request is answered 413 PAYLOAD_TOO_LARGE (405 where the method is not \
         for the resource) and the connection closed.",
    ),
    limit(
        "edge.body_read_max",
        Unit::Milliseconds,
        1_000,
        "Reading stops, the request is answered 408 REQUEST_TIMEOUT (405 where the method is not \
         for the resource) and the connection closed.",
    ),
    limit(
        "edge.write_stall_max",
        Unit::Milliseconds,
        30_000,
        "The client is shed: the connection is closed and the record says so.",
    ),
    limit(
        "edge.send_rate_min_bytes",
        Unit::Bytes,
        1_024,
        "A client that takes fewer a second, on average over `write_stall_max` of waiting for it, is \
         shed: the connection is closed and the record says so.",
    ),
    limit(
        "edge.drain_max",
        Unit::Milliseconds,
        30_000,
        "Connections that are still open are cut.",
    ),
    limit(
        "edge.linger_max",
        Unit::Milliseconds,
        1_000,
        "The connection is closed although the client may still be sending.",
    ),
    limit(
        "edge.linger_bytes_max",
        Unit::Bytes,
        262_144,
        "The connection is closed although the client may still be sending.",
    ),
    limit(
        "edge.cache_bytes_max",
        Unit::Bytes,
        67_108_864,
        "Blobs that were used least are dropped from memory.",
    ),
    limit(
        "edge.cached_blob_bytes_max",
        Unit::Bytes,
        262_144,
        "A larger blob is streamed from the store in pieces.",
    ),
    limit(
        "edge.piece_cache_bytes_max",
        Unit::Bytes,
        67_108_864,
        "Pieces of large blobs that were used least are dropped from memory.",
    ),
    limit(
        "edge.unsent_bytes_max",
        Unit::Bytes,
        262_144,
        "The kernel takes no more for this connection until some of it is on its way.",
    ),
    limit(
        "edge.chunk_bytes_max",
        Unit::Bytes,
        262_144,
        "A large blob is read in pieces of this size.",
    ),
    limit(
        "edge.store_reads_max",
        Unit::Count,
        4,
        "Further readings wait for their turn.",
    ),
    limit(
        "edge.stream_bytes_max",
        Unit::Bytes,
        67_108_864,
        "Large blobs are not read ahead, and are sent in pieces of 16 KiB, one at a time for each \
         connection.",
    ),
    limit(
        "edge.site_table_bytes_max",
        Unit::Bytes,
        268_435_456,
        "The sites that were used longest ago are dropped from memory and built again when asked for.",
    ),
    limit(
        "edge.rate_places_max",
        Unit::Count,
        65_536,
        "The counter whose window ends first among eight makes room; whoever it counted begins anew.",
    ),
    limit(
        "edge.password_attempts_max",
        Unit::Count,
        10,
        "The address is answered 429 RATE_LIMIT_EXCEEDED until edge.password_window is over.",
    ),
    limit(
        "edge.password_window",
        Unit::Milliseconds,
        900_000,
        "Passwords tried are counted anew.",
    ),
    limit(
        "edge.password_checks_max",
        Unit::Count,
        2,
        "Further forms wait for their turn.",
    ),
    limit(
        "edge.password_wait_max",
        Unit::Milliseconds,
        5_000,
        "The form is answered 503 SERVICE_UNAVAILABLE with `Retry-After: 1`.",
    ),
    limit(
        "edge.password_form_bytes_max",
        Unit::Bytes,
        16_384,
        "The form is answered 413 PAYLOAD_TOO_LARGE and the connection closed.",
    ),
    limit(
        "edge.tls_handshake_max",
        Unit::Milliseconds,
        10_000,
        "The connection is closed and a record says so.",
    ),
    limit(
        "edge.tls_handshakes_max",
        Unit::Count,
        64,
        "Further handshakes wait for their turn, for `tls_handshake_max` at most.",
    ),
    limit(
        "edge.http2_streams_max",
        Unit::Count,
        100,
        "The client is told the number; a request beyond it is refused with REFUSED_STREAM.",
    ),
    limit(
        "edge.http2_resets_max",
        Unit::Count,
        20,
        "The connection is closed with ENHANCE_YOUR_CALM.",
    ),
    limit(
        "edge.http2_errors_max",
        Unit::Count,
        100,
        "The connection is closed with ENHANCE_YOUR_CALM.",
    ),
    limit(
        "edge.http2_window_bytes",
        Unit::Bytes,
        131_072,
        "The client has to wait until what it sent was read.",
    ),
    limit(
        "edge.http2_send_bytes_max",
        Unit::Bytes,
        65_536,
        "No more of the answer is read until the client has taken some.",
    ),
    limit(
        "edge.http2_ping_interval",
        Unit::Milliseconds,
        30_000,
        "The client is sent a PING.",
    ),
    limit(
        "edge.http2_ping_max",
        Unit::Milliseconds,
        20_000,
        "The connection is closed.",
    ),
    limit(
        "edge.range_count_max",
        Unit::Count,
        16,
        "The `Range` field is not followed: the whole file is sent, with 200.",
    ),
    limit(
        "edge.record_target_chars_max",
        Unit::Count,
        2_048,
        "The record keeps the beginning of the target.",
    ),
    limit(
        "edge.record_text_chars_max",
        Unit::Count,
        256,
        "The record keeps the beginning of the text.",
    ),
    limit(
        "edge.record_reason_chars_max",
        Unit::Count,
        1_024,
        "The record keeps the beginning of the reason; the log has all of it.",
    ),
    limit(
        "edge.function_open_wait_max",
        Unit::Milliseconds,
        30_000,
        "The request is answered 503 SERVICE_UNAVAILABLE; setting up goes on.",
    ),
    limit(
        "edge.function_open_retry_interval",
        Unit::Milliseconds,
        10_000,
        "Until then requests to functions are answered 503 SERVICE_UNAVAILABLE, with the reason of the failure in \
         the record.",
    ),
    limit(
        "edge.function_body_bytes_max",
        Unit::Bytes,
        104_857_600,
        "The request is answered 413 PAYLOAD_TOO_LARGE; where the function has begun to answer, its body ends \
         with an error.",
    ),
    limit(
        "edge.function_body_idle_max",
        Unit::Milliseconds,
        30_000,
        "The request is answered 408 REQUEST_TIMEOUT; where the function has begun to answer, its body ends with \
         an error.",
    ),
    limit(
        "edge.function_body_rate_min_bytes",
        Unit::Bytes,
        1_024,
        "A body that comes more slowly for longer than `edge.function_body_idle_max` ends as there.",
    ),
    limit(
        "edge.function_deployments_max",
        Unit::Count,
        10_000,
        "The variables of another deployment are read again when it is asked next.",
    ),
    limit(
        "edge.function_warm_max",
        Unit::Count,
        64,
        "The process of the deployment is started by its first request.",
    ),
    limit(
        "edge.console_lines_max",
        Unit::Count,
        20,
        "Further lines are dropped.",
    ),
    limit(
        "edge.console_deployment_lines_max",
        Unit::Count,
        6_000,
        "Further lines of the deployment are dropped until the minute is over.",
    ),
    limit(
        "edge.console_line_chars_max",
        Unit::Count,
        4_096,
        "The line is cut.",
    ),
    limit(
        "edge.console_invocations_max",
        Unit::Count,
        4_096,
        "The lines of the invocation that wrote first are counted anew.",
    ),
];

holm_types::settable_limits!(EdgeLimits {
    connections_max,
    requests_in_flight_max,
    target_bytes_max,
    header_bytes_max,
    header_count_max,
    header_read_max,
    idle_max,
    body_bytes_max,
    body_read_max,
    write_stall_max,
    send_rate_min_bytes,
    drain_max,
    linger_max,
    linger_bytes_max,
    cache_bytes_max,
    cached_blob_bytes_max,
    piece_cache_bytes_max,
    unsent_bytes_max,
    chunk_bytes_max,
    store_reads_max,
    stream_bytes_max,
    site_table_bytes_max,
    rate_places_max,
    password_attempts_max,
    password_window,
    password_checks_max,
    password_wait_max,
    password_form_bytes_max,
    tls_handshake_max,
    tls_handshakes_max,
    http2_streams_max,
    http2_resets_max,
    http2_errors_max,
    http2_window_bytes,
    http2_send_bytes_max,
    http2_ping_interval,
    http2_ping_max,
    range_count_max,
    record_target_chars_max,
    record_text_chars_max,
    record_reason_chars_max,
    function_open_wait_max,
    function_open_retry_interval,
    function_body_bytes_max,
    function_body_idle_max,
    function_body_rate_min_bytes,
    function_deployments_max,
    function_warm_max,
    console_lines_max,
    console_deployment_lines_max,
    console_line_chars_max,
    console_invocations_max,
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_says_what_default_does() {
        let limits = EdgeLimits::default();
        for row in limits.in_force(LIMITS) {
            assert!(row.is_settable, "{}", row.limit.name);
            assert_eq!(row.value, row.limit.default, "{}", row.limit.name);
        }
    }
}
