//! What opens a protected host: tickets in links (`eo_token`, `eo_time`) and passes after a password.
//!
//! Both are HMAC-SHA256 under the project's key and bound to one host. A ticket signs `host LF eo_time`
//! (platform spec 12.3). What a pass signs begins differently and also covers the password's hash, so that
//! a new password ends the passes of the old one.

use std::fmt;

use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::PasswordHash;

/// How long a ticket opens its host, from `eo_time`: 3 hours (platform spec 12.3).
pub const TICKET_SECONDS: u64 = 10_800;
/// How long a pass opens its host after the password: 12 hours.
pub const PASS_SECONDS: u64 = 43_200;
/// How far ahead the clock of whoever signed may be.
const SKEW_SECONDS: u64 = 300;
/// Digits of a time: enough for the next 30,000 years.
const TIME_DIGITS_MAX: usize = 12;

/// A project's key. It is never shown again; `Debug` does not show it either.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey([u8; 32]);

impl SigningKey {
    /// The key of these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, for the database and the snapshot.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// `eo_token` for a host, valid for [`TICKET_SECONDS`] from `eo_time` on.
    pub fn ticket(&self, host: &str, eo_time: u64) -> String {
        HEXLOWER.encode(
            &self
                .sign(&ticket_text(host, eo_time))
                .finalize()
                .into_bytes(),
        )
    }

    /// Whether this is a ticket of ours for this host; when it was made is another question.
    pub(super) fn is_ticket(&self, host: &str, eo_time: u64, eo_token: &str) -> bool {
        self.is_signed(&ticket_text(host, eo_time), eo_token)
    }

    /// The value of a pass for a host that ends at `expires` (seconds since 1970).
    pub(super) fn pass(&self, host: &str, password: &PasswordHash, expires: u64) -> String {
        let mac = self.sign(&pass_text(host, password, expires));
        format!(
            "{expires}.{}",
            HEXLOWER.encode(&mac.finalize().into_bytes())
        )
    }

    /// Whether this is a pass of ours for this host that has not ended.
    pub(super) fn is_pass(
        &self,
        host: &str,
        password: &PasswordHash,
        value: &str,
        now_seconds: u64,
    ) -> bool {
        let Some((expires, mac)) = value.split_once('.') else {
            return false;
        };
        let Some(expires) = read_time(expires) else {
            return false;
        };
        let is_open = now_seconds < expires && expires <= now_seconds + PASS_SECONDS + SKEW_SECONDS;
        is_open && self.is_signed(&pass_text(host, password, expires), mac)
    }

    fn sign(&self, text: &str) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        mac.update(text.as_bytes());
        mac
    }

    /// In constant time.
    fn is_signed(&self, text: &str, hex: &str) -> bool {
        HEXLOWER
            .decode(hex.as_bytes())
            .is_ok_and(|signature| self.sign(text).verify_slice(&signature).is_ok())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

fn ticket_text(host: &str, eo_time: u64) -> String {
    format!("{host}\n{eo_time}")
}

/// Never a ticket's: that has one line break, this has three.
fn pass_text(host: &str, password: &PasswordHash, expires: u64) -> String {
    format!("password\n{host}\n{expires}\n{}", password.as_str())
}

/// Seconds since 1970 as they stand in links and cookies: digits only.
pub(super) fn read_time(text: &str) -> Option<u64> {
    let is_time = text.len() <= TIME_DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_time)
}

/// A URL or a request target with the value of every `eo_token` masked, for logs and reports. `None` when
/// there is none.
pub fn without_ticket(target: &str) -> Option<String> {
    const NAME: &str = "eo_token=";
    let (_, query) = target.split_once('?')?;
    if !query.contains(NAME) {
        return None;
    }
    let mut masked = String::with_capacity(target.len());
    let mut rest = target;
    while let Some(at) = rest.find(NAME) {
        let (before, found) = rest.split_at(at + NAME.len());
        masked.push_str(before);
        masked.push_str("***");
        let end = found.find(['&', '#']).unwrap_or(found.len());
        rest = found.get(end..).unwrap_or_default();
    }
    masked.push_str(rest);
    Some(masked)
}

/// How old a ticket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It opens its host for so many seconds yet, at least one.
    Left(u64),
    /// It does no more.
    Expired,
    /// It is from too far in the future.
    Future,
}

/// The age of a ticket with this `eo_time`.
pub(super) fn age(eo_time: u64, now_seconds: u64) -> Age {
    if eo_time > now_seconds + SKEW_SECONDS {
        return Age::Future;
    }
    let left = (eo_time + TICKET_SECONDS).saturating_sub(now_seconds);
    match left.min(TICKET_SECONDS) {
        0 => Age::Expired,
        left => Age::Left(left),
    }
}
