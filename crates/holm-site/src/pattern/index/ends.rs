//! Patterns by the text that their paths begin with, or end with.
//!
//! The texts are sorted, and each knows the longest other one that it begins with. The longest text that a path
//! begins with is the one just before the path in that order, or is found by going from there to shorter ones;
//! those it begins with in turn are all the others. For ends everything is read backwards.

use super::{Pattern, pattern};

/// The longest end that patterns are filed under, in bytes; a longer one is not looked at.
const TAIL_BYTES_MAX: usize = 1024;

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
    /// All texts in a row, each in the direction in which it is read.
    texts: Box<[u8]>,
    groups: Box<[Group]>,
    /// The patterns, group by group, ascending in each.
    members: Box<[u32]>,
}

/// The patterns with one text.
#[derive(Debug)]
struct Group {
    /// Where its text starts; it ends where the next group's starts.
    text_start: u32,
    /// Where its members start, likewise.
    start: u32,
    /// The group of the longest other text that this text begins with. [`NONE`] when there is none.
    parent: u32,
}

const NONE: u32 = u32::MAX;

impl Ends {
    /// Files these patterns, which are ascending.
    pub(super) fn new(end: End, patterns: &[Pattern], members: Vec<u32>) -> Self {
        let mut keyed: Vec<(Vec<u8>, u32)> = members
            .into_iter()
            .map(|at| (end.text_of(patterns, at), at))
            .collect();
        keyed.sort();
        let mut builder = Builder::default();
        for (text, at) in &keyed {
            builder.push(text, *at);
        }
        Self {
            end,
            texts: builder.texts.into_boxed_slice(),
            groups: builder.groups.into_boxed_slice(),
            members: builder.members.into_boxed_slice(),
        }
    }

    /// Calls `take` with the patterns of each text that this path begins, or ends, with.
    pub(super) fn candidates(&self, path: &str, take: &mut impl FnMut(&[u32])) {
        let mut reversed = [0; TAIL_BYTES_MAX];
        let path = match self.end {
            End::Lead => path.as_bytes(),
            End::Tail => {
                let bytes = path.bytes().rev().zip(&mut reversed);
                let length = bytes.map(|(byte, slot)| *slot = byte).count();
                reversed.get(..length).unwrap_or_default()
            }
        };
        let (mut low, mut high) = (0, self.groups.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.text(middle) <= path {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.climb(low.checked_sub(1), path, take);
    }

    /// From a group to those that its text begins with: from the first that the path begins with, too, all do.
    fn climb(&self, mut at: Option<usize>, path: &[u8], take: &mut impl FnMut(&[u32])) {
        let mut is_sure = false;
        while let Some(place) = at {
            is_sure = is_sure || path.starts_with(self.text(place));
            if is_sure {
                take(self.members_of(place));
            }
            let parent = self.groups.get(place).map_or(NONE, |group| group.parent);
            at = usize::try_from(parent).ok().filter(|_| parent != NONE);
        }
    }

    fn text(&self, place: usize) -> &[u8] {
        let range = self.range(place, |group| group.text_start, self.texts.len());
        self.texts.get(range).unwrap_or_default()
    }

    fn members_of(&self, place: usize) -> &[u32] {
        let range = self.range(place, |group| group.start, self.members.len());
        self.members.get(range).unwrap_or_default()
    }

    fn range(
        &self,
        place: usize,
        start: impl Fn(&Group) -> u32,
        all: usize,
    ) -> std::ops::Range<usize> {
        let start_of = |place: usize| self.groups.get(place).map(|group| start(group) as usize);
        start_of(place).unwrap_or(all)..start_of(place + 1).unwrap_or(all)
    }

    pub(super) fn weight_bytes(&self) -> usize {
        self.texts.len() + size_of_val(&*self.groups) + size_of_val(&*self.members)
    }
}

/// How many of these patterns have the text of each, by the place of the pattern; `u32::MAX` for one that cannot
/// be filed under it.
pub(super) fn crowds(end: End, patterns: &[Pattern], members: &[u32]) -> Vec<u32> {
    let members: Vec<u32> = members
        .iter()
        .copied()
        .filter(|at| end == End::Lead || end.text_of(patterns, *at).len() <= TAIL_BYTES_MAX)
        .collect();
    let ends = Ends::new(end, patterns, members);
    let mut crowds = vec![u32::MAX; patterns.len()];
    for place in 0..ends.groups.len() {
        let members = ends.members_of(place);
        for member in members {
            if let Some(crowd) = crowds.get_mut(*member as usize) {
                *crowd = u32::try_from(members.len()).unwrap_or(u32::MAX);
            }
        }
    }
    crowds
}

/// Puts groups together from sorted texts.
#[derive(Default)]
struct Builder {
    texts: Vec<u8>,
    groups: Vec<Group>,
    members: Vec<u32>,
    /// Where the text of the last group starts.
    last_start: usize,
    /// Groups whose texts the next one may begin with, each beginning with the one before: place and text.
    open: Vec<(u32, Vec<u8>)>,
}

impl Builder {
    fn push(&mut self, text: &[u8], at: u32) {
        let last = self.texts.get(self.last_start..).unwrap_or_default();
        if self.groups.is_empty() || last != text {
            self.begin(text);
        }
        self.members.push(at);
    }

    fn begin(&mut self, text: &[u8]) {
        while self
            .open
            .last()
            .is_some_and(|(_, open)| !text.starts_with(open))
        {
            self.open.pop();
        }
        let place = small(self.groups.len());
        self.groups.push(Group {
            text_start: small(self.texts.len()),
            start: small(self.members.len()),
            parent: self.open.last().map_or(NONE, |(place, _)| *place),
        });
        self.open.push((place, text.to_vec()));
        self.last_start = self.texts.len();
        self.texts.extend_from_slice(text);
    }
}

/// A place among rules, whose file is of bounded length.
fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}

impl End {
    /// The text of a pattern at this end, in the direction in which it is read.
    fn text_of(self, patterns: &[Pattern], at: u32) -> Vec<u8> {
        let Some(pattern) = pattern(patterns, at) else {
            return Vec::new();
        };
        match self {
            Self::Lead => pattern.lead_parts().concat().into_bytes(),
            Self::Tail => pattern.tail_parts().concat().bytes().rev().collect(),
        }
    }
}
