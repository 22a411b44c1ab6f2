//! An engine installed once, supervisors over it, and deployments from a few lines.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holm_functions::engine::{EngineStore, InstallError};
use holm_functions::{
    BoxFuture, Caller, ConsoleLine, ConsoleSink, DenoRuntime, EgressPolicy, FunctionDeployment,
    FunctionLimits, Functions, FunctionsConfig, Invocation, InvocationFailure, OwnSite,
    RequestBody, Resolve, SystemResolve,
};
use holm_testkit::TempFolder;
use holm_types::DeploymentId;
use http_body_util::{BodyExt, Full};

/// The longest that a test waits for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The engine, fetched by our own installer into the target folder by the first test that asks.
/// `None` when there is no network to fetch it from; in CI that is a failure.
pub(crate) async fn engine() -> Option<PathBuf> {
    let store = EngineStore::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtimes"));
    match store
        .install(Path::new("npm"), Duration::from_mins(5))
        .await
    {
        Ok(engine) => Some(engine.program),
        Err(error @ (InstallError::Fetch { .. } | InstallError::NoClient { .. })) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
            // The one reason for which this room's tests do not run.
            skipped(&error);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

#[expect(clippy::print_stderr, reason = "a test that did not run has to say so")]
fn skipped(error: &InstallError) {
    eprintln!("SKIPPED: {error}");
}

/// Lines of consoles, in order.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<Vec<(DeploymentId, ConsoleLine)>>);

impl ConsoleSink for Lines {
    fn line(&self, deployment: DeploymentId, line: ConsoleLine) {
        self.0
            .lock()
            .expect("no test panics with it held")
            .push((deployment, line));
    }
}

impl Lines {
    pub(crate) fn all(&self) -> Vec<(DeploymentId, ConsoleLine)> {
        self.0.lock().expect("no test panics with it held").clone()
    }
}

/// A resolver with a few names of its own.
#[derive(Debug, Default)]
pub(crate) struct Names(pub(crate) HashMap<String, std::net::IpAddr>);

impl Resolve for Names {
    fn resolve<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, std::io::Result<Vec<std::net::SocketAddr>>> {
        match self.0.get(host) {
            Some(address) => Box::pin(std::future::ready(Ok(vec![(*address, port).into()]))),
            None => SystemResolve.resolve(host, port),
        }
    }
}

/// What a test wants otherwise.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) limits: FunctionLimits,
    pub(crate) egress: EgressPolicy,
    pub(crate) names: Names,
    pub(crate) own_site: Option<Arc<dyn OwnSite>>,
    pub(crate) has_spare: bool,
}

/// A supervisor in a folder of its own.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) functions: Functions,
    pub(crate) lines: Arc<Lines>,
    _folder: TempFolder,
}

/// `None`: skipped, see [`engine`].
pub(crate) async fn house(wishes: Wishes) -> Option<House> {
    let program = engine().await?;
    let folder = TempFolder::new();
    let lines = Arc::new(Lines::default());
    let functions = Functions::open(config(&program, folder.path(), wishes, lines.clone()));
    Some(House {
        functions: functions.expect("the supervisor can be set up"),
        lines,
        _folder: folder,
    })
}

pub(crate) fn config(
    program: &Path,
    folder: &Path,
    wishes: Wishes,
    lines: Arc<Lines>,
) -> FunctionsConfig {
    FunctionsConfig {
        runtime: Arc::new(
            DenoRuntime::new(program, &folder.join("host")).expect("the folder can be written"),
        ),
        launcher: launcher(),
        work_folder: folder.join("run"),
        limits: wishes.limits,
        egress: wishes.egress,
        resolve: Arc::new(wishes.names),
        console: lines,
        own_site: wishes.own_site,
        has_spare: wishes.has_spare,
    }
}

pub(crate) fn launcher() -> Vec<OsString> {
    vec![
        env!("CARGO_BIN_EXE_holm-function-launcher").into(),
        holm_functions::launcher::WORD.into(),
    ]
}

/// A deployment with this bundle; each number is another one.
pub(crate) fn deployment(number: u8, bundle: &str) -> FunctionDeployment {
    FunctionDeployment {
        id: DeploymentId::from_bytes([number; 16]),
        bundle: Arc::new(Bytes::from(bundle.to_owned())),
        env: Arc::new([("GREETING".to_owned(), "grüße \u{1F600}".to_owned())]),
    }
}

pub(crate) fn get(route: u32) -> Invocation {
    Invocation {
        route: Some(route),
        params_json: None,
        method: http::Method::GET,
        url: "https://site.example/path?q=1".to_owned(),
        headers: http::HeaderMap::new(),
        body: body(""),
        caller: Caller {
            uuid: "inv_test".to_owned(),
            client_ip: "192.0.2.7".to_owned(),
            geo_json: Some(r#"{"countryCodeAlpha2":"DE","cityName":"Köln"}"#.to_owned()),
        },
    }
}

pub(crate) fn post(route: u32, bytes: impl Into<Bytes>) -> Invocation {
    Invocation {
        method: http::Method::POST,
        body: body(bytes),
        ..get(route)
    }
}

pub(crate) fn body(bytes: impl Into<Bytes>) -> RequestBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

impl House {
    /// Asks and reads the whole answer as text.
    pub(crate) async fn ask(
        &self,
        deployment: &FunctionDeployment,
        invocation: Invocation,
    ) -> Result<http::Response<String>, InvocationFailure> {
        let asked = self.functions.invoke(deployment, invocation);
        let response = tokio::time::timeout(PATIENCE, asked)
            .await
            .expect("it answers in time")?;
        let (parts, body) = response.into_parts();
        let bytes = body
            .collect()
            .await
            .expect("the body comes whole")
            .to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("the answer is text");
        Ok(http::Response::from_parts(parts, text))
    }

    pub(crate) async fn text(
        &self,
        deployment: &FunctionDeployment,
        invocation: Invocation,
    ) -> String {
        let response = self.ask(deployment, invocation).await;
        response.expect("the function answers").into_body()
    }

    pub(crate) async fn failure(
        &self,
        deployment: &FunctionDeployment,
        invocation: Invocation,
    ) -> InvocationFailure {
        let response = self.ask(deployment, invocation).await;
        response.expect_err("the function fails")
    }
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what}");
}
