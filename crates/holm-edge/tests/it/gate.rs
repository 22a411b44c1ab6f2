//! Protection: what a visitor must show, on every path, and what is sent to who shows it.

use std::time::Duration;

use holm_edge::EdgeLimits;
use holm_site::guard::{
    AccessRules, Coverage, PASSWORD_PATH, PasswordHash, ProjectGuard, Protection, ProtectionMode,
    RateAction, RateLimit, RefusalForm, SigningKey,
};
use holm_telemetry::ServedBy;
use holm_types::VisitorCode;

use crate::client::Reply;
use crate::function_scene::{FunctionScene, Project};
use crate::scene::{FILES, Host, PROJECT, SEALED_AT, Scene};

const PREVIEW: &str = "site--b-main.test";
const NOW: u64 = 1_700_000_000;

fn key() -> SigningKey {
    SigningKey::from_bytes([9; 32])
}

fn protected(mode: ProtectionMode) -> ProjectGuard {
    ProjectGuard {
        project_id: PROJECT,
        protection: Some(Protection {
            mode,
            coverage: Coverage::Previews,
            refusal: RefusalForm::Unauthorized,
            signing_key: key(),
        }),
        access: AccessRules::default(),
    }
}

fn hiding() -> ProjectGuard {
    let mut guard = protected(ProtectionMode::Signed);
    guard.protection.as_mut().unwrap().refusal = RefusalForm::NotFound;
    guard
}

/// A production host, a preview, a preview that was deleted and a custom domain of one project.
async fn scene(guard: ProjectGuard) -> Scene {
    scene_with(EdgeLimits::default(), guard, FILES).await
}

