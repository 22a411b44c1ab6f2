//! A client that sends exactly the bytes it is told to, and reads answers by their framing.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// No wait in these tests is longer.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);

/// One answer, read by its framing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// Names in lower case. A name that comes twice fails the test, but `set-cookie` has a line each.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status, then the fields in order of name, without those that differ from run to run.
    pub(crate) fn head(&self) -> String {
        let fields = self
            .headers
            .iter()
            .filter(|(name, _)| !["date", "eo-log-uuid", "server"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {value}\n"));
        format!("{}\n{}", self.status, fields.collect::<String>())
    }
}

/// A connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// The next answer to a request with this method. `None` when the connection ended first.
    pub(crate) async fn reply_to(&mut self, method: &str) -> Option<Reply> {
        timeout(WAIT_MAX, self.read_reply(method))
            .await
            .expect("an answer or the end comes in time")
    }

    pub(crate) async fn reply(&mut self) -> Reply {
        self.reply_to("GET").await.expect("there is an answer")
    }

    async fn read_reply(&mut self, method: &str) -> Option<Reply> {
        let head_end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            self.fill().await?;
        };
        let head: Vec<u8> = self.buffer.drain(..head_end + 4).collect();
        let head = String::from_utf8(head).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines
            .next()
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .parse()
            .unwrap();
        let mut headers = BTreeMap::new();
        for line in lines {
            let (name, value) = line
                .split_once(": ")
                .expect("a field has a name and a value");
            let name = name.to_lowercase();
            let before = headers.remove(&name);
            // The one field that may come twice.
            let value = match before {
                Some(before) if name == "set-cookie" => format!("{before}\n{value}"),
                before => {
                    assert_eq!(before, None, "{name} comes twice in {head}");
                    value.to_owned()
                }
            };
            headers.insert(name, value);
        }
        if headers
            .get("transfer-encoding")
            .is_some_and(|it| it == "chunked")
            && method != "HEAD"
        {
            let body = self.read_chunks().await?;
            return Some(Reply {
                status,
                headers,
                body,
            });
        }
        let length = match (method, status) {
            ("HEAD", _) | (_, 204 | 304) => 0,
            _ => headers
                .get("content-length")
                .map_or(0, |length| length.parse().unwrap()),
        };
        while self.buffer.len() < length {
            self.fill().await?;
        }
        Some(Reply {
            status,
            headers,
            body: self.buffer.drain(..length).collect(),
        })
    }

    async fn read_chunks(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line_end = loop {
                if let Some(end) = find(&self.buffer, b"\r\n") {
                    break end;
                }
                self.fill().await?;
            };
            let line: Vec<u8> = self.buffer.drain(..line_end + 2).collect();
            let line = String::from_utf8(line).unwrap();
            let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
            while self.buffer.len() < length + 2 {
                self.fill().await?;
            }
            body.extend(self.buffer.drain(..length));
            self.buffer.drain(..2);
            if length == 0 {
                return Some(body);
            }
        }
    }

    /// Reads until this has come, and throws away what came up to its end.
    pub(crate) async fn read_past(&mut self, text: &str) {
        let reading = async {
            loop {
                if let Some(at) = find(&self.buffer, text.as_bytes()) {
                    self.buffer.drain(..at + text.len());
                    return true;
                }
                if self.fill().await.is_none() {
                    return false;
                }
            }
        };
        let came = timeout(WAIT_MAX, reading).await;
        assert!(came.expect("it comes in time"), "{text} does not come");
    }

    async fn fill(&mut self) -> Option<()> {
        let mut piece = vec![0; 16 * 1024];
        match self.stream.read(&mut piece).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.buffer.extend_from_slice(&piece[..count]);
                Some(())
            }
        }
    }

    /// Reads a few bytes and no more.
    pub(crate) async fn nibble(&mut self) {
        let mut piece = [0; 100];
        assert!(self.stream.read(&mut piece).await.unwrap() > 0);
    }

    /// Reads so many bytes, or up to the end, and throws them away.
    pub(crate) async fn take(&mut self, count: usize) {
        let wanted = self.buffer.len() + count;
        while self.buffer.len() < wanted && self.fill().await.is_some() {}
        self.buffer.clear();
    }

    /// Waits for the end of the connection, and gives back what came before it.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        let reading = async {
            while self.fill().await.is_some() {}
            self.buffer
        };
        timeout(WAIT_MAX, reading)
            .await
            .expect("the connection ends in time")
    }

    /// Ends our side: no more requests.
    pub(crate) async fn end_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
