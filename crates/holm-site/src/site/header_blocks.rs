//! The blocks of `_headers`, compiled, and what those that take a request say together.

use http::{HeaderName, HeaderValue};

use crate::HeaderBlock;
use crate::limits::MADE_VALUE_BYTES_MAX;
use crate::location::path_text;
use crate::pattern::{Captures, Pattern, PatternSet};
use crate::rule_lines::host_as_path;
use crate::template::{Part, Template};

#[derive(Debug)]
pub(crate) struct HeaderBlocks {
    patterns: PatternSet,
    blocks: Vec<Compiled>,
}

#[derive(Debug)]
struct Compiled {
    /// Over the host as a path of labels. `None`: any host.
    host: Option<Pattern>,
    set: Vec<(HeaderName, Value)>,
    unset: Vec<HeaderName>,
}

/// A header's value.
#[derive(Debug)]
enum Value {
    Fixed(HeaderValue),
    /// With captures of the host and then of the path in it.
    Made(Template),
}

/// One header after all blocks were asked. `None`: taken away.
pub(super) type Outcome = (HeaderName, Option<HeaderValue>);

impl HeaderBlocks {
    pub(super) fn new(blocks: &[HeaderBlock]) -> Self {
        let patterns: Vec<Pattern> = blocks
            .iter()
            .map(|block| Pattern::compile(&block.source))
            .collect();
        let compiled = blocks.iter().zip(&patterns).map(compile).collect();
        Self {
            patterns: PatternSet::new(patterns),
            blocks: compiled,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The blocks that take this request, by index, in order.
    pub(crate) fn taken(&self, host: &str, path: &str) -> Vec<usize> {
        let host = host_as_path(host);
        let mut taken = Vec::new();
        self.patterns.each(path, |at| {
            let pattern = self.blocks.get(at).and_then(|block| block.host.as_ref());
            if pattern.is_none_or(|pattern| pattern.is_match(&host)) {
                taken.push(at);
            }
        });
        taken
    }

    /// What the blocks that take this request say together: of one name the values are joined with a comma,
    /// unless the field is a list of its own; what a block takes away is gone until a later one sets it.
    pub(super) fn outcomes(&self, host: &str, path: &str) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = Vec::new();
        for at in self.taken(host, path) {
            let Some(block) = self.blocks.get(at) else {
                continue;
            };
            for name in &block.unset {
                outcomes.retain(|(set, _)| set != name);
                outcomes.push((name.clone(), None));
            }
            let captures = block
                .has_made_values()
                .then(|| self.captures(block, at, &host_as_path(host), path));
            for (name, value) in &block.set {
                let value = match (value, &captures) {
                    (Value::Fixed(value), _) => Some(value.clone()),
                    (Value::Made(template), Some(captures)) => made(template, captures),
                    (Value::Made(_), None) => None,
                };
                outcomes = with(outcomes, name, value);
            }
        }
        outcomes
    }

    pub(super) fn weight_bytes(&self) -> usize {
        let values = self.blocks.iter().flat_map(|block| &block.set);
        let names = self.blocks.iter().flat_map(|block| &block.unset);
        self.patterns.weight_bytes()
            + self.blocks.len() * size_of::<Compiled>()
            + values
                .map(|(name, value)| 128 + name.as_str().len() + value.weight_bytes())
                .sum::<usize>()
            + names.map(|name| 64 + name.as_str().len()).sum::<usize>()
    }

    /// The captured texts: those of the host, then those of the path.
    fn captures(&self, block: &Compiled, at: usize, host: &str, path: &str) -> Vec<String> {
        let of = |pattern: Option<&Pattern>, text: &str| -> Vec<String> {
            let captures = pattern.and_then(|pattern| Some((pattern, pattern.captures(text)?)));
            captures.map_or_else(Vec::new, |(pattern, captures)| texts(pattern, &captures))
        };
        let mut texts = of(block.host.as_ref(), host);
        texts.extend(of(self.patterns.get(at), path));
        texts
    }
}

impl Compiled {
    fn has_made_values(&self) -> bool {
        let mut values = self.set.iter().map(|(_, value)| value);
        values.any(|value| matches!(value, Value::Made(_)))
    }
}

impl Value {
    fn weight_bytes(&self) -> usize {
        match self {
            Self::Fixed(value) => value.len(),
            Self::Made(template) => template.weight_bytes(),
        }
    }
}

fn compile((block, pattern): (&HeaderBlock, &Pattern)) -> Compiled {
    let host = block
        .host
        .as_ref()
        .map(|host| Pattern::compile(&host_as_path(host)));
    let host_names = host.iter().flat_map(Pattern::names);
    let names: Vec<Box<str>> = host_names.chain(pattern.names()).cloned().collect();
    // Validation lets nothing else through, but a document may have come from disk.
    let set = block.set.iter().filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        let template = Template::compile_names(value, &names);
        let value = if template.is_fixed() {
            Value::Fixed(HeaderValue::from_bytes(value.as_bytes()).ok()?)
        } else {
            Value::Made(template)
        };
        Some((name, value))
    });
    let unset = block
        .unset
        .iter()
        .filter_map(|name| HeaderName::from_bytes(name.as_bytes()).ok());
    Compiled {
        host,
        set: set.collect(),
        unset: unset.collect(),
    }
}

fn texts(pattern: &Pattern, captures: &Captures<'_>) -> Vec<String> {
    let indexes = 0..pattern.names().len();
    indexes
        .map(|index| captures.get(index).to_owned())
        .collect()
}

/// The value with what was captured in it, percent-encoded, so that it stays one line of one header.
fn made(template: &Template, captures: &[String]) -> Option<HeaderValue> {
    let mut text = String::new();
    for part in template.parts() {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Capture(index) => {
                text.push_str(&path_text(captures.get(*index).map_or("", String::as_str)));
            }
        }
        if text.len() > MADE_VALUE_BYTES_MAX {
            return None;
        }
    }
    HeaderValue::from_bytes(text.as_bytes()).ok()
}

/// The outcomes with one more value; without it when it cannot be sent.
fn with(mut outcomes: Vec<Outcome>, name: &HeaderName, value: Option<HeaderValue>) -> Vec<Outcome> {
    let Some(value) = value else { return outcomes };
    let is_list_of_its_own = [http::header::SET_COOKIE, http::header::LINK].contains(name);
    let earlier = outcomes
        .iter_mut()
        .find(|(set, value)| set == name && value.is_some() && !is_list_of_its_own);
    match earlier {
        Some((_, earlier)) => {
            if let Some(joined) = earlier.as_ref().and_then(|old| joined(old, &value)) {
                *earlier = Some(joined);
            }
        }
        None => outcomes.push((name.clone(), Some(value))),
    }
    outcomes
}

fn joined(old: &HeaderValue, new: &HeaderValue) -> Option<HeaderValue> {
    let bytes = [old.as_bytes(), b", ", new.as_bytes()].concat();
    (bytes.len() <= MADE_VALUE_BYTES_MAX)
        .then(|| HeaderValue::from_bytes(&bytes).ok())
        .flatten()
}
