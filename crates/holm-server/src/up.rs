//! `up`: the server and one deploy. The deploy itself is the command line's, handed in as a hook.

use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::UpArgs;
use crate::config::ServerConfig;
use crate::console;
use crate::data_folder::Layout;
use crate::exit::{ServerError, open};
use crate::log::{self, Verbosity};
use crate::server::{OnControlFailure, Server, run, stop_unless_asked_again};
use crate::signals::Signals;

/// What the deploy of `up` is told.
#[derive(Clone, Debug)]
pub struct UpReady {
    /// The folder to deploy. `None`: the sample project, to be written into `sample_folder` first.
    pub folder: Option<PathBuf>,
    /// Where the sample project may be written.
    pub sample_folder: PathBuf,
    /// The project's name as given. `None`: from the folder's name.
    pub project: Option<String>,
    /// Where the API is.
    pub api_url: String,
    /// A token for it.
    pub token: String,
}

/// What the deploy of `up` made.
#[derive(Clone, Debug)]
pub struct SiteDeployed {
    /// The production URL.
    pub url: String,
}

/// The deploy of `up`: blocking; an error is its exit code, after it has said what was wrong.
pub type DeployHook = Box<dyn FnOnce(UpReady) -> Result<SiteDeployed, ExitCode> + Send>;

/// How long the token of `up` lasts.
const TOKEN_VALID: std::time::Duration = std::time::Duration::from_hours(24);

/// Starts the server, deploys, says where everything is, and serves until it is told to stop.
pub(crate) fn up(args: &UpArgs, deploy: DeployHook) -> Result<(), ServerError> {
    // Before anything is made: a mistyped name must not leave a data folder behind.
    if let Some(folder) = args.folder.as_ref().filter(|folder| !folder.exists()) {
        return Err(ServerError::NoFolder {
            folder: folder.clone(),
        });
    }
    let config = ServerConfig::combine(&args.server)?;
    log::start(Verbosity::Trouble);
    run(&config, async {
        let mut signals = Signals::new()?;
        let server = Server::start(&config, OnControlFailure::Fail).await?;
        let control = server
            .control()
            .expect("a start that fails without the control plane has one");
        let token = control
            .issue_local_token("holm up", TOKEN_VALID)
            .map_err(|error| open("make a token", error))?;
        let ready = UpReady {
            folder: args.folder.clone(),
            sample_folder: Layout::of(&config.data.value).sample,
            project: args.project.clone(),
            api_url: server.control_origin.clone(),
            token: token.clone(),
        };
        let deployed = tokio::select! {
            deployed = tokio::task::spawn_blocking(move || deploy(ready)) => {
                deployed.unwrap_or(Err(ExitCode::FAILURE)).map_err(ServerError::Deploy)
            }
            signal = signals.wait() => {
                Err(ServerError::Signalled { signal, doing: "deploying the folder" })
            }
        };
        match deployed {
            Ok(site) => {
                announce(&server, &site, &token, args.server.json);
                server.run(&mut signals).await
            }
            Err(error) => {
                stop_unless_asked_again(server, &mut signals).await?;
                Err(error)
            }
        }
    })
}

fn announce(server: &Server, site: &SiteDeployed, token: &str, is_json: bool) {
    let owner_link = server.control().and_then(holm_control::Control::owner_link);
    let api_url = &server.control_origin;
    let https_url = server
        .tls_address
        .map(|tls| https_url(&site.url, tls.port()));
    if is_json {
        console::out(&serde_json::json!({
            "url": site.url,
            "https_url": https_url,
            "console_url": api_url,
            "api_url": api_url,
            "owner_link": owner_link,
            "token": token,
        }));
        return;
    }
    console::out(&site.url);
    if let Some(url) = https_url {
        console::out(&url);
    }
    console::say(&format!("\nConsole  {api_url}"));
    if let Some(link) = owner_link {
        console::say(&format!("Owner    {link}  (works once)"));
    }
    console::say(&"Stop     Ctrl-C");
}

/// The same address over TLS.
fn https_url(url: &str, port: u16) -> String {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, _)| host);
    match port {
        443 => format!("https://{host}/{path}"),
        port => format!("https://{host}:{port}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::https_url;

    #[test]
    fn the_same_site_over_tls() {
        let check = |url: &str, port: u16, want: &str| assert_eq!(https_url(url, port), want);
        check(
            "http://a.localhost:8088/",
            8443,
            "https://a.localhost:8443/",
        );
        check("http://a.localhost:8088", 443, "https://a.localhost/");
        check("http://a.test/x", 8443, "https://a.test:8443/x");
    }
}
