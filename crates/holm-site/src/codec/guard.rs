//! The guards of a snapshot on the wire: what format 2 has behind the hosts.

use holm_types::ProjectId;
use serde::{Deserialize, Serialize};

use super::NotAWord;
use crate::guard::{
    AccessRules, Coverage, PasswordHash, ProjectGuard, Protection, ProtectionMode, RateAction,
    RateLimit, RefusalForm, SigningKey,
};

#[derive(Default, Serialize, Deserialize)]
pub(super) struct WireGuards<'b>(#[serde(borrow)] Vec<WireGuard<'b>>);

#[derive(Serialize, Deserialize)]
struct WireGuard<'b> {
    project_id: [u8; 16],
    #[serde(borrow)]
    protection: Option<WireProtection<'b>>,
    #[serde(borrow)]
    access: WireAccess<'b>,
}

#[derive(Serialize, Deserialize)]
struct WireProtection<'b> {
    /// `None` for signed links.
    #[serde(borrow)]
    password: Option<&'b str>,
    covers_all: bool,
    refuses_as_not_found: bool,
    signing_key: [u8; 32],
}

/// Addresses are texts: a snapshot is small, and their form is fixed.
#[derive(Serialize, Deserialize)]
struct WireAccess<'b> {
    ip_allow: Vec<String>,
    ip_block: Vec<String>,
    #[serde(borrow)]
    referer_block: Vec<&'b str>,
    #[serde(borrow)]
    user_agent_allow: Vec<&'b str>,
    #[serde(borrow)]
    user_agent_block: Vec<&'b str>,
    #[serde(borrow)]
    rate_limits: Vec<WireRate<'b>>,
}

#[derive(Serialize, Deserialize)]
struct WireRate<'b> {
    path: &'b str,
    requests: u32,
    window_seconds: u32,
    only_observes: bool,
}

impl<'g> From<&'g [ProjectGuard]> for WireGuards<'g> {
    fn from(guards: &'g [ProjectGuard]) -> Self {
        Self(guards.iter().map(WireGuard::from).collect())
    }
}

impl<'g> From<&'g ProjectGuard> for WireGuard<'g> {
    fn from(guard: &'g ProjectGuard) -> Self {
        Self {
            project_id: *guard.project_id.as_bytes(),
            protection: guard.protection.as_ref().map(WireProtection::from),
            access: WireAccess::from(&guard.access),
        }
    }
}

impl<'g> From<&'g Protection> for WireProtection<'g> {
    fn from(protection: &'g Protection) -> Self {
        Self {
            password: protection.password().map(PasswordHash::as_str),
            covers_all: protection.coverage == Coverage::All,
            refuses_as_not_found: protection.refusal == RefusalForm::NotFound,
            signing_key: *protection.signing_key.as_bytes(),
        }
    }
}

impl<'g> From<&'g AccessRules> for WireAccess<'g> {
    fn from(rules: &'g AccessRules) -> Self {
        let texts = |list: &'g [String]| list.iter().map(String::as_str).collect();
        let rate = |rate: &'g RateLimit| WireRate {
            path: &rate.path,
            requests: rate.requests,
            window_seconds: rate.window_seconds,
            only_observes: rate.action == RateAction::Observe,
        };
        Self {
            ip_allow: rules.ip_allow.iter().map(ToString::to_string).collect(),
            ip_block: rules.ip_block.iter().map(ToString::to_string).collect(),
            referer_block: texts(&rules.referer_block),
            user_agent_allow: texts(&rules.user_agent_allow),
            user_agent_block: texts(&rules.user_agent_block),
            rate_limits: rules.rate_limits.iter().map(rate).collect(),
        }
    }
}

impl WireGuards<'_> {
    /// The guards, which must be in order: look-ups go by it.
    pub(super) fn read(self) -> Result<Vec<ProjectGuard>, NotAWord> {
        let guards = self.0.into_iter().map(ProjectGuard::try_from);
        let guards: Vec<_> = guards.collect::<Result<_, _>>()?;
        if guards.is_sorted_by(|one, other| one.project_id < other.project_id) {
            Ok(guards)
        } else {
            Err(NotAWord)
        }
    }
}

impl TryFrom<WireGuard<'_>> for ProjectGuard {
    type Error = NotAWord;

    fn try_from(wire: WireGuard<'_>) -> Result<Self, NotAWord> {
        Ok(Self {
            project_id: ProjectId::from_bytes(wire.project_id),
            protection: wire.protection.map(Protection::from),
            access: AccessRules::try_from(wire.access)?,
        })
    }
}

impl From<WireProtection<'_>> for Protection {
    fn from(wire: WireProtection<'_>) -> Self {
        Self {
            mode: match wire.password {
                Some(text) => ProtectionMode::Password(PasswordHash::from_text(text)),
                None => ProtectionMode::Signed,
            },
            coverage: if wire.covers_all {
                Coverage::All
            } else {
                Coverage::Previews
            },
            refusal: if wire.refuses_as_not_found {
                RefusalForm::NotFound
            } else {
                RefusalForm::Unauthorized
            },
            signing_key: SigningKey::from_bytes(wire.signing_key),
        }
    }
}

impl TryFrom<WireAccess<'_>> for AccessRules {
    type Error = NotAWord;

    fn try_from(wire: WireAccess<'_>) -> Result<Self, NotAWord> {
        let networks = |list: Vec<String>| {
            let read = list.iter().map(|text| text.parse().map_err(|_| NotAWord));
            read.collect::<Result<_, _>>()
        };
        let texts = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
        let rate = |wire: WireRate<'_>| RateLimit {
            path: wire.path.to_owned(),
            requests: wire.requests,
            window_seconds: wire.window_seconds,
            action: if wire.only_observes {
                RateAction::Observe
            } else {
                RateAction::Block
            },
        };
        Ok(Self {
            ip_allow: networks(wire.ip_allow)?,
            ip_block: networks(wire.ip_block)?,
            referer_block: texts(wire.referer_block),
            user_agent_allow: texts(wire.user_agent_allow),
            user_agent_block: texts(wire.user_agent_block),
            rate_limits: wire.rate_limits.into_iter().map(rate).collect(),
        })
    }
}
