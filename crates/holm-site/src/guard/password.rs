//! The password of a project's hosts, kept as an argon2id hash in the PHC string format.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use data_encoding::BASE64_NOPAD;
use subtle::ConstantTimeEq as _;

use super::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN};

/// Memory, passes and lanes: OWASP's first recommendation for argon2id. About 20 ms on one core.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const HASH_BYTES: usize = 32;
/// What a stored hash may ask for: who could write one could otherwise stop the edge with it.
const MEMORY_KIB_MAX: u32 = 64 * 1024;
const PASSES_MAX: u32 = 10;

/// Why a text cannot be a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too easily guessed.
    #[error("a password has at least 8 characters")]
    TooShort,
    /// Longer than [`PASSWORD_BYTES_MAX`].
    #[error("a password has at most 256 bytes")]
    TooLong,
    /// argon2 refused; this is a bug.
    #[error("the password cannot be hashed")]
    Hashing,
}

/// What is kept of a password. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Hashes a new password; takes some 20 ms and 19 MiB.
    pub fn make(password: &str, salt: &[u8; 16]) -> Result<Self, PasswordError> {
        if password.chars().count() < PASSWORD_CHARS_MIN {
            return Err(PasswordError::TooShort);
        }
        if password.len() > PASSWORD_BYTES_MAX {
            return Err(PasswordError::TooLong);
        }
        let cost = Cost {
            memory_kib: MEMORY_KIB,
            passes: PASSES,
            lanes: LANES,
        };
        let hash = cost.hash(password, salt).ok_or(PasswordError::Hashing)?;
        let (salt, hash) = (BASE64_NOPAD.encode(salt), BASE64_NOPAD.encode(&hash));
        let text = format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}");
        Ok(Self(text.into()))
    }

    /// A stored hash, unread: one that is damaged fits no password.
    pub fn from_text(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The PHC string, for the database and the snapshot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the password; compared in constant time. Takes some 20 ms: not for async callers.
    pub fn fits(&self, password: &str) -> bool {
        self.check(password).unwrap_or(false)
    }

    fn check(&self, password: &str) -> Option<bool> {
        if password.len() > PASSWORD_BYTES_MAX {
            return Some(false);
        }
        let mut fields = self.0.strip_prefix("$argon2id$v=19$")?.split('$');
        let cost = Cost::read(fields.next()?)?;
        let salt = BASE64_NOPAD.decode(fields.next()?.as_bytes()).ok()?;
        let hash = BASE64_NOPAD.decode(fields.next()?.as_bytes()).ok()?;
        let found = cost.hash(password, &salt)?;
        Some(fields.next().is_none() && bool::from(found.as_slice().ct_eq(&hash)))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What a hash costs.
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

impl Cost {
    /// Reads `m=19456,t=2,p=1`.
    fn read(text: &str) -> Option<Self> {
        let mut values = text.split(',');
        let mut number = |key: &str| values.next()?.strip_prefix(key)?.parse().ok();
        let cost = Self {
            memory_kib: number("m=")?,
            passes: number("t=")?,
            lanes: number("p=")?,
        };
        let is_bounded =
            cost.memory_kib <= MEMORY_KIB_MAX && cost.passes <= PASSES_MAX && cost.lanes == LANES;
        is_bounded.then_some(cost)
    }

    fn hash(&self, password: &str, salt: &[u8]) -> Option<[u8; HASH_BYTES]> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(HASH_BYTES));
        let mut hash = [0; HASH_BYTES];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params.ok()?)
            .hash_password_into(password.as_bytes(), salt, &mut hash)
            .ok()?;
        Some(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_hash_and_no_other_does() {
        let hash = PasswordHash::make("correct horse", &[7; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(hash.fits("correct horse"));
        assert!(!hash.fits("correct horsf") && !hash.fits("") && !hash.fits(&"x".repeat(300)));
        assert_ne!(hash, PasswordHash::make("correct horse", &[8; 16]).unwrap());
        assert_eq!(format!("{hash:?}"), "PasswordHash(..)");
    }

    #[test]
    fn a_hash_of_another_program_is_read() {
        // The test vector of the reference implementation: `password`, salt `somesalt`, 64 MiB, 2 passes.
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(PasswordHash::from_text(text).fits("password"));
    }

    #[test]
    fn a_damaged_hash_fits_nothing() {
        for text in [
            "",
            "$argon2id$v=19$m=19456,t=2,p=1$$",
            "$argon2id$v=19$m=4000000,t=2,p=1$c29tZXNhbHQ$AAAA",
            "$argon2id$v=19$m=8,t=1000000,p=1$c29tZXNhbHQ$AAAA",
            "plain",
        ] {
            assert!(!PasswordHash::from_text(text).fits("plain"), "{text}");
        }
        assert_eq!(
            PasswordHash::make("short", &[0; 16]),
            Err(PasswordError::TooShort)
        );
        let long = "x".repeat(257);
        assert_eq!(
            PasswordHash::make(&long, &[0; 16]),
            Err(PasswordError::TooLong)
        );
    }
}
