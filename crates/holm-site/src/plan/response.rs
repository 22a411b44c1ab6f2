//! What a traced plan says of the rules about the answer: `headers` and `caches`.

use crate::plan::note::{Tracer, matched, mismatch_words, not_matched, rule};
use crate::{HeaderBlock, RequestHead, Site, Step};

pub(super) fn note_response_rules(site: &Site, head: &RequestHead<'_>, tracer: &mut impl Tracer) {
    let path = head.path.as_str();
    note_blocks(site, head, tracer);
    note_headers(site, path, tracer);
    note_caches(site, path, tracer);
}

fn note_blocks(site: &Site, head: &RequestHead<'_>, tracer: &mut impl Tracer) {
    let (host, path) = (head.host.as_str(), head.path.as_str());
    let taken = site.rules().header_blocks().taken(host, path);
    for (index, block) in site.document().rules.header_blocks.iter().enumerate() {
        let url = match &block.host {
            Some(host) => format!("https://{host}{}", block.source),
            None => block.source.to_string(),
        };
        let words = block_words(block);
        let finding = if taken.contains(&index) {
            matched(format!("`{url}` matched: {}", words.join(", ")))
        } else if block.host.is_some() {
            not_matched(mismatch_words(&url, &format!("{host}{path}")))
        } else {
            not_matched(mismatch_words(&url, path))
        };
        let names = block.unset.iter().map(|name| format!("! {name}"));
        let names: Vec<String> = names
            .chain(block.set.iter().map(|(name, _)| name.to_string()))
            .collect();
        let words = format!("{url}: {}", names.join(", "));
        tracer.note(rule(Step::Headers, words, &block.origin, finding));
    }
}

fn block_words(block: &HeaderBlock) -> Vec<String> {
    let unset = block.unset.iter().map(|name| format!("removes `{name}`"));
    let set = block.set.iter().map(|(name, _)| format!("sets `{name}`"));
    unset.chain(set).collect()
}

fn note_headers(site: &Site, path: &str, tracer: &mut impl Tracer) {
    let rules = &site.document().rules.headers;
    let mut taken = Vec::new();
    site.rules()
        .header_patterns()
        .each(path, |index| taken.push(index));
    for (index, header_rule) in rules.iter().enumerate() {
        let names: Vec<&str> = header_rule
            .headers
            .iter()
            .map(|(name, _)| &**name)
            .collect();
        let finding = if taken.contains(&index) {
            let words: Vec<String> = names
                .iter()
                .map(|name| set_words(site, &taken, index, name))
                .collect();
            matched(format!(
                "`{}` matched: {}",
                header_rule.source,
                words.join(", ")
            ))
        } else {
            not_matched(mismatch_words(&header_rule.source, path))
        };
        let words = format!("{}: {}", header_rule.source, names.join(", "));
        tracer.note(rule(Step::Headers, words, &header_rule.origin, finding));
    }
}

/// `` sets `X-A` ``, and whether a later rule sets it again.
fn set_words(site: &Site, taken: &[usize], index: usize, name: &str) -> String {
    let rules = &site.document().rules.headers;
    let sets_it = |at: &&usize| {
        let pairs = rules.get(**at).into_iter().flat_map(|rule| &rule.headers);
        pairs
            .into_iter()
            .any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    match taken.iter().rev().find(sets_it) {
        Some(last) if *last > index => format!("sets `{name}`, which headers[{last}] sets again"),
        _ => format!("sets `{name}`"),
    }
}

fn note_caches(site: &Site, path: &str, tracer: &mut impl Tracer) {
    let patterns = site.rules().cache_patterns();
    let winner = patterns.last(path);
    for (index, cache_rule) in site.document().rules.caches.iter().enumerate() {
        let takes = patterns
            .get(index)
            .is_some_and(|pattern| pattern.is_match(path));
        let finding = match winner {
            Some(at) if at == index => matched(format!("`{}` matched", cache_rule.source)),
            Some(at) if takes => not_matched(format!(
                "`{}` matched, but caches[{at}] comes later",
                cache_rule.source
            )),
            _ => not_matched(mismatch_words(&cache_rule.source, path)),
        };
        let words = format!("{}: {} s", cache_rule.source, cache_rule.ttl_seconds);
        tracer.note(rule(Step::Caches, words, &cache_rule.origin, finding));
    }
}
