//! One call of an operation: what was sent, and ways to read it.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use holm_types::ErrorCode;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::authz::Target;
use crate::body::RequestBody;
use crate::core::Core;
use crate::error::ApiError;

/// One call.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) core: Arc<Core>,
    pub(crate) parts: Parts,
    pub(crate) body: RequestBody,
    /// Name and value of each `{...}` of the path, decoded.
    pub(crate) path: Vec<(String, String)>,
    pub(crate) peer: IpAddr,
    /// What it is about; the server until the gate has looked.
    pub(crate) target: Target,
}

impl Call {
    /// The value for `{name}` of the operation's path.
    pub(crate) fn path(&self, name: &'static str) -> Result<String, ApiError> {
        let found = self.path.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.clone()).ok_or_else(|| {
            ApiError::new(ErrorCode::RequestInvalid, format!("The path has no {name}"))
        })
    }

    /// Says what the call is about. A project is from now on the one that the gate has seen, also when
    /// its name is given to another meanwhile.
    pub(super) fn aim(&mut self, target: Target) {
        if let Some(id) = target.project() {
            for (_, value) in self.path.iter_mut().filter(|(name, _)| name == "project") {
                *value = id.to_string();
            }
        }
        self.target = target;
    }

    /// The query as this type.
    pub(crate) fn query<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        axum::extract::Query::try_from_uri(&self.parts.uri)
            .map(|query| query.0)
            .map_err(|rejection| {
                ApiError::new(ErrorCode::RequestInvalid, "The query cannot be read")
                    .with_field("query:", rejection.body_text())
            })
    }

    /// The whole body, which must be JSON.
    async fn json_bytes(&mut self) -> Result<Bytes, ApiError> {
        self.expect_media_type("application/json")?;
        let bytes_max = self.core.config.limits.body_bytes_max;
        self.body.whole(bytes_max, "control.body_bytes_max").await
    }

    /// As [`Call::json`], for a body with secrets: the error says where, never what.
    pub(crate) async fn secret_json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let bytes = self.json_bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let wrong = if error.is_data() {
                "not what the operation takes,"
            } else {
                "not JSON"
            };
            let detail = format!(
                "{wrong} at line {}, column {}",
                error.line(),
                error.column()
            );
            ApiError::new(ErrorCode::RequestInvalid, "The body cannot be read")
                .with_field("", detail)
        })
    }

    /// The JSON body as this type.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let bytes = self.json_bytes().await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let detail = if error.is_data() {
                error.to_string()
            } else {
                format!(
                    "not JSON at line {}, column {}",
                    error.line(),
                    error.column()
                )
            };
            ApiError::new(ErrorCode::RequestInvalid, "The body cannot be read")
                .with_field("", detail)
        })
    }

    /// Refuses a body of another media type. A body without one is taken at its word.
    pub(crate) fn expect_media_type(&self, wanted: &'static str) -> Result<(), ApiError> {
        let Some(found) = self.parts.headers.get(CONTENT_TYPE) else {
            return Ok(());
        };
        let essence = found
            .to_str()
            .ok()
            .and_then(|value| value.split(';').next())
            .unwrap_or_default();
        if essence.trim().eq_ignore_ascii_case(wanted) {
            Ok(())
        } else {
            Err(ApiError::new(
                ErrorCode::RequestMediaType,
                format!("This operation takes {wanted}"),
            ))
        }
    }
}
