//! A deployment as this room sees it: whose code, and with which variables.

use std::sync::Arc;

use bytes::Bytes;
use holm_types::DeploymentId;

use crate::BoxFuture;

/// Where a deployment's bundle is read from when a process is started.
pub trait BundleSource: Send + Sync + std::fmt::Debug {
    /// The bytes of the module (see [`contract`](crate::contract)).
    ///
    /// # Errors
    /// When it cannot be read; no process is started then, and the next request tries again.
    fn load(&self) -> BoxFuture<'_, std::io::Result<Bytes>>;
}

impl BundleSource for Bytes {
    fn load(&self) -> BoxFuture<'_, std::io::Result<Bytes>> {
        Box::pin(std::future::ready(Ok(self.clone())))
    }
}

/// A sealed deployment with functions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct FunctionDeployment {
    /// Which one; a process belongs to exactly one.
    pub id: DeploymentId,
    /// Its code.
    pub bundle: Arc<dyn BundleSource>,
    /// Its variables, as `context.env` shows them.
    pub env: Arc<[(String, String)]>,
}
