//! Who may. An [`Actor`] comes from a secret that was looked up, an [`Authorized`] from an actor that
//! has the permission, and the functions of `app` take nothing else: so no handler goes round it.

pub(crate) mod origin;
pub(crate) mod secret;
mod who;

use std::marker::PhantomData;

use holm_api::Permission;
use holm_types::{ErrorCode, SessionId, TokenId, UserId};

pub(crate) use who::{Shown, identify, session_cookie_name, unknown_token};

use crate::error::ApiError;

/// How an actor showed who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShownBy {
    /// An API token.
    Token(TokenId),
    /// A signed-in browser.
    Session(SessionId),
}

/// Who asks. Made by [`identify`] alone.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    user_id: Option<UserId>,
    shown_by: ShownBy,
    permissions: &'static [Permission],
}

/// What the owner may, and whoever holds the token that the server made for its operator.
const OWNER: &[Permission] = &[
    Permission::Read,
    Permission::Deploy,
    Permission::Manage,
    Permission::Own,
];

impl Actor {
    /// `None` for the server's own token from before it was claimed.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    pub(crate) fn shown_by(&self) -> ShownBy {
        self.shown_by
    }
}

/// A [`Permission`] as a type.
pub(crate) trait Grant {
    /// The permission.
    const PERMISSION: Permission;
}

macro_rules! grants {
    ($($name:ident)*) => {$(
        #[doc = concat!("`Permission::", stringify!($name), "` as a type.")]
        #[derive(Clone, Copy, Debug)]
        pub(crate) enum $name {}

        impl Grant for $name {
            const PERMISSION: Permission = Permission::$name;
        }
    )*};
}

grants! { Read Deploy Manage Own }

/// Proof that an actor has the permission `G`. [`Authorized::ask`] is the only way to get one.
#[derive(Clone, Debug)]
pub(crate) struct Authorized<G> {
    actor: Actor,
    grant: PhantomData<G>,
}

impl<G: Grant> Authorized<G> {
    /// Asks whether the actor may.
    pub(crate) fn ask(actor: Actor) -> Result<Self, ApiError> {
        if actor.permissions.contains(&G::PERMISSION) {
            Ok(Self {
                actor,
                grant: PhantomData,
            })
        } else {
            Err(ApiError::new(
                ErrorCode::AuthForbidden,
                "You may not do this",
            ))
        }
    }

    /// Who it is.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(permissions: &'static [Permission]) -> Actor {
        Actor {
            user_id: None,
            shown_by: ShownBy::Token(TokenId::from_bytes([1; 16])),
            permissions,
        }
    }

    #[test]
    fn a_permission_is_granted_only_to_who_has_it() {
        assert!(Authorized::<Own>::ask(actor(OWNER)).is_ok());
        assert!(Authorized::<Read>::ask(actor(&[Permission::Read])).is_ok());
        let refused = Authorized::<Deploy>::ask(actor(&[Permission::Read]));
        assert_eq!(refused.unwrap_err().code, ErrorCode::AuthForbidden);
    }
}
