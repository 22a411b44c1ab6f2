//! Environment variables on the wire. The value of a secret comes in and never goes out.

use std::fmt;

use holm_types::{Environment, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Variables to set; what is not named stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariableSet {
    /// The variables, each name at most once for an environment.
    pub variables: Vec<VariableInput>,
}

/// One variable to set.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariableInput {
    /// A letter, then letters, digits and underscores.
    pub name: String,
    /// Any text without NUL.
    pub value: String,
    /// A secret is encrypted at rest and never shown again.
    #[serde(default)]
    pub is_secret: bool,
    /// Where it holds: `production`, `preview` or, by default, both.
    #[serde(default = "both")]
    #[schemars(with = "Vec<String>")]
    pub environments: Vec<Environment>,
}

fn both() -> Vec<Environment> {
    vec![Environment::Production, Environment::Preview]
}

/// Never with the value: whether it is a secret is a matter of what the caller said.
impl fmt::Debug for VariableInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VariableInput")
            .field("name", &self.name)
            .field("is_secret", &self.is_secret)
            .field("environments", &self.environments)
            .finish_non_exhaustive()
    }
}

/// A project's variables, by name, then environment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VariableList {
    /// One row for each name and environment.
    pub data: Vec<VariableView>,
}

/// A variable of one environment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VariableView {
    /// Its name.
    pub name: String,
    /// Where it holds.
    #[schemars(with = "String")]
    pub environment: Environment,
    /// Whether its value is kept secret.
    pub is_secret: bool,
    /// Its value. Null for a secret, always.
    pub value: Option<String>,
    /// When it was set last.
    #[schemars(with = "String")]
    pub updated_at: Timestamp,
}

/// What a deployment was made with, by name.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentVariables {
    /// The variables of its environment as they were then.
    pub data: Vec<DeploymentVariableView>,
}

/// A variable as it was when the deployment was made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentVariableView {
    /// Its name.
    pub name: String,
    /// Whether its value is kept secret.
    pub is_secret: bool,
    /// Its value. Null for a secret, always.
    pub value: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_in_debug_output_and_both_environments_are_the_default() {
        let text = r#"{"name":"KEY","value":"hunter2","is_secret":true}"#;
        let input: VariableInput = serde_json::from_str(text).unwrap();
        assert!(!format!("{input:?}").contains("hunter2"));
        assert_eq!(input.environments, both());
    }
}
