//! What a cold start and a hop cost: `functions-cost ENGINE LAUNCHER`, both programs' paths.
//!
//! Prints medians: from a request to its answer when there is no process, when a spare waits, and when the
//! process is warm.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on ends")]
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use holm_functions::{
    Caller, ConsoleLine, ConsoleSink, DenoRuntime, EgressPolicy, FunctionDeployment,
    FunctionLimits, Functions, FunctionsConfig, Invocation, SystemResolve,
};
use holm_types::DeploymentId;
use http_body_util::{BodyExt, Empty};

#[derive(Debug)]
struct Nobody;

impl ConsoleSink for Nobody {
    fn line(&self, _deployment: DeploymentId, _line: ConsoleLine) {}
}

fn deployment(number: u8) -> FunctionDeployment {
    FunctionDeployment {
        id: DeploymentId::from_bytes([number; 16]),
        bundle: Arc::new(Bytes::from_static(
            b"export const handlers = [() => new Response('hello')]",
        )),
        env: Arc::new([]),
    }
}

async fn ask(functions: &Functions, deployment: &FunctionDeployment) -> Duration {
    let before = Instant::now();
    let invocation = Invocation {
        route: Some(0),
        params_json: None,
        method: http::Method::GET,
        url: "https://site.example/".to_owned(),
        headers: http::HeaderMap::new(),
        body: Empty::new().map_err(|never| match never {}).boxed_unsync(),
        caller: Caller::default(),
    };
    let response = functions.invoke(deployment, invocation).await.unwrap();
    response.into_body().collect().await.unwrap();
    before.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn functions(engine: &Path, launcher: &Path, has_spare: bool, folder: &Path) -> Functions {
    Functions::open(FunctionsConfig {
        runtime: Arc::new(DenoRuntime::new(engine, &folder.join("host")).unwrap()),
        launcher: vec![launcher.into(), holm_functions::launcher::WORD.into()],
        work_folder: folder.join("run"),
        limits: FunctionLimits::default(),
        egress: EgressPolicy::default(),
        resolve: Arc::new(SystemResolve),
        console: Arc::new(Nobody),
        own_site: None,
        has_spare,
    })
    .unwrap()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args_os().skip(1);
    let (engine, launcher) = (args.next().unwrap(), args.next().unwrap());
    let folder = tempfile::tempdir().unwrap();
    for has_spare in [false, true] {
        let functions = functions(engine.as_ref(), launcher.as_ref(), has_spare, folder.path());
        let mut times = Vec::new();
        for number in 0..21 {
            times.push(ask(&functions, &deployment(number)).await);
            // Time for the spare to be there.
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        println!("cold, spare {has_spare}: {:?}", median(times.split_off(1)));
        let mut warm = Vec::new();
        for _ in 0..5_000 {
            warm.push(ask(&functions, &deployment(0)).await);
        }
        println!("warm: {:?}", median(warm));
        functions.shutdown().await;
    }
}
