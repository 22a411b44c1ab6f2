//! `bench edge`: encoded and large bodies, HTTP/2, and slow readers, against nginx (decision record:
//! docs/adr/0006-hyper.md).
//!
//! As in `bench static` each server has one worker on core 0, the load generator is on core 1, and the
//! two take turns. Both send the same bytes: nginx is given the encoded forms that Holm made.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::h2load::StreamLoad;
use super::nginx::{BROTLI_MODULE, Nginx, encoded_configuration};
use super::verdict::Verdicts;
use super::wrk::Load;
use crate::lab::{
    HolmProcess, Lab, Launch, Random, Request, Series, cpu_ticks, fetch, free_address, require,
    resident_bytes, ticks_to_seconds, write_file,
};
use crate::options::Options;

const SERVER_CORE: usize = 0;
const LOAD_CORE: usize = 1;
const PROJECT: &str = "bench";

const PAGE: &str = "/page.html";
const STYLE: &str = "/style.css";
const SCRIPT: &str = "/script.js";
const LARGE: &str = "/large.bin";
const HUGE: &str = "/huge.bin";

const LARGE_BYTES: usize = 10_000_000;
/// More than the kernel's buffers take on both sides together, and allowed in a deployment.
const HUGE_BYTES: usize = 24_000_000;

/// Clients of the slow-reader figure.
const SLOW_COUNT: u32 = 50;

/// How long encoded forms may take to be made.
const ENCODE_TIME_MAX: Duration = Duration::from_mins(3);

/// A server under measurement.
struct Subject {
    name: &'static str,
    address: SocketAddr,
    /// Where HTTP/2 in clear text is spoken.
    http2: SocketAddr,
    pid: u32,
}

/// Measures everything, or the one that `--only` names.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let rounds: usize = options.take_or("rounds", 5)?;
    let seconds: u32 = options.take_or("seconds", 4)?;
    let only: String = options.take_or("only", String::new())?;
    ensure!(
        rounds >= 1 && seconds >= 1,
        "--rounds and --seconds are at least 1"
    );
    require_programs()?;
    let lab = Lab::open(root, options)?;
    let folder = lab.empty_folder("bench-edge")?;
    let site = folder.join("site");
    write_site(&site)?;
    let launch = Launch::new(&lab.holm, &folder.join("data"))?
        .pinned(1, SERVER_CORE)
        .with_token()?;
    let server = launch.start()?;
    lab.holm.deploy(&server, &site, PROJECT)?;
    let host = server.production_host(PROJECT);
    take_encoded_forms(&server, &host, &site)?;
    let (address, http2) = (free_address()?, free_address()?);
    let configuration = encoded_configuration(&folder, &site, &host, address, http2);
    let nginx = Nginx::start_with(&folder, &configuration, address, &host, SERVER_CORE)?;
    let subjects = [
        Subject {
            name: "nginx",
            address,
            http2,
            pid: nginx.pid(),
        },
        Subject {
            name: "holm",
            address: server.site(),
            http2: server.site(),
            pid: server.pid(),
        },
    ];
    let bench = Bench {
        host,
        rounds,
        seconds,
        subjects,
    };
    println!(
        "{rounds} rounds of {seconds} s each, alternating; server on core {SERVER_CORE}, load on core {LOAD_CORE}"
    );
    bench.compare_all(&server, &only)
}

fn require_programs() -> Result<()> {
    for (program, package) in [
        ("nginx", "nginx"),
        ("wrk", "wrk"),
        ("h2load", "nghttp2-client"),
        ("taskset", "util-linux"),
    ] {
        require(program, package)?;
    }
    // The module has no program of its own.
    ensure!(
        Path::new(BROTLI_MODULE).exists(),
        "nginx has no brotli module; `sudo apt-get install libnginx-mod-http-brotli-static` brings it"
    );
    Ok(())
}

/// What all comparisons share.
struct Bench {
    host: String,
    rounds: usize,
    seconds: u32,
    /// nginx and Holm.
    subjects: [Subject; 2],
}

impl Bench {
    /// Every comparison, or the one of this name.
    fn compare_all(&self, server: &HolmProcess, only: &str) -> Result<()> {
        let mut verdicts = Verdicts::default();
        let is_wanted = |name: &str| only.is_empty() || only == name;
        if is_wanted("css") {
            self.compare_cpu("20 KB css, br", STYLE, 1.0 / 1.1, &mut verdicts)?;
        }
        if is_wanted("js") {
            self.compare_cpu("90 KB br body", SCRIPT, 1.0 / 0.75, &mut verdicts)?;
        }
        if is_wanted("large") {
            self.compare_bytes(&mut verdicts)?;
        }
        if is_wanted("http2") {
            self.compare_streams(&mut verdicts)?;
        }
        if is_wanted("slow") {
            slow_readers(server, &self.host, &mut verdicts)?;
        }
        verdicts.finish()
    }

