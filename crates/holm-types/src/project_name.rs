//! A project's name: what its host names start with.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 1-40 characters of `a-z0-9-`, no `--`, no hyphen at either end, not reserved.
///
/// The limit leaves room for `--` and a 12-character deployment label in one 63-character host label.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProjectName(String);

/// Why a text is no project name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectNameError {
    /// Nothing, or more than 40 characters.
    #[error("a project name has 1 to 40 characters, this one has {length}")]
    Length {
        /// How many it has.
        length: usize,
    },
    /// Something else than `a-z`, `0-9` and `-`.
    #[error("a project name has only a-z, 0-9 and -, this one has `{character}`")]
    Character {
        /// The first wrong one.
        character: char,
    },
    /// A hyphen where none may be.
    #[error("a project name neither starts nor ends with a hyphen, nor has two in a row")]
    Hyphen,
    /// A word that Holm keeps for itself.
    #[error("`{name}` is reserved")]
    Reserved {
        /// The word.
        name: String,
    },
}

/// Host names that Holm itself or its operators will want.
const RESERVED: &[&str] = &[
    "admin",
    "api",
    "app",
    "assets",
    "cdn",
    "console",
    "dashboard",
    "docs",
    "holm",
    "localhost",
    "login",
    "mail",
    "ns1",
    "ns2",
    "root",
    "static",
    "status",
    "support",
    "system",
    "www",
];

impl ProjectName {
    /// The longest name, in characters.
    pub const LENGTH_MAX: usize = 40;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest valid name to any text, such as a folder's name. `None` when nothing usable is left.
    pub fn suggest(text: &str) -> Option<Self> {
        let mut name = String::new();
        for c in text.chars().flat_map(char::to_lowercase) {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                name.push(c);
            } else if !name.is_empty() && !name.ends_with('-') {
                name.push('-');
            }
        }
        name.truncate(Self::LENGTH_MAX);
        let name = name.trim_end_matches('-');
        match name.parse() {
            Err(ProjectNameError::Reserved { name }) => format!("{name}-site").parse().ok(),
            other => other.ok(),
        }
    }
}

impl FromStr for ProjectName {
    type Err = ProjectNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length = text.chars().count();
        if length == 0 || length > Self::LENGTH_MAX {
            return Err(ProjectNameError::Length { length });
        }
        if let Some(character) = text
            .chars()
            .find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'))
        {
            return Err(ProjectNameError::Character { character });
        }
        if text.starts_with('-') || text.ends_with('-') || text.contains("--") {
            return Err(ProjectNameError::Hyphen);
        }
        if RESERVED.contains(&text) {
            return Err(ProjectNameError::Reserved {
                name: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for ProjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ProjectName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ProjectName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_may_and_may_not_be() {
        for good in ["a", "blog", "my-site-2", "a".repeat(40).as_str()] {
            assert!(good.parse::<ProjectName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "-a",
            "a-",
            "a--b",
            "Blog",
            "a_b",
            "ü",
            "www",
            "a".repeat(41).as_str(),
        ] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_name_becomes_the_nearest_name() {
        let suggest = |text| ProjectName::suggest(text).map(|name| name.to_string());
        assert_eq!(suggest("My Site_v2"), Some("my-site-v2".to_owned()));
        assert_eq!(suggest("--x--"), Some("x".to_owned()));
        assert_eq!(suggest("docs"), Some("docs-site".to_owned()));
        assert_eq!(suggest("日本"), None);
    }
}
