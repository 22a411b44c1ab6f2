//! The `:name` and `*` patterns of a project file, compiled (config-build spec 1.3, decision D10.3).
//!
//! A pattern is compared with the decoded path, case and all; the query is no part of it. `:name` is one
//! segment, or the rest of one, and never empty; `*` is any run of characters, slashes and nothing included,
//! and comes at most once. So everything before the `*` can be matched from the left and everything after
//! it from the right: a match takes time linear in the path, with nothing to go back over.
//!
//! A pattern without a slash in front matches the end of a path: `*.jpg`, `logo.png`.

mod index;
#[cfg(test)]
mod tests;

pub(crate) use index::PatternSet;

use crate::decode::decode_literal;

/// What `*` is called in a destination.
pub(crate) const SPLAT: &str = "splat";

/// One compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// Matched from the left. The first is always a literal.
    left: Box<[Piece]>,
    /// Matched from the right, after a `*`. `None` without `*`: then `left` takes the whole path.
    right: Option<Box<[Piece]>>,
    /// What was captured is called this; by the index in [`Piece::Segment`].
    names: Box<[Box<str>]>,
    /// Where in `names` the `*` stands. `None` when nothing refers to it.
    splat: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// This text. It may hold slashes.
    Literal(Box<str>),
    /// One whole segment: `prefix`, then at least one character that is captured, then `suffix`.
    Segment {
        prefix: Box<str>,
        suffix: Box<str>,
        capture: usize,
    },
}

/// Something a reader of the rule should know about a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// There is a `?` in it; a path has none unless it is encoded.
    Query,
    /// It has no slash in front, and cannot be read as the end of a path.
    SlashAssumed,
}

impl Pattern {
    /// Compiles a pattern that passed validation. Any other text compiles too: what cannot be a pattern
    /// matches only itself.
    pub(crate) fn compile(source: &str) -> Self {
        let (floats, source) = match source {
            _ if source.starts_with('/') => (false, source),
            _ if is_floating(source) => (true, source),
            _ => (false, source),
        };
        let mut builder = Builder::default();
        if floats {
            builder.pieces.push(Piece::Literal("/".into()));
            builder.star(false);
        } else if !source.starts_with('/') {
            builder.text.push('/');
        }
        let mut rest = source.chars().peekable();
        while let Some(character) = rest.next() {
            match character {
                '\\' if matches!(rest.peek(), Some('*' | '?')) => builder.text.extend(rest.next()),
                '*' if builder.star_at.is_none() => builder.star(true),
                ':' => {
                    let mut name = String::new();
                    while let Some(&next) = rest.peek() {
                        if !is_name_character(next) {
                            break;
                        }
                        name.push(next);
                        rest.next();
                    }
                    builder.param(name);
                }
                other => builder.text.push(other),
            }
        }
        builder.finish()
    }

    /// A pattern that takes no path: paths begin with a slash.
    pub(crate) fn never() -> Self {
        Self {
            left: Box::new([Piece::Literal("".into())]),
            right: None,
            names: Box::new([]),
            splat: None,
        }
    }

    /// What should be said about a pattern to the one who wrote it.
    pub(crate) fn remark(source: &str) -> Option<Remark> {
        if source.replace("\\?", "").contains('?') {
            return Some(Remark::Query);
        }
        let is_slashed = source.starts_with('/') || source.starts_with('*');
        (!is_slashed && !is_floating(source)).then_some(Remark::SlashAssumed)
    }

