//! Processes: when they start, wait, are replaced, and end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use holm_functions::{FunctionLimits, Functions, InvocationFailure};
use http_body_util::BodyExt;

use crate::support::{self, Lines, PATIENCE, Wishes, deployment, get, house, until};

const COUNTING: &str = "let n = 0; export const handlers = [() => new Response(String(++n)),
    () => new Promise(r => setTimeout(() => r(new Response('slow')), 300))]";

#[tokio::test]
async fn an_idle_process_ends_and_the_next_request_starts_another() {
    let limits = FunctionLimits {
        idle_max: Duration::from_millis(50),
        ..FunctionLimits::default()
    };
    let Some(house) = house(Wishes {
        limits,
        ..Wishes::default()
    })
    .await
    else {
        return;
    };
    let site = deployment(1, COUNTING);
    assert_eq!(house.text(&site, get(0)).await, "1");
    assert_eq!(house.text(&site, get(0)).await, "2");
    until("it is evicted", || house.functions.counters().running == 0).await;
    assert_eq!(house.text(&site, get(0)).await, "1");
    let counters = house.functions.counters();
    assert_eq!(
        (counters.evicted, counters.started, counters.failures),
        (1, 2, 0)
    );
}

#[tokio::test]
async fn many_first_requests_start_one_process() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(1, COUNTING);
    let answers = join_all((0..32).map(|_| house.text(&site, get(0)))).await;
    assert_eq!(answers.len(), 32);
    assert_eq!(house.functions.counters().started, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_a_long_wait_ends() {
    let limits = FunctionLimits {
        concurrency_max: 1,
        queue_max: 1,
        queue_wait_max: Duration::from_millis(100),
        ..FunctionLimits::default()
    };
    let Some(house) = house(Wishes {
        limits,
        ..Wishes::default()
    })
    .await
    else {
        return;
    };
    let site = deployment(1, COUNTING);
    assert_eq!(house.text(&site, get(0)).await, "1");
    let ask = || house.ask(&site, get(1));
    let answers = join_all([ask(), ask(), ask()]).await;
    let said = |at: usize| answers[at].as_ref().map_err(ToString::to_string);
    assert_eq!(said(0).unwrap().body(), "slow");
    assert!(
        said(1).unwrap_err().contains("waited for 100 ms"),
        "{answers:?}"
    );
    assert!(
        said(2).unwrap_err().contains("1 requests wait already"),
        "{answers:?}"
    );
    assert_eq!(house.functions.counters().overloaded, 2);
    assert_eq!(house.text(&site, get(0)).await, "2");
}

#[tokio::test]
async fn a_replaced_process_finishes_what_it_has() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(1, COUNTING);
    assert_eq!(house.text(&site, get(0)).await, "1");
    let response = house.functions.invoke(&site, get(1));
    let slow = async { response.await.unwrap().into_body().collect().await.unwrap() };
    let retire = async {
        until("it is asked", || house.functions.counters().in_flight == 1).await;
        house.functions.retire(site.id);
        house.text(&site, get(0)).await
    };
    let (slow, fresh) = tokio::join!(slow, retire);
    assert_eq!(slow.to_bytes(), "slow");
    assert_eq!(fresh, "1");
    until("the old one ends", || {
        house.functions.counters().running == 1
    })
    .await;
}

#[tokio::test]
async fn background_work_is_finished_before_the_end() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [c => { c.waitUntil(new Promise(r => setTimeout(r, 200))
            .then(() => console.log('afterwards'))); return new Response('now') }]",
    );
    assert_eq!(house.text(&site, get(0)).await, "now");
    house.functions.shutdown().await;
    assert_eq!(house.functions.counters().running, 0);
    let lines = house.lines.all();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!(lines[0].1.text, "afterwards");
}

