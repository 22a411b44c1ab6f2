//! A small HTTP/1.1 client: one request at a time, whole bodies, a limit on everything.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// How long to wait for a connection, and for the next bytes.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The largest body that is taken.
const BODY_BYTES_MAX: usize = 64 << 20;

/// The longest header line that is taken.
const LINE_BYTES_MAX: u64 = 64 << 10;

/// One request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) host: String,
    /// Path and query as sent.
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A GET.
    pub(crate) fn get(host: &str, target: &str) -> Self {
        Self::new("GET", host, target)
    }

    /// Any method.
    pub(crate) fn new(method: &str, host: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            host: host.to_owned(),
            target: target.to_owned(),
            ..Self::default()
        }
    }

    /// Adds a header.
    #[must_use]
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn encode(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\n",
            self.method, self.target, self.host
        );
        for (name, value) in &self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if !self.body.is_empty() || self.method == "POST" {
            head.extend(["content-length: ", &self.body.len().to_string(), "\r\n"]);
        }
        head.push_str("\r\n");
        [head.as_bytes(), &self.body].concat()
    }
}

/// One answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The values of a header, joined by commas. `None` when there is none.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let values: Vec<&str> = self
            .headers
            .iter()
            .filter(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends one request on a connection of its own.
pub(crate) fn fetch(address: SocketAddr, request: &Request) -> Result<Response> {
    let request = request.clone().header("connection", "close");
    Connection::open(address)?.send(&request).with_context(|| {
        format!(
            "{} http://{}{} at {address}",
            request.method, request.host, request.target
        )
    })
}

/// A connection that stays open between requests.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, WAIT_MAX)
            .with_context(|| format!("connect to {address}"))?;
        stream.set_read_timeout(Some(WAIT_MAX))?;
        stream.set_write_timeout(Some(WAIT_MAX))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) fn send(&mut self, request: &Request) -> Result<Response> {
        self.stream
            .get_mut()
            .write_all(&request.encode())
            .context("send the request")?;
        let mut response = self.head()?;
        while response.status < 200 {
            response = self.head()?;
        }
        let has_no_body = request.method == "HEAD" || matches!(response.status, 204 | 304);
        if !has_no_body {
            response.body = self.body(&response).context("read the body")?;
        }
        Ok(response)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        (&mut self.stream)
            .take(LINE_BYTES_MAX)
            .read_line(&mut line)
            .context("read a header line")?;
        ensure!(
            line.ends_with('\n'),
            "the connection ended, or a header line is too long"
        );
        Ok(line.trim_end().to_owned())
    }

    fn head(&mut self) -> Result<Response> {
        let status_line = self.line()?;
        let status = status_line
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .with_context(|| format!("`{status_line}` is no status line"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line
                .split_once(':')
                .with_context(|| format!("`{line}` is no header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Response {
            status,
            headers,
            body: Vec::new(),
        })
    }

    fn body(&mut self, response: &Response) -> Result<Vec<u8>> {
        if response
            .header("transfer-encoding")
            .is_some_and(|coding| coding == "chunked")
        {
            return self.chunks();
        }
        let mut body = Vec::new();
        if let Some(length) = response.header("content-length") {
            self.exactly(length.parse().context("read content-length")?, &mut body)?;
        } else {
            let limit = u64::try_from(BODY_BYTES_MAX)?;
            (&mut self.stream).take(limit).read_to_end(&mut body)?;
        }
        Ok(body)
    }

    fn chunks(&mut self) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = self.line()?;
            let digits = line.split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(digits.trim(), 16).context("read a chunk's size")?;
            if size == 0 {
                while !self.line()?.is_empty() {}
                return Ok(body);
            }
            self.exactly(size, &mut body)?;
            self.line()?;
        }
    }

    fn exactly(&mut self, size: usize, body: &mut Vec<u8>) -> Result<()> {
        let start = body.len();
        if start + size > BODY_BYTES_MAX {
            bail!("the body is over {BODY_BYTES_MAX} bytes");
        }
        body.resize(start + size, 0);
        let (_, room) = body.split_at_mut(start);
        self.stream.read_exact(room).context("the body ended early")
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn check(answer: &'static str, want: Result<(u16, &str), &str>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0_u8; 512];
            let count = stream.read(&mut request).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let got = fetch(address, &Request::get("a.test", "/x?y"));
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /x?y HTTP/1.1\r\nhost: a.test\r\n")
        );
        match (got, want) {
            (Ok(got), Ok(want)) => assert_eq!((got.status, got.text().as_str()), want),
            (Err(got), Err(want)) => assert!(format!("{got:#}").contains(want), "{got:#}"),
            (got, want) => panic!("{got:?} / {want:?}"),
        }
    }

    #[test]
    fn reads_each_kind_of_body() {
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
            Ok((200, "hi")),
        );
        check(
            "HTTP/1.1 404 Not Found\r\n\r\nuntil the end",
            Ok((404, "until the end")),
        );
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            Ok((200, "hi!")),
        );
        check(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
            Ok((304, "")),
        );
        check(
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            Err("the body ended early"),
        );
        check("nonsense\r\n\r\n", Err("no status line"));
    }
}
