//! Patterns by the text that their paths begin with, or end with.
//!
//! The texts are sorted, and each knows the longest other one that it begins with. The longest text that a path
//! begins with is the one just before the path in that order, or is found by going from there to shorter ones;
//! those it begins with in turn are all the others. For ends everything is read backwards.

use std::cmp::Ordering;

use super::{Pattern, pattern};

/// Which end of a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum End {
    #[default]
    Lead,
    Tail,
}

#[derive(Debug, Default)]
pub(super) struct Ends {
    end: End,
    groups: Box<[Group]>,
    /// The patterns, group by group, ascending in each.
    members: Box<[u32]>,
}

/// The patterns with one text.
#[derive(Debug)]
struct Group {
    /// Where its members start; they end where the next group's start.
    start: u32,
    /// The group of the longest other text that this text begins with. [`NONE`] when there is none.
    parent: u32,
}

const NONE: u32 = u32::MAX;

impl Ends {
    /// Files these patterns, which are ascending.
    pub(super) fn new(end: End, patterns: &[Pattern], mut members: Vec<u32>) -> Self {
        let compare = |a: &u32, b: &u32| end.of(patterns, *a).compare(end.of(patterns, *b));
        // Stable: within one text the order stays.
        members.sort_by(compare);
        let mut groups: Vec<Group> = Vec::new();
        // Groups whose texts the current one may begin with, each beginning with the one before.
        let mut open: Vec<u32> = Vec::new();
        for (start, at) in (0_u32..).zip(&members) {
            let text = end.of(patterns, *at);
            let text_of = |group: &Group| {
                let first = members.get(group.start as usize);
                end.of(patterns, first.copied().unwrap_or(NONE))
            };
            if groups
                .last()
                .is_some_and(|group| text_of(group).compare(text).is_eq())
            {
                continue;
            }
            let is_shorter = |open: &u32| {
                let group = groups.get(*open as usize);
                group.is_some_and(|group| text_of(group).is_start_of(text))
            };
            while open.last().is_some_and(|last| !is_shorter(last)) {
                open.pop();
            }
            let parent = open.last().copied().unwrap_or(NONE);
            open.push(u32::try_from(groups.len()).unwrap_or(NONE));
            groups.push(Group { start, parent });
        }
        Self {
            end,
            groups: groups.into_boxed_slice(),
            members: members.into_boxed_slice(),
        }
    }

    /// Calls `take` with the patterns of each text that this path begins, or ends, with.
    pub(super) fn candidates(
        &self,
        patterns: &[Pattern],
        path: &str,
        take: &mut impl FnMut(&[u32]),
    ) {
        let path = Text {
            parts: [path, ""],
            end: self.end,
        };
        let text_of = |group: &Group| {
            let first = self.members.get(group.start as usize);
            self.end.of(patterns, first.copied().unwrap_or(NONE))
        };
        let not_after = |group: &Group| text_of(group).compare(path).is_le();
        let mut at = self.groups.partition_point(not_after).checked_sub(1);
        let mut is_sure = false;
        while let Some(group) = at.and_then(|at| self.groups.get(at)) {
            is_sure = is_sure || text_of(group).is_start_of(path);
            if is_sure {
                take(self.members_of(at, group));
            }
            at = usize::try_from(group.parent)
                .ok()
                .filter(|_| group.parent != NONE);
        }
    }

    fn members_of(&self, at: Option<usize>, group: &Group) -> &[u32] {
        let next = at.and_then(|at| self.groups.get(at + 1));
        let end = next.map_or(self.members.len(), |next| next.start as usize);
        self.members
            .get(group.start as usize..end)
            .unwrap_or_default()
    }

    pub(super) fn weight_bytes(&self) -> usize {
        size_of_val(&*self.groups) + size_of_val(&*self.members)
    }
}

/// How many of these patterns have the text of each, by the place of the pattern.
pub(super) fn crowds(end: End, patterns: &[Pattern], members: &[u32]) -> Vec<u32> {
    let ends = Ends::new(end, patterns, members.to_vec());
    let mut crowds = vec![u32::MAX; patterns.len()];
    for (at, group) in ends.groups.iter().enumerate() {
        let members = ends.members_of(Some(at), group);
        for member in members {
            if let Some(crowd) = crowds.get_mut(*member as usize) {
                *crowd = u32::try_from(members.len()).unwrap_or(u32::MAX);
            }
        }
    }
    crowds
}

impl End {
    /// The text of a pattern at this end.
    fn of(self, patterns: &[Pattern], at: u32) -> Text<'_> {
        let parts = pattern(patterns, at).map(|pattern| match self {
            Self::Lead => pattern.lead_parts(),
            Self::Tail => pattern.tail_parts(),
        });
        Text {
            parts: parts.unwrap_or_default(),
            end: self,
        }
    }
}

/// Two texts in a row, read from one end.
#[derive(Clone, Copy)]
struct Text<'t> {
    parts: [&'t str; 2],
    end: End,
}

impl<'t> Text<'t> {
    fn compare(self, other: Self) -> Ordering {
        match self.end {
            End::Lead => self.forwards().cmp(other.forwards()),
            End::Tail => self.forwards().rev().cmp(other.forwards().rev()),
        }
    }

    fn is_start_of(self, longer: Self) -> bool {
        let length = |text: Self| text.parts.map(str::len).iter().sum::<usize>();
        length(self) <= length(longer)
            && match self.end {
                End::Lead => self.forwards().zip(longer.forwards()).all(is_same),
                End::Tail => {
                    let pairs = self.forwards().rev().zip(longer.forwards().rev());
                    pairs.into_iter().all(is_same)
                }
            }
    }

    fn forwards(self) -> impl DoubleEndedIterator<Item = u8> + use<'t> {
        let [first, second] = self.parts;
        first.bytes().chain(second.bytes())
    }
}

fn is_same((one, other): (u8, u8)) -> bool {
    one == other
}
