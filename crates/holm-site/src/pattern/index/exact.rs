//! Patterns that take one path only, by that path.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};

use super::{Pattern, pattern};

#[derive(Debug, Default)]
pub(super) struct Exact {
    /// Sorted by path, and those of one path ascending.
    members: Box<[u32]>,
    /// Where the members of each path start.
    starts: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Exact {
    /// Files these patterns.
    pub(super) fn new(patterns: &[Pattern], mut members: Vec<u32>) -> Self {
        members.sort_by_key(|at| (path_of(patterns, *at), *at));
        let hasher = DefaultHashBuilder::default();
        let mut starts = HashTable::with_capacity(members.len());
        let mut last = None;
        for (start, at) in (0_u32..).zip(&members) {
            let path = path_of(patterns, *at);
            if last == Some(path) {
                continue;
            }
            last = Some(path);
            let path_at = |start: &u32| {
                members
                    .get(*start as usize)
                    .map(|at| path_of(patterns, *at))
            };
            starts.insert_unique(hasher.hash_one(path), start, |start| {
                hasher.hash_one(path_at(start).unwrap_or_default())
            });
        }
        Self {
            members: members.into_boxed_slice(),
            starts,
            hasher,
        }
    }

    /// Calls `take` with the patterns that take this path.
    pub(super) fn candidates(
        &self,
        patterns: &[Pattern],
        path: &str,
        take: &mut impl FnMut(&[u32]),
    ) {
        let is_path = |at: &u32| path_of(patterns, *at) == path;
        let found = self.starts.find(self.hasher.hash_one(path), |start| {
            self.members.get(*start as usize).is_some_and(is_path)
        });
        let Some(start) = found else { return };
        let rest = self.members.get(*start as usize..).unwrap_or_default();
        let count = rest.iter().take_while(|at| is_path(at)).count();
        take(rest.get(..count).unwrap_or_default());
    }

    pub(super) fn weight_bytes(&self) -> usize {
        size_of_val(&*self.members) + self.starts.allocation_size()
    }
}

fn path_of(patterns: &[Pattern], at: u32) -> &str {
    pattern(patterns, at).map_or("", Pattern::lead)
}