    /// CPU per request of an encoded file.
    fn compare_cpu(
        &self,
        name: &str,
        path: &str,
        share_max: f64,
        verdicts: &mut Verdicts,
    ) -> Result<()> {
        let mut cpu_us = [Series::default(), Series::default()];
        let mut lengths = Vec::new();
        for subject in &self.subjects {
            let request = Request::get(&self.host, path).header("accept-encoding", "br");
            let answer = fetch(subject.address, &request)?;
            ensure!(
                answer.header("content-encoding").as_deref() == Some("br"),
                "{} does not send {path} as br",
                subject.name
            );
            lengths.push(answer.body.len());
        }
        ensure!(
            lengths.first() == lengths.last(),
            "bodies differ: {lengths:?}"
        );
        for _ in 0..self.rounds {
            for (subject, series) in self.subjects.iter().zip(&mut cpu_us) {
                let mut load = self.load(subject, path);
                load.headers.push("Accept-Encoding: br".to_owned());
                let before = cpu_ticks(subject.pid)?;
                let outcome = load.run()?;
                let spent = ticks_to_seconds(cpu_ticks(subject.pid)? - before);
                let count = u32::try_from(outcome.request_count).context("count the requests")?;
                series.push(spent * 1e6 / f64::from(count));
            }
        }
        let [anchor, holm] = cpu_us.map(|series| series.median());
        println!(
            "{name}: {} bytes; nginx {anchor:.1} us, holm {holm:.1} us of CPU a request: 1/{:.2}",
            lengths.first().copied().unwrap_or_default(),
            anchor / holm
        );
        verdicts.at_most(
            &format!("{name} holm/nginx"),
            holm / anchor,
            share_max,
            "of nginx",
        );
        Ok(())
    }

    /// Bytes a second of large files.
    fn compare_bytes(&self, verdicts: &mut Verdicts) -> Result<()> {
        let mut megabytes = [Series::default(), Series::default()];
        let mut cpu_ms = [Series::default(), Series::default()];
        for _ in 0..self.rounds {
            for (index, subject) in self.subjects.iter().enumerate() {
                let mut load = self.load(subject, LARGE);
                load.connections = 16;
                let before = cpu_ticks(subject.pid)?;
                let outcome = load.run()?;
                let spent = ticks_to_seconds(cpu_ticks(subject.pid)? - before);
                let count = u32::try_from(outcome.request_count).context("count the requests")?;
                megabytes[index].push(outcome.bytes_per_second / 1e6);
                cpu_ms[index].push(spent * 1e3 / f64::from(count));
            }
        }
        let [anchor, holm] = megabytes.map(|series| series.median());
        let [anchor_cpu, holm_cpu] = cpu_ms.map(|series| series.median());
        println!(
            "10 MB, 16 connections: nginx {anchor:.0} MB/s ({anchor_cpu:.2} ms CPU each), \
             holm {holm:.0} MB/s ({holm_cpu:.2} ms)"
        );
        verdicts.at_least(
            "10 MB bytes a second, holm/nginx",
            holm / anchor,
            1.2,
            "of nginx",
        );
        Ok(())
    }

    /// Requests a second over HTTP/2 in clear text.
    fn compare_streams(&self, verdicts: &mut Verdicts) -> Result<()> {
        let mut rate = [Series::default(), Series::default()];
        let mut cpu_us = [Series::default(), Series::default()];
        for _ in 0..self.rounds {
            for (index, subject) in self.subjects.iter().enumerate() {
                let load = StreamLoad {
                    host: &self.host,
                    address: subject.http2,
                    path: PAGE,
                    seconds: self.seconds,
                    core: LOAD_CORE,
                };
                let before = cpu_ticks(subject.pid)?;
                let outcome = load.run()?;
                let spent = ticks_to_seconds(cpu_ticks(subject.pid)? - before);
                rate[index].push(outcome.requests_per_second);
                let count = u32::try_from(outcome.request_count).context("count the requests")?;
                cpu_us[index].push(spent * 1e6 / f64::from(count));
            }
        }
        let [anchor, holm] = rate.map(|series| series.median());
        let [anchor_cpu, holm_cpu] = cpu_us.map(|series| series.median());
        println!(
            "HTTP/2, 1 KB: nginx {anchor:.0} requests/s ({anchor_cpu:.1} us CPU each), \
             holm {holm:.0} requests/s ({holm_cpu:.1} us)"
        );
        verdicts.at_least(
            "HTTP/2 1 KB requests a second, holm/nginx",
            holm / anchor,
            1.8,
            "of nginx",
        );
        Ok(())
    }

    fn load(&self, subject: &Subject, path: &str) -> Load {
        Load {
            url: format!("http://{}{path}", subject.address),
            headers: vec![format!("Host: {}", self.host)],
            seconds: self.seconds,
            core: LOAD_CORE,
            is_error: false,
            connections: 64,
        }
    }
}

