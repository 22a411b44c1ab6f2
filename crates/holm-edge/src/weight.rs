//! The weight that a client gives to an alternative: `;q=` (RFC 9110 section 12.4.2).

/// A weight in thousandths, 0 to 1000. 0 means "not this one".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight(u16);

impl Weight {
    /// Not acceptable.
    pub(crate) const NONE: Self = Self(0);
    /// What holds without `;q=`.
    pub(crate) const FULL: Self = Self(1000);

    /// Whether the alternative may be used at all.
    pub(crate) fn is_acceptable(self) -> bool {
        self.0 > 0
    }

    /// Reads `0.5` and the like. `None` when it is no weight: then the alternative is ignored.
    fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let thousandths = fraction
            .bytes()
            .zip([100, 10, 1])
            .map(|(digit, place)| u16::from(digit - b'0') * place)
            .sum();
        match (whole, thousandths) {
            ("0", part) => Some(Self(part)),
            ("1", 0) => Some(Self::FULL),
            _ => None,
        }
    }
}

/// The most alternatives of one field that are looked at.
const ALTERNATIVE_COUNT_MAX: usize = 32;

/// The alternatives of a field such as `Accept` or `Accept-Encoding`, each with its weight, in the
/// order sent. Those that cannot be read are left out.
pub(crate) fn alternatives(value: &str) -> impl Iterator<Item = (&str, Weight)> {
    value
        .split(',')
        .take(ALTERNATIVE_COUNT_MAX)
        .filter_map(|item| {
            let mut parts = item.split(';');
            let name = parts.next()?.trim();
            let weight = match parts.filter_map(weight_text).next_back() {
                None => Weight::FULL,
                Some(text) => Weight::parse(text)?,
            };
            (!name.is_empty()).then_some((name, weight))
        })
}

/// The text after `q=`, if this parameter is a weight.
fn weight_text(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_as_they_are_and_are_not() {
        let check = |text: &str, want: Option<u16>| {
            assert_eq!(Weight::parse(text).map(|weight| weight.0), want, "{text}");
        };
        check("1", Some(1000));
        check("1.000", Some(1000));
        check("0", Some(0));
        check("0.5", Some(500));
        check("0.05", Some(50));
        check("0.123", Some(123));
        check("0.1234", None);
        check("1.001", None);
        check("2", None);
        check("-1", None);
        check(".5", None);
        check("", None);
        check("0.x", None);
    }

    #[test]
    fn alternatives_keep_order_and_drop_nonsense() {
        let got: Vec<_> = alternatives("a, b;q=0.5,, c;level=1;Q=0, d;q=x")
            .map(|(name, weight)| (name, weight.0))
            .collect();
        assert_eq!(got, [("a", 1000), ("b", 500), ("c", 0)]);
        assert_eq!(alternatives(&"a,".repeat(1000)).count(), 32);
    }
}
