//! Secrets: 256 random bits, shown once, kept as a hash. A hash is enough, without salt or stretching,
//! because nobody can try 2^256 values; looking up by it leaves no comparison to time.

use data_encoding::BASE32_DNSSEC;
use holm_types::Entropy;

/// What an API token starts with, so that scanners for leaked secrets know it.
pub(crate) const TOKEN_PREFIX: &str = "holm_";

/// What a secret is for. Each kind is hashed in its own way, so that one is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// `Authorization: Bearer`.
    Token,
    /// The session cookie.
    Session,
    /// The owner link.
    OwnerCode,
    /// An invitation.
    Invitation,
}

impl SecretKind {
    const fn context(self) -> &'static str {
        match self {
            Self::Token => "holm control plane 2026-11 token",
            Self::Session => "holm control plane 2026-11 session",
            Self::OwnerCode => "holm control plane 2026-11 owner code",
            Self::Invitation => "holm control plane 2026-11 invitation",
        }
    }

    /// A new secret as text.
    pub(crate) fn make(self, entropy: &dyn Entropy) -> String {
        let mut bytes = [0_u8; 32];
        entropy.fill(&mut bytes);
        let body = BASE32_DNSSEC.encode(&bytes);
        match self {
            Self::Token => format!("{TOKEN_PREFIX}{body}"),
            Self::Session | Self::OwnerCode | Self::Invitation => body,
        }
    }

    /// What is kept of a secret.
    pub(crate) fn hash(self, secret: &str) -> [u8; 32] {
        blake3::derive_key(self.context(), secret.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Counting(std::sync::atomic::AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        }
    }

    #[test]
    fn secrets_differ_and_kinds_do_not_mix() {
        let entropy = Counting(std::sync::atomic::AtomicU8::new(0));
        let first = SecretKind::Token.make(&entropy);
        let second = SecretKind::Token.make(&entropy);
        assert!(
            first.starts_with("holm_") && first.len() == 5 + 52,
            "{first}"
        );
        assert_ne!(first, second);
        assert_ne!(
            SecretKind::Token.hash(&first),
            SecretKind::Token.hash(&second)
        );
        assert_ne!(
            SecretKind::Token.hash(&first),
            SecretKind::Session.hash(&first)
        );
    }
}
