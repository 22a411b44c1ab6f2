//! Passwords: hashed with argon2id, so that whoever reads the database has to pay for each guess.
//!
//! A hash takes memory and a core for a while. So hashing runs on blocking threads, few at once, and
//! what would have to wait behind many others is refused. The memory is used again: allocated anew for
//! each hash, it stayed in the threads' own heaps (225 MB after 40 sign-ins at once, of which two at a
//! time were hashed).

use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use data_encoding::BASE64_NOPAD;
use holm_types::{Entropy, ErrorCode};
use subtle::ConstantTimeEq as _;
use tokio::sync::Semaphore;

use crate::error::ApiError;
use crate::limits::ControlLimits;

const LENGTH_MIN: usize = 12;
const LENGTH_MAX: usize = 256;
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;

/// How much a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
}

/// A hash with what is needed to make it again: a PHC string,
/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Kept {
    /// What is in the memory does not matter: the first pass writes over all that it uses.
    fn make(
        password: &str,
        salt: &[u8],
        cost: Cost,
        memory: &mut Memory,
    ) -> Result<Self, argon2::Error> {
        let mut hash = vec![0_u8; HASH_BYTES];
        let params = Params::new(cost.memory_kib, cost.passes, 1, Some(HASH_BYTES))?;
        if memory.len() < params.block_count() {
            *memory = vec![Block::new(); params.block_count()];
        }
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(password.as_bytes(), salt, &mut hash, memory)?;
        Ok(Self {
            cost,
            salt: salt.to_vec(),
            hash,
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$m=")?;
        let (memory, rest) = rest.split_once(",t=")?;
        let (passes, rest) = rest.split_once(",p=1$")?;
        let (salt, hash) = rest.split_once('$')?;
        Some(Self {
            cost: Cost {
                memory_kib: memory.parse().ok()?,
                passes: passes.parse().ok()?,
            },
            salt: BASE64_NOPAD.decode(salt.as_bytes()).ok()?,
            hash: BASE64_NOPAD.decode(hash.as_bytes()).ok()?,
        })
    }

    fn text(&self) -> String {
        let Cost { memory_kib, passes } = self.cost;
        let (salt, hash) = (
            BASE64_NOPAD.encode(&self.salt),
            BASE64_NOPAD.encode(&self.hash),
        );
        format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}")
    }
}

/// What one hash is made in.
type Memory = Vec<Block>;

/// What comparing a password gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// It is the password.
    Yes,
    /// It is; and the hash was made at another cost than is set now.
    YesOutdated,
    /// It is not.
    No,
}

/// Where passwords are hashed.
#[derive(Debug)]
pub(crate) struct PasswordDesk {
    /// Room to hash in now.
    places: Semaphore,
    /// Room to hash in or wait.
    line: Semaphore,
    /// Memory that nobody hashes in now; at most as many pieces as there are places.
    idle: Arc<Mutex<Vec<Memory>>>,
    cost: Cost,
    line_max: u64,
}

impl PasswordDesk {
    pub(crate) fn new(limits: &ControlLimits) -> Self {
        let memory_kib = u32::try_from(limits.password_memory_bytes / 1024).unwrap_or(u32::MAX);
        let line_max = limits.password_hashes_max + limits.password_queue_max;
        Self {
            places: Semaphore::new(limits.password_hashes_max),
            line: Semaphore::new(line_max),
            idle: Arc::default(),
            cost: Cost {
                memory_kib: memory_kib.max(Params::MIN_M_COST),
                passes: limits.password_passes.max(1),
            },
            line_max: line_max as u64,
        }
    }

    /// What to keep of a new password.
    pub(crate) async fn hash(
        &self,
        password: &str,
        entropy: &dyn Entropy,
    ) -> Result<String, ApiError> {
        let mut salt = [0_u8; SALT_BYTES];
        entropy.fill(&mut salt);
        let (password, cost) = (password.to_owned(), self.cost);
        let kept = self
            .work(move |memory| Kept::make(&password, &salt, cost, memory))
            .await?;
        Ok(kept.text())
    }

    /// Whether this is the password. Without a kept hash it is not, which takes as long to find out.
    pub(crate) async fn compare(
        &self,
        password: &str,
        kept: Option<String>,
    ) -> Result<Match, ApiError> {
        let kept = kept.as_deref().and_then(Kept::parse);
        let is_known = kept.is_some();
        let stand_in = Kept {
            cost: self.cost,
            salt: vec![0; SALT_BYTES],
            hash: vec![0; HASH_BYTES],
        };
        let kept = kept.unwrap_or(stand_in);
        let password = password.to_owned();
        let (salt, cost) = (kept.salt.clone(), kept.cost);
        let made = self
            .work(move |memory| Kept::make(&password, &salt, cost, memory))
            .await?;
        let is_same = bool::from(made.hash.ct_eq(&kept.hash));
        Ok(match is_same && is_known {
            true if cost == self.cost => Match::Yes,
            true => Match::YesOutdated,
            false => Match::No,
        })
    }

    /// Gives the memory back that nobody hashes in now. How many pieces there were.
    pub(crate) fn rest(&self) -> u64 {
        std::mem::take(&mut *lock(&self.idle)).len() as u64
    }

