//! What runs functions: the engine, fetched when the first one is needed, and the supervisor over it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use holm_edge::{FunctionHost, FunctionSeams, FunctionVariables};
use holm_functions::engine::{Engine, EngineStore, LocateError};
use holm_functions::{
    BoxFuture, DenoRuntime, EgressPolicy, FunctionLimits, Functions, FunctionsConfig, SystemResolve,
};
use holm_types::{DeploymentId, IpNetworkSet};

use crate::LAUNCHER_WORD;
use crate::config::ServerConfig;
use crate::console;
use crate::control_plane::ControlPlane;
use crate::data_folder::Layout;
use crate::runtimes::NPM;

/// This program as it runs: the file may have been replaced by a newer one meanwhile, under the same name.
const THIS_PROGRAM: &str = "/proc/self/exe";

/// Opens the supervisor of functions for the edge.
#[derive(Debug)]
pub(crate) struct FunctionService {
    engines: EngineStore,
    own: Option<PathBuf>,
    limits: FunctionLimits,
    egress: EgressPolicy,
    runtimes: PathBuf,
    run: PathBuf,
    plane: OnceLock<Arc<ControlPlane>>,
}

impl FunctionService {
    pub(crate) fn new(config: &ServerConfig, layout: &Layout) -> Self {
        Self {
            engines: EngineStore::new(layout.runtimes.clone()),
            own: config.functions.deno.value.clone(),
            limits: config.function_limits.clone(),
            egress: EgressPolicy {
                also: IpNetworkSet::new(&config.functions.networks.value),
            },
            runtimes: layout.runtimes.clone(),
            run: layout.run.clone(),
            plane: OnceLock::new(),
        }
    }

    /// Says who knows the variables of deployments. Told once.
    pub(crate) fn ask_for_variables(&self, plane: &Arc<ControlPlane>) {
        self.plane.get_or_init(|| Arc::clone(plane));
    }

    /// The engine: the operator's own, the one that is there, or the one that is fetched now.
    async fn engine(&self) -> Result<Engine, String> {
        match self.engines.locate(self.own.as_deref()) {
            Ok(engine) => return Ok(engine),
            Err(LocateError::NotInstalled) => {}
            Err(error) => return Err(chain(&error)),
        }
        console::say(&"the engine of edge functions is fetched with npm");
        let allowed = self.limits.engine_fetch_max;
        let installed = self.engines.install(Path::new(NPM), allowed).await;
        installed.map_err(|error| chain(&error))
    }

    fn config(&self, engine: Engine, seams: FunctionSeams) -> Result<FunctionsConfig, String> {
        // Two servers, of which one takes the place of the other, may have different hosts for a while.
        let host = concat!("host-", env!("CARGO_PKG_VERSION"));
        let runtime = DenoRuntime::new(engine.program, &self.runtimes.join(host));
        let runtime = runtime.map_err(|error| format!("write the host of functions: {error}"))?;
        Ok(FunctionsConfig {
            runtime: Arc::new(runtime),
            launcher: launcher()?,
            work_folder: self.run.clone(),
            limits: self.limits.clone(),
            egress: self.egress.clone(),
            resolve: Arc::new(SystemResolve),
            console: seams.console,
            own_site: Some(seams.own_site),
            has_spare: true,
        })
    }
}

/// Our own program in the mode that becomes an engine.
fn launcher() -> Result<Vec<OsString>, String> {
    let program = if Path::new(THIS_PROGRAM).exists() {
        THIS_PROGRAM.into()
    } else {
        let program = std::env::current_exe();
        program.map_err(|error| format!("find this program: {error}"))?
    };
    Ok(vec![program.into_os_string(), LAUNCHER_WORD.into()])
}

impl FunctionHost for FunctionService {
    fn open(&self, seams: FunctionSeams) -> BoxFuture<'_, Result<Functions, String>> {
        Box::pin(async move {
            let engine = self.engine().await?;
            let config = self.config(engine, seams)?;
            Functions::open(config).map_err(|error| chain(&error))
        })
    }

    fn variables(
        &self,
        deployment: DeploymentId,
    ) -> BoxFuture<'_, Result<FunctionVariables, String>> {
        Box::pin(async move {
            let control = self.plane.get().and_then(|plane| plane.control());
            let control = control.ok_or("the control plane is not open")?;
            let variables = control.function_variables(deployment).await;
            variables.map_err(|error| chain(&error))
        })
    }
}

/// An error and what caused it, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ")
}
