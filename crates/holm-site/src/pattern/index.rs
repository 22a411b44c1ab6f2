//! Many patterns in order, and the ones among them that take a path.
//!
//! A pattern that is all literal is found under its text. Any other is filed once, under whichever of these it
//! shares with the fewest others: the literal text that its paths begin with, the literal text that they end
//! with, or one whole segment that they have at one place from either end. A path is looked up under each of
//! its own, so that the time depends on the path and not on the number of rules, unless they share all of
//! these.
//!
//! 100,000 rules: see `cargo xtask bench rules`.

mod ends;
mod exact;
mod segments;

use ends::{End, Ends};
use exact::Exact;
use segments::Segments;

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
    exact: Exact,
    /// Others, by what their paths begin with.
    leads: Ends,
    /// Others, by what their paths end with.
    tails: Ends,
    /// Others, by a segment of theirs.
    segments: Segments,
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
        index.candidates(&self.patterns, path, |bucket| {
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
        index.candidates(&self.patterns, path, |bucket| {
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
        index.candidates(&self.patterns, path, |bucket| {
            let bucket = bucket.iter().map(|&at| at as usize);
            found.extend(bucket.filter(|&at| self.takes(at, path)));
        });
        found.sort_unstable();
        found.into_iter().for_each(take);
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let patterns: usize = self.patterns.iter().map(Pattern::weight_bytes).sum();
        let index = self.index.as_ref().map_or(0, Index::weight_bytes);
        patterns + index
    }

    /// How many patterns a path is compared with.
    #[cfg(test)]
    pub(super) fn candidate_count(&self, path: &str) -> usize {
        let mut count = 0;
        match &self.index {
            Some(index) => index.candidates(&self.patterns, path, |bucket| count += bucket.len()),
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
        let (exact, others): (Vec<u32>, Vec<u32>) =
            places(patterns).partition(|at| pattern(patterns, *at).is_some_and(Pattern::is_exact));
        let crowds = Crowds::count(patterns, &others);
        let (mut leads, mut tails, mut segments) = (Vec::new(), Vec::new(), Segments::default());
        for at in others {
            let Some(found) = pattern(patterns, at) else {
                continue;
            };
            let lead = crowds.lead(at);
            let tail = crowds.tail(at);
            let segment = segments::rarest(found, &crowds.segments);
            match segment {
                Some((anchor, crowd)) if crowd < lead.min(tail) => segments.push(&anchor, at),
                _ if tail < lead => tails.push(at),
                _ => leads.push(at),
            }
        }
        Self {
            exact: Exact::new(patterns, exact),
            leads: Ends::new(End::Lead, patterns, leads),
            tails: Ends::new(End::Tail, patterns, tails),
            segments,
        }
    }

    /// Calls `take` with each bucket, ascending within itself, that may hold a pattern for this path.
    fn candidates(&self, patterns: &[Pattern], path: &str, mut take: impl FnMut(&[u32])) {
        self.exact.candidates(patterns, path, &mut take);
        self.leads.candidates(path, &mut take);
        self.tails.candidates(path, &mut take);
        self.segments.candidates(path, &mut take);
    }

    fn weight_bytes(&self) -> usize {
        self.exact.weight_bytes()
            + self.leads.weight_bytes()
            + self.tails.weight_bytes()
            + self.segments.weight_bytes()
    }
}

fn places(patterns: &[Pattern]) -> impl Iterator<Item = u32> {
    // A list of rules comes from a file of bounded length.
    0..u32::try_from(patterns.len()).unwrap_or(u32::MAX)
}

fn pattern(patterns: &[Pattern], at: u32) -> Option<&Pattern> {
    patterns.get(at as usize)
}

/// How many patterns share each thing that one can be filed under.
struct Crowds<'p> {
    /// By the place of a pattern.
    leads: Vec<u32>,
    /// By the place of a pattern.
    tails: Vec<u32>,
    segments: segments::Counts<'p>,
}

impl<'p> Crowds<'p> {
    fn count(patterns: &'p [Pattern], others: &[u32]) -> Self {
        Self {
            leads: ends::crowds(End::Lead, patterns, others),
            tails: ends::crowds(End::Tail, patterns, others),
            segments: segments::count(patterns, others),
        }
    }

    fn lead(&self, at: u32) -> u32 {
        self.leads.get(at as usize).copied().unwrap_or(u32::MAX)
    }

    fn tail(&self, at: u32) -> u32 {
        self.tails.get(at as usize).copied().unwrap_or(u32::MAX)
    }
}