    /// Whether it takes this path. Never allocates.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        self.run(path, &mut |_, _| {})
    }

    /// What it captures from this path. `None` when it does not take it.
    pub(crate) fn captures<'p>(&self, path: &'p str) -> Option<Captures<'p>> {
        if !self.is_match(path) {
            return None;
        }
        let mut values = vec![""; self.names.len()];
        self.run(path, &mut |index, value| {
            if let Some(slot) = values.get_mut(index) {
                *slot = value;
            }
        });
        Some(Captures { values })
    }

    /// The names of what it captures, in the order of the pattern.
    pub(crate) fn names(&self) -> &[Box<str>] {
        &self.names
    }

    /// The literal text that every path begins with that it takes.
    pub(crate) fn lead(&self) -> &str {
        match self.left.first() {
            Some(Piece::Literal(text)) => text,
            _ => "",
        }
    }

    /// The text that every path begins with that it takes: the lead, and what stands before the first name.
    fn lead_parts(&self) -> [&str; 2] {
        match self.left.get(1) {
            Some(Piece::Segment { prefix, .. }) => [self.lead(), prefix],
            _ => [self.lead(), ""],
        }
    }

    /// The text that every path ends with that it takes: what stands behind the last name, and the literal end.
    fn tail_parts(&self) -> [&str; 2] {
        let pieces = self.right.as_ref().unwrap_or(&self.left);
        match &**pieces {
            [.., Piece::Segment { suffix, .. }, Piece::Literal(text)] => [suffix, text],
            [.., Piece::Literal(text)] => ["", text],
            [.., Piece::Segment { suffix, .. }] => [suffix, ""],
            [] => ["", ""],
        }
    }

    /// The segments that are all literal, each with its place: from the beginning of the path, or from its end.
    fn whole_segments(&self) -> Vec<(Side, usize, &str)> {
        let has_star = self.right.is_some();
        let mut found = whole_segments(&self.left, has_star, false);
        if let Some(right) = &self.right {
            found.extend(whole_segments(right, true, true));
        }
        found
    }

    /// Whether it takes one path only, its lead.
    pub(crate) fn is_exact(&self) -> bool {
        self.right.is_none() && self.left.len() == 1
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn weight_bytes(&self) -> usize {
        let pieces = self.left.iter().chain(self.right.iter().flatten());
        let texts: usize = pieces
            .map(|piece| match piece {
                Piece::Literal(text) => size_of::<Piece>() + text.len(),
                Piece::Segment { prefix, suffix, .. } => {
                    size_of::<Piece>() + prefix.len() + suffix.len()
                }
            })
            .sum();
        let names: usize = self
            .names
            .iter()
            .map(|name| size_of::<Box<str>>() + name.len())
            .sum();
        // An allocation takes its header and what it is rounded up by: about 16 bytes.
        let allocations = 2 + self.left.len() + self.names.len();
        size_of::<Self>() + texts + names + allocations * 16
    }

    fn run<'p>(&self, path: &'p str, set: &mut impl FnMut(usize, &'p str)) -> bool {
        let Some(rest) = eat_left(&self.left, path, set) else {
            return false;
        };
        let Some(right) = &self.right else {
            return rest.is_empty();
        };
        let Some(middle) = eat_right(right, rest, set) else {
            return false;
        };
        if let Some(splat) = self.splat {
            set(splat, middle);
        }
        true
    }
}

/// What a pattern captured, by the index of the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Captures<'p> {
    values: Vec<&'p str>,
}

impl<'p> Captures<'p> {
    /// The value at the index of a name.
    pub(crate) fn get(&self, index: usize) -> &'p str {
        self.values.get(index).copied().unwrap_or_default()
    }
}

/// An end of a path, from which segments are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Side {
    Beginning,
    End,
}

/// The whole literal segments of pieces that are matched from one end. The last one from there is cut by the `*`,
/// if there is one.
fn whole_segments(pieces: &[Piece], is_cut: bool, from_end: bool) -> Vec<(Side, usize, &str)> {
    let side = if from_end { Side::End } else { Side::Beginning };
    // `None` stands for a segment with a name in it.
    let mut segments: Vec<Option<&str>> = Vec::new();
    for piece in pieces {
        match piece {
            Piece::Segment { .. } => match segments.last_mut() {
                Some(last) => *last = None,
                None => segments.push(None),
            },
            Piece::Literal(text) => {
                let mut parts = text.split('/');
                // What stands before the first slash belongs to what came before: nothing, a name or the star.
                let before = parts.next();
                if segments.is_empty() {
                    segments.push(before);
                }
                segments.extend(parts.map(Some));
            }
        }
    }
    let count = segments.len();
    let counted: Vec<(usize, Option<&str>)> = if from_end {
        segments.into_iter().rev().enumerate().collect()
    } else {
        segments.into_iter().enumerate().collect()
    };
    let kept = if is_cut {
        count.saturating_sub(1)
    } else {
        count
    };
    counted
        .into_iter()
        .take(kept)
        .filter_map(|(place, text)| Some((side, place, text?)))
        .collect()
}

