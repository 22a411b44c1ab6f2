//! The catalogue stays what it was, and an event reaches the subscriber as one line.

use std::fmt::Write;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::span;

use super::*;

/// One line per event, as the catalogue stood when it was last reviewed.
const REVIEWED: &str = include_str!("catalogue.txt");

#[test]
fn the_catalogue_only_grows() {
    let reviewed: Vec<&str> = REVIEWED.lines().collect();
    let now: Vec<String> = EVENTS.iter().map(ToString::to_string).collect();
    for (position, line) in reviewed.iter().enumerate() {
        assert_eq!(
            now.get(position).map(String::as_str),
            Some(*line),
            "row {position} changed"
        );
    }
    assert_eq!(
        now.len(),
        reviewed.len(),
        "add the new rows to catalogue.txt: {now:#?}"
    );
}

#[test]
fn names_are_distinct() {
    let names: std::collections::BTreeSet<_> = EVENTS.iter().map(|kind| kind.name).collect();
    assert_eq!(names.len(), EVENTS.len());
}

#[test]
fn an_event_arrives_whole_and_on_one_line() {
    let seen = Seen::default();
    let event = StorageDamaged {
        path: "packs/1.pack\nERROR forged".to_owned(),
        reason: "torn".to_owned(),
    };
    tracing::subscriber::with_default(seen.clone(), || event.emit());
    let seen = seen.0.lock().unwrap().clone();
    assert_eq!(
        seen,
        "ERROR holm storage/damaged \
         message=something on disk is not what was written event=storage/damaged \
         path=packs/1.pack\\u{a}ERROR forged reason=torn"
    );
}

/// A subscriber that keeps the text of what it saw.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<String>>);

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        write!(self.0, " {}={value:?}", field.name()).unwrap();
    }
}

impl tracing::Subscriber for Seen {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = self.0.lock().unwrap();
        let metadata = event.metadata();
        write!(
            text,
            "{} {} {}",
            metadata.level(),
            metadata.target(),
            metadata.name()
        )
        .unwrap();
        event.record(&mut Fields(&mut text));
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}
