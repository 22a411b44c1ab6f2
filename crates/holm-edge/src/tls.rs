//! TLS: a certificate that can be replaced while connections come in, and handshakes within bounds.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert, ServerSessionMemoryCache};
use rustls::sign::CertifiedKey;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::EdgeLimits;
use crate::preface::Spoken;
use crate::socket::WatchedStream;

/// Sessions that a client may take up again without a whole handshake (a few hundred bytes each).
const SESSION_COUNT_MAX: usize = 4096;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// The certificate file is not PEM, or has no certificate in it.
    #[error("read the certificates of the chain")]
    Chain(#[source] rustls::pki_types::pem::Error),
    /// There is no certificate in the file.
    #[error("the file has no certificate")]
    NoCertificate,
    /// The key file is not PEM, or has no private key in it.
    #[error("read the private key")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// The key is of a kind that cannot be used, or is not the certificate's.
    #[error("use the private key with the certificate")]
    Pair(#[source] rustls::Error),
}

/// A certificate chain with its private key. Cheap to clone; [`Certificate::replace`] reaches every
/// clone, so that connections that come in later get the newer one.
#[derive(Clone)]
pub struct Certificate {
    provider: Arc<CryptoProvider>,
    current: Arc<ArcSwap<CertifiedKey>>,
}

impl std::fmt::Debug for Certificate {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Certificate").finish_non_exhaustive()
    }
}

impl Certificate {
    /// From PEM: the chain, the server's own certificate first, and its private key (PKCS #8, SEC 1 or
    /// PKCS #1).
    ///
    /// # Errors
    /// When either is not what it should be, or they do not belong together.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let current = read_pair(&provider, chain, key)?;
        Ok(Self {
            current: Arc::new(ArcSwap::from_pointee(current)),
            provider,
        })
    }

    /// Uses another certificate from now on.
    ///
    /// # Errors
    /// As [`Certificate::from_pem`]; then the one before stays in use.
    pub fn replace(&self, chain: &[u8], key: &[u8]) -> Result<(), CertificateError> {
        let pair = read_pair(&self.provider, chain, key)?;
        self.current.store(Arc::new(pair));
        Ok(())
    }
}

fn read_pair(
    provider: &CryptoProvider,
    chain: &[u8],
    key: &[u8],
) -> Result<CertifiedKey, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(chain)
        .collect::<Result<Vec<_>, _>>()
        .map_err(CertificateError::Chain)?;
    if chain.is_empty() {
        return Err(CertificateError::NoCertificate);
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
    CertifiedKey::from_der(chain, key, provider).map_err(CertificateError::Pair)
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// What the connections of one listener agree on keys with.
#[derive(Clone)]
pub(crate) struct TlsSettings {
    acceptor: TlsAcceptor,
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings").finish_non_exhaustive()
    }
}

impl TlsSettings {
    /// TLS 1.2 and 1.3 as the library thinks right, HTTP/2 before HTTP/1.1 (RFC 7301).
    pub(crate) fn new(certificate: Certificate) -> Self {
        let provider = Arc::clone(&certificate.provider);
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(certificate));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.session_storage = ServerSessionMemoryCache::new(SESSION_COUNT_MAX);
        Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
        }
    }

    /// Agrees on keys, when there is a turn. The watch ends what takes too long.
    pub(crate) async fn accept(
        &self,
        turns: &Semaphore,
        stream: WatchedStream,
    ) -> std::io::Result<TlsStream<WatchedStream>> {
        let _turn = turns.acquire().await.expect("turns are never closed");
        self.acceptor.accept(stream).await
    }
}

/// Turns at handshakes, for all listeners of an edge.
pub(crate) fn handshake_turns(limits: &EdgeLimits) -> Semaphore {
    Semaphore::new(limits.tls_handshakes_max.clamp(1, Semaphore::MAX_PERMITS))
}

/// Which HTTP the two agreed on; HTTP/1.1 when the client named none.
pub(crate) fn spoken(stream: &TlsStream<WatchedStream>) -> Spoken {
    let (_, session) = stream.get_ref();
    match session.alpn_protocol() {
        Some(b"h2") => Spoken::Http2,
        _ => Spoken::Http1,
    }
}
