//! Starting a process: a folder, a socket of Holm's, the launcher; then a deployment for it.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::net::UnixListener;

use super::functions::{Inner, OpenError};
use super::instance::Instance;
use crate::bundle::FunctionDeployment;
use crate::contract::BUNDLE_FILE;
use crate::counters;
use crate::failure::InvocationFailure;
use crate::host_socket;
use crate::limits::FunctionLimits;
use crate::process::{Phase, Process};
use crate::runtime::InstancePlace;

/// Bytes of a socket's path, as the kernel has them, less the end.
const SOCKET_PATH_BYTES_MAX: usize = 107;
/// What a process's folder and the name of a socket add to the path of the work folder.
const BELOW_BYTES_MAX: usize = "/4294967295/18446744073709551615/serve".len();

/// A process that has no deployment yet.
#[derive(Debug)]
pub(super) struct Blank {
    process: Process,
    place: InstancePlace,
    listener: UnixListener,
}

impl Blank {
    fn is_usable(&self) -> bool {
        self.process.is_alive()
    }
}

/// The folder of this Holm within `work`, empty; folders of Holms that are gone are removed.
pub(super) fn own_folder(work: &Path) -> Result<PathBuf, OpenError> {
    if work.as_os_str().len() + BELOW_BYTES_MAX > SOCKET_PATH_BYTES_MAX {
        return Err(OpenError::LongPath {
            path: work.to_owned(),
        });
    }
    let at = |source| OpenError::WorkFolder {
        path: work.to_owned(),
        source,
    };
    fs::create_dir_all(work).map_err(at)?;
    let work = fs::canonicalize(work).map_err(at)?;
    remove_leftovers(&work).map_err(at)?;
    let own = work.join(unique_name());
    private_folder(&own).map_err(at)?;
    Ok(own)
}

/// Two supervisors in one process (tests) do not share a folder.
fn unique_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{}-{next}", std::process::id())
}

fn remove_leftovers(work: &Path) -> io::Result<()> {
    for entry in fs::read_dir(work)? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.split_once('-'));
        let owner = owner.and_then(|(owner, _)| owner.parse::<i32>().ok());
        let Some(owner) = owner.and_then(rustix::process::Pid::from_raw) else {
            continue;
        };
        let is_gone = rustix::process::test_kill_process(owner) == Err(rustix::io::Errno::SRCH);
        if is_gone {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Starts a deployment's process and waits until it is ready.
pub(super) async fn start(
    inner: &Arc<Inner>,
    deployment: &FunctionDeployment,
) -> Result<Arc<Instance>, InvocationFailure> {
    let bundle = load(deployment, &inner.config.limits).await?;
    let spare = inner.spare.lock().await.take().filter(Blank::is_usable);
    let blank = match spare {
        Some(spare) => spare,
        None => blank(inner).await?,
    };
    let instance = assign(inner, deployment, blank, &bundle).await?;
    if inner.config.has_spare {
        refill(inner);
    }
    Ok(instance)
}

async fn load(
    deployment: &FunctionDeployment,
    limits: &FunctionLimits,
) -> Result<Bytes, InvocationFailure> {
    let bundle = deployment.bundle.load().await;
    let bundle = bundle.map_err(unavailable("read the bundle"))?;
    let used_bytes = bundle.len() as u64;
    if used_bytes > limits.bundle_bytes_max {
        return Err(InvocationFailure::BundleTooLarge {
            used_bytes,
            allowed_bytes: limits.bundle_bytes_max,
        });
    }
    Ok(bundle)
}

fn unavailable(what: &'static str) -> impl FnOnce(io::Error) -> InvocationFailure {
    move |error| InvocationFailure::Unavailable {
        reason: format!("{what}: {error}"),
    }
}

/// Starts a process that waits for a deployment.
async fn blank(inner: &Arc<Inner>) -> Result<Blank, InvocationFailure> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let place = InstancePlace {
        folder: inner.folder.join(number.to_string()),
    };
    private_folder(&place.folder).map_err(unavailable("make its folder"))?;
    let listener =
        UnixListener::bind(place.host_socket()).map_err(unavailable("make its socket"))?;
    let plan = inner.config.runtime.plan(&place, &inner.config.limits);
    let child = inner.nursery.spawn(plan).await;
    let child = child.map_err(unavailable("start the launcher"))?;
    counters::add(&inner.counters.started);
    let process = Process::adopt(child, inner.config.console.clone());
    let process = process.map_err(unavailable("start the launcher"))?;
    Ok(Blank {
        process,
        place,
        listener,
    })
}

