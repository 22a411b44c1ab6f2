//! Which server to talk to and as whom: flags, then environment, then the folder's link, then the
//! stored logins, then the default.
//!
//! A link file comes with the folder, perhaps from a stranger's repository. So an address from there is
//! given only the token that was stored for it by `holm login`, never the one in `HOLM_TOKEN`.

use crate::api_url::{ApiUrl, DEFAULT_API};
use crate::args::Connection;
use crate::credentials::{Credentials, Token};
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::Link;
use crate::printer::Printer;
use crate::surroundings::Surroundings;
use crate::trust::Trust;

/// A server and the token for it.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// The server's address.
    pub api: ApiUrl,
    /// `None`: only public operations will work.
    pub token: Option<Token>,
    /// Who is believed about the server's name.
    pub trust: Trust,
}

/// Who named the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Flag,
    Environment,
    Link,
    Login,
    Default,
}

impl Access {
    /// Decides from all sources. Without a token it is an error unless `token_is_optional`.
    pub(crate) fn decide(
        connection: &Connection,
        surroundings: &Surroundings,
        link: Option<&Link>,
        printer: &Printer,
    ) -> Result<Self, CliError> {
        let credentials = Credentials::load(surroundings.config_folder.as_deref())?;
        if let Some(path) = credentials.open_file() {
            let path = path.display();
            printer.warn(&format!(
                "other users can read your tokens; run: chmod 600 {path}"
            ));
        }
        let (text, origin) = address(connection, surroundings, link, &credentials);
        let api: ApiUrl = text.parse().map_err(|error| {
            CliError::because(
                Exit::Usage,
                format!("use the address from {}", origin.words()),
                &error,
            )
        })?;
        let picked = pick_token(connection, surroundings, origin)?;
        let stored = || Some((credentials.token(&api)?.clone(), "the stored logins"));
        let picked = picked.or_else(stored);
        if connection.verbose {
            printer.note(&format!("server   {api}  (from {})", origin.words()));
            let place = picked.as_ref().map_or("none", |(_, place)| place);
            printer.note(&format!("token    from {place}"));
        }
        Self {
            api,
            token: picked.map(|(token, _)| token),
            trust: pick_trust(connection, surroundings, printer)?,
        }
        .guarded(connection.insecure_http)
    }

    /// Refuses to send a token where it can be read on the way.
    pub(crate) fn guarded(self, allow_insecure: bool) -> Result<Self, CliError> {
        if self.token.is_some() {
            refuse_exposed(&self.api, allow_insecure)?;
        }
        Ok(self)
    }

    /// Asks for a token to be there.
    pub(crate) fn with_token(self) -> Result<Self, CliError> {
        if self.token.is_some() {
            return Ok(self);
        }
        let api = &self.api;
        let why = format!("there is no token for {api}");
        Err(CliError::new(Exit::Auth, "log in", why).next(format!(
            "Run `holm login --api {api}`, or set HOLM_TOKEN and HOLM_API."
        )))
    }
}

impl Origin {
    /// Whether the user chose the address, as against a folder or a default. A variable that was made
    /// for another service is sent nowhere else.
    fn is_named_by_user(self) -> bool {
        matches!(self, Self::Flag | Self::Environment | Self::Login)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Flag => "--api",
            Self::Environment => "HOLM_API",
            Self::Link => "the link file .holm/project.json",
            Self::Login => "the last login",
            Self::Default => "the default",
        }
    }
}

/// Refuses to send a secret where it can be read on the way.
pub(crate) fn refuse_exposed(api: &ApiUrl, allow_insecure: bool) -> Result<(), CliError> {
    if allow_insecure || !api.is_exposed() {
        return Ok(());
    }
    let doing = format!("send your token to {api}");
    let why = "anyone on the way could read it: the address is plain http";
    Err(CliError::new(Exit::Policy, doing, why)
        .next("Use an https:// address; on a network that you trust, add --insecure-http."))
}

fn address(
    connection: &Connection,
    surroundings: &Surroundings,
    link: Option<&Link>,
    credentials: &Credentials,
) -> (String, Origin) {
    if let Some(api) = &connection.api {
        (api.clone(), Origin::Flag)
    } else if let Some(api) = &surroundings.api {
        (api.clone(), Origin::Environment)
    } else if let Some(link) = link {
        (link.api.clone(), Origin::Link)
    } else if let Some(api) = credentials.default_api() {
        (api.to_owned(), Origin::Login)
    } else {
        (DEFAULT_API.to_owned(), Origin::Default)
    }
}

