//! Lost records are spoken of at once, then at most once a minute, and at the end.

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn lost(queue_full_count: u64) -> Lost {
    Lost {
        queue_full_count,
        write_failed_count: 0,
    }
}

#[test]
fn says_it_at_once_then_once_a_minute_then_at_the_end() {
    let mut report = LossReport::default();
    report.tick(SECOND, false, lost(0));
    assert_eq!(report.since, None);
    report.tick(SECOND, false, lost(3));
    assert_eq!(report.reported, lost(3));
    for _ in 0..59 {
        report.tick(SECOND, false, lost(9));
        assert_eq!(report.reported, lost(3));
    }
    report.tick(SECOND, false, lost(9));
    assert_eq!(report.reported, lost(9));
    report.tick(SECOND, false, lost(10));
    assert_eq!(report.reported, lost(9));
    report.tick(SECOND, true, lost(10));
    assert_eq!(report.reported, lost(10));
}
