//! The anchor: nginx with one worker on one core, without access log.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::lab::{Request, fetch, free_address, write_file};

/// How long it may take to answer.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// A running nginx. Ended when dropped.
#[derive(Debug)]
pub(super) struct Nginx {
    child: Child,
    pub(super) address: SocketAddr,
    folder: PathBuf,
}

/// The configuration: nginx's own advice for static files and about the same response headers as Holm.
///
/// Three hosts differ in what a missing file costs: `HOST` writes nothing, `logged.HOST` writes the line
/// in the error log that nginx writes as it comes, `page.HOST` sends the `404.html` of the second site.
fn configuration(
    folder: &Path,
    [site, with_page]: [&Path; 2],
    host: &str,
    address: SocketAddr,
) -> String {
    format!(
        r#"worker_processes 1;
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    log_not_found off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{ listen {address} default_server; return 404; }}
    server {{
        listen {address};
        server_name {host};
        root {site};
        etag on;
        add_header Cache-Control "public, max-age=0, must-revalidate" always;
        add_header EO-LOG-UUID "$connection$connection_requests" always;
        add_header EO-Cache-Status "HIT" always;
        add_header Cache-Status "nginx; hit" always;
        add_header Vary "Accept-Encoding" always;
        location / {{ try_files $uri $uri.html $uri/index.html =404; }}
    }}
    server {{
        listen {address};
        server_name logged.{host};
        root {site};
        error_log {folder}/missing.log error;
        log_not_found on;
        add_header Cache-Control "public, max-age=0, must-revalidate" always;
        add_header EO-LOG-UUID "$connection$connection_requests" always;
        add_header Vary "Accept-Encoding" always;
    }}
    server {{
        listen {address};
        server_name page.{host};
        root {with_page};
        error_page 404 /404.html;
        add_header Cache-Control "public, max-age=0, must-revalidate" always;
        add_header EO-LOG-UUID "$connection$connection_requests" always;
        add_header EO-Cache-Status "HIT" always;
        add_header Cache-Status "nginx; hit" always;
        add_header Vary "Accept-Encoding" always;
        location / {{ try_files $uri $uri.html $uri/index.html =404; }}
    }}
}}
"#,
        folder = folder.display(),
        site = site.display(),
        with_page = with_page.display(),
    )
}

/// Where Debian puts the module that sends `.br` files.
pub(super) const BROTLI_MODULE: &str = "/usr/lib/nginx/modules/ngx_http_brotli_static_module.so";

/// The configuration for encoded files and HTTP/2: as above, with the encoded forms that stand beside
/// the files. Debian packages the brotli module by itself.
pub(super) fn encoded_configuration(
    folder: &Path,
    site: &Path,
    host: &str,
    address: SocketAddr,
    http2: SocketAddr,
) -> String {
    format!(
        r#"load_module {BROTLI_MODULE};
worker_processes 1;
daemon off;
user root;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 65;
    keepalive_requests 1000000000;
    gzip_static on;
    brotli_static on;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen {address};
        listen {http2} http2;
        server_name {host};
        root {site};
        etag on;
        add_header Cache-Control "public, max-age=0, must-revalidate" always;
        add_header EO-LOG-UUID "$connection$connection_requests" always;
        add_header EO-Cache-Status "HIT" always;
        add_header Cache-Status "nginx; hit" always;
        add_header Vary "Accept-Encoding" always;
        location / {{ try_files $uri $uri.html $uri/index.html =404; }}
    }}
}}
"#,
        folder = folder.display(),
        site = site.display(),
    )
}

impl Nginx {
    /// Starts it on a core, serving two folders under names made of a host name.
    pub(super) fn start(folder: &Path, sites: [&Path; 2], host: &str, core: usize) -> Result<Self> {
        let address = free_address()?;
        let configuration = configuration(folder, sites, host, address);
        Self::start_with(folder, &configuration, address, host, core)
    }

    /// Starts it on a core with a configuration that listens at this address.
    pub(super) fn start_with(
        folder: &Path,
        configuration: &str,
        address: SocketAddr,
        host: &str,
        core: usize,
    ) -> Result<Self> {
        let file = folder.join("nginx.conf");
        write_file(&file, configuration.as_bytes())?;
        let child = Command::new("taskset")
            .args(["--cpu-list", &core.to_string(), "nginx", "-p"])
            .arg(folder)
            .arg("-c")
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .context("start nginx")?;
        let mut nginx = Self {
            child,
            address,
            folder: folder.to_owned(),
        };
        nginx.wait_until_it_answers(host)?;
        Ok(nginx)
    }

    fn wait_until_it_answers(&mut self, host: &str) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < START_TIME_MAX {
            if fetch(self.address, &Request::get(host, "/")).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!(
                    "nginx ended with {status}; its configuration is {}",
                    self.folder.display()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("nginx did not answer in time")
    }

    /// The process id of its master.
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, because a killed master would leave its worker behind.
        let _ended = Command::new("kill").arg(self.pid().to_string()).status();
        let _ended = self.child.wait();
    }
}