async fn scene_with(
    limits: EdgeLimits,
    guard: ProjectGuard,
    files: &[crate::scene::File<'_>],
) -> Scene {
    assert_eq!(SEALED_AT.unix_seconds(), NOW);
    let scene = Scene::empty(limits);
    let document = scene.deploy(files).await;
    let hosts = vec![
        Host::site("site.test", document),
        Host::site(PREVIEW, document).preview(),
        Host::gate("site--gone.test", VisitorCode::Deleted).preview(),
        Host::site("shop.example", document).preview().custom(),
    ];
    scene.publish_guarded(1, hosts, vec![guard]).await;
    scene
}

fn link(host: &str, made_at: u64) -> String {
    format!("eo_token={}&eo_time={made_at}", key().ticket(host, made_at))
}

/// The `Cookie` line that a browser sends after this answer.
fn cookie_line(reply: &Reply) -> String {
    let pairs = reply.header("set-cookie").lines();
    let pairs: Vec<&str> = pairs.map(|line| line.split(';').next().unwrap()).collect();
    format!("cookie: {}\r\n", pairs.join("; "))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_a_signed_preview_is_shown_without_its_link() {
    let scene = scene(protected(ProtectionMode::Signed)).await;
    for path in ["/", "/assets/app.1a2b3c4d.js", "/none", "/data.bin?x=1"] {
        for method in ["GET", "HEAD", "POST", "OPTIONS"] {
            let reply = scene.ask(method, PREVIEW, path, "").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(
                reply.header("x-eop-msg"),
                "eo_time missing",
                "{method} {path}"
            );
            assert_eq!(reply.header("x-robots-tag"), "noindex");
            assert_eq!(reply.header("referrer-policy"), "no-referrer");
            assert_eq!(reply.header("cache-control"), "no-store");
        }
    }
    let reply = scene.ask("GET", PREVIEW, "/", "").await;
    assert!(reply.text().contains("401: UNAUTHORIZED</h1>"));
    let reply = scene
        .ask("GET", PREVIEW, "/", "accept: application/json\r\n")
        .await;
    assert!(reply.text().contains("\"code\":\"UNAUTHORIZED\""));
    assert_eq!(reply.header("content-type"), "application/problem+json");
    // A state of the deployment is no stranger's to know either.
    assert_eq!(
        scene.ask("GET", "site--gone.test", "/", "").await.status,
        401
    );
    assert_eq!(scene.ask("GET", "site.test", "/", "").await.status, 200);
    assert_eq!(scene.ask("GET", "shop.example", "/", "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_opens_the_host_by_cookies_until_it_ends() {
    let scene = scene(protected(ProtectionMode::Signed)).await;
    let target = format!("/about?a=1&{}", link(PREVIEW, NOW));
    let reply = scene.ask("GET", PREVIEW, &target, "").await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (302, "/about?a=1")
    );
    assert_eq!(reply.header("cache-control"), "no-store");
    let cookies: Vec<&str> = reply.header("set-cookie").lines().collect();
    assert_eq!(cookies.len(), 2);
    for (cookie, name) in cookies.iter().zip(["eo_token=", "eo_time="]) {
        assert!(cookie.starts_with(name), "{cookie}");
        assert!(
            cookie.ends_with("; Path=/; Max-Age=10800; HttpOnly; SameSite=Lax"),
            "{cookie}"
        );
    }
    let cookie = cookie_line(&reply);
    for path in ["/about?a=1", "/assets/app.1a2b3c4d.js", "/none"] {
        let reply = scene.ask("GET", PREVIEW, path, &cookie).await;
        assert_eq!(
            reply.status,
            if path == "/none" { 404 } else { 200 },
            "{path}"
        );
        assert_eq!(reply.header("cache-control"), "private, no-cache", "{path}");
        assert_eq!(reply.header("x-robots-tag"), "noindex", "{path}");
    }
    // The state of a deployment is told to who may know it.
    let gone = format!("/?{}", link("site--gone.test", NOW));
    assert_eq!(
        scene.ask("GET", "site--gone.test", &gone, "").await.status,
        302
    );
    // Of another host, the cookies are worth nothing.
    let other = scene.ask("GET", "site--gone.test", "/", &cookie).await;
    assert_eq!(
        (other.status, other.header("x-eop-msg")),
        (401, "eo_token invalid")
    );
    scene.clock.advance(Duration::from_secs(10_799));
    assert_eq!(scene.ask("GET", PREVIEW, "/", &cookie).await.status, 200);
    scene.clock.advance(Duration::from_secs(1));
    let ended = scene.ask("GET", PREVIEW, "/", &cookie).await;
    assert_eq!(
        (ended.status, ended.header("x-eop-msg")),
        (401, "eo_time expired")
    );
    assert_eq!(scene.ask("GET", PREVIEW, &target, "").await.status, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_tls_the_cookies_are_secure() {
    let scene = scene(protected(ProtectionMode::Signed)).await;
    let target = format!("/?{}", link(PREVIEW, NOW));
    let reply = scene
        .ask("GET", PREVIEW, &target, "x-forwarded-proto: https\r\n")
        .await;
    let cookies = reply.header("set-cookie");
    assert!(
        cookies.lines().all(|cookie| cookie.ends_with("; Secure")),
        "{cookies}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_ends_every_link_and_cookie() {
    let scene = scene(protected(ProtectionMode::Signed)).await;
    let reply = scene
        .ask("GET", PREVIEW, &format!("/?{}", link(PREVIEW, NOW)), "")
        .await;
    let cookie = cookie_line(&reply);
    assert_eq!(scene.ask("GET", PREVIEW, "/", &cookie).await.status, 200);
    let document = scene.deploy(FILES).await;
    let mut guard = protected(ProtectionMode::Signed);
    guard.protection.as_mut().unwrap().signing_key = SigningKey::from_bytes([1; 32]);
    let hosts = vec![Host::site(PREVIEW, document).preview()];
    scene.publish_guarded(2, hosts, vec![guard]).await;
    let reply = scene.ask("GET", PREVIEW, "/", &cookie).await;
    assert_eq!(reply.header("x-eop-msg"), "eo_token invalid");
}

#[tokio::test(flavor = "multi_thread")]
async fn records_say_why_and_never_the_ticket() {
    let scene = scene(protected(ProtectionMode::Signed)).await;
    let secret = key().ticket(PREVIEW, NOW);
    let target = format!("/a?eo_token={secret}&eo_time={NOW}");
    scene
        .ask(
            "GET",
            PREVIEW,
            &target,
            &format!("referer: http://x.test{target}\r\n"),
        )
        .await;
    scene.ask("GET", PREVIEW, "/", "").await;
    let records = scene.records(2).await;
    assert_eq!(
        &*records[0].target,
        &*format!("/a?eo_token=***&eo_time={NOW}")
    );
    assert_eq!(records[0].served_by, ServedBy::Redirect);
    assert_eq!(
        records[1].reason.as_deref(),
        Some("protection: eo_time missing")
    );
    for record in &records {
        assert_eq!(record.project_id, Some(PROJECT));
        assert!(!format!("{record:?}").contains(&secret));
    }
}

/// Status and head without what differs by design from request to request, and the body without its id.
fn outside(reply: &Reply) -> (String, String) {
    let id = reply.header("eo-log-uuid");
    (reply.head(), reply.text().replace(id, "ID"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hides_is_like_one_that_is_not_there() {
    let scene = scene(hiding()).await;
    for (method, path, fields) in [
        ("GET", "/", ""),
        ("GET", "/about", "accept: application/json\r\n"),
        ("HEAD", "/", ""),
        ("POST", "/", ""),
        ("OPTIONS", "/", ""),
        ("POST", PASSWORD_PATH, "content-length: 0\r\n"),
        ("GET", "/?eo_token=00&eo_time=1700000000", ""),
        ("GET", "/", "cookie: eo_token=00; eo_time=1700000000\r\n"),
    ] {
        let hidden = scene.ask(method, PREVIEW, path, fields).await;
        let absent = scene.ask(method, "none--b-main.test", path, fields).await;
        assert_eq!(
            outside(&hidden),
            outside(&absent),
            "{method} {path} {fields}"
        );
        assert_eq!(hidden.status, 404);
        let gone = scene.ask(method, "site--gone.test", path, fields).await;
        assert_eq!(outside(&gone), outside(&absent), "{method} {path} {fields}");
    }
    let opened = scene
        .ask("GET", PREVIEW, &format!("/?{}", link(PREVIEW, NOW)), "")
        .await;
    assert_eq!(opened.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_hides_does_not_give_itself_away_by_other_rules() {
    let mut guard = hiding();
    guard.access.ip_block = vec!["203.0.113.9".parse().unwrap()];
    guard.access.rate_limits = vec![RateLimit {
        path: "/*".to_owned(),
        requests: 1,
        window_seconds: 60,
        action: RateAction::Block,
    }];
    let scene = scene(guard).await;
    let absent = scene.ask("GET", "none.test", "/", "").await;
    for fields in ["x-forwarded-for: 203.0.113.9\r\n", "", "", ""] {
        let hidden = scene.ask("GET", PREVIEW, "/", fields).await;
        assert_eq!(outside(&hidden), outside(&absent), "{fields}");
    }
    let cookie = format!(
        "cookie: eo_token={}; eo_time={NOW}\r\n",
        key().ticket(PREVIEW, NOW)
    );
    assert_eq!(scene.ask("GET", PREVIEW, "/", &cookie).await.status, 429);
}

const PASSWORD: &str = "open sesame & more";

fn with_password() -> ProjectGuard {
    let hash = PasswordHash::make(PASSWORD, &[5; 16]).unwrap();
    protected(ProtectionMode::Password(hash))
}

async fn send_form(scene: &Scene, host: &str, body: &str, fields: &str) -> Reply {
    let mut client = scene.connect().await;
    let length = body.len();
    let head = format!(
        "POST {PASSWORD_PATH} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n\
         accept: text/html\r\n{fields}\r\n"
    );
    client.send(head + body).await;
    client.reply_to("POST").await.expect("there is an answer")
}

const RIGHT: &str = "return=%2Fabout%3Fa%3D1&password=open+sesame+%26+more";

#[tokio::test(flavor = "multi_thread")]
async fn the_password_is_asked_for_and_opens_the_host() {
    let scene = scene(with_password()).await;
    let form = scene
        .ask(
            "GET",
            PREVIEW,
            "/about?a=%22x%22&b='y'",
            "accept: text/html\r\n",
        )
        .await;
    assert_eq!(
        (form.status, form.header("x-eop-msg")),
        (401, "password required")
    );
    assert!(
        form.header("content-security-policy")
            .contains("frame-ancestors 'none'")
    );
    assert_eq!(form.header("referrer-policy"), "same-origin");
    assert_eq!(form.header("cache-control"), "no-store");
    let text = form.text();
    assert!(
        text.contains(&format!("action=\"{PASSWORD_PATH}\"")),
        "{text}"
    );
    assert!(
        text.contains("value=\"/about?a=%22x%22&amp;b='y'\""),
        "{text}"
    );
    assert!(text.contains(form.header("eo-log-uuid")), "{text}");
    let json = scene
        .ask("GET", PREVIEW, "/", "accept: application/json\r\n")
        .await;
    assert!(json.text().contains("\"code\":\"UNAUTHORIZED\""));

    let wrong = send_form(&scene, PREVIEW, "return=/about&password=nonsense", "").await;
    assert_eq!(
        (wrong.status, wrong.header("x-eop-msg")),
        (401, "password wrong")
    );
    assert!(wrong.text().contains("That is not the password."));
    assert_eq!(wrong.header("set-cookie"), "");

    let origin = format!("origin: http://{PREVIEW}\r\n");
    let right = send_form(&scene, PREVIEW, RIGHT, &origin).await;
    assert_eq!(
        (right.status, right.header("location")),
        (303, "/about?a=1")
    );
    let set = right.header("set-cookie");
    assert!(
        set.ends_with("; Path=/; Max-Age=43200; HttpOnly; SameSite=Lax"),
        "{set}"
    );
    let cookie = cookie_line(&right);
    let shown = scene.ask("GET", PREVIEW, "/about", &cookie).await;
    assert_eq!(
        (shown.status, shown.header("cache-control")),
        (200, "private, no-cache")
    );
    assert_eq!(
        scene
            .ask("GET", "site--gone.test", "/", &cookie)
            .await
            .status,
        401
    );
    scene.clock.advance(Duration::from_hours(12));
    assert_eq!(
        scene.ask("GET", PREVIEW, "/about", &cookie).await.status,
        401
    );
    // A link opens a host with a password too.
    let link = format!("/?{}", link(PREVIEW, NOW + 43_200));
    assert_eq!(scene.ask("GET", PREVIEW, &link, "").await.status, 302);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_is_taken_from_its_own_page_only_and_within_bounds() {
    let scene = scene(with_password()).await;
    for fields in [
        "origin: http://evil.test\r\n",
        "origin: null\r\n",
        "sec-fetch-site: same-site\r\n",
    ] {
        let reply = send_form(&scene, PREVIEW, RIGHT, fields).await;
        assert_eq!(
            (reply.status, reply.header("set-cookie")),
            (403, ""),
            "{fields}"
        );
    }
    let elsewhere = "return=https%3A%2F%2Fevil.test%2F&password=open+sesame+%26+more";
    assert_eq!(
        send_form(&scene, PREVIEW, elsewhere, "")
            .await
            .header("location"),
        "/"
    );
    let large = format!("password={}", "x".repeat(20_000));
    let reply = send_form(&scene, PREVIEW, &large, "").await;
    assert_eq!((reply.status, reply.header("connection")), (413, "close"));
    // Where nobody asks for a password, the path is the site's.
    assert_eq!(send_form(&scene, "site.test", RIGHT, "").await.status, 404);
    assert_eq!(send_form(&scene, "none.test", RIGHT, "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_tried_ten_times_in_a_quarter_of_an_hour() {
    let limits = EdgeLimits {
        password_attempts_max: 2,
        ..EdgeLimits::default()
    };
    let scene = scene_with(limits, with_password(), FILES).await;
    let from = |address: &str| format!("x-forwarded-for: {address}\r\n");
    let wrong = "password=nonsense";
    for _ in 0..2 {
        let reply = send_form(&scene, PREVIEW, wrong, &from("203.0.113.9")).await;
        assert_eq!(reply.status, 401);
    }
    // Also the right one, or guessing would be told its luck.
    let refused = send_form(&scene, PREVIEW, RIGHT, &from("203.0.113.9")).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, "900")
    );
    assert!(refused.text().contains("RATE_LIMIT_EXCEEDED"));
    assert_eq!(
        send_form(&scene, PREVIEW, RIGHT, &from("203.0.113.10"))
            .await
            .status,
        303
    );
    scene.clock.advance(Duration::from_mins(15));
    assert_eq!(
        send_form(&scene, PREVIEW, wrong, &from("203.0.113.9"))
            .await
            .status,
        401
    );
    assert_eq!(
        send_form(&scene, PREVIEW, RIGHT, &from("203.0.113.9"))
            .await
            .status,
        303
    );
    // Who knew the password begins anew.
    for _ in 0..2 {
        let reply = send_form(&scene, PREVIEW, wrong, &from("203.0.113.9")).await;
        assert_eq!(reply.status, 401);
    }
}

#[tokio::test]
async fn no_code_is_run_for_a_visitor_who_was_not_let_in() {
    let project = || Project {
        files: FILES,
        functions: &[(
            "/own",
            &[],
            "async c => {
                const about = await (await fetch(new URL('/about', c.request.url))).text();
                return new Response(about, { headers: { 'cache-control': 'public, max-age=60' } });
            }",
        )],
        middleware: Some((&["^/data"], "() => new Response('from the middleware')")),
    };
    let Some(scene) = FunctionScene::of(project()).await else {
        return;
    };
    let production = scene.site("site.test", project()).await;
    let preview = scene.site(PREVIEW, project()).await.preview();
    let guard = protected(ProtectionMode::Signed);
    let hosts = vec![production, preview];
    scene.publish_guarded(2, hosts, vec![guard]).await;
    for path in ["/own", "/data.bin"] {
        for method in ["GET", "POST", "OPTIONS"] {
            let reply = scene.ask(method, PREVIEW, path, "").await;
            assert_eq!(reply.status, 401, "{method} {path}");
        }
        let fields = "content-length: 4\r\n\r\nbody";
        assert_eq!(scene.ask("POST", PREVIEW, path, fields).await.status, 401);
    }
    assert_eq!(scene.counts().invocations, 0);
    let entry = format!("/own?{}", link(PREVIEW, NOW));
    let cookies = cookie_line(&scene.ask("GET", PREVIEW, &entry, "").await);
    let reply = scene.ask("GET", PREVIEW, "/own", &cookies).await;
    assert_eq!(reply.text(), "<h1>about</h1>");
    // Whatever the code says: it is for nobody else, and not for search engines.
    assert!(
        reply.header("cache-control").contains("private"),
        "{}",
        reply.head()
    );
    assert_eq!(reply.header("x-robots-tag"), "noindex");
    let reply = scene.ask("GET", PREVIEW, "/data.bin", &cookies).await;
    assert_eq!(reply.text(), "from the middleware");
    assert!(
        reply.header("cache-control").contains("private"),
        "{}",
        reply.head()
    );
    assert_eq!(
        scene.get("/own", "").await.header("cache-control"),
        "public, max-age=60"
    );
}
