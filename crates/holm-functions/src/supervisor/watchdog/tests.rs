//! Who is blamed, and who is not.

use super::*;

fn at(cpu_ms: u64) -> Sample {
    Sample {
        cpu: Duration::from_millis(cpu_ms),
        private_bytes: 40 * 1024 * 1024,
    }
}

fn load(count: usize, version: u64, progress: u64) -> Load {
    Load {
        count,
        version,
        progress,
        idle_for: Duration::ZERO,
    }
}

/// Looks, each with CPU time, requests, version and progress; gives the CPU time blamed at the first that
/// ends the process.
fn blamed(looks: &[(u64, usize, u64, u64)], pongs_at: &[u64]) -> Option<u128> {
    let limits = FunctionLimits::default();
    let mut watch = Watch::new(at(0), load(0, 0, 0));
    for (cpu, count, version, progress) in looks {
        if pongs_at.contains(cpu) {
            watch.pong(at(*cpu));
        }
        let judged = watch.judge(at(*cpu), load(*count, *version, *progress), &limits);
        if let Some(InvocationFailure::CpuTime { used, .. }) = judged {
            return Some(used.as_millis());
        }
    }
    None
}

#[test]
fn one_request_in_a_loop_is_ended_at_the_limit() {
    let looks = [(0, 1, 1, 0), (100, 1, 1, 0), (199, 1, 1, 0), (201, 1, 1, 0)];
    assert_eq!(blamed(&looks, &[]), Some(201));
}

#[test]
fn one_that_yields_is_ended_by_the_sum() {
    let looks = [(0, 1, 1, 0), (100, 1, 1, 0), (201, 1, 1, 0)];
    assert_eq!(blamed(&looks, &[100, 201]), Some(201));
}

#[test]
fn many_short_ones_are_not() {
    let looks: Vec<_> = (0..100)
        .map(|look| (look * 100, 64, look + 1, look))
        .collect();
    assert_eq!(blamed(&looks, &[]), None);
}

#[test]
fn a_row_of_heavy_ones_is_not_but_a_loop_among_them_is() {
    let row = [(0, 64, 1, 0), (700, 64, 1, 0), (750, 63, 2, 1)];
    assert_eq!(blamed(&row, &[]), None);
    let looped = [(0, 64, 1, 0), (700, 64, 1, 0), (801, 64, 1, 0)];
    assert_eq!(blamed(&looped, &[]), Some(801));
}

#[test]
fn an_idle_stream_is_not_blamed_for_others() {
    let looks: Vec<_> = (0..1000)
        .map(|look| (look * 25, 1 + usize::from(look % 2 == 0), look + 1, look))
        .collect();
    assert_eq!(blamed(&looks, &[]), None);
}

#[test]
fn work_without_a_request_has_a_limit_too() {
    let looks = [(0, 0, 1, 0), (1_900, 0, 1, 0), (2_001, 0, 1, 0)];
    assert_eq!(blamed(&looks, &[]), Some(2_001));
}

#[test]
fn memory_beside_the_heap_counts() {
    let limits = FunctionLimits::default();
    let mut watch = Watch::new(at(0), load(1, 1, 0));
    let mut large = at(1);
    large.private_bytes = 300 * 1024 * 1024;
    let judged = watch.judge(large, load(1, 1, 0), &limits);
    assert!(matches!(judged, Some(InvocationFailure::Memory { .. })));
}
