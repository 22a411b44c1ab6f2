//! Code that no host shows yet is started once, so that what cannot be loaded is found out before visitors
//! are sent there.

use std::sync::Arc;

use holm_functions::{FunctionDeployment, InvocationFailure};
use holm_types::{BlobDigest, DeploymentId};

use super::FunctionVariables;
use super::bundle::StoredBundle;
use crate::edge::Edge;

/// The code of a deployment, to be tried.
#[derive(Clone, Debug)]
pub struct FunctionTrial {
    /// Which deployment.
    pub deployment: DeploymentId,
    /// Its bundle, which is in the blob store.
    pub code: BlobDigest,
    /// Its variables.
    pub variables: FunctionVariables,
}

/// Why code could not be started.
#[derive(Clone, Debug, thiserror::Error)]
pub enum TrialError {
    /// It failed, and will fail for visitors: the deployment must not go live.
    #[error(transparent)]
    Code(InvocationFailure),
    /// It was not tried, which says nothing about it: no engine, no process. For the operator.
    #[error("start the functions of a deployment: {reason}")]
    Untried {
        /// Why not.
        reason: String,
    },
}

impl Edge {
    /// Starts the code of a deployment and waits until it is loaded. Its process stays for the first visitors,
    /// as long as any idle one.
    ///
    /// # Errors
    /// See [`TrialError`]. Where functions are not run at all there is nothing to try, and no error.
    pub async fn try_functions(&self, trial: FunctionTrial) -> Result<(), TrialError> {
        let Some(desk) = &self.inner.functions else {
            return Ok(());
        };
        let functions = desk.functions(&self.inner).await;
        let functions = functions.map_err(|refusal| TrialError::Untried {
            reason: refusal.reason.into_owned(),
        })?;
        let deployment = FunctionDeployment {
            id: trial.deployment,
            bundle: Arc::new(StoredBundle {
                blobs: Arc::clone(&self.inner.parts.blobs),
                code: trial.code,
            }),
            env: trial.variables,
        };
        let Err(failure) = functions.prepare(&deployment).await else {
            return Ok(());
        };
        // What is remembered of the failure is of no use to a next try.
        functions.retire(trial.deployment);
        Err(match failure {
            InvocationFailure::Unavailable { .. }
            | InvocationFailure::Stopped
            | InvocationFailure::Overloaded { .. } => TrialError::Untried {
                reason: failure.to_string(),
            },
            failure => TrialError::Code(failure),
        })
    }
}