fn pick_token(
    connection: &Connection,
    surroundings: &Surroundings,
    origin: Origin,
) -> Result<Option<(Token, &'static str)>, CliError> {
    let (text, place) = match (&connection.token, &surroundings.token) {
        (Some(token), _) => (token, "--token"),
        (None, Some(token)) if origin != Origin::Link => (token, "HOLM_TOKEN"),
        (None, None) => match &surroundings.edgeone_token {
            Some(token) if surroundings.takes_edgeone_token && origin.is_named_by_user() => {
                (token, "EDGEONE_PAGES_API_TOKEN")
            }
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let token = text.parse().map_err(|error| {
        CliError::because(Exit::Auth, format!("use the token from {place}"), &error)
            .next("Copy the whole token, or log in with `holm login`.")
    })?;
    Ok(Some((token, place)))
}

fn pick_trust(
    connection: &Connection,
    surroundings: &Surroundings,
    printer: &Printer,
) -> Result<Trust, CliError> {
    let flag = connection.ca.as_ref().map(|path| ("--ca", path));
    let variable = surroundings.ca.as_ref().map(|(name, path)| (*name, path));
    let Some((named_by, path)) = flag.or(variable) else {
        return Ok(Trust::default());
    };
    if connection.verbose {
        printer.note(&format!("trust    {}  (from {named_by})", path.display()));
    }
    Trust::of_file(path, named_by)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Case {
        connection: Connection,
        surroundings: Surroundings,
        link: Option<Link>,
        _folder: tempfile::TempDir,
    }

    /// A user who has logged in at `https://stored.example` and `https://linked.example`.
    fn case() -> Case {
        let folder = tempfile::tempdir().unwrap();
        let mut credentials = Credentials::load(Some(folder.path())).unwrap();
        for (api, token) in [
            ("https://linked.example", "holm_linked"),
            ("https://stored.example", "holm_stored"),
        ] {
            credentials
                .store(&api.parse().unwrap(), token.parse().unwrap())
                .unwrap();
        }
        let surroundings = Surroundings {
            config_folder: Some(folder.path().to_owned()),
            ..Surroundings::default()
        };
        Case {
            connection: Connection::default(),
            surroundings,
            link: None,
            _folder: folder,
        }
    }

    fn check(case: &Case, want: &str) {
        let printer = Printer::new(&case.surroundings);
        let got = Access::decide(
            &case.connection,
            &case.surroundings,
            case.link.as_ref(),
            &printer,
        );
        let got = match got {
            Ok(access) => {
                let token = access.token.as_ref().map_or("no token", Token::secret);
                format!("{} {token}", access.api)
            }
            Err(error) => format!("exit {}", error.exit().number()),
        };
        assert_eq!(got, want);
    }

    fn link(api: &str) -> Link {
        Link {
            project: "blog".parse().unwrap(),
            api: api.into(),
            file: std::path::PathBuf::default(),
        }
    }

    #[test]
    fn flags_then_environment_then_link_then_login_then_default() {
        let mut case = case();
        check(&case, "https://stored.example holm_stored");
        case.link = Some(link("https://linked.example"));
        check(&case, "https://linked.example holm_linked");
        case.surroundings.api = Some("https://env.example".into());
        case.surroundings.token = Some("holm_env".into());
        check(&case, "https://env.example holm_env");
        case.connection.api = Some("https://stored.example/".into());
        case.connection.token = Some("holm_flag".into());
        check(&case, "https://stored.example holm_flag");
        let nobody = Surroundings::default();
        case.connection = Connection::default();
        case.link = None;
        case.surroundings = nobody;
        check(&case, "http://127.0.0.1:8089 no token");
    }

    #[test]
    fn a_link_from_a_stranger_does_not_get_the_token_of_the_environment() {
        let mut case = case();
        case.surroundings.token = Some("holm_env".into());
        case.link = Some(link("https://evil.example"));
        check(&case, "https://evil.example no token");
    }

    #[test]
    fn edgeones_variable_counts_for_pages_and_servers_that_the_user_named() {
        let mut case = case();
        case.surroundings.edgeone_token = Some("holm_edgeone".into());
        case.surroundings.api = Some("https://env.example".into());
        check(&case, "https://env.example no token");
        case.surroundings.takes_edgeone_token = true;
        check(&case, "https://env.example holm_edgeone");
        case.surroundings.token = Some("holm_env".into());
        check(&case, "https://env.example holm_env");
        case.surroundings.token = None;
        case.surroundings.api = None;
        case.link = Some(link("https://evil.example"));
        check(&case, "https://evil.example no token");
        case.surroundings.edgeone_token = Some("AbC0123=".into());
        case.link = None;
        check(&case, "exit 3");
    }

    #[test]
    fn a_token_is_not_sent_in_the_clear() {
        let mut case = case();
        case.connection.api = Some("http://holm.example".into());
        case.connection.token = Some("holm_flag".into());
        check(&case, "exit 9");
        case.connection.insecure_http = true;
        check(&case, "http://holm.example holm_flag");
        case.connection.token = Some("not a token".into());
        check(&case, "exit 3");
        case.connection.api = Some("holm.example".into());
        check(&case, "exit 2");
    }
}