/// A pattern without a slash in front that can stand at the end of any path: no other `*`, and a first
/// segment that is all literal.
fn is_floating(source: &str) -> bool {
    let first = source.split('/').next().unwrap_or_default();
    !source.is_empty() && !source.replace("\\*", "").contains('*') && !first.contains(':')
}

pub(crate) fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn eat_left<'p>(
    pieces: &[Piece],
    path: &'p str,
    set: &mut impl FnMut(usize, &'p str),
) -> Option<&'p str> {
    let mut rest = path;
    for piece in pieces {
        match piece {
            Piece::Literal(text) => rest = rest.strip_prefix(&**text)?,
            Piece::Segment {
                prefix,
                suffix,
                capture,
            } => {
                let end = rest.find('/').unwrap_or(rest.len());
                let (segment, after) = rest.split_at(end);
                set(*capture, inner(segment, prefix, suffix)?);
                rest = after;
            }
        }
    }
    Some(rest)
}

fn eat_right<'p>(
    pieces: &[Piece],
    path: &'p str,
    set: &mut impl FnMut(usize, &'p str),
) -> Option<&'p str> {
    let mut rest = path;
    for piece in pieces.iter().rev() {
        match piece {
            Piece::Literal(text) => rest = rest.strip_suffix(&**text)?,
            Piece::Segment {
                prefix,
                suffix,
                capture,
            } => {
                let start = rest.rfind('/').map_or(0, |slash| slash + 1);
                let (before, segment) = rest.split_at(start);
                set(*capture, inner(segment, prefix, suffix)?);
                rest = before;
            }
        }
    }
    Some(rest)
}

fn inner<'p>(segment: &'p str, prefix: &str, suffix: &str) -> Option<&'p str> {
    let value = segment.strip_prefix(prefix)?.strip_suffix(suffix)?;
    (!value.is_empty()).then_some(value)
}

/// Puts a pattern together, character by character.
#[derive(Default)]
struct Builder {
    pieces: Vec<Piece>,
    names: Vec<Box<str>>,
    /// Literal text since the last piece.
    text: String,
    /// A `:name` of the segment that is being read: what stood before it, and its index.
    open: Option<(String, usize)>,
    /// How many pieces came before the `*`.
    star_at: Option<usize>,
    splat: Option<usize>,
}

impl Builder {
    fn param(&mut self, name: String) {
        let is_in_star_segment =
            self.star_at == Some(self.pieces.len()) && !self.text.contains('/');
        let is_in_open_segment = self.open.is_some() && !self.text.contains('/');
        if name.is_empty() || is_in_open_segment || is_in_star_segment {
            self.text.push(':');
            self.text.push_str(&name);
            return;
        }
        // The text up to the last slash is a literal of its own; what follows it belongs to this segment.
        let start = self.text.rfind('/').map_or(0, |slash| slash + 1);
        let prefix = self.text.split_off(start);
        self.flush();
        self.open = Some((prefix, self.names.len()));
        self.names.push(name.into());
    }

    fn star(&mut self, is_captured: bool) {
        if self.open.is_some() && !self.text.contains('/') {
            self.text.push('*');
            return;
        }
        self.flush();
        self.star_at = Some(self.pieces.len());
        if is_captured {
            self.splat = Some(self.names.len());
            self.names.push(SPLAT.into());
        }
    }

    /// Closes what has been read into pieces.
    fn flush(&mut self) {
        let mut text = std::mem::take(&mut self.text);
        if let Some((prefix, capture)) = self.open.take() {
            let end = text.find('/').unwrap_or(text.len());
            let literal = text.split_off(end);
            self.pieces.push(Piece::Segment {
                prefix: decode_literal(&prefix),
                suffix: decode_literal(&text),
                capture,
            });
            text = literal;
        }
        if !text.is_empty() {
            self.pieces.push(Piece::Literal(decode_literal(&text)));
        }
    }

    fn finish(mut self) -> Pattern {
        self.flush();
        let right = self
            .star_at
            .map(|at| self.pieces.split_off(at).into_boxed_slice());
        Pattern {
            left: self.pieces.into_boxed_slice(),
            right,
            names: self.names.into_boxed_slice(),
            splat: self.splat,
        }
    }
}
