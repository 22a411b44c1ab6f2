//! A field of a merge patch (RFC 7396): absent, null, or a value.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a change says about one field. Use it with `#[serde(default, skip_serializing_if =
/// "Patched::is_keep")]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patched<T> {
    /// The field was absent: it stays as it is.
    #[default]
    Keep,
    /// The field was null: it becomes what it is when nobody says anything.
    Reset,
    /// The field becomes this.
    Set(T),
}

impl<T> Patched<T> {
    /// Whether the field was absent.
    pub const fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// What becomes of a field that is `None` when nobody says anything.
    pub fn apply(self, to: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Reset => *to = None,
            Self::Set(value) => *to = Some(value),
        }
    }

    /// What becomes of a field that is `default` when nobody says anything.
    pub fn apply_or(self, to: &mut T, default: T) {
        match self {
            Self::Keep => {}
            Self::Reset => *to = default,
            Self::Set(value) => *to = value,
        }
    }
}

impl<T: Serialize> Serialize for Patched<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // Fields that are kept are left out by whoever holds them.
            Self::Keep | Self::Reset => serializer.serialize_none(),
            Self::Set(value) => serializer.serialize_some(value),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patched<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer)
            .map(|value| value.map_or(Self::Reset, |value| Self::Set(value)))
    }
}

impl<T: JsonSchema> JsonSchema for Patched<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Patched_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Option::<T>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, Serialize, Deserialize)]
    struct Change {
        #[serde(default, skip_serializing_if = "Patched::is_keep")]
        name: Patched<String>,
    }

    #[test]
    fn absent_null_and_a_value_are_three_things() {
        for (text, want) in [
            ("{}", Patched::Keep),
            (r#"{"name":null}"#, Patched::Reset),
            (r#"{"name":"x"}"#, Patched::Set("x".to_owned())),
        ] {
            let change: Change = serde_json::from_str(text).unwrap();
            assert_eq!(change.name, want);
            assert_eq!(serde_json::to_string(&change).unwrap(), text);
        }
        let mut present = Some(1);
        Patched::Keep.apply(&mut present);
        assert_eq!(present, Some(1));
        Patched::Set(2).apply(&mut present);
        assert_eq!(present, Some(2));
        Patched::Reset.apply(&mut present);
        assert_eq!(present, None);
    }
}
