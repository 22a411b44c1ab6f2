//! Who has asked how often: requests by actor and by address, sign-ins by address and by account, and
//! when each token was last shown.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use holm_types::{Clock, ErrorCode, Timestamp, TokenId, UserId};

use crate::authz::{Actor, ShownBy};
use crate::core::Core;
use crate::error::{ApiError, chain};
use crate::limits::ControlLimits;
use crate::rate::{Buckets, Rate, Taken, network};

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum ActorKey {
    User(UserId),
    Token(TokenId),
}

/// Requests by actor and by address.
#[derive(Debug)]
pub(crate) struct RequestGuard {
    actors: Buckets<ActorKey>,
    addresses: Buckets<IpAddr>,
}

impl RequestGuard {
    pub(crate) fn new(limits: &ControlLimits) -> Self {
        let rate = |count_max| Rate {
            count_max,
            window: limits.requests_window,
        };
        let keys_max = limits.rate_keys_max;
        Self {
            actors: Buckets::new(rate(limits.actor_requests_max), keys_max),
            addresses: Buckets::new(rate(limits.address_requests_max), keys_max),
        }
    }

    /// Counts a request of this address.
    pub(crate) fn take_address(&self, address: IpAddr, clock: &dyn Clock) -> Taken {
        self.addresses.take(network(address), clock.monotonic())
    }

    /// Counts a request of this actor: with all that its user has, as one.
    pub(crate) fn take_actor(&self, actor: &Actor, clock: &dyn Clock) -> Taken {
        let key = match (actor.user_id(), actor.shown_by()) {
            (Some(user), _) => ActorKey::User(user),
            (None, ShownBy::Token(token)) => ActorKey::Token(token),
            // A session has a user.
            (None, ShownBy::Session(_)) => ActorKey::User(UserId::from_bytes([0; 16])),
        };
        self.actors.take(key, clock.monotonic())
    }
}

/// Refuses what came too often.
pub(crate) fn check(taken: Taken, setting: &'static str) -> Result<(), ApiError> {
    if taken.is_allowed {
        return Ok(());
    }
    let limit = taken.rate.count_max;
    let seconds = taken.rate.window.as_secs();
    Err(ApiError::new(
        ErrorCode::RequestRateLimited,
        format!("More than {limit} requests in {seconds} seconds"),
    )
    .with_limit(limit, limit + 1, setting)
    .with_retry_after(taken.retry_after))
}

/// Sign-ins by address and by account. An account that is not there is counted like one that is.
#[derive(Debug)]
pub(crate) struct SignInGuard {
    accounts: Buckets<[u8; 32]>,
    addresses: Buckets<IpAddr>,
}

/// One attempt that was let in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    account: [u8; 32],
    address: IpAddr,
}

impl SignInGuard {
    pub(crate) fn new(limits: &ControlLimits) -> Self {
        let rate = |count_max| Rate {
            count_max,
            window: limits.sign_in_window,
        };
        let keys_max = limits.rate_keys_max;
        Self {
            accounts: Buckets::new(rate(limits.account_sign_ins_max), keys_max),
            addresses: Buckets::new(rate(limits.address_sign_ins_max), keys_max),
        }
    }

    /// Lets an attempt in, or says when the next one is.
    pub(crate) fn begin(
        &self,
        account: &str,
        address: IpAddr,
        clock: &dyn Clock,
    ) -> Result<Attempt, ApiError> {
        let now = clock.monotonic();
        let attempt = Attempt {
            account: *blake3::hash(account.as_bytes()).as_bytes(),
            address: network(address),
        };
        let by_address = self.addresses.take(attempt.address, now);
        check(by_address, "control.address_sign_ins_max")?;
        let by_account = self.accounts.take(attempt.account, now);
        check(by_account, "control.account_sign_ins_max")?;
        Ok(attempt)
    }

    /// Counts something that costs as much as a sign-in, by its address alone.
    pub(crate) fn take_address(&self, address: IpAddr, clock: &dyn Clock) -> Taken {
        self.addresses.take(network(address), clock.monotonic())
    }

    /// The attempt was a good one and does not count.
    pub(crate) fn succeeded(&self, attempt: Attempt) {
        self.accounts.fill(attempt.account);
        self.addresses.put_back(attempt.address);
    }
}

/// How often a token's last use is written down at most.
const NOTE_INTERVAL: Duration = Duration::from_mins(1);

/// Tokens whose use is written down at once; more wait for their next use.
const NOTED_MAX: usize = 10_000;

/// Which tokens were shown, written down at most once a minute each, beside the request.
#[derive(Debug, Default)]
pub(crate) struct TokenUses {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    since: Timestamp,
    tokens: HashSet<TokenId>,
}

impl TokenUses {
    /// Writes a use down, if the last one was a while ago. Nobody waits for it.
    pub(crate) fn note(
        &self,
        core: &Core,
        id: TokenId,
        last_used_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let is_due = last_used_at.is_none_or(|last| last.plus(NOTE_INTERVAL) <= now);
        if !is_due || !self.is_first(id, now) {
            return;
        }
        let db = core.db.clone();
        tokio::spawn(async move {
            let noted = db
                .write(move |change| change.note_token_use(id, now, NOTE_INTERVAL))
                .await;
            if let Err(error) = noted {
                holm_telemetry::event::TaskFailed {
                    task: "token_use".to_owned(),
                    reason: chain(&error),
                }
                .emit();
            }
        });
    }

    /// Whether this is the first that is heard of the token in this minute.
    fn is_first(&self, id: TokenId, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.since.plus(NOTE_INTERVAL) <= now {
            noted.since = now;
            noted.tokens.clear();
        }
        noted.tokens.len() < NOTED_MAX && noted.tokens.insert(id)
    }
}