/// Clients that ask for a large file, take its beginning and stop: what each costs the server.
fn slow_readers(server: &HolmProcess, host: &str, verdicts: &mut Verdicts) -> Result<()> {
    let before = (resident_bytes(server.pid())?, kernel_bytes()?);
    let mut readers = Vec::new();
    for _ in 0..SLOW_COUNT {
        let mut stream = TcpStream::connect(server.site()).context("connect")?;
        let request = format!("GET {HUGE} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        stream.write_all(request.as_bytes())?;
        let mut beginning = [0; 512];
        stream.read_exact(&mut beginning)?;
        readers.push(stream);
    }
    std::thread::sleep(Duration::from_secs(3));
    let after = (resident_bytes(server.pid())?, kernel_bytes()?);
    let each = |before: u64, after: u64| {
        let kib = u32::try_from(after.saturating_sub(before) / 1024).unwrap_or(u32::MAX);
        f64::from(kib) / 1024.0 / f64::from(SLOW_COUNT)
    };
    let (resident, kernel) = (each(before.0, after.0), each(before.1, after.1));
    println!(
        "{SLOW_COUNT} slow readers of 24 MB: {resident:.2} MiB each in the server, {kernel:.2} MiB in the \
         kernel's buffers of both ends"
    );
    let what = "memory of one slow reader, buffers included";
    verdicts.at_most(what, resident + kernel, 1.0, "MiB");
    drop(readers);
    Ok(())
}

/// Memory of all TCP sockets of this machine (`/proc/net/sockstat`).
fn kernel_bytes() -> Result<u64> {
    const PAGE_BYTES: u64 = 4096;
    let text = std::fs::read_to_string("/proc/net/sockstat").context("read sockstat")?;
    let line = text.lines().find_map(|line| line.strip_prefix("TCP: "));
    let mut words = line.context("sockstat has no TCP line")?.split(' ');
    words.by_ref().find(|word| *word == "mem");
    let pages: u64 = words.next().context("no mem in sockstat")?.parse()?;
    Ok(pages * PAGE_BYTES)
}

fn write_site(site: &Path) -> Result<()> {
    let head = "<!doctype html><title>bench</title>\n";
    let page = format!("{head}{}\n", "x".repeat(1_024 - head.len() - 1));
    write_file(&site.join("page.html"), page.as_bytes())?;
    write_file(&site.join("index.html"), page.as_bytes())?;
    let mut random = Random::seeded(20);
    write_file(&site.join("style.css"), &text(20_000, 120, &mut random))?;
    write_file(&site.join("script.js"), &text(275_000, 2_000, &mut random))?;
    for (path, bytes) in [("large.bin", LARGE_BYTES), ("huge.bin", HUGE_BYTES)] {
        let noise = (0..bytes / 8).flat_map(|_| random.next().to_le_bytes());
        write_file(&site.join(path), &noise.collect::<Vec<u8>>())?;
    }
    Ok(())
}

/// Text that compresses about as code does: words of a vocabulary, the first ones more often.
fn text(bytes: usize, words: u64, random: &mut Random) -> Vec<u8> {
    let vocabulary: Vec<String> = (0..words)
        .map(|_| format!("{:x}", random.next() >> (24 + random.below(24))))
        .collect();
    let mut text = Vec::with_capacity(bytes + 16);
    while text.len() < bytes {
        let index = random.below(words).min(random.below(words));
        let word = vocabulary.get(usize::try_from(index).unwrap_or_default());
        text.extend_from_slice(word.map_or(b"", |word| word.as_bytes()));
        text.push(*random.one_of(b" .;(){}\n"));
    }
    text.truncate(bytes);
    text
}

/// Waits until Holm has made the best encoded forms, and puts them beside the files for nginx.
fn take_encoded_forms(server: &HolmProcess, host: &str, site: &Path) -> Result<()> {
    for path in [STYLE, SCRIPT] {
        let start = Instant::now();
        // The zstd form is made together with the best br form.
        while encoded(server, host, path, "zstd")?.is_none() {
            if start.elapsed() > ENCODE_TIME_MAX {
                bail!("{path} was not encoded in time");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        for (coding, extension) in [("br", "br"), ("gzip", "gz")] {
            let body = encoded(server, host, path, coding)?;
            let body = body.with_context(|| format!("{path} has no {coding} form"))?;
            let name = path.trim_start_matches('/');
            write_file(&site.join(format!("{name}.{extension}")), &body)?;
        }
    }
    Ok(())
}

fn encoded(server: &HolmProcess, host: &str, path: &str, coding: &str) -> Result<Option<Vec<u8>>> {
    let request = Request::get(host, path).header("accept-encoding", coding);
    let answer = fetch(server.site(), &request)?;
    ensure!(answer.status == 200, "{path} answers {}", answer.status);
    let is_encoded = answer.header("content-encoding").as_deref() == Some(coding);
    Ok(is_encoded.then_some(answer.body))
}
