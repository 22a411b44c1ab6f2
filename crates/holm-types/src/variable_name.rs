//! The name of an environment variable, by EdgeOne's rule.

use std::fmt;
use std::str::FromStr;

/// A letter, then letters, digits and underscores: `^[a-zA-Z][a-zA-Z0-9_]*$`, the rule and the message of
/// EdgeOne's command line. How long it may be is a limit of the control plane.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VariableName(String);

/// The text is no name of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Variable names must start with a letter and can only contain letters, numbers, and underscores."
)]
pub struct VariableNameError;

impl VariableName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for VariableName {
    type Err = VariableNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let starts_well = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if starts_well && text.bytes().all(is_word) {
            Ok(Self(text.to_owned()))
        } else {
            Err(VariableNameError)
        }
    }
}

impl fmt::Display for VariableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_edgeone() {
        for good in ["A", "API_KEY", "a1_", "DeploymentId"] {
            assert_eq!(good.parse::<VariableName>().unwrap().as_str(), good);
        }
        for bad in ["", "_A", "1A", "A-B", "A B", "Ä", "A\n", "A=B"] {
            assert_eq!(
                bad.parse::<VariableName>(),
                Err(VariableNameError),
                "{bad:?}"
            );
        }
    }
}
