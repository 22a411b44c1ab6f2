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

fn verdict(fields: &[(HeaderName, &str)]) -> Verdict {
    Verdict::of(&headers(fields), &validators())
}

fn is_failed(verdict: Verdict) -> bool {
    matches!(verdict, Verdict::Failed(_))
}

/// The second of `AT`, the one before and the one after.
const SAME: &str = "Tue, 14 Nov 2023 22:13:20 GMT";
const EARLIER: &str = "Tue, 14 Nov 2023 22:13:19 GMT";
const LATER: &str = "Tue, 14 Nov 2023 22:13:21 GMT";

/// Lists, whether they match weakly, and whether they match strongly.
fn lists() -> Vec<(String, bool, bool)> {
    let with_tag_at = |at: usize| "\"x\",".repeat(at) + "\"abc-br\"";
    let row = |(list, weak, strong): (&str, bool, bool)| (list.to_owned(), weak, strong);
    let mut rows = Vec::from(
        [
            ("\"abc-br\"", true, true),
            ("W/\"abc-br\"", true, false),
            ("W/\"abc-br\", \"abc-br\"", true, true),
            ("w/\"abc-br\"", false, false),
            ("\"x\", \"abc-br\"", true, true),
            ("\"x\",W/\"abc-br\" , \"y\"", true, false),
            ("*", true, true),
            (" * ", true, true),
            ("*, \"x\"", false, false),
            ("\"x\",,\"abc-br\"", true, true),
            (", \"abc-br\"", true, true),
            (" ,\t, ,\"x\" ,, , \"abc-br\",,", true, true),
            ("\"x\",,", false, false),
            (",", false, false),
            (" , , ", false, false),
            ("\"abc\"", false, false),
            ("\"abc-gz\"", false, false),
            ("abc-br", false, false),
            ("\"x,\"abc-br\"", false, false),
            ("\"x\" \"abc-br\"", false, false),
            ("", false, false),
            ("W/", false, false),
            ("\"", false, false),
        ]
        .map(row),
    );
    rows.push((with_tag_at(TAG_COUNT_MAX - 1), true, true));
    rows.push((with_tag_at(TAG_COUNT_MAX), false, false));
    rows.push(("\"x\",".repeat(500), false, false));
    rows
}

#[test]
fn if_none_match() {
    for (list, is_weak_match, _) in lists() {
        let want = if is_weak_match {
            Verdict::NotModified
        } else {
            Verdict::Proceed
        };
        assert_eq!(verdict(&[(IF_NONE_MATCH, &list)]), want, "{list}");
    }
}

#[test]
fn if_match() {
    for (list, _, is_strong_match) in lists() {
        let got = verdict(&[(IF_MATCH, &list)]);
        assert_eq!(is_failed(got), !is_strong_match, "{list}");
        assert_ne!(got, Verdict::NotModified, "{list}");
    }
}

#[test]
fn lines_of_a_field_are_one_list() {
    let mut fields = headers(&[(IF_MATCH, "\"x\"")]);
    fields.append(IF_MATCH, HeaderValue::from_static("\"abc-br\""));
    assert_eq!(Verdict::of(&fields, &validators()), Verdict::Proceed);
}

#[test]
fn if_modified_since() {
    let check = |date: &str, want: Verdict| {
        assert_eq!(verdict(&[(IF_MODIFIED_SINCE, date)]), want, "{date}");
    };
    check(SAME, Verdict::NotModified);
    check("Tuesday, 14-Nov-23 22:13:20 GMT", Verdict::NotModified);
    check("Tue Nov 14 22:13:20 2023", Verdict::NotModified);
    check(EARLIER, Verdict::Proceed);
    check(LATER, Verdict::Proceed);
    check("Wed, 15 Nov 2023 22:13:20 GMT", Verdict::Proceed);
    check("yesterday", Verdict::Proceed);
    check("", Verdict::Proceed);
}

#[test]
fn if_unmodified_since() {
    let check = |date: &str, want: bool| {
        let got = verdict(&[(IF_UNMODIFIED_SINCE, date)]);
        assert_eq!(is_failed(got), want, "{date}");
    };
    check(SAME, false);
    check(LATER, false);
    check(EARLIER, true);
    check("Mon, 13 Nov 2023 22:13:20 GMT", true);
    check("Monday, 13-Nov-23 22:13:20 GMT", true);
    check("yesterday", false);
    check("", false);
}

#[test]
fn a_date_field_that_is_there_twice_is_ignored() {
    for (name, date) in [(IF_MODIFIED_SINCE, SAME), (IF_UNMODIFIED_SINCE, EARLIER)] {
        let mut fields = headers(&[(name.clone(), date)]);
        assert_ne!(Verdict::of(&fields, &validators()), Verdict::Proceed);
        fields.append(name, HeaderValue::from_static(date));
        assert_eq!(Verdict::of(&fields, &validators()), Verdict::Proceed);
    }
}

#[test]
fn which_field_comes_first() {
    const THIS: &str = "\"abc-br\"";
    const OTHER: &str = "\"other\"";
    let check = |fields: &[(HeaderName, &str)], want: Verdict| {
        let got = verdict(fields);
        // The reason of a failure is for people: any will do.
        let is_same = got == want || (is_failed(got) && is_failed(want));
        assert!(is_same, "{fields:?}: {got:?} instead of {want:?}");
    };
    let failed = Verdict::Failed("");
    check(&[], Verdict::Proceed);
    check(
        &[(IF_NONE_MATCH, OTHER), (IF_MODIFIED_SINCE, SAME)],
        Verdict::Proceed,
    );
    check(
        &[(IF_NONE_MATCH, THIS), (IF_MODIFIED_SINCE, EARLIER)],
        Verdict::NotModified,
    );
    check(
        &[(IF_MATCH, THIS), (IF_UNMODIFIED_SINCE, EARLIER)],
        Verdict::Proceed,
    );
    check(&[(IF_MATCH, OTHER), (IF_UNMODIFIED_SINCE, LATER)], failed);
    check(&[(IF_MATCH, OTHER), (IF_NONE_MATCH, THIS)], failed);
    check(
        &[(IF_MATCH, THIS), (IF_NONE_MATCH, THIS)],
        Verdict::NotModified,
    );
    check(
        &[(IF_UNMODIFIED_SINCE, EARLIER), (IF_NONE_MATCH, THIS)],
        failed,
    );
    check(
        &[(IF_UNMODIFIED_SINCE, SAME), (IF_MODIFIED_SINCE, SAME)],
        Verdict::NotModified,
    );
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
    check("\"abc-br\", \"x\"", false);
    check(SAME, false);
    check(EARLIER, false);
    check(LATER, false);
    check("nonsense", false);
    check("", false);
    assert!(range_applies(&HeaderMap::new(), &validators()));
    let mut twice = headers(&[(IF_RANGE, "\"abc-br\"")]);
    twice.append(IF_RANGE, HeaderValue::from_static("\"x\""));
    assert!(!range_applies(&twice, &validators()));
}
