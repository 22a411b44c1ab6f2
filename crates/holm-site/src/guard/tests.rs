//! Who gets in: lists, tickets, cookies, passes, each by one request.

use http::{HeaderMap, HeaderName, Method};

use super::*;

const NOW: u64 = 1_800_000_000;
const HOST: &str = "blog--b-main.base.test";

fn key() -> SigningKey {
    SigningKey::from_bytes([7; 32])
}

fn guard(protection: Option<Protection>, access: AccessRules) -> Guard {
    Guard::new(ProjectGuard {
        project_id: ProjectId::from_bytes([1; 16]),
        protection,
        access,
    })
}

fn signed() -> Guard {
    let protection = Protection {
        mode: ProtectionMode::Signed,
        coverage: Coverage::Previews,
        refusal: RefusalForm::Unauthorized,
        signing_key: key(),
    };
    guard(Some(protection), AccessRules::default())
}

fn password(hash: &PasswordHash) -> Protection {
    Protection {
        mode: ProtectionMode::Password(hash.clone()),
        coverage: Coverage::All,
        refusal: RefusalForm::Unauthorized,
        signing_key: key(),
    }
}

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let fields = fields.iter();
    let fields =
        fields.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    fields.collect()
}

fn visit<'a>(query: Option<&'a str>, headers: &'a HeaderMap) -> Visit<'a> {
    Visit {
        client: None,
        host: HOST,
        is_production: false,
        is_custom_domain: false,
        scheme: Scheme::Http,
        method: &Method::GET,
        path: "/docs/",
        raw_path: "/docs/",
        query,
        headers,
        now_seconds: NOW,
    }
}

/// `ok`, `-> location` or `X-EOP-MSG`.
fn shown(decision: &ProtectionDecision) -> String {
    match decision {
        ProtectionDecision::Public => "public".to_owned(),
        ProtectionDecision::Open => "open".to_owned(),
        ProtectionDecision::Exchange(exchange) => {
            format!("{} {}", exchange.status, exchange.location)
        }
        ProtectionDecision::Unauthorized(refused) => refused.message.to_owned(),
    }
}

fn link(made_at: u64) -> String {
    format!("eo_token={}&eo_time={made_at}", key().ticket(HOST, made_at))
}

#[test]
fn a_ticket_is_the_documented_hmac() {
    // printf 'a.test\n1800000000' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…07
    assert_eq!(
        key().ticket("a.test", 1_800_000_000),
        "8384e5969835c30e2398a0d5602e23023cd6e9b33d9f7cd3b3c96b3243134357"
    );
}

#[test]
fn a_ticket_is_masked_where_it_is_written_down() {
    let masked = |target| without_ticket(target);
    let want = Some("/a?b=1&eo_token=***&eo_time=2#c".to_owned());
    assert_eq!(masked("/a?b=1&eo_token=beef&eo_time=2#c"), want);
    assert_eq!(
        masked("/a?eo_token=1&eo_token=2"),
        Some("/a?eo_token=***&eo_token=***".to_owned())
    );
    assert_eq!(
        masked("/a?x_eo_token=1"),
        Some("/a?x_eo_token=***".to_owned())
    );
    assert_eq!(masked("/eo_token=1?b"), None);
    assert_eq!(masked("/a"), None);
}