#[tokio::test]
async fn code_that_cannot_be_loaded_fails_when_prepared_with_its_place() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let broken = deployment(1, "export const handlers = [];\nconst x = ;\n");
    let failure = house.functions.prepare(&broken).await.unwrap_err();
    assert_eq!(failure.kind(), "load");
    assert!(failure.to_string().contains("bundle.js:2"), "{failure}");
    let throws = deployment(2, "\nthrow new Error('at start')");
    let failure = house.functions.prepare(&throws).await.unwrap_err();
    let InvocationFailure::Load { message, stack } = &failure else {
        panic!("{failure:?}");
    };
    assert_eq!(message, "Error: at start");
    assert!(stack.as_ref().unwrap().contains("bundle.js:2:"));
    // Just now is too soon to try again: the same is said, and no process started for it.
    let started = house.functions.counters().started;
    assert_eq!(house.failure(&throws, get(0)).await, failure);
    assert_eq!(house.functions.counters().started, started);
    let empty = deployment(3, "export const other = 1");
    let failure = house.functions.prepare(&empty).await.unwrap_err();
    assert!(failure.to_string().contains("neither"), "{failure}");
    let large = deployment(4, &format!("//{}", "x".repeat(5_000_000)));
    let failure = house.functions.prepare(&large).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "the bundle has 5000002 bytes; 5000000 are allowed"
    );
}

#[tokio::test]
async fn the_longest_idle_makes_room_and_busy_ones_do_not() {
    let limits = FunctionLimits {
        instances_max: 1,
        ..FunctionLimits::default()
    };
    let Some(house) = house(Wishes {
        limits,
        ..Wishes::default()
    })
    .await
    else {
        return;
    };
    let (one, two) = (deployment(1, COUNTING), deployment(2, COUNTING));
    assert_eq!(house.text(&one, get(0)).await, "1");
    assert_eq!(house.text(&two, get(0)).await, "1");
    until("room is made", || house.functions.counters().running == 1).await;
    let busy = house.functions.invoke(&two, get(1));
    let refused = async {
        until("it is busy", || house.functions.counters().in_flight == 1).await;
        house.failure(&one, get(0)).await
    };
    let (busy, refused) = tokio::join!(busy, refused);
    assert_eq!(busy.unwrap().status(), 200);
    assert_eq!(refused.kind(), "overloaded");
}

#[tokio::test]
async fn a_spare_waits_and_is_used() {
    let wishes = Wishes {
        has_spare: true,
        ..Wishes::default()
    };
    let Some(house) = house(wishes).await else {
        return;
    };
    let (one, two) = (deployment(1, COUNTING), deployment(2, COUNTING));
    assert_eq!(house.text(&one, get(0)).await, "1");
    until("a spare is started", || {
        house.functions.counters().started == 2
    })
    .await;
    assert_eq!(house.text(&two, get(0)).await, "1");
    assert_eq!(house.functions.counters().running, 2);
}

/// Not a test by itself: the process that the next one kills. Without a folder in its environment it has
/// nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os("HOLM_TEST_ORPHANS") else {
        return;
    };
    let folder = Path::new(&folder);
    let Some(program) = support::engine().await else {
        return;
    };
    let limits = FunctionLimits {
        cpu_max: PATIENCE,
        ..FunctionLimits::default()
    };
    let wishes = Wishes {
        limits,
        has_spare: true,
        ..Wishes::default()
    };
    let config = support::config(&program, folder, wishes, Arc::new(Lines::default()));
    let functions = Functions::open(config).unwrap();
    let spin = deployment(
        1,
        "export const handlers = [() => { for (;;); }, () => new Response('fine')]",
    );
    functions
        .invoke(&spin, get(1))
        .await
        .unwrap()
        .into_body()
        .collect()
        .await
        .unwrap();
    until("a spare is started", || functions.counters().started == 2).await;
    let asked = functions.invoke(&spin, get(0));
    tokio::join!(asked, async {
        until("it spins", || functions.counters().in_flight == 1).await;
        std::fs::write(folder.join("spinning"), "").unwrap();
    })
    .0
    .unwrap();
}

/// The processes whose parent is this one.
fn children(parent: u32) -> Vec<u32> {
    let pids = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line == format!("PPid:\t{parent}"))
    })
    .collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn nothing_survives_a_killed_supervisor() {
    if support::engine().await.is_none() {
        return;
    }
    let folder = holm_testkit::TempFolder::new();
    let mut holm = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["lifecycle::the_process_that_is_killed", "--exact"])
        .env("HOLM_TEST_ORPHANS", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    until("it spins", || folder.path().join("spinning").exists()).await;
    let started = children(holm.id());
    assert_eq!(started.len(), 2, "one that spins and the spare");
    holm.kill().unwrap();
    holm.wait().unwrap();
    let killed = Instant::now();
    until("all have ended", || {
        started
            .iter()
            .all(|pid| !Path::new(&format!("/proc/{pid}/exe")).exists())
    })
    .await;
    assert!(
        killed.elapsed() < Duration::from_secs(5),
        "{:?}",
        killed.elapsed()
    );
}
