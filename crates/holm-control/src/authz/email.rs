//! E-mail addresses, as far as Holm looks into them: one form to compare by, and no more.

use holm_types::ErrorCode;

use crate::error::ApiError;

/// The longest address that mail can be sent to (RFC 5321, section 4.5.3.1.3, less the brackets).
const LENGTH_MAX: usize = 254;

/// The form that is kept and compared: without space around it, in lower case. `None` when it cannot
/// be an address.
pub(crate) fn normalize(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let has_odd = |part: &str| {
        part.is_empty()
            || part
                .chars()
                .any(|c| c.is_control() || c.is_whitespace() || "<>,;\"\\".contains(c))
    };
    let is_odd = text.len() > LENGTH_MAX || has_odd(local) || has_odd(domain);
    (!is_odd).then(|| text.to_lowercase())
}

/// As [`normalize`], for what somebody wants to be kept.
pub(crate) fn read(text: &str) -> Result<String, ApiError> {
    normalize(text).ok_or_else(|| {
        ApiError::new(
            ErrorCode::RequestInvalid,
            "This e-mail address cannot be used",
        )
        .with_field("/email", "an address such as ada@example.org")
    })
}

#[cfg(test)]
mod tests {
    use super::normalize;

    #[test]
    fn addresses_are_compared_in_one_form() {
        assert_eq!(
            normalize(" Ada@Example.ORG "),
            Some("ada@example.org".to_owned())
        );
        let long = format!("{}@b", "a".repeat(253));
        for bad in [
            "",
            "ada",
            "@b",
            "a@",
            "a b@c",
            "a@b\r\nx: y",
            "<a@b>",
            &long,
        ] {
            assert_eq!(normalize(bad), None, "{bad}");
        }
    }
}
