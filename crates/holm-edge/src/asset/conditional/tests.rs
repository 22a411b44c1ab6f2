//! The table of conditional requests.

use super::*;
use http::HeaderName;

/// 2023-11-14T22:13:20Z.
const AT: i64 = 1_700_000_000;

fn headers(fields: &[(HeaderName, &str)]) -> HeaderMap {
    fields
        .iter()
        .map(|(name, value)| (name.clone(), value.parse().unwrap()))
        .collect()
}

fn validators() -> Validators<'static> {
    Validators {
        etag: b"\"abc-br\"",
        modified_at: Timestamp::from_unix_ms(AT * 1000 + 700),
    }
}

#[test]
fn if_none_match() {
    let check = |list: &str, want: bool| {
        let got = is_not_modified(&headers(&[(IF_NONE_MATCH, list)]), &validators());
        assert_eq!(got, want, "{list}");
    };
    check("\"abc-br\"", true);
    check("W/\"abc-br\"", true);
    check("\"x\", \"abc-br\"", true);
    check("\"x\",W/\"abc-br\" , \"y\"", true);
    check("*", true);
    check(" * ", true);
    check("\"abc\"", false);
    check("\"abc-gz\"", false);
    check("abc-br", false);
    check("\"x,\"abc-br\"", false);
    check("\"x\" \"abc-br\"", false);
    check("", false);
    check("\"", false);
    check(&"\"x\",".repeat(500), false);
}

#[test]
fn if_none_match_beats_if_modified_since() {
    let date = "Tue, 14 Nov 2023 22:13:20 GMT";
    let both = headers(&[(IF_NONE_MATCH, "\"other\""), (IF_MODIFIED_SINCE, date)]);
    assert!(!is_not_modified(&both, &validators()));
}

#[test]
fn if_modified_since() {
    let check = |date: &str, want: bool| {
        let got = is_not_modified(&headers(&[(IF_MODIFIED_SINCE, date)]), &validators());
        assert_eq!(got, want, "{date}");
    };
    check("Tue, 14 Nov 2023 22:13:20 GMT", true);
    check("Tue, 14 Nov 2023 22:13:19 GMT", false);
    check("Wed, 15 Nov 2023 22:13:20 GMT", true);
    check("Tuesday, 14-Nov-23 22:13:20 GMT", true);
    check("Tue Nov 14 22:13:20 2023", true);
    check("yesterday", false);
    check("", false);
}

#[test]
fn if_range() {
    let check = |value: &str, want: bool| {
        let got = range_applies(&headers(&[(IF_RANGE, value)]), &validators());
        assert_eq!(got, want, "{value}");
    };
    check("\"abc-br\"", true);
    check("W/\"abc-br\"", false);
    check("\"abc\"", false);
    check("Tue, 14 Nov 2023 22:13:20 GMT", true);
    check("Wed, 15 Nov 2023 22:13:20 GMT", false);
    check("nonsense", false);
    assert!(range_applies(&HeaderMap::new(), &validators()));
}