    async fn work(
        &self,
        make: impl FnOnce(&mut Memory) -> Result<Kept, argon2::Error> + Send + 'static,
    ) -> Result<Kept, ApiError> {
        let _in_line = self.line.try_acquire().map_err(|_| {
            ApiError::new(ErrorCode::ServerBusy, "Too many people are signing in").with_limit(
                self.line_max,
                self.line_max + 1,
                "control.password_queue_max",
            )
        })?;
        let _place = self.places.acquire().await;
        let idle = Arc::clone(&self.idle);
        let made = tokio::task::spawn_blocking(move || {
            let mut memory = lock(&idle).pop().unwrap_or_default();
            let made = make(&mut memory);
            lock(&idle).push(memory);
            made
        })
        .await;
        let broken = |cause: &(dyn std::error::Error + 'static)| {
            ApiError::from_cause(
                ErrorCode::Internal,
                "The password could not be hashed",
                cause,
            )
        };
        made.map_err(|error| broken(&error))?
            .map_err(|error| broken(&error))
    }
}

fn lock(idle: &Mutex<Vec<Memory>>) -> std::sync::MutexGuard<'_, Vec<Memory>> {
    // Whole pieces are put in and taken out.
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses a password that is too easy to guess, or so long that hashing it is work.
pub(crate) fn check(password: &str, email: &str) -> Result<(), ApiError> {
    let length = password.chars().count();
    let is_fit = (LENGTH_MIN..=LENGTH_MAX).contains(&length)
        && !password.trim().eq_ignore_ascii_case(email)
        && password.chars().any(|c| !password.starts_with(c));
    if is_fit {
        return Ok(());
    }
    let detail = format!(
        "{LENGTH_MIN} to {LENGTH_MAX} characters, not the e-mail, not one character over and over"
    );
    Err(
        ApiError::new(ErrorCode::AuthPasswordUnfit, "This password cannot be used")
            .with_field("/password", detail),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Sevens;

    impl Entropy for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn desk(memory_bytes: u64, hashes_max: usize, queue_max: usize) -> PasswordDesk {
        PasswordDesk::new(&ControlLimits {
            password_memory_bytes: memory_bytes,
            password_passes: 1,
            password_hashes_max: hashes_max,
            password_queue_max: queue_max,
            ..ControlLimits::default()
        })
    }

    #[test]
    fn a_hash_is_the_one_that_others_make() {
        // A vector of the reference program's own tests.
        let text =
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        let cost = Cost {
            memory_kib: 256,
            passes: 2,
        };
        // In fresh memory, in memory that was used, and in more than is needed.
        let mut memory = Vec::new();
        for blocks in [0, 0, 1000] {
            memory.resize(memory.len().max(blocks), Block::new());
            let kept = Kept::make("password", b"somesalt", cost, &mut memory).unwrap();
            assert_eq!(kept.text(), text);
            assert_eq!(Kept::parse(text), Some(kept));
        }
        for bad in [
            "",
            "$argon2i$v=19$m=64,t=1,p=1$Bw$Bw",
            "$argon2id$v=19$m=x,t=1,p=1$$",
        ] {
            assert_eq!(Kept::parse(bad), None, "{bad}");
        }
    }

    #[tokio::test]
    async fn only_the_password_matches_and_an_old_cost_is_noticed() {
        let desk = desk(64 * 1024, 1, 1);
        let kept = desk.hash("correct horse", &Sevens).await.unwrap();
        let compare = async |password: &str, kept: Option<&String>| {
            desk.compare(password, kept.cloned()).await.unwrap()
        };
        assert_eq!(compare("correct horse", Some(&kept)).await, Match::Yes);
        assert_eq!(compare("correct horsf", Some(&kept)).await, Match::No);
        assert_eq!(compare("correct horse", None).await, Match::No);
        let dearer = self::desk(128 * 1024, 1, 1);
        let found = dearer.compare("correct horse", Some(kept)).await.unwrap();
        assert_eq!(found, Match::YesOutdated);
    }

    #[tokio::test]
    async fn memory_is_used_again_and_given_back() {
        let desk = desk(64 * 1024, 2, 20);
        let hashes = (0..20).map(|_| desk.hash("correct horse", &Sevens));
        for hashed in futures_util::future::join_all(hashes).await {
            hashed.unwrap();
        }
        assert!((1..=2).contains(&desk.rest()));
        assert_eq!(desk.rest(), 0);
    }

    #[tokio::test]
    async fn a_long_line_is_refused() {
        let desk = desk(64 * 1024, 1, 0);
        let _busy = desk.line.acquire().await.unwrap();
        let refused = desk.hash("correct horse", &Sevens).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::ServerBusy);
    }

    #[test]
    fn easy_passwords_are_refused() {
        assert!(check("correct horse", "ada@example.org").is_ok());
        let long = "ab".repeat(129);
        for bad in ["short", "aaaaaaaaaaaaaa", "Ada@Example.org", &long] {
            assert!(check(bad, "ada@example.org").is_err(), "{bad}");
        }
    }
}
