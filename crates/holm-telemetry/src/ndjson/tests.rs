//! Lines are JSON, one per record, whatever a visitor sent.

use holm_types::RequestId;

use super::*;

fn record() -> AccessRecord {
    AccessRecord {
        at: Timestamp::from_unix_ms(1_700_000_000_123),
        request_id: RequestId::from_u64(u64::MAX),
        duration_us: 42,
        peer: IpAddr::from([127, 0, 0, 1]),
        protocol: Some(Protocol::Http11),
        is_secure: false,
        host: "a.localhost".into(),
        project_id: None,
        deployment_id: None,
        method: "GET".into(),
        target: "/".into(),
        status: 200,
        sent_bytes: 7,
        served_by: ServedBy::Asset,
        cache: CacheStatus::Hit,
        fault: None,
        reason: None,
        outcome: SendOutcome::Sent,
        user_agent: None,
        referer: None,
    }
}

fn line(record: &AccessRecord) -> String {
    let mut line = String::new();
    LineWriter::default().append(&mut line, record);
    line
}

#[test]
fn the_plain_case() {
    assert_eq!(
        line(&record()),
        "{\"at\":\"2023-11-14T22:13:20.123Z\",\"request_id\":\"18446744073709551615\",\
         \"duration_us\":42,\"peer\":\"127.0.0.1\",\"protocol\":\"http/1.1\",\
         \"host\":\"a.localhost\",\"method\":\"GET\",\
         \"target\":\"/\",\"status\":200,\"sent_bytes\":7,\"served_by\":\"asset\",\"cache\":\"hit\",\
         \"outcome\":\"sent\"}\n"
    );
}

#[test]
fn how_it_came_is_named() {
    let mut record = record();
    (record.protocol, record.is_secure) = (Some(Protocol::Http2), true);
    assert!(line(&record).contains("\"protocol\":\"h2\",\"is_secure\":true,"));
    (record.protocol, record.is_secure) = (None, false);
    let line = line(&record);
    assert!(
        !line.contains("protocol") && !line.contains("is_secure"),
        "{line}"
    );
}

#[test]
fn hostile_text_stays_in_its_string() {
    for hostile in [
        "\"}\n{\"status\":200",
        "\\",
        "\u{0}\u{1b}[2J\u{7f}\u{85}\u{2028}\u{202e}",
        "ünïcode 🦀",
        "",
    ] {
        let mut record = record();
        record.target = hostile.into();
        record.host = hostile.into();
        record.user_agent = Some(hostile.into());
        record.referer = Some(hostile.into());
        record.reason = Some(hostile.into());
        record.method = hostile.into();
        let line = line(&record);
        let body = line.strip_suffix('\n').unwrap();
        assert!(!body.contains(is_control), "{body:?}");
        let value: serde_json::Value = serde_json::from_str(body).unwrap();
        for name in [
            "target",
            "host",
            "user_agent",
            "referer",
            "reason",
            "method",
        ] {
            assert_eq!(
                value.get(name).and_then(|value| value.as_str()),
                Some(hostile)
            );
        }
    }
}

#[test]
fn what_is_remembered_is_never_stale() {
    let mut writer = LineWriter::default();
    let mut first = record();
    first.project_id = Some(ProjectId::from_bytes([1; 16]));
    first.deployment_id = Some(DeploymentId::from_bytes([1; 16]));
    let mut second = first.clone();
    second.at = Timestamp::from_unix_ms(1_700_000_001_007);
    second.peer = IpAddr::from([1, 1, 1, 1]);
    second.project_id = Some(ProjectId::from_bytes([2; 16]));
    second.deployment_id = Some(DeploymentId::from_bytes([2; 16]));
    let mut third = second.clone();
    third.at = Timestamp::from_unix_ms(-1);
    third.project_id = None;
    for record in [first, second.clone(), second, third] {
        let mut with_memory = String::new();
        writer.append(&mut with_memory, &record);
        assert_eq!(with_memory, line(&record));
    }
}

#[test]
fn times_before_and_beyond() {
    let check = |ms: i64, want: &str| {
        let mut record = record();
        record.at = Timestamp::from_unix_ms(ms);
        let value: serde_json::Value = serde_json::from_str(&line(&record)).unwrap();
        assert_eq!(value.get("at").and_then(|value| value.as_str()), Some(want));
    };
    check(-1, "1969-12-31T23:59:59.999Z");
    check(0, "1970-01-01T00:00:00.000Z");
    check(1_700_000_000_007, "2023-11-14T22:13:20.007Z");
    check(i64::MAX, "9223372036854775807 ms since the epoch");
}

#[test]
fn each_line_names_its_own_host() {
    let mut writer = LineWriter::default();
    let (one, mut two) = (record(), record());
    two.host = "b\"c.localhost".into();
    two.project_id = Some(ProjectId::from_bytes([1; 16]));
    let mut three = two.clone();
    three.project_id = Some(ProjectId::from_bytes([2; 16]));
    for shown in [&one, &two, &two, &three, &one] {
        let mut text = String::new();
        writer.append(&mut text, shown);
        assert_eq!(text, line(shown));
    }
}
