//! Who may. An [`Actor`] comes from a secret that was looked up, an [`Authorized`] from an actor that
//! has the permission, and the functions of `app` take nothing else: so no handler goes round it.
//!
//! Where an operation's path names a project, the gate looks it up and asks about that project: one
//! that the actor may not see does not exist for it (404), one that it may see and not change is
//! refused (403). So an operation on a project needs nothing of its own to keep strangers out. One that
//! names no project and still shows some narrows what it shows with [`Authorized::sees`].

pub(crate) mod email;
pub(crate) mod origin;
pub(crate) mod password;
mod scope;
pub(crate) mod secret;
mod who;

use std::marker::PhantomData;

use holm_api::{MemberRole, Permission};
use holm_types::{ErrorCode, ProjectId, SessionId, TokenId, UserId};

pub(crate) use scope::{Scope, Scopes};
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
    email: Option<String>,
    shown_by: ShownBy,
    token_id: Option<TokenId>,
    role: MemberRole,
    scopes: Scopes,
}

impl Actor {
    /// `None` for the server's own token from before it was claimed.
    pub(crate) fn user_id(&self) -> Option<UserId> {
        self.user_id
    }

    /// The member's e-mail. `None` when there is none.
    pub(crate) fn email(&self) -> Option<&str> {
        self.email.as_deref()
    }

    pub(crate) fn shown_by(&self) -> ShownBy {
        self.shown_by
    }

    /// The token that was shown now, or to sign this session in. `None` for a password.
    pub(crate) fn token_id(&self) -> Option<TokenId> {
        self.token_id
    }

    /// The user's role now. What of it a token has is for [`Actor::permits`] to say.
    pub(crate) fn role(&self) -> MemberRole {
        self.role
    }

    /// What of the role this token or session has.
    pub(crate) fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether the actor may, for one project or, with `None`, for the server.
    pub(crate) fn permits(&self, permission: Permission, project: Option<ProjectId>) -> bool {
        self.role.permissions().contains(&permission) && self.scopes.allow(permission, project)
    }
}

/// What an operation is about.
#[derive(Clone, Debug, Default)]
pub(crate) enum Target {
    /// The server.
    #[default]
    Server,
    /// This project.
    Project {
        /// As the caller named it.
        reference: String,
        /// `None` when there is none.
        id: Option<ProjectId>,
    },
}

impl Target {
    /// The project. `None` when none is named, or there is none of that name.
    pub(crate) fn project(&self) -> Option<ProjectId> {
        match self {
            Self::Server => None,
            Self::Project { id, .. } => *id,
        }
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

grants! { Read Deploy Manage Own Identity }

/// Proof that an actor has the permission `G`, on the project that the operation names if it names
/// one. [`Authorized::ask`] and [`Authorized::ask_on`] are the only ways to get one.
#[derive(Clone, Debug)]
pub(crate) struct Authorized<G> {
    actor: Actor,
    grant: PhantomData<G>,
}

impl<G: Grant> Authorized<G> {
    /// Asks whether the actor may, where no project is named.
    pub(crate) fn ask(actor: Actor) -> Result<Self, ApiError> {
        Self::ask_on(actor, &Target::Server)
    }

    /// Asks whether the actor may do this to what the operation is about.
    pub(crate) fn ask_on(actor: Actor, target: &Target) -> Result<Self, ApiError> {
        if let Target::Project { reference, id } = target {
            let is_seen = match id {
                Some(id) => actor.scopes.sees(*id),
                // To who sees all, the operation itself says that it is not there.
                None => actor.scopes.projects().is_none(),
            };
            if !is_seen {
                return Err(no_project(reference));
            }
        }
        if actor.permits(G::PERMISSION, target.project()) {
            Ok(Self {
                actor,
                grant: PhantomData,
            })
        } else {
            Err(forbidden())
        }
    }

    /// Who it is.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Whether the actor may know that this project exists.
    pub(crate) fn sees(&self, project: ProjectId) -> bool {
        self.actor.scopes.sees(project)
    }
}

/// The actor may not do this.
pub(crate) fn forbidden() -> ApiError {
    ApiError::new(ErrorCode::AuthForbidden, "You may not do this")
}

/// There is no such project, or it may not be seen: nobody can tell which.
pub(crate) fn no_project(reference: &str) -> ApiError {
    let shown: String = reference.chars().take(80).collect();
    ApiError::new(
        ErrorCode::ProjectNotFound,
        format!("There is no project `{shown}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::scope::Verb;
    use super::*;

    const SHOP: ProjectId = ProjectId::from_bytes([1; 16]);
    const BLOG: ProjectId = ProjectId::from_bytes([2; 16]);

    fn actor(role: MemberRole, scopes: Vec<Scope>) -> Actor {
        Actor {
            user_id: None,
            email: None,
            shown_by: ShownBy::Token(TokenId::from_bytes([1; 16])),
            token_id: None,
            role,
            scopes: Scopes::new(scopes),
        }
    }

    fn on(id: Option<ProjectId>) -> Target {
        Target::Project {
            reference: "blog".to_owned(),
            id,
        }
    }

    fn code<G: Grant>(asked: Result<Authorized<G>, ApiError>) -> Option<ErrorCode> {
        asked.err().map(|error| error.code)
    }

    #[test]
    fn a_permission_is_granted_only_to_who_has_it() {
        let all = || vec![Scope::new(None, Verb::All)];
        let owner = actor(MemberRole::Owner, all());
        let viewer = actor(MemberRole::Viewer, all());
        assert!(Authorized::<Own>::ask(owner).is_ok());
        assert!(Authorized::<Read>::ask(viewer.clone()).is_ok());
        let refused = Authorized::<Deploy>::ask(viewer);
        assert_eq!(code(refused), Some(ErrorCode::AuthForbidden));
    }

    #[test]
    fn a_token_has_what_both_its_scopes_and_its_user_have() {
        let deploy = vec![Scope::new(None, Verb::Deploy)];
        let viewer = actor(MemberRole::Viewer, deploy.clone());
        let refused = Authorized::<Deploy>::ask_on(viewer, &on(Some(BLOG)));
        assert_eq!(code(refused), Some(ErrorCode::AuthForbidden));
        let developer = actor(MemberRole::Developer, deploy);
        assert!(Authorized::<Deploy>::ask_on(developer.clone(), &on(Some(BLOG))).is_ok());
        let refused = Authorized::<Manage>::ask_on(developer, &on(Some(BLOG)));
        assert_eq!(code(refused), Some(ErrorCode::AuthForbidden));
    }

    #[test]
    fn a_project_that_may_not_be_seen_does_not_exist() {
        let shop = actor(
            MemberRole::Owner,
            vec![Scope::new(Some(SHOP), Verb::Deploy)],
        );
        let unseen = Authorized::<Read>::ask_on(shop.clone(), &on(Some(BLOG))).unwrap_err();
        let absent = Authorized::<Read>::ask_on(shop.clone(), &on(None)).unwrap_err();
        assert_eq!(unseen.code, ErrorCode::ProjectNotFound);
        assert_eq!(unseen.external, absent.external);
        assert!(Authorized::<Deploy>::ask_on(shop.clone(), &on(Some(SHOP))).is_ok());
        let refused = Authorized::<Manage>::ask_on(shop.clone(), &on(Some(SHOP)));
        assert_eq!(code(refused), Some(ErrorCode::AuthForbidden));
        assert_eq!(
            code(Authorized::<Own>::ask(shop)),
            Some(ErrorCode::AuthForbidden)
        );
    }
}
