//! S3 and what speaks like it, over the HTTP client that the rest of Holm is made with.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::client::{
    ClientOptions, HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest,
    HttpRequestBody, HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ObjectStore, RetryConfig};

use crate::blob::BlobError;

use super::remote_error;

/// Connections that are kept open without a request.
const IDLE_CONNECTIONS_MAX: usize = 16;

/// How long they are kept.
const IDLE_TIME_MAX: Duration = Duration::from_secs(30);

/// How often a request that failed without harm is sent again.
const RETRIES_MAX: usize = 3;

/// A key of the object store. Shown by no `Debug` and written to no log.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Credentials {
    /// Which key; no secret by itself.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
    /// For a key that was lent for a time. `None` for a key of one's own.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Credentials").finish_non_exhaustive()
    }
}

/// Where the objects are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Settings {
    /// The bucket, which must exist.
    pub bucket: String,
    /// The region; `us-east-1` where there are none.
    pub region: String,
    /// The address for a service other than AWS, such as `http://127.0.0.1:9000`. `None` for AWS.
    pub endpoint: Option<String>,
    /// The key.
    pub credentials: S3Credentials,
}

/// The objects of a bucket. Sends nothing yet.
pub(super) fn connect(settings: &S3Settings) -> Result<Arc<dyn ObjectStore>, BlobError> {
    let is_clear_text = settings
        .endpoint
        .as_ref()
        .is_some_and(|endpoint| endpoint.starts_with("http://"));
    let credentials = &settings.credentials;
    let mut builder = AmazonS3Builder::new()
        .with_http_connector(Connector)
        .with_bucket_name(&settings.bucket)
        .with_region(&settings.region)
        .with_access_key_id(&credentials.access_key_id)
        .with_secret_access_key(&credentials.secret_access_key)
        .with_allow_http(is_clear_text)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(RetryConfig {
            max_retries: RETRIES_MAX,
            ..RetryConfig::default()
        });
    if let Some(token) = &credentials.session_token {
        builder = builder.with_token(token);
    }
    if let Some(endpoint) = &settings.endpoint {
        builder = builder.with_endpoint(endpoint.trim_end_matches('/'));
    }
    let built = builder.build();
    let built = built.map_err(|error| remote_error("use bucket", &settings.bucket, error))?;
    Ok(Arc::new(built))
}

#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_webpki_roots(rustls::crypto::ring::default_provider())
            .map_err(no_tls)?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(https);
        Ok(HttpClient::new(Service(client)))
    }
}

fn no_tls(error: rustls::Error) -> object_store::Error {
    object_store::Error::Generic {
        store: "S3",
        source: Box::new(error),
    }
}

/// One HTTP/1.1 client with its connections.
#[derive(Debug)]
struct Service(Client<HttpsConnector<TcpConnector>, HttpRequestBody>);

impl HttpService for Service {
    fn call<'service, 'answer>(
        &'service self,
        request: HttpRequest,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'answer>>
    where
        'service: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let response = self.0.request(request).await.map_err(|error| {
                let kind = if error.is_connect() {
                    HttpErrorKind::Connect
                } else {
                    HttpErrorKind::Request
                };
                HttpError::new(kind, error)
            })?;
            let broken = |error| HttpError::new(HttpErrorKind::Interrupted, error);
            Ok(response.map(|body| HttpResponseBody::new(body.map_err(broken))))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_shown() {
        let credentials = S3Credentials {
            access_key_id: "AKIA".to_owned(),
            secret_access_key: "hush".to_owned(),
            session_token: Some("hush too".to_owned()),
        };
        let settings = S3Settings {
            bucket: "bucket".to_owned(),
            region: "us-east-1".to_owned(),
            endpoint: None,
            credentials,
        };
        let store = connect(&settings).unwrap();
        for shown in [format!("{settings:?}"), format!("{store:?} {store}")] {
            assert!(!shown.contains("hush"), "{shown}");
        }
    }
}
