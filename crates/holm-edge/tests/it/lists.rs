//! Access rules and rate limits: who is refused and slowed down, before anything of the site is looked at.

use std::time::Duration;

use holm_edge::EdgeLimits;
use holm_site::guard::{AccessRules, ProjectGuard, RateAction, RateLimit};
use holm_types::VisitorCode;

use crate::scene::{FILES, Host, PROJECT, Scene};

async fn scene(access: AccessRules) -> Scene {
    let scene = Scene::empty(EdgeLimits::default());
    let files = [FILES, &[("/edgeone.json", RULES)]].concat();
    let document = scene.deploy(&files).await;
    let guard = ProjectGuard {
        project_id: PROJECT,
        protection: None,
        access,
    };
    let hosts = vec![
        Host::site("site.test", document),
        Host::site("shop.example", document).custom(),
        Host::gate("site--gone.test", VisitorCode::Deleted),
    ];
    scene.publish_guarded(1, hosts, vec![guard]).await;
    scene
}

const RULES: &[u8] = br#"{
  "redirects": [{ "source": "/old", "destination": "/new", "statusCode": 301 }],
  "headers": [
    { "source": "/*", "headers": [
      { "key": "X-Site", "value": "yes" },
      { "key": "Set-Cookie", "value": "own=1; Path=/" }] },
    { "source": "/about", "headers": [
      { "key": "Set-Cookie", "value": "wide=1; Domain=test" }] },
    { "source": "/data.bin", "headers": [
      { "key": "Set-Cookie", "value": "shop=1; Domain=.shop.example" }] }
  ]
}"#;

#[tokio::test(flavor = "multi_thread")]
async fn addresses_are_refused_on_every_host_of_the_project() {
    let scene = scene(AccessRules {
        ip_block: vec!["203.0.113.0/24".parse().unwrap()],
        ..AccessRules::default()
    })
    .await;
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    for host in ["site.test", "shop.example", "site--gone.test"] {
        for address in ["203.0.113.7", "::ffff:203.0.113.7"] {
            let reply = scene.ask("GET", host, "/old", &from(address)).await;
            assert_eq!(reply.status, 403, "{host} {address}");
            assert!(reply.text().contains("403: FORBIDDEN</h1>"));
            assert_eq!(
                reply.header("x-site"),
                "",
                "nothing of the site's is on a refusal"
            );
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.header("x-eop-msg"), "");
        }
    }
    assert_eq!(scene.get("/old", &from("203.0.114.7")).await.status, 301);
    let reply = scene.get("/", "").await;
    assert_eq!(
        (reply.status, reply.header("cache-control")),
        (200, "public, max-age=0, must-revalidate")
    );
    let records = scene.records(8).await;
    let reason = "the address is on the project's list ip_block";
    assert_eq!(records[0].reason.as_deref(), Some(reason));
    assert_eq!(records[0].peer.to_string(), "203.0.113.7");
    assert_eq!(records[0].project_id, Some(PROJECT));
}

#[tokio::test(flavor = "multi_thread")]
async fn referers_and_user_agents_are_refused() {
    let scene = scene(AccessRules {
        referer_block: vec!["evil.test".to_owned()],
        user_agent_block: vec!["*badbot*".to_owned()],
        ..AccessRules::default()
    })
    .await;
    let check = async |fields: &str, want: u16| {
        assert_eq!(scene.get("/", fields).await.status, want, "{fields}");
    };
    check("referer: https://evil.test/x\r\n", 403).await;
    check("user-agent: BadBot/2\r\n", 403).await;
    check("referer: https://good.test/\r\nuser-agent: curl/8\r\n", 200).await;
}

fn rate(path: &str, requests: u32, action: RateAction) -> AccessRules {
    AccessRules {
        rate_limits: vec![RateLimit {
            path: path.to_owned(),
            requests,
            window_seconds: 60,
            action,
        }],
        ..AccessRules::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_slows_an_address_down_and_no_other() {
    let scene = scene(rate("/a*", 2, RateAction::Block)).await;
    let one = "x-forwarded-for: 203.0.113.7\r\n";
    // The first needs the site and the file to be loaded, and is asked again: it counts once.
    assert_eq!(scene.get("/about", one).await.status, 200);
    scene.clock.advance(Duration::from_millis(500));
    assert_eq!(scene.get("/about", one).await.status, 200);
    let over = scene.get("/assets/app.1a2b3c4d.js", one).await;
    assert_eq!((over.status, over.header("retry-after")), (429, "60"));
    assert!(over.text().contains("429: RATE_LIMIT_EXCEEDED</h1>"));
    let json = scene
        .get("/about", &format!("{one}accept: application/json\r\n"))
        .await;
    assert!(json.text().contains("\"code\":\"RATE_LIMIT_EXCEEDED\""));
    assert_eq!(scene.get("/", one).await.status, 200, "another path");
    let other = "x-forwarded-for: 203.0.113.8\r\n";
    assert_eq!(scene.get("/about", other).await.status, 200);
    scene.clock.advance(Duration::from_millis(59_500));
    assert_eq!(scene.get("/about", one).await.status, 200, "a new window");
    let records = scene.records(7).await;
    let reason = "the project's rate limit 1 (/a*: 2 requests in 60 s) is exceeded";
    assert_eq!(records[2].reason.as_deref(), Some(reason));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_that_observes_is_only_recorded() {
    let scene = scene(rate("/*", 1, RateAction::Observe)).await;
    for _ in 0..2 {
        assert_eq!(scene.get("/about", "").await.status, 200);
    }
    let records = scene.records(2).await;
    assert_eq!(records[0].reason, None);
    let reason =
        "the project's rate limit 1 (/*: 1 requests in 60 s) is exceeded; it only observes";
    assert_eq!(records[1].reason.as_deref(), Some(reason));
    assert_eq!(records[1].fault, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_sets_no_cookie_for_others() {
    let scene = scene(AccessRules::default()).await;
    let cookie = async |host: &str, path: &str| {
        let reply = scene.ask("GET", host, path, "").await;
        assert_eq!(reply.header("x-site"), "yes");
        reply.header("set-cookie").to_owned()
    };
    assert_eq!(cookie("site.test", "/").await, "own=1; Path=/");
    assert_eq!(cookie("site.test", "/about").await, "own=1; Path=/");
    assert_eq!(cookie("shop.example", "/about").await, "own=1; Path=/");
    assert_eq!(cookie("site.test", "/data.bin").await, "own=1; Path=/");
    let both = "own=1; Path=/\nshop=1; Domain=.shop.example";
    assert_eq!(cookie("shop.example", "/data.bin").await, both);
}
