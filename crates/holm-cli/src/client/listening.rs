//! A connection that goes on listening when the server stops listening.
//!
//! A server that refuses a large body answers and closes before all of it has arrived. Then writing
//! fails, but the answer with the reason is there to be read. So a failed write is not the end here: what
//! is still to be sent is thrown away, and whether there is an answer shows when it is read.

use std::io;

use ureq::Error;
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
};

/// Makes such connections.
#[derive(Debug, Default)]
pub(super) struct ListeningConnector(DefaultConnector);

impl Connector for ListeningConnector {
    type Out = Listening;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Listening>, Error> {
        let inner = self.0.connect(details, chained)?;
        Ok(inner.map(|inner| Listening {
            inner: Box::new(inner),
            is_deaf: false,
        }))
    }
}

/// One connection.
#[derive(Debug)]
pub(super) struct Listening {
    inner: Box<dyn Transport>,
    /// The other side reads no more.
    is_deaf: bool,
}

impl Transport for Listening {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.is_deaf {
            return Ok(());
        }
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_deafness(&error) => {
                self.is_deaf = true;
                Ok(())
            }
            other => other,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        !self.is_deaf && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn is_deafness(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}
