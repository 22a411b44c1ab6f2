//! Patterns by one whole segment that their paths have at one place.

use std::hash::{Hash, Hasher};

use hashbrown::{Equivalent, HashMap};

use super::{Pattern, pattern};
use crate::pattern::Side;

/// A segment at a place, counted from an end of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Anchor<'t> {
    side: Side,
    place: usize,
    text: &'t str,
}

/// The same, owning its text.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    side: Side,
    place: usize,
    text: Box<str>,
}

impl Key {
    fn as_anchor(&self) -> Anchor<'_> {
        Anchor {
            side: self.side,
            place: self.place,
            text: &self.text,
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_anchor().hash(state);
    }
}

impl Equivalent<Key> for Anchor<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        *self == key.as_anchor()
    }
}

#[derive(Debug, Default)]
pub(super) struct Segments {
    by_key: HashMap<Key, Vec<u32>>,
    /// From the beginning: one more than the last place that a key has.
    beginning_end: usize,
    /// From the end, likewise.
    end_end: usize,
    key_bytes: usize,
}

impl Segments {
    pub(super) fn push(&mut self, anchor: &Anchor<'_>, at: u32) {
        let end = match anchor.side {
            Side::Beginning => &mut self.beginning_end,
            Side::End => &mut self.end_end,
        };
        *end = (*end).max(anchor.place + 1);
        if let Some(bucket) = self.by_key.get_mut(anchor) {
            bucket.push(at);
            return;
        }
        self.key_bytes += anchor.text.len();
        let key = Key {
            side: anchor.side,
            place: anchor.place,
            text: anchor.text.into(),
        };
        self.by_key.insert(key, vec![at]);
    }

    /// Calls `take` with each bucket whose segment this path has at its place.
    pub(super) fn candidates(&self, path: &str, take: &mut impl FnMut(&[u32])) {
        let mut look_up = |side, place, text| {
            if let Some(bucket) = self.by_key.get(&Anchor { side, place, text }) {
                take(bucket);
            }
        };
        for (place, text) in path.split('/').enumerate().take(self.beginning_end) {
            look_up(Side::Beginning, place, text);
        }
        for (place, text) in path.rsplit('/').enumerate().take(self.end_end) {
            look_up(Side::End, place, text);
        }
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.by_key.allocation_size() + self.key_bytes + self.by_key.len() * 32
    }
}

/// How many patterns have each anchor.
pub(super) type Counts<'p> = HashMap<Anchor<'p>, u32>;

/// Counts the anchors of these patterns.
pub(super) fn count<'p>(patterns: &'p [Pattern], members: &[u32]) -> Counts<'p> {
    let mut counts = Counts::new();
    for found in members.iter().filter_map(|at| pattern(patterns, *at)) {
        for anchor in anchors(found) {
            *counts.entry(anchor).or_default() += 1;
        }
    }
    counts
}

/// The anchor that a pattern shares with the fewest, and with how many, itself included.
pub(super) fn rarest<'p>(pattern: &'p Pattern, counts: &Counts<'p>) -> Option<(Anchor<'p>, u32)> {
    let crowds = anchors(pattern).filter_map(|anchor| Some((anchor, *counts.get(&anchor)?)));
    crowds.min_by_key(|(_, crowd)| *crowd)
}

fn anchors(pattern: &Pattern) -> impl Iterator<Item = Anchor<'_>> {
    let segments = pattern.whole_segments().into_iter();
    segments.map(|(side, place, text)| Anchor { side, place, text })
}
