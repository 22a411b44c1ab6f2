//! Which encoded form of a file a client takes (RFC 9110 section 12.5.3).

use holm_storage::{ContentCoding, Variants};
use http::header::{ACCEPT_ENCODING, HeaderMap};

use crate::weight::{Weight, alternatives};

/// What an `Accept-Encoding` says about the codings that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Negotiation {
    /// What brotli weighs.
    br: Weight,
    /// What Zstandard weighs.
    zstd: Weight,
    /// What gzip weighs.
    gzip: Weight,
    /// What the file as it is weighs.
    identity: Weight,
}

impl Negotiation {
    /// What a request without the field means here: as it is.
    const IDENTITY: Self = Self {
        br: Weight::NONE,
        zstd: Weight::NONE,
        gzip: Weight::NONE,
        identity: Weight::NONE,
    };

    /// Reads the field.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut br = None;
        let mut zstd = None;
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
                } else if name.eq_ignore_ascii_case("zstd") {
                    zstd = Some(weight);
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
            zstd: zstd.or(any).unwrap_or(Weight::NONE),
            gzip: gzip.or(any).unwrap_or(Weight::NONE),
            // Without a word about it, identity is acceptable, but anything named comes first.
            identity: identity.or(any).unwrap_or(Weight::NONE),
        }
    }

    /// The coding to send, of those that there are: the heaviest; the smallest where several weigh the
    /// same, and any before identity.
    pub(crate) fn choose(self, variants: &Variants) -> ContentCoding {
        let offered = [
            (ContentCoding::Br, self.br),
            (ContentCoding::Zstd, self.zstd),
            (ContentCoding::Gzip, self.gzip),
        ];
        let mut best = (self.identity, u64::MAX, ContentCoding::Identity);
        for (coding, weight) in offered {
            let Some(variant) = variants.get(coding) else {
                continue;
            };
            let is_better = weight > best.0 || (weight == best.0 && variant.size_bytes < best.1);
            if weight.is_acceptable() && is_better {
                best = (weight, variant.size_bytes, coding);
            }
        }
        best.2
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
        let variant = |size_bytes| {
            let digest = holm_types::BlobDigest::from_bytes([0; 32]);
            Some(holm_storage::Variant { digest, size_bytes })
        };
        let variants = Variants {
            br: variant(10),
            zstd: variant(11),
            gzip: variant(12),
            is_best: true,
        };
        match Negotiation::of(&headers).choose(&variants) {
            ContentCoding::Br => "br",
            ContentCoding::Zstd => "zstd",
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
    fn of_those_that_weigh_the_same_the_smallest_is_sent() {
        let headers = HeaderMap::from_iter([(ACCEPT_ENCODING, "br, zstd, gzip".parse().unwrap())]);
        let variant = |size_bytes| {
            let digest = holm_types::BlobDigest::from_bytes([0; 32]);
            Some(holm_storage::Variant { digest, size_bytes })
        };
        let check = |br, zstd, gzip, want| {
            let variants = Variants {
                br,
                zstd,
                gzip,
                is_best: true,
            };
            assert_eq!(Negotiation::of(&headers).choose(&variants), want);
        };
        check(variant(9), variant(8), variant(9), ContentCoding::Zstd);
        check(variant(8), variant(8), variant(8), ContentCoding::Br);
        check(None, variant(9), variant(8), ContentCoding::Gzip);
        check(None, None, None, ContentCoding::Identity);
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
        check("deflate", "identity");
        check("deflate, zstd", "zstd");
        check("gzip, zstd", "zstd");
        check("gzip;q=1, zstd;q=0.9", "gzip");
        check("zstd;q=0, *", "br");
        check("br;q=nonsense", "identity");
        check("identity;q=0, gzip;q=0.1", "gzip");
        check("identity;q=1, br;q=0.5", "identity");
        check("br;q=0.5, gzip;q=0.5", "br");
    }
}