#[test]
fn a_link_opens_for_three_hours_from_its_time() {
    let check = |query: &str, want: &str| {
        let none = HeaderMap::new();
        let got = shown(&signed().protection(&visit(Some(query), &none)));
        assert_eq!(got, want, "{query}");
    };
    check(&link(NOW), "302 /docs/");
    check(&format!("a=1&{}&b=2", link(NOW)), "302 /docs/?a=1&b=2");
    check(&link(NOW - 10_799), "302 /docs/");
    check(&link(NOW - 10_800), "eo_time expired");
    check(&link(NOW + 300), "302 /docs/");
    check(&link(NOW + 301), "eo_time invalid");
    check("", "eo_time missing");
    check("eo_token=00", "eo_time missing");
    check(&format!("eo_time={NOW}"), "eo_token invalid");
    check(&format!("eo_token=00&eo_time={NOW}"), "eo_token invalid");
    check("eo_token=00&eo_time=soon", "eo_time invalid");
    check(
        "eo_token=00&eo_time=99999999999999999999",
        "eo_time invalid",
    );
    let of_another = key().ticket("other.base.test", NOW);
    check(
        &format!("eo_token={of_another}&eo_time={NOW}"),
        "eo_token invalid",
    );
    let foreign = SigningKey::from_bytes([8; 32]).ticket(HOST, NOW);
    check(
        &format!("eo_token={foreign}&eo_time={NOW}"),
        "eo_token invalid",
    );
    // The time is part of what is signed.
    let moved = key().ticket(HOST, NOW - 20_000);
    check(
        &format!("eo_token={moved}&eo_time={NOW}"),
        "eo_token invalid",
    );
}

#[test]
fn the_link_becomes_cookies_for_what_is_left() {
    let none = HeaderMap::new();
    let query = link(NOW - 800);
    let mut visit = visit(Some(&query), &none);
    let ProtectionDecision::Exchange(exchange) = signed().protection(&visit) else {
        panic!("the link is good");
    };
    let token = key().ticket(HOST, NOW - 800);
    let rest = "; Path=/; Max-Age=10000; HttpOnly; SameSite=Lax";
    let want = [
        format!("eo_token={token}{rest}"),
        format!("eo_time={}{rest}", NOW - 800),
    ];
    assert_eq!(exchange.cookies, want);
    visit.scheme = Scheme::Https;
    visit.method = &Method::POST;
    visit.raw_path = "//evil.test/%2e";
    let ProtectionDecision::Exchange(exchange) = signed().protection(&visit) else {
        panic!("the link is good");
    };
    assert!(
        exchange
            .cookies
            .iter()
            .all(|cookie| cookie.ends_with("; Secure"))
    );
    assert_eq!(
        (exchange.status, &*exchange.location),
        (307, "/evil.test/%2e")
    );
}

#[test]
fn cookies_open_until_the_ticket_ends() {
    let check = |cookie: &str, want: &str| {
        let headers = headers(&[("cookie", cookie)]);
        let got = shown(&signed().protection(&visit(None, &headers)));
        assert_eq!(got, want, "{cookie}");
    };
    let token = |at| key().ticket(HOST, at);
    check(
        &format!("a=b; eo_token={}; eo_time={NOW}", token(NOW)),
        "open",
    );
    let old = NOW - 10_800;
    check(
        &format!("eo_token={}; eo_time={old}", token(old)),
        "eo_time expired",
    );
    check(&format!("eo_token={}", token(NOW)), "eo_time missing");
    let planted = format!(
        "eo_token=x; eo_time=1; eo_token={}; eo_time={NOW}",
        token(NOW)
    );
    check(&planted, "open");
    check(
        &format!("eo_token={}; eo_time={}", token(NOW), NOW - 1),
        "eo_token invalid",
    );
}

#[test]
fn a_good_cookie_makes_up_for_a_link_that_has_ended() {
    let cookie = format!("eo_token={}; eo_time={NOW}", key().ticket(HOST, NOW));
    let headers = headers(&[("cookie", &cookie)]);
    let query = link(NOW - 20_000);
    assert_eq!(
        shown(&signed().protection(&visit(Some(&query), &headers))),
        "open"
    );
}

#[test]
fn production_and_custom_domains_are_covered_as_set() {
    let none = HeaderMap::new();
    let check = |guard: &Guard, is_production, is_custom_domain, want: &str| {
        let visit = Visit {
            is_production,
            is_custom_domain,
            ..visit(None, &none)
        };
        assert_eq!(shown(&guard.protection(&visit)), want);
    };
    check(&signed(), false, false, "eo_time missing");
    check(&signed(), true, false, "public");
    check(&signed(), true, true, "public");
    let all = guard(
        Some(password(&PasswordHash::from_text("x"))),
        AccessRules::default(),
    );
    check(&all, true, false, "password required");
    check(&all, true, true, "public");
    check(&guard(None, AccessRules::default()), false, false, "public");
}

