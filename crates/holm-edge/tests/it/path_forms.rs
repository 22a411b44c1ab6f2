//! One path, written in every way that was ever used to get past somebody: nothing that is withheld is
//! shown (S-09), and rules, the gate and the look-up of files agree on what was asked for (S-10).

use holm_edge::EdgeLimits;
use holm_site::guard::{AccessRules, ProjectGuard, RateAction, RateLimit};

use crate::scene::{Host, PROJECT, Scene};

const PROJECT_FILE: &[u8] = br#"{
  "headers": [
    { "source": "/admin/*", "headers": [{ "key": "X-Rule", "value": "admin" }] }
  ],
  "redirects": [{ "source": "/admin/moved.html", "destination": "/elsewhere", "statusCode": 302 }]
}"#;

const HIDDEN: &[u8] = b"HIDDEN";

const FILES: &[crate::scene::File<'static>] = &[
    ("/index.html", b"home"),
    ("/admin/page.html", b"ADMIN"),
    ("/admin/moved.html", b"ADMIN"),
    ("/edgeone.json", PROJECT_FILE),
    ("/package.json", br#"{"name":"HIDDEN"}"#),
    ("/_headers", b"# HIDDEN"),
    ("/.env", HIDDEN),
    ("/.git/config", HIDDEN),
    ("/functions/api.js", HIDDEN),
    ("/middleware.js", HIDDEN),
];

const WITHHELD: &[&str] = &[
    "/edgeone.json",
    "/package.json",
    "/_headers",
    "/.env",
    "/.git/config",
    "/functions/api.js",
    "/middleware.js",
];

/// The path in all its forms, each of which some server has taken for the path itself.
fn forms(path: &str) -> Vec<String> {
    let hex = |byte: u8| format!("%{byte:02x}");
    let encoded = |from: u8, to: &str| path.replace(char::from(from), to);
    let name = path.trim_start_matches('/');
    let all_encoded: String = path.bytes().map(hex).collect();
    let letters_encoded: String = path
        .bytes()
        .map(|byte| match byte {
            b'/' => "/".to_owned(),
            other => hex(other),
        })
        .collect();
    let mut forms = vec![
        path.to_owned(),
        letters_encoded.clone(),
        letters_encoded.replace('%', "%25"),
        format!("/{}", all_encoded.trim_start_matches("%2f")),
        path.to_uppercase(),
        format!("/{path}"),
        format!("/.{path}"),
        format!("/x/..{path}"),
        format!("/x/%2e%2e{path}"),
        format!("/x/%2E.{path}"),
        format!("/x/..%2f{name}"),
        format!("/x/..%5c{name}"),
        format!("/..{path}"),
        format!("/x/..;{path}"),
        format!("/;x{path}"),
        // `.` and `/` as overlong UTF-8.
        format!("/x/%c0%ae%c0%ae{path}"),
        encoded(b'/', "%c0%af"),
        encoded(b'.', "%c0%ae"),
        encoded(b'.', "%e0%80%ae"),
        encoded(b'/', "//"),
        encoded(b'/', "/./"),
        encoded(b'/', "\\"),
        encoded(b'/', "/\\"),
        encoded(b'/', "%5c"),
        encoded(b'/', "%2f"),
        encoded(b'/', "%252f"),
        encoded(b'/', "%u2215"),
        encoded(b'.', "%2e"),
        encoded(b'.', "%252e"),
        encoded(b'.', "%u002e"),
    ];
    for end in [
        "/", "//", "/.", "/x/..", "%2f", ".", "%2e", "%20", "%00", "%00.html", ";x", ";.html", "?",
        "?x", "%3fx", "%23", "%0a", "%0d", "%09", "~", ".html", "::$DATA",
    ] {
        forms.push(format!("{path}{end}"));
    }
    forms
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_is_shown_in_no_form() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    for path in WITHHELD {
        for form in forms(path) {
            let reply = scene.get(&form, "").await;
            assert!(
                matches!(reply.status, 400 | 404),
                "{form}: {}",
                reply.status
            );
            assert!(!reply.text().contains("HIDDEN"), "{form}");
            assert!(!reply.text().contains("X-Rule"), "{form}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shown_a_file_was_seen_by_its_rules() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    let mut shown = 0;
    for path in ["/admin/page.html", "/admin/page", "/admin/moved.html"] {
        for form in forms(path) {
            let reply = scene.get(&form, "").await;
            let text = reply.text();
            if text.contains("ADMIN") {
                shown += 1;
                assert_eq!(reply.header("x-rule"), "admin", "{form}");
            }
            // Never past the redirect, whose source is this path and no other.
            if path.contains("moved") && reply.status == 200 {
                assert!(!text.contains("ADMIN"), "{form}");
            }
        }
    }
    assert!(shown >= 4, "some forms are the path itself: {shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_shown_a_file_has_passed_its_limit() {
    let scene = Scene::empty(EdgeLimits::default());
    let document = scene.deploy(FILES).await;
    let limit = RateLimit {
        path: "/admin/*".to_owned(),
        requests: 1,
        window_seconds: 60,
        action: RateAction::Block,
    };
    let guard = ProjectGuard {
        project_id: PROJECT,
        protection: None,
        access: AccessRules {
            rate_limits: vec![limit],
            ..AccessRules::default()
        },
    };
    let hosts = vec![Host::site("site.test", document)];
    scene.publish_guarded(1, hosts, vec![guard]).await;
    let first = scene.get("/admin/page.html", "").await;
    assert_eq!((first.status, first.text()), (200, "ADMIN".to_owned()));
    for form in forms("/admin/page.html") {
        let reply = scene.get(&form, "").await;
        assert!(!reply.text().contains("ADMIN"), "{form}: {}", reply.status);
    }
}