/// Gives a waiting process its deployment.
async fn assign(
    inner: &Arc<Inner>,
    deployment: &FunctionDeployment,
    blank: Blank,
    bundle: &[u8],
) -> Result<Arc<Instance>, InvocationFailure> {
    let limits = &inner.config.limits;
    let path = blank.place.folder.join(BUNDLE_FILE);
    write_private(&path, bundle).map_err(unavailable("write the bundle"))?;
    let settings = settings(deployment, limits);
    let assigned = blank.process.assign(deployment.id, &settings).await;
    let settled = tokio::time::timeout(limits.start_max, blank.process.settled()).await;
    let failure = match settled {
        Ok(Phase::Ready) => return Ok(instance(inner, deployment, blank)),
        Ok(Phase::Failed { message, stack }) => InvocationFailure::Load { message, stack },
        Ok(Phase::Starting | Phase::Waiting) => why_ended(inner, &blank, assigned).await,
        Err(_) => InvocationFailure::Load {
            message: format!(
                "it was not ready after {} ms; {} ms are allowed",
                limits.start_max.as_millis(),
                limits.start_max.as_millis()
            ),
            stack: None,
        },
    };
    blank.process.kill();
    drop(fs::remove_dir_all(&blank.place.folder));
    Err(failure)
}

/// It ended before it was ready: by itself, or because it could not be started at all.
async fn why_ended(
    inner: &Arc<Inner>,
    blank: &Blank,
    assigned: io::Result<()>,
) -> InvocationFailure {
    let Some(ended) = blank.process.ended().await else {
        return unavailable("give it its deployment")(
            assigned.err().unwrap_or_else(|| io::Error::other("ended")),
        );
    };
    let limits = &inner.config.limits;
    let runtime = &inner.config.runtime;
    match runtime.explain_exit(ended.status, &ended.stderr, limits) {
        InvocationFailure::Crashed { reason } => InvocationFailure::Unavailable { reason },
        other => other,
    }
}

fn instance(inner: &Arc<Inner>, deployment: &FunctionDeployment, blank: Blank) -> Arc<Instance> {
    let host = host_socket::Host {
        deployment: deployment.id,
        egress: inner.egress.clone(),
        own_site: inner.config.own_site.clone(),
        counters: inner.counters.clone(),
    };
    let parallel = inner.config.limits.concurrency_max;
    let tasks = tokio::spawn(host_socket::listen(
        blank.listener,
        Arc::new(host),
        parallel,
    ));
    Arc::new(Instance::new(
        blank.process,
        blank.place.serve_socket(),
        blank.place.folder,
        inner.counters.clone(),
        tasks.abort_handle(),
    ))
}

fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::write(path, bytes)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o400))
}

/// What the host is told: the deployment's variables, and the limits that it keeps to.
fn settings(deployment: &FunctionDeployment, limits: &FunctionLimits) -> String {
    let env: serde_json::Map<String, serde_json::Value> = deployment
        .env
        .iter()
        .map(|(name, value)| (name.clone(), value.clone().into()))
        .collect();
    serde_json::json!({
        "env": env,
        "bodyBytesMax": limits.body_bytes_max,
        "subRequestsMax": limits.sub_requests_max,
        "subRequestsParallelMax": limits.sub_requests_parallel_max,
        "redirectsMax": limits.redirects_max,
        "consoleLinesMax": limits.console_lines_max,
        "consoleLineBytesMax": limits.console_line_bytes_max,
    })
    .to_string()
}

/// Starts the next spare, when the request that used the last one has been served a while.
fn refill(inner: &Arc<Inner>) {
    const LATER: std::time::Duration = std::time::Duration::from_millis(100);
    let weak = Arc::downgrade(inner);
    tokio::spawn(async move {
        tokio::time::sleep(LATER).await;
        let Some(inner) = weak.upgrade() else { return };
        let mut spare = inner.spare.lock().await;
        if spare.as_ref().is_some_and(Blank::is_usable) {
            return;
        }
        // Without a spare the next cold start is a slow one; it says then what is wrong.
        *spare = blank(&inner).await.ok();
    });
}
