//! What a caller believes is there when they change it: entity tags, and the precondition that names one.

use holm_types::{BlobDigest, ErrorCode};
use serde::Serialize;

use crate::error::ApiError;

/// Hexadecimal digits of a digest in an entity tag: 64 bits tell the versions of one thing apart.
const TAG_DIGITS: usize = 16;

/// Which version the caller means to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// Whichever is there.
    Any,
    /// One with one of these entity tags, quotes included.
    OneOf(Vec<String>),
}

impl Expected {
    /// Refuses to change what has another tag. `what` has changed, as the caller is told.
    pub(super) fn check(&self, entity_tag: &str, what: &str) -> Result<(), ApiError> {
        match self {
            Self::Any => Ok(()),
            Self::OneOf(expected) if expected.iter().any(|tag| tag == entity_tag) => Ok(()),
            Self::OneOf(_) => Err(ApiError::new(
                ErrorCode::RequestPrecondition,
                format!("{what} have changed since"),
            )),
        }
    }
}

/// What is shown, and its entity tag.
#[derive(Clone, Debug)]
pub(crate) struct Tagged<T> {
    pub(crate) view: T,
    /// With its quotes.
    pub(crate) entity_tag: String,
}

impl<T: Serialize> Tagged<T> {
    /// Tags what is shown by its content.
    pub(super) fn by_content(view: T) -> Self {
        let entity_tag = tag_of(&view, "");
        Self { view, entity_tag }
    }
}

/// The tag of a content, of which `unseen` is a part that is not shown.
pub(super) fn tag_of<T: Serialize>(content: &T, unseen: &str) -> String {
    // What is shown as JSON can be written as JSON.
    let mut bytes = serde_json::to_vec(content).unwrap_or_default();
    bytes.extend_from_slice(unseen.as_bytes());
    let digest = BlobDigest::of(&bytes).to_string();
    let digits = digest.get(..TAG_DIGITS).unwrap_or(&digest);
    format!("\"{digits}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_contents_the_unseen_part_included() {
        let tag = tag_of(&["a"], "");
        assert_eq!(tag, Tagged::by_content(["a"]).entity_tag);
        assert_eq!(tag.len(), TAG_DIGITS + 2);
        assert_ne!(tag, tag_of(&["b"], ""));
        assert_ne!(tag, tag_of(&["a"], "x"));
    }

    #[test]
    fn only_what_is_expected_is_changed() {
        let code = |expected: &Expected| expected.check("\"1\"", "They").err().map(|it| it.code);
        assert_eq!(code(&Expected::Any), None);
        let tags = |tags: &[&str]| Expected::OneOf(tags.iter().map(ToString::to_string).collect());
        assert_eq!(code(&tags(&["\"0\"", "\"1\""])), None);
        for wrong in [tags(&["\"0\""]), tags(&["W/\"1\""]), tags(&["1"])] {
            assert_eq!(code(&wrong), Some(ErrorCode::RequestPrecondition));
        }
    }
}
