//! `headers` of a project file (config-build spec 1.6).

use super::{Field, Reader};
use crate::{HeaderRule, code};

type Pair = (Box<str>, Box<str>);

impl Reader<'_> {
    pub(super) fn header_rules(&mut self, list: &Field<'_>) -> Vec<HeaderRule> {
        let entries = self.entries(list);
        entries
            .iter()
            .filter_map(|entry| self.header_rule(entry))
            .collect()
    }

    /// A rule is dropped when none of its pairs is left.
    fn header_rule(&mut self, entry: &Field<'_>) -> Option<HeaderRule> {
        let source = self.source(&entry.get("source"));
        let headers = self.header_pairs(&entry.get("headers"));
        let rule = HeaderRule {
            source: source?,
            headers: headers?,
            origin: self.origin(entry),
        };
        self.remark_on_source(&entry.get("source"), &rule.source);
        Some(rule)
    }

    fn header_pairs(&mut self, list: &Field<'_>) -> Option<Vec<Pair>> {
        if list.is_absent() {
            self.refuse(
                list,
                code::INVALID_TYPE,
                "give the rule `headers: [{ key, value }]`",
            );
            return None;
        }
        let pairs = self.limited(list, self.limits.header_pairs_max);
        if list.elements().is_some_and(|all| all.is_empty()) {
            self.refuse(list, code::MIN_LENGTH, "a rule sets at least one header");
            return None;
        }
        let pairs: Vec<Pair> = pairs
            .iter()
            .filter_map(|pair| self.header_pair(pair))
            .collect();
        (!pairs.is_empty()).then_some(pairs)
    }

    fn header_pair(&mut self, pair: &Field<'_>) -> Option<Pair> {
        let name = self.header_name(&pair.get("key"));
        let value = self.header_value(name.as_deref().unwrap_or_default(), &pair.get("value"));
        Some((name?, value?))
    }
}
