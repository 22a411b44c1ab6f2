//! Which encoded form of a file a client takes (RFC 9110 section 12.5.3).

use holm_storage::{ContentCoding, Variants};
use http::header::{ACCEPT_ENCODING, HeaderMap};

use crate::weight::{Weight, alternatives};

/// What an `Accept-Encoding` says about the two codings that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Negotiation {
    /// What brotli weighs.
    br: Weight,
    /// What gzip weighs.
    gzip: Weight,
    /// What the file as it is weighs.
    identity: Weight,
}

impl Negotiation {
    /// What a request without the field means here: as it is.
    const IDENTITY: Self = Self {
        br: Weight::NONE,
        gzip: Weight::NONE,
        identity: Weight::NONE,
    };

    /// Reads the field.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut br = None;
        let mut gzip = None;
        let mut identity = None;
        let mut any = None;
        for value in headers.get_all(ACCEPT_ENCODING) {
            let Ok(text) = value.to_str() else {
                return Self::IDENTITY;
            };
            for (name, weight) in alternatives(text) {
                if name.eq_ignore_ascii_case("br") {
                    br = Some(weight);
                } else if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
                    gzip = Some(weight);
                } else if name.eq_ignore_ascii_case("identity") {
                    identity = Some(weight);
                } else if name == "*" {
                    any = Some(weight);
                }
            }
        }
        Self {
            br: br.or(any).unwrap_or(Weight::NONE),
            gzip: gzip.or(any).unwrap_or(Weight::NONE),
            // Without a word about it, identity is acceptable, but anything named comes first.
            identity: identity.or(any).unwrap_or(Weight::NONE),
        }
    }

    /// The coding to send, of those that there are: the heaviest; brotli before gzip before identity
    /// where they weigh the same.
    pub(crate) fn choose(self, variants: &Variants) -> ContentCoding {
        let offered = [
            (variants.br.is_some(), self.br, ContentCoding::Br),
            (variants.gzip.is_some(), self.gzip, ContentCoding::Gzip),
        ];
        let mut best = (self.identity, ContentCoding::Identity);
        for (is_there, weight, coding) in offered.into_iter().rev() {
            if is_there && weight.is_acceptable() && weight >= best.0 {
                best = (weight, coding);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which form is sent when all are there.
    fn choice(value: Option<&str>) -> &'static str {
        let headers: HeaderMap = value
            .map(|value| (ACCEPT_ENCODING, value.parse().unwrap()))
            .into_iter()
            .collect();
        let variant = holm_storage::Variant {
            digest: holm_types::BlobDigest::from_bytes([0; 32]),
            size_bytes: 1,
        };
        let variants = Variants {
            br: Some(variant),
            gzip: Some(variant),
        };
        match Negotiation::of(&headers).choose(&variants) {
            ContentCoding::Br => "br",
            ContentCoding::Gzip => "gzip",
            ContentCoding::Identity => "identity",
        }
    }

    #[test]
    fn what_is_not_there_is_not_chosen() {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, "br, gzip".parse().unwrap())]);
        let choice = Negotiation::of(&headers).choose(&Variants::default());
        assert_eq!(choice, ContentCoding::Identity);
    }

    #[test]
    fn forms_that_clients_take() {
        let check = |value: &str, want: &str| assert_eq!(choice(Some(value)), want, "{value}");
        assert_eq!(choice(None), "identity");
        check("", "identity");
        check("gzip, deflate, br, zstd", "br");
        check("gzip, deflate", "gzip");
        check("x-gzip", "gzip");
        check("GZIP", "gzip");
        check("br;q=0.5, gzip;q=1.0", "gzip");
        check("br;q=1.0, gzip;q=0.5", "br");
        check("br;q=0, gzip", "gzip");
        check("br;q=0, gzip;q=0", "identity");
        check("*", "br");
        check("*;q=0.1, gzip", "gzip");
        check("identity", "identity");
        check("*;q=0", "identity");
        check("deflate, zstd", "identity");
        check("br;q=nonsense", "identity");
        check("identity;q=0, gzip;q=0.1", "gzip");
        check("identity;q=1, br;q=0.5", "identity");
        check("br;q=0.5, gzip;q=0.5", "br");
    }
}