#[test]
fn a_pass_opens_its_host_until_it_ends_or_the_password_changes() {
    let old = PasswordHash::from_text("$old");
    let cookie = password(&old).pass_cookie(HOST, Scheme::Http, NOW).unwrap();
    let (pair, attributes) = cookie.split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; Max-Age=43200; HttpOnly; SameSite=Lax");
    let fields = headers(&[("cookie", pair)]);
    let ask = |hash: &PasswordHash, host: &'static str, now_seconds| {
        let guard = guard(Some(password(hash)), AccessRules::default());
        let visit = Visit {
            host,
            now_seconds,
            ..visit(None, &fields)
        };
        shown(&guard.protection(&visit))
    };
    assert_eq!(ask(&old, HOST, NOW), "open");
    assert_eq!(ask(&old, HOST, NOW + 43_199), "open");
    assert_eq!(ask(&old, HOST, NOW + 43_200), "password required");
    assert_eq!(ask(&old, "other.base.test", NOW), "password required");
    assert_eq!(
        ask(&PasswordHash::from_text("$new"), HOST, NOW),
        "password required"
    );
    let secure = password(&old)
        .pass_cookie(HOST, Scheme::Https, NOW)
        .unwrap();
    assert!(secure.starts_with("__Host-holm_pass=") && secure.ends_with("; Secure"));
}

#[test]
fn the_form_leads_back_to_this_host_only() {
    let check = |target: &str, want: &str| assert_eq!(safe_return(target), want, "{target}");
    check("/docs/?a=1", "/docs/?a=1");
    check("//evil.test/", "/evil.test/");
    check("/\\evil.test", "/%5Cevil.test");
    check("https://evil.test/", "/");
    check("javascript:alert(1)", "/");
    check("", "/");
    check(PASSWORD_PATH, "/");
    check("/a\r\nset-cookie: x=1", "/a%0D%0Aset-cookie:%20x=1");
}

