//! The registry of typed ids. Each is a UUIDv7 with a prefix: `dpl_` + 26 characters of base32.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::{Encoding, Specification};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::{Clock, Entropy};

/// The text is not an id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id of this kind is `{prefix}_` and 26 characters of 0-9 and a-z")]
pub struct ParseIdError {
    /// The prefix that was expected, without the underscore.
    pub prefix: &'static str,
}

/// Crockford's alphabet in lower case: keeps the order of the bytes, has no look-alikes.
const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";

fn base32() -> &'static Encoding {
    static ENCODING: std::sync::OnceLock<Encoding> = std::sync::OnceLock::new();
    ENCODING.get_or_init(|| {
        let mut specification = Specification::new();
        specification.symbols.push_str(ALPHABET);
        specification
            .encoding()
            .expect("the alphabet has 32 distinct symbols")
    })
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// From the 16 bytes of the UUID, as codecs and databases keep it.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes of the UUID.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, base32().encode(self.0.as_bytes()))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let error = ParseIdError { prefix: $prefix };
                let body = text.strip_prefix(concat!($prefix, "_")).ok_or(error.clone())?;
                let bytes = base32().decode(body.as_bytes()).map_err(|_| error.clone())?;
                Uuid::from_slice(&bytes).map(Self).map_err(|_| error)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }
    )*};
}

typed_ids! {
    /// Who owns projects.
    AccountId = "acc";
    /// A person who can sign in.
    UserId = "usr";
    /// A secret an API client shows.
    TokenId = "tok";
    /// A signed-in browser.
    SessionId = "ses";
    /// An invitation to become a member.
    InvitationId = "inv";
    /// One line of the audit log.
    AuditId = "aud";
    /// One site's settings and all its deployments.
    ProjectId = "prj";
    /// One immutable result of one source.
    DeploymentId = "dpl";
    /// A host name that points at a deployment.
    AliasId = "als";
}

impl DeploymentId {
    /// The 12 characters that stand for this deployment in a host name:
    /// its last 60 bits, which are all random, so that host names cannot be guessed from the time.
    pub fn label(&self) -> String {
        let mut tail = [0_u8; 8];
        tail.copy_from_slice(self.0.as_bytes().get(8..).unwrap_or(&[0; 8]));
        let bits = u64::from_be_bytes(tail);
        let alphabet = ALPHABET.as_bytes();
        (0..12)
            .rev()
            .map(|index| {
                let symbol = usize::try_from((bits >> (index * 5)) & 31).unwrap_or(0);
                char::from(alphabet.get(symbol).copied().unwrap_or(b'0'))
            })
            .collect()
    }
}

/// Makes ids from the house's clock and entropy.
#[derive(Clone, Debug)]
pub struct IdMint {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl IdMint {
    /// A mint that dates ids by this clock.
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self { clock, entropy }
    }

    /// A new id, later than all before it up to the clock's millisecond.
    pub fn mint<Id: From<Uuid>>(&self) -> Id {
        let mut random = [0_u8; 10];
        self.entropy.fill(&mut random);
        let ms = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        Id::from(uuid::Builder::from_unix_timestamp_millis(ms, &random).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_knows_its_kind() {
        let id = DeploymentId::from_bytes([0xA5; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), 4 + 26);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(
            text.parse::<ProjectId>(),
            Err(ParseIdError { prefix: "prj" })
        );
        assert!("dpl_short".parse::<DeploymentId>().is_err());
    }

    #[test]
    fn label_is_twelve_host_name_characters() {
        let label = DeploymentId::from_bytes([0xFF; 16]).label();
        assert_eq!(label, "zzzzzzzzzzzz");
        assert_ne!(label, DeploymentId::from_bytes([0x11; 16]).label());
    }
}
