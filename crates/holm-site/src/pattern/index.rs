//! Many patterns in order, and the ones among them that take a path.
//!
//! A pattern is filed under the part of its literal beginning that ends with a slash, or, when it is all
//! literal, under its whole text. A path is looked up under each of its own beginnings, so that the time
//! depends on the depth of the path and not on the number of rules, unless they share one beginning.

use hashbrown::HashMap;

use super::Pattern;

/// Fewer patterns than this are quicker asked one by one.
const INDEX_FROM: usize = 12;

/// Patterns in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct PatternSet {
    patterns: Vec<Pattern>,
    index: Option<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Patterns that take one path only, by that path.
    exact: HashMap<Box<str>, Vec<u32>>,
    /// The others, by the beginning of their lead up to its last slash.
    by_lead: HashMap<Box<str>, Vec<u32>>,
    /// The longest key of `by_lead`, in bytes: longer beginnings need no look-up.
    lead_bytes_max: usize,
}

impl PatternSet {
    /// A set of these patterns.
    pub(crate) fn new(patterns: Vec<Pattern>) -> Self {
        let index = (patterns.len() >= INDEX_FROM).then(|| Index::new(&patterns));
        Self { patterns, index }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.patterns.len()
    }

    /// One of them.
    pub(crate) fn get(&self, index: usize) -> Option<&Pattern> {
        self.patterns.get(index)
    }

    /// The first that takes this path. Never allocates.
    pub(crate) fn first(&self, path: &str) -> Option<usize> {
        let Some(index) = &self.index else {
            return self
                .patterns
                .iter()
                .position(|pattern| pattern.is_match(path));
        };
        let mut best: Option<usize> = None;
        index.candidates(path, |bucket| {
            let found = bucket
                .iter()
                .map(|&at| at as usize)
                .take_while(|&at| best.is_none_or(|best| at < best))
                .find(|&at| self.takes(at, path));
            best = found.or(best);
        });
        best
    }

    /// The last that takes this path. Never allocates.
    pub(crate) fn last(&self, path: &str) -> Option<usize> {
        let Some(index) = &self.index else {
            return self
                .patterns
                .iter()
                .rposition(|pattern| pattern.is_match(path));
        };
        let mut best: Option<usize> = None;
        index.candidates(path, |bucket| {
            let found = bucket
                .iter()
                .rev()
                .map(|&at| at as usize)
                .take_while(|&at| best.is_none_or(|best| at > best))
                .find(|&at| self.takes(at, path));
            best = found.or(best);
        });
        best
    }

    /// Calls `take` with each that takes this path, in order. Allocates only when there are candidates.
    pub(crate) fn each(&self, path: &str, mut take: impl FnMut(usize)) {
        let Some(index) = &self.index else {
            for (at, pattern) in self.patterns.iter().enumerate() {
                if pattern.is_match(path) {
                    take(at);
                }
            }
            return;
        };
        let mut found: Vec<usize> = Vec::new();
        index.candidates(path, |bucket| {
            let bucket = bucket.iter().map(|&at| at as usize);
            found.extend(bucket.filter(|&at| self.takes(at, path)));
        });
        found.sort_unstable();
        found.into_iter().for_each(take);
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let patterns: usize = self.patterns.iter().map(Pattern::weight_bytes).sum();
        // Key, bucket and control byte of the index, at its usual load.
        let index = self.index.as_ref().map_or(0, |_| self.patterns.len() * 96);
        patterns + index
    }

    fn takes(&self, at: usize, path: &str) -> bool {
        self.patterns
            .get(at)
            .is_some_and(|pattern| pattern.is_match(path))
    }
}

impl Index {
    fn new(patterns: &[Pattern]) -> Self {
        let mut index = Self::default();
        for (at, pattern) in patterns.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            let lead = pattern.lead();
            if pattern.is_exact() {
                index.exact.entry(lead.into()).or_default().push(at);
                continue;
            }
            let end = lead.rfind('/').map_or(0, |slash| slash + 1);
            let (key, _) = lead.split_at(end);
            index.lead_bytes_max = index.lead_bytes_max.max(key.len());
            index.by_lead.entry(key.into()).or_default().push(at);
        }
        index
    }

    /// Calls `take` with each bucket, ascending within itself, that may hold a pattern for this path.
    fn candidates(&self, path: &str, mut take: impl FnMut(&[u32])) {
        if let Some(bucket) = self.exact.get(path) {
            take(bucket);
        }
        for (slash, _) in path.match_indices('/') {
            if slash >= self.lead_bytes_max {
                break;
            }
            let (key, _) = path.split_at(slash + 1);
            if let Some(bucket) = self.by_lead.get(key) {
                take(bucket);
            }
        }
    }
}
