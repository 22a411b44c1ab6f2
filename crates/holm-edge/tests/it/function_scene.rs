//! A site with functions, run by the real engine, from a few lines of code.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use holm_edge::{EdgeLimits, FunctionHost, FunctionSeams, FunctionVariables};
use holm_functions::engine::{EngineStore, InstallError};
use holm_functions::{
    BoxFuture, ConsoleLine, ConsoleSink, DenoRuntime, EgressPolicy, FunctionLimits, Functions,
    FunctionsConfig, SystemResolve,
};
use holm_site::{
    BuiltFunctions, FunctionRoute, Matcher, MethodSet, Middleware, RouteForm, Runtime,
};
use holm_testkit::TempFolder;
use holm_types::DeploymentId;

use crate::scene::{File, Host, Scene};

/// The engine, fetched once into the target folder, which all rooms' tests share. `None` when there is no
/// network to fetch it from; in CI that is a failure.
pub(crate) async fn engine() -> Option<PathBuf> {
    let store = EngineStore::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("runtimes"));
    match store
        .install(Path::new("npm"), Duration::from_mins(5))
        .await
    {
        Ok(engine) => Some(engine.program),
        Err(error @ (InstallError::Fetch { .. } | InstallError::NoClient { .. })) => {
            assert!(std::env::var_os("CI").is_none(), "{error}");
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

/// What runs functions here; it also remembers what they wrote.
#[derive(Debug)]
pub(crate) struct TestHost {
    program: PathBuf,
    folder: TempFolder,
    limits: FunctionLimits,
    pub(crate) lines: Arc<Lines>,
    pub(crate) functions: Mutex<Option<Functions>>,
}

/// Lines of consoles, in order; each goes on to the edge's own log.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    heard: Mutex<Vec<(DeploymentId, ConsoleLine)>>,
    on: Mutex<Option<Arc<dyn ConsoleSink>>>,
}

impl Lines {
    pub(crate) fn all(&self) -> Vec<(DeploymentId, ConsoleLine)> {
        self.heard.lock().unwrap().clone()
    }
}

impl ConsoleSink for Lines {
    fn line(&self, deployment: DeploymentId, line: ConsoleLine) {
        self.heard.lock().unwrap().push((deployment, line.clone()));
        if let Some(on) = &*self.on.lock().unwrap() {
            on.line(deployment, line);
        }
    }
}

impl FunctionHost for TestHost {
    fn open(&self, seams: FunctionSeams) -> BoxFuture<'_, Result<Functions, String>> {
        Box::pin(async move {
            *self.lines.on.lock().unwrap() = Some(seams.console);
            let console: Arc<Lines> = Arc::clone(&self.lines);
            let runtime = DenoRuntime::new(&self.program, &self.folder.path().join("host"));
            let opened = Functions::open(FunctionsConfig {
                runtime: Arc::new(runtime.map_err(|error| error.to_string())?),
                launcher: vec![
                    env!("CARGO_BIN_EXE_holm-edge-function-launcher").into(),
                    holm_functions::launcher::WORD.into(),
                ],
                work_folder: self.folder.path().join("run"),
                limits: self.limits.clone(),
                egress: EgressPolicy::default(),
                resolve: Arc::new(SystemResolve),
                console,
                own_site: Some(seams.own_site),
                has_spare: false,
            });
            let functions = opened.map_err(|error| error.to_string())?;
            *self.functions.lock().unwrap() = Some(functions.clone());
            Ok(functions)
        })
    }

    fn variables(&self, _: DeploymentId) -> BoxFuture<'_, Result<FunctionVariables, String>> {
        let variables = [("GREETING".to_owned(), "grüße".to_owned())];
        Box::pin(std::future::ready(Ok(variables.into())))
    }
}

/// A function: its pattern, its methods (empty: all), its handler as JavaScript.
pub(crate) type Function<'a> = (&'a str, &'a [&'a str], &'a str);

/// What a test wants.
#[derive(Debug, Default)]
pub(crate) struct Project<'a> {
    pub(crate) files: &'a [File<'a>],
    pub(crate) functions: &'a [Function<'a>],
    /// The middleware's expressions over paths, and its code.
    pub(crate) middleware: Option<(&'a [&'a str], &'a str)>,
}

impl Project<'_> {
    fn bundle(&self) -> String {
        let handlers = self.functions.iter().map(|(_, _, code)| *code);
        let handlers: Vec<&str> = handlers.collect();
        let mut bundle = format!("export const handlers = [{}];\n", handlers.join(",\n"));
        if let Some((_, code)) = self.middleware {
            bundle.push_str("export const middleware = ");
            bundle.push_str(code);
            bundle.push(';');
        }
        bundle
    }

    fn built(&self) -> BuiltFunctions {
        let routes = self.functions.iter().enumerate();
        let routes = routes.map(|(at, (pattern, methods, _))| FunctionRoute {
            src: (*pattern).into(),
            form: RouteForm::Segments,
            runtime: Runtime::Edge,
            name: format!("edge-functions{pattern}.js").into(),
            methods: if methods.is_empty() {
                MethodSet::ALL
            } else {
                MethodSet::of_exports(methods.iter().copied())
            },
            handler: u32::try_from(at).unwrap(),
        });
        let middleware = self.middleware.map(|(matchers, _)| Middleware {
            matchers: matchers
                .iter()
                .map(|regex| Matcher {
                    source: (*regex).into(),
                    regex: (*regex).into(),
                })
                .collect(),
            handler: 0,
        });
        BuiltFunctions {
            routes: routes.collect(),
            middleware,
            ..BuiltFunctions::default()
        }
    }
}

/// A scene that runs functions.
pub(crate) struct FunctionScene {
    pub(crate) scene: Scene,
    pub(crate) host: Arc<TestHost>,
}

impl FunctionScene {
    /// A project at `site.test`. `None`: skipped, see [`engine`].
    pub(crate) async fn of(project: Project<'_>) -> Option<Self> {
        Self::with(EdgeLimits::default(), FunctionLimits::default(), project).await
    }

    /// As [`FunctionScene::of`], with other limits.
    pub(crate) async fn with(
        limits: EdgeLimits,
        function_limits: FunctionLimits,
        project: Project<'_>,
    ) -> Option<Self> {
        Some(Self::run_by(engine().await?, limits, function_limits, project).await)
    }

    /// As [`FunctionScene::with`], by this engine.
    pub(crate) async fn run_by(
        program: PathBuf,
        limits: EdgeLimits,
        function_limits: FunctionLimits,
        project: Project<'_>,
    ) -> Self {
        let host = Arc::new(TestHost {
            program,
            folder: TempFolder::new(),
            limits: function_limits,
            lines: Arc::default(),
            functions: Mutex::default(),
        });
        let functions: Arc<TestHost> = Arc::clone(&host);
        let scene = Self {
            scene: Scene::running_functions(limits, functions),
            host,
        };
        let site = scene.site("site.test", project).await;
        scene.scene.publish(1, vec![site]).await;
        scene
    }

    /// A host with a project on it.
    pub(crate) async fn site(&self, host: &str, project: Project<'_>) -> Host {
        let bundle = project.bundle();
        let built = project.built();
        let document = self.scene.deploy_built(project.files, &bundle, built).await;
        Host::site(host, document)
    }

    /// What the supervisor counted.
    pub(crate) fn counts(&self) -> holm_functions::CountersSnapshot {
        self.scene.edge.function_counts().unwrap_or_default()
    }
}

impl std::ops::Deref for FunctionScene {
    type Target = Scene;

    fn deref(&self) -> &Scene {
        &self.scene
    }
}