fn lists(rules: AccessRules) -> impl Fn(Option<&str>, &[(&'static str, &str)]) -> &'static str {
    let guard = guard(None, rules);
    move |client, fields| {
        let headers = headers(fields);
        let visit = Visit {
            client: client.map(|text| text.parse().unwrap()),
            ..visit(None, &headers)
        };
        match guard.access(&visit) {
            AccessDecision::Admitted => "admitted",
            AccessDecision::Refused(refused) => refused.reason().rsplit(' ').next().unwrap(),
        }
    }
}

#[test]
fn addresses_are_blocked_and_allowed() {
    let ask = lists(AccessRules {
        ip_allow: vec![
            "10.0.0.0/8".parse().unwrap(),
            "2001:db8::/32".parse().unwrap(),
        ],
        ip_block: vec!["10.6.6.6".parse().unwrap()],
        ..AccessRules::default()
    });
    assert_eq!(ask(Some("10.1.2.3"), &[]), "admitted");
    assert_eq!(ask(Some("::ffff:10.1.2.3"), &[]), "admitted");
    assert_eq!(ask(Some("2001:db8::1"), &[]), "admitted");
    assert_eq!(ask(Some("10.6.6.6"), &[]), "ip_block");
    assert_eq!(ask(Some("::ffff:10.6.6.6"), &[]), "ip_block");
    assert_eq!(ask(Some("11.0.0.1"), &[]), "ip_allow");
    assert_eq!(ask(None, &[]), "admitted");
}

#[test]
fn referers_are_blocked_by_host() {
    let ask = lists(AccessRules {
        referer_block: vec!["evil.test".to_owned(), "*.Bad.test".to_owned()],
        ..AccessRules::default()
    });
    let referer = |value| ask(None, &[("referer", value)]);
    assert_eq!(referer("https://evil.test/page"), "referer_block");
    assert_eq!(referer("http://EVIL.test:8080"), "referer_block");
    assert_eq!(referer("https://user@evil.test/"), "referer_block");
    assert_eq!(referer("https://a.b.bad.test/"), "referer_block");
    assert_eq!(referer("https://bad.test/"), "admitted");
    assert_eq!(referer("https://notevil.test/"), "admitted");
    assert_eq!(referer("https://good.test/?from=evil.test"), "admitted");
    assert_eq!(referer("evil.test"), "admitted");
    assert_eq!(ask(None, &[]), "admitted");
}

#[test]
fn user_agents_are_blocked_and_allowed() {
    let block = lists(AccessRules {
        user_agent_block: vec!["*BadBot*".to_owned()],
        ..AccessRules::default()
    });
    assert_eq!(
        block(None, &[("user-agent", "x badbot/1.0")]),
        "user_agent_block"
    );
    assert_eq!(block(None, &[("user-agent", "curl/8")]), "admitted");
    assert_eq!(block(None, &[]), "admitted");
    let allow = lists(AccessRules {
        user_agent_allow: vec!["Mozilla/*".to_owned()],
        ..AccessRules::default()
    });
    assert_eq!(
        allow(None, &[("user-agent", "mozilla/5.0 (X11)")]),
        "admitted"
    );
    assert_eq!(allow(None, &[("user-agent", "curl/8")]), "user_agent_allow");
    assert_eq!(allow(None, &[]), "user_agent_allow");
}

fn rate(path: &str, requests: u32, window_seconds: u32) -> RateLimit {
    RateLimit {
        path: path.to_owned(),
        requests,
        window_seconds,
        action: RateAction::Block,
    }
}

#[test]
fn rate_limits_count_what_their_pattern_matches() {
    let rates = vec![
        rate("/api/*", 10, 60),
        rate("/*", 100, 60),
        rate("/login", 5, 60),
    ];
    let guard = guard(
        None,
        AccessRules {
            rate_limits: rates,
            ..AccessRules::default()
        },
    );
    let places = |path| {
        guard
            .rate_limits(path)
            .map(|(place, _)| place)
            .collect::<Vec<_>>()
    };
    assert_eq!(places("/api/x"), [0, 1]);
    assert_eq!(places("/login"), [1, 2]);
    let mut trace = crate::Trace::default();
    guard.note_rate_limits("/login", &mut trace);
    let matched: Vec<bool> = trace
        .considered
        .iter()
        .map(|considered| considered.outcome == crate::Outcome::Matched)
        .collect();
    assert_eq!(matched, [false, true, true]);
}

#[test]
fn what_cannot_be_a_rule_is_named() {
    assert_eq!(rate("/api/*", 1, 86_400).fault(), None);
    for (bad, field) in [
        (rate("api", 1, 1), "path"),
        (rate("/a*b*", 1, 1), "path"),
        (rate("/a?b", 1, 1), "path"),
        (rate("/", 0, 1), "requests"),
        (rate("/", 1, 0), "window_seconds"),
        (rate("/", 1, 86_401), "window_seconds"),
    ] {
        assert_eq!(bad.fault().map(|(name, _)| name), Some(field), "{bad:?}");
    }
    assert_eq!(AccessRules::referer_fault("*.Example.com"), None);
    for bad in ["", "*", "*.", "a/b", "http://a", ".a", "a:80"] {
        assert!(AccessRules::referer_fault(bad).is_some(), "{bad}");
    }
    assert_eq!(AccessRules::user_agent_fault("*bot*"), None);
    assert!(AccessRules::user_agent_fault("").is_some());
    assert!(AccessRules::user_agent_fault("é").is_some());
}

#[test]
fn a_network_of_v6_addresses_counts_as_one() {
    let of = |text: &str| counted_address(text.parse().unwrap()).to_string();
    assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    assert_eq!(of("192.0.2.1"), "192.0.2.1");
}
