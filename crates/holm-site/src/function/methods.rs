//! The methods that a function answers.

use http::Method;

/// The methods that a function can have a handler for, with the export that handles each
/// (`EdgeOne` docs, Edge Functions, Function handlers).
pub const FUNCTION_METHODS: &[(&str, &str)] = &[
    ("GET", "onRequestGet"),
    ("POST", "onRequestPost"),
    ("PATCH", "onRequestPatch"),
    ("PUT", "onRequestPut"),
    ("DELETE", "onRequestDelete"),
    ("HEAD", "onRequestHead"),
    ("OPTIONS", "onRequestOptions"),
];

/// The export that handles every method.
const EVERY_METHOD: &str = "onRequest";

/// Some of the [`FUNCTION_METHODS`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MethodSet(u8);

impl MethodSet {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// All seven.
    pub const ALL: Self = Self(0x7f);

    /// What a file with these exports answers. Empty when none of them is a handler.
    pub fn of_exports<'e>(exports: impl IntoIterator<Item = &'e str>) -> Self {
        let bits = exports.into_iter().map(|export| {
            if export == EVERY_METHOD {
                return Self::ALL.0;
            }
            let mut handlers = FUNCTION_METHODS.iter();
            let at = handlers.position(|(_, handler)| *handler == export);
            at.map_or(0, |at| 1 << at)
        });
        Self(bits.fold(0, |all, bit| all | bit))
    }

    /// Whether it has this method. Methods outside of the seven are in no set.
    pub fn contains(self, method: &Method) -> bool {
        let mut methods = FUNCTION_METHODS.iter();
        let at = methods.position(|(name, _)| *name == method.as_str());
        at.is_some_and(|at| self.0 & 1 << at != 0)
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The names, in the order of [`FUNCTION_METHODS`].
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        let methods = FUNCTION_METHODS.iter().enumerate();
        methods
            .filter(move |(at, _)| self.0 & 1 << at != 0)
            .map(|(_, (name, _))| *name)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// `None` when a bit stands for no method.
    pub(crate) const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::ALL.0 == 0 {
            Some(Self(bits))
        } else {
            None
        }
    }
}

impl std::fmt::Display for MethodSet {
    /// `GET, POST`, or `all methods`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if *self == Self::ALL {
            return f.write_str("all methods");
        }
        let names: Vec<&str> = self.names().collect();
        f.write_str(&names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_name_methods() {
        let of = |exports: &[&'static str]| MethodSet::of_exports(exports.iter().copied());
        assert_eq!(of(&["onRequest"]), MethodSet::ALL);
        assert_eq!(of(&["onRequestGet", "onRequest"]), MethodSet::ALL);
        assert_eq!(of(&["onRequestget", "config", "default"]), MethodSet::NONE);
        let some = of(&["onRequestPost", "onRequestGet", "helper"]);
        assert_eq!(some.to_string(), "GET, POST");
        assert!(some.contains(&Method::POST));
        assert!(!some.contains(&Method::HEAD));
        assert!(!MethodSet::ALL.contains(&Method::TRACE));
        let every: Vec<&str> = FUNCTION_METHODS.iter().map(|(_, export)| *export).collect();
        assert_eq!(MethodSet::of_exports(every), MethodSet::ALL);
    }
}
