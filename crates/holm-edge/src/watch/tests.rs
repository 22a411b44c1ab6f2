//! Who is too slow, with the hands of the clock held.

use super::*;

struct Scene {
    clock: Arc<SweepClock>,
    watch: ConnectionWatch,
    limits: EdgeLimits,
}

const SLACK: Duration = Duration::from_secs(1);

fn scene() -> Scene {
    let clock = Arc::new(SweepClock::default());
    clock.set(Duration::from_secs(100));
    Scene {
        watch: ConnectionWatch::new([127, 0, 0, 1].into(), false, Arc::clone(&clock)),
        clock,
        limits: EdgeLimits::default(),
    }
}

impl Scene {
    fn verdict_at(&self, seconds: u64) -> Option<Verdict> {
        self.clock.set(Duration::from_secs(seconds));
        self.watch.sweep(&self.limits, SLACK)
    }
}

#[test]
fn a_slow_head_is_counted_from_the_opening() {
    let scene = scene();
    scene.clock.set(Duration::from_secs(105));
    scene.watch.bytes_read();
    assert_eq!(scene.verdict_at(110), None);
    assert_eq!(scene.verdict_at(111), Some(Verdict::HeadTooSlow));
    assert_eq!(scene.watch.verdict(), Some(Verdict::HeadTooSlow));
}

#[test]
fn a_silent_connection_is_closed_without_a_word() {
    let scene = scene();
    assert_eq!(scene.verdict_at(111), Some(Verdict::Idle));
}

#[test]
fn a_kept_connection_may_rest_longer_than_a_head_may_take() {
    let scene = scene();
    scene.watch.bytes_read();
    scene.watch.request_begins();
    assert_eq!(scene.verdict_at(300), None, "answering is not limited here");
    scene.watch.request_ends();
    assert_eq!(scene.verdict_at(375), None);
    assert_eq!(scene.verdict_at(376), Some(Verdict::Idle));
    scene.watch.bytes_read();
    assert_eq!(scene.verdict_at(386), None);
    assert_eq!(scene.verdict_at(387), Some(Verdict::HeadTooSlow));
}

#[test]
fn a_client_that_takes_nothing_is_shed_even_between_requests() {
    let scene = scene();
    scene.watch.request_begins();
    scene.watch.write_blocked();
    scene.watch.request_ends();
    assert_eq!(scene.verdict_at(130), None);
    scene.watch.write_progressed(1 << 20);
    scene.watch.write_blocked();
    assert_eq!(scene.verdict_at(160), None);
    assert_eq!(scene.verdict_at(161), Some(Verdict::Stalled));
}

#[test]
fn a_client_that_takes_a_little_now_and_then_is_shed() {
    let scene = scene();
    scene.watch.request_begins();
    scene.watch.write_blocked();
    for second in 101..131 {
        assert_eq!(scene.verdict_at(second), None, "at {second}");
        scene.watch.write_progressed(1000);
        scene.watch.write_blocked();
    }
    assert_eq!(scene.verdict_at(131), Some(Verdict::TakesTooSlowly));
}

#[test]
fn a_slow_client_that_takes_enough_is_served_for_hours() {
    let scene = scene();
    scene.watch.request_begins();
    scene.watch.write_progressed(64 * 1024);
    scene.watch.write_blocked();
    for second in (110..10_000).step_by(10) {
        assert_eq!(scene.verdict_at(second), None, "at {second}");
        scene.watch.write_progressed(10 * 1024 + 500);
        scene.watch.write_blocked();
    }
}

#[test]
fn time_in_which_there_is_nothing_to_send_does_not_count() {
    let scene = scene();
    scene.watch.request_begins();
    for second in (101..2_000).step_by(20) {
        scene.watch.write_blocked();
        assert_eq!(scene.verdict_at(second), None, "at {second}");
        scene.watch.write_progressed(2000);
        assert_eq!(scene.verdict_at(second + 19), None, "at {}", second + 19);
    }
}
