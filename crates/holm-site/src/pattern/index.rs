//! Many patterns in order, and the ones among them that take a path.
//!
//! A pattern that is all literal is filed under its text. Any other is filed under the part of its literal
//! beginning that ends with a slash; where many share one, under the part of its literal end that starts with
//! a slash, if fewer share that. A path is looked up under each of its own beginnings and ends, so that the
//! time depends on the depth of the path and not on the number of rules, unless they share both.
//!
//! 100,000 rules of mixed kinds take about 30 MB.

use hashbrown::HashMap;

use super::Pattern;

/// Fewer patterns than this are quicker asked one by one.
const INDEX_FROM: usize = 12;

/// More patterns than this under one beginning are better filed under their ends.
const CROWDED_FROM: usize = 5;

/// Patterns in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct PatternSet {
    patterns: Vec<Pattern>,
    index: Option<Index>,
}

#[derive(Debug, Default)]
struct Index {
    /// Patterns that take one path only, by that path.
    exact: Buckets,
    /// Others, by the beginning of their lead up to its last slash.
    by_lead: Buckets,
    /// Others, by the end of their tail from its first slash.
    by_tail: Buckets,
}

/// Indexes of patterns, ascending, by a text.
#[derive(Debug, Default)]
struct Buckets {
    by_key: HashMap<Box<str>, Vec<u32>>,
    /// The longest key, in bytes: a longer text needs no look-up.
    key_bytes_max: usize,
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

    /// How many patterns a path is compared with.
    #[cfg(test)]
    pub(super) fn candidate_count(&self, path: &str) -> usize {
        let mut count = 0;
        match &self.index {
            Some(index) => index.candidates(path, |bucket| count += bucket.len()),
            None => count = self.patterns.len(),
        }
        count
    }

    fn takes(&self, at: usize, path: &str) -> bool {
        self.patterns
            .get(at)
            .is_some_and(|pattern| pattern.is_match(path))
    }
}

impl Index {
    fn new(patterns: &[Pattern]) -> Self {
        let (leads, tails) = (
            count(patterns, Pattern::lead_key),
            count(patterns, Pattern::tail_key),
        );
        let mut index = Self::default();
        for (at, pattern) in patterns.iter().enumerate() {
            let at = u32::try_from(at).unwrap_or(u32::MAX);
            if pattern.is_exact() {
                index.exact.push(pattern.lead(), at);
                continue;
            }
            let (lead, tail) = (pattern.lead_key(), pattern.tail_key());
            let crowd = leads.get(lead).copied().unwrap_or_default();
            if crowd >= CROWDED_FROM
                && !tail.is_empty()
                && tails.get(tail).is_some_and(|tails| *tails < crowd)
            {
                index.by_tail.push(tail, at);
            } else {
                index.by_lead.push(lead, at);
            }
        }
        index
    }

    /// Calls `take` with each bucket, ascending within itself, that may hold a pattern for this path.
    fn candidates(&self, path: &str, mut take: impl FnMut(&[u32])) {
        take(self.exact.get(path));
        for (slash, _) in path.match_indices('/') {
            if slash >= self.by_lead.key_bytes_max {
                break;
            }
            let (key, _) = path.split_at(slash + 1);
            take(self.by_lead.get(key));
        }
        for (slash, _) in path.rmatch_indices('/') {
            if path.len() - slash > self.by_tail.key_bytes_max {
                break;
            }
            let (_, key) = path.split_at(slash);
            take(self.by_tail.get(key));
        }
    }
}

impl Buckets {
    fn push(&mut self, key: &str, at: u32) {
        self.key_bytes_max = self.key_bytes_max.max(key.len());
        match self.by_key.get_mut(key) {
            Some(bucket) => bucket.push(at),
            None => {
                self.by_key.insert(key.into(), vec![at]);
            }
        }
    }

    fn get(&self, key: &str) -> &[u32] {
        if key.len() > self.key_bytes_max {
            return &[];
        }
        self.by_key.get(key).map(Vec::as_slice).unwrap_or_default()
    }
}

/// How many patterns that take more than one path share each key.
fn count(patterns: &[Pattern], key: impl Fn(&Pattern) -> &str) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for pattern in patterns.iter().filter(|pattern| !pattern.is_exact()) {
        *counts.entry(key(pattern)).or_default() += 1;
    }
    counts
}
