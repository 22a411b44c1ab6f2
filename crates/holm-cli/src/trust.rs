//! Which certificate authorities are believed about a server's name.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, parse_pem};

use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::small_file::read_small;

/// The authorities that are believed.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    /// Those of a file, and no others. `None`: Mozilla's, which come with the program.
    roots: Option<Arc<Vec<Certificate<'static>>>>,
}

impl Trust {
    /// The authorities in a PEM file. `named_by` is the flag or variable that named it.
    pub(crate) fn of_file(path: &Path, named_by: &str) -> Result<Self, CliError> {
        let shown = path.display();
        let doing = || format!("use the certificates of `{shown}` ({named_by})");
        let bytes = read_small(path, CliLimits::default().settings_bytes_max)
            .map_err(|error| CliError::because(Exit::Failure, doing(), &error))?;
        let bytes =
            bytes.ok_or_else(|| CliError::new(Exit::Usage, doing(), "there is no such file"))?;
        let mut roots = Vec::new();
        for item in parse_pem(&bytes) {
            match item {
                Ok(PemItem::Certificate(certificate)) => roots.push(certificate),
                Ok(_) => {}
                Err(error) => return Err(CliError::because(Exit::Usage, doing(), &error)),
            }
        }
        if roots.is_empty() {
            return Err(
                CliError::new(Exit::Usage, doing(), "there is no certificate in it")
                    .next("Name a PEM file with the certificate of the authority."),
            );
        }
        Ok(Self {
            roots: Some(Arc::new(roots)),
        })
    }

    /// For the HTTP client.
    pub(crate) fn root_certs(&self) -> RootCerts {
        match &self.roots {
            Some(roots) => RootCerts::Specific(Arc::clone(roots)),
            None => RootCerts::WebPki,
        }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.roots.as_ref().map(|roots| roots.len());
        f.debug_struct("Trust").field("roots", &count).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let why = || Trust::of_file(&path, "HOLM_CA").unwrap_err().to_string();
        assert!(why().contains("there is no such file"), "{}", why());
        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nnonsense"] {
            std::fs::write(&path, text).unwrap();
            let why = why();
            assert!(why.contains("ca.pem") && why.contains("HOLM_CA"), "{why}");
        }
        let pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(&path, pem).unwrap();
        assert_eq!(
            format!("{:?}", Trust::of_file(&path, "--ca").unwrap()),
            "Trust { roots: Some(1) }"
        );
    }
}
