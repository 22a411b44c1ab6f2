//! What a token may do: `place:verb`, where the place is `*` or a project, and the verb `read`,
//! `deploy`, `manage` or `*`. Every verb includes `read`. What concerns the server itself (members,
//! everybody's tokens, acting for oneself) is in `*:*` alone.
//!
//! A project is kept by its id: when its name is given to another project, the token does not follow.

use std::fmt;

use holm_api::Permission;
use holm_types::ProjectId;
use serde::{Deserialize, Deserializer};

/// What of a project's operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Read,
    Deploy,
    Manage,
    All,
}

impl Verb {
    const ALL: [Self; 4] = [Self::Read, Self::Deploy, Self::Manage, Self::All];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Deploy => "deploy",
            Self::Manage => "manage",
            Self::All => "*",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.as_str() == text)
    }

    const fn allows(self, permission: Permission) -> bool {
        match permission {
            Permission::Read => true,
            Permission::Deploy => matches!(self, Self::Deploy | Self::All),
            Permission::Manage => matches!(self, Self::Manage | Self::All),
            Permission::Own | Permission::Identity => false,
        }
    }
}

/// One place and what may be done there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scope {
    /// `None` is everywhere.
    project: Option<ProjectId>,
    verb: Verb,
}

impl Scope {
    const EVERYTHING: Self = Self {
        project: None,
        verb: Verb::All,
    };

    /// A verb on one project; `None` is on all.
    pub(crate) const fn new(project: Option<ProjectId>, verb: Verb) -> Self {
        Self { project, verb }
    }

    /// Takes a scope apart as it was written: the place, `None` for everywhere, and the verb. `None`
    /// when it is not one.
    pub(crate) fn split(text: &str) -> Option<(Option<&str>, Verb)> {
        let (place, verb) = text.split_once(':')?;
        let place = match place {
            "" => return None,
            "*" => None,
            named => Some(named),
        };
        Some((place, Verb::parse(verb)?))
    }

    /// `None` is everywhere.
    pub(crate) const fn project(self) -> Option<ProjectId> {
        self.project
    }

    /// The word for what may be done.
    pub(crate) const fn verb_str(self) -> &'static str {
        self.verb.as_str()
    }

    fn reaches(self, project: Option<ProjectId>) -> bool {
        self.project.is_none() || self.project == project
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.project {
            None => write!(f, "*:{}", self.verb.as_str()),
            Some(project) => write!(f, "{project}:{}", self.verb.as_str()),
        }
    }
}

/// All that a token may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Scopes(Vec<Scope>);

impl Scopes {
    pub(crate) fn new(scopes: Vec<Scope>) -> Self {
        Self(scopes)
    }

    /// `*:*`.
    pub(crate) fn everything() -> Self {
        Self(vec![Scope::EVERYTHING])
    }

    /// Whether they allow this, for a project or, with `None`, for the server. What is read of the
    /// server is then narrowed to what [`Scopes::sees`].
    pub(crate) fn allow(&self, permission: Permission, project: Option<ProjectId>) -> bool {
        match permission {
            Permission::Own | Permission::Identity => self.0.contains(&Scope::EVERYTHING),
            Permission::Read if project.is_none() => !self.0.is_empty(),
            _ => self
                .0
                .iter()
                .any(|scope| scope.reaches(project) && scope.verb.allows(permission)),
        }
    }

    /// Whether the project may be known to exist.
    pub(crate) fn sees(&self, project: ProjectId) -> bool {
        self.0.iter().any(|scope| scope.reaches(Some(project)))
    }

    /// The only projects that may be seen. `None` when all may.
    pub(crate) fn projects(&self) -> Option<Vec<ProjectId>> {
        let mut projects: Vec<ProjectId> = self
            .0
            .iter()
            .map(|scope| scope.project)
            .collect::<Option<_>>()?;
        projects.sort_unstable();
        projects.dedup();
        Some(projects)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Scope> + '_ {
        self.0.iter().copied()
    }

    /// As the database keeps them.
    pub(crate) fn to_json(&self) -> String {
        let texts: Vec<String> = self.0.iter().map(Scope::to_string).collect();
        // A list of texts always has a JSON form.
        serde_json::to_string(&texts).unwrap_or_default()
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let read = |text: &String| {
            let (place, verb) = Scope::split(text)?;
            let project = place.map(str::parse).transpose().ok()?;
            Some(Scope::new(project, verb))
        };
        let scopes: Option<Vec<Scope>> = texts.iter().map(read).collect();
        scopes.map(Self).ok_or_else(|| {
            serde::de::Error::custom("a scope is `*` or a project's id, `:`, a verb")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOP: ProjectId = ProjectId::from_bytes([1; 16]);
    const BLOG: ProjectId = ProjectId::from_bytes([2; 16]);

    /// The letters of what is allowed: on the shop, on the blog, on the server.
    fn allowed(scopes: &[Scope]) -> String {
        let scopes = Scopes::new(scopes.to_vec());
        let letters = |project| {
            [
                (Permission::Read, 'r'),
                (Permission::Deploy, 'd'),
                (Permission::Manage, 'm'),
                (Permission::Own, 'o'),
                (Permission::Identity, 'i'),
            ]
            .into_iter()
            .filter(|(permission, _)| scopes.allow(*permission, project))
            .map(|(_, letter)| letter)
            .collect::<String>()
        };
        let (shop, blog, server) = (letters(Some(SHOP)), letters(Some(BLOG)), letters(None));
        format!("{shop} {blog} {server}")
    }

    #[test]
    fn a_scope_allows_its_verb_in_its_place() {
        let on = Scope::new;
        assert_eq!(allowed(&[]), "  ");
        assert_eq!(allowed(&[on(Some(SHOP), Verb::Read)]), "r  r");
        assert_eq!(allowed(&[on(Some(SHOP), Verb::Deploy)]), "rd  r");
        assert_eq!(allowed(&[on(Some(SHOP), Verb::Manage)]), "rm  r");
        assert_eq!(allowed(&[on(Some(SHOP), Verb::All)]), "rdm  r");
        assert_eq!(allowed(&[on(None, Verb::Read)]), "r r r");
        assert_eq!(allowed(&[on(None, Verb::Deploy)]), "rd rd rd");
        assert_eq!(allowed(&[on(None, Verb::All)]), "rdmoi rdmoi rdmoi");
        let both = [on(Some(SHOP), Verb::All), on(None, Verb::Read)];
        assert_eq!(allowed(&both), "rdm r r");
    }

    #[test]
    fn what_may_be_seen_is_named_or_all() {
        let shop = Scopes::new(vec![Scope::new(Some(SHOP), Verb::Read); 2]);
        assert_eq!(shop.projects(), Some(vec![SHOP]));
        assert!(shop.sees(SHOP) && !shop.sees(BLOG));
        assert_eq!(Scopes::everything().projects(), None);
    }

    #[test]
    fn scopes_are_kept_as_text() {
        let scopes = Scopes::new(vec![
            Scope::EVERYTHING,
            Scope::new(Some(SHOP), Verb::Deploy),
        ]);
        let again: Scopes = serde_json::from_str(&scopes.to_json()).unwrap();
        assert_eq!(again, scopes);
        assert_eq!(Scopes::everything().to_json(), r#"["*:*"]"#);
        for bad in ["shop", ":read", "shop:own", "shop:", "*:READ", "a:b:read"] {
            assert_eq!(Scope::split(bad), None, "{bad}");
        }
        assert_eq!(Scope::split("shop:*"), Some((Some("shop"), Verb::All)));
    }
}
