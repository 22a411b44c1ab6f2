//! The listeners: sites, sites over TLS where that is wanted, and the API and console. They are opened before anything else, so that a
//! taken port is told before any work is done.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::config::ServerConfig;
use crate::exit::ServerError;
use crate::handover::{Predecessor, Role};

/// The listeners and where they are reached.
#[derive(Debug)]
pub(crate) struct Listeners {
    pub(crate) site: TcpListener,
    /// `None`: no TLS.
    pub(crate) tls: Option<TcpListener>,
    pub(crate) control: TcpListener,
    pub(crate) addresses: Addresses,
}

/// Where the listeners are reached.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// The real address: port 0 has become a free port.
    pub(crate) site: SocketAddr,
    /// As above. `None`: no TLS.
    pub(crate) tls: Option<SocketAddr>,
    /// As above.
    pub(crate) control: SocketAddr,
    /// Where people and programs reach the API and console.
    pub(crate) control_origin: String,
}

impl Listeners {
    /// Those of the server before where they are at the right address, new ones everywhere else.
    pub(crate) async fn open(
        config: &ServerConfig,
        mut before: Option<&mut Predecessor>,
    ) -> Result<Self, ServerError> {
        let mut taken = |role, address| before.as_mut()?.listener(role, address);
        let address = config.listen.value;
        let (site, site_address) =
            listen(address, taken(Role::Sites, address), "sites", "--listen").await?;
        let (tls, tls_address) = match config.tls_listen.value {
            None => (None, None),
            Some(address) => {
                let taken = taken(Role::Tls, address);
                let (tls, address) =
                    listen(address, taken, "sites over TLS", "--tls-listen").await?;
                (Some(tls), Some(address))
            }
        };
        let address = config.control_listen.value;
        let (control, control_address) = listen(
            address,
            taken(Role::Control, address),
            "the API and console",
            "--control-listen",
        )
        .await?;
        let control_url = config.control_url.value.clone();
        let control_origin = control_url.unwrap_or_else(|| format!("http://{control_address}"));
        Ok(Self {
            site,
            tls,
            control,
            addresses: Addresses {
                site: site_address,
                tls: tls_address,
                control: control_address,
                control_origin,
            },
        })
    }
}

async fn listen(
    address: SocketAddr,
    taken: Option<std::net::TcpListener>,
    what: &'static str,
    flag: &'static str,
) -> Result<(TcpListener, SocketAddr), ServerError> {
    let failed = |source| ServerError::Listen {
        address,
        what,
        flag,
        source,
    };
    let listener = match taken {
        Some(taken) => TcpListener::from_std(taken).map_err(failed)?,
        None => TcpListener::bind(address).await.map_err(failed)?,
    };
    let real = listener.local_addr().map_err(failed)?;
    Ok((listener, real))
}
