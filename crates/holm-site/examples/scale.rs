//! What a site costs at scale: `cargo run --release -p holm-site --example scale -- rules|files N`.
//!
//! Each run prints `name value` lines: times in microseconds or nanoseconds as named, memory in bytes as the
//! system counts it (resident, before against after) and as the site weighs itself. `cargo xtask bench rules`
//! and `bench files` run it and hold the figures to their bounds.
#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measuring program: reads the clock and prints"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use holm_site::{
    CompileInput, FileEntry, RequestHead, Scheme, Site, codec, compile, limits::RuleLimits,
    plan_early,
};
use holm_types::{BlobDigest, Hostname, SitePath};
use http::Method;

/// Look-ups that are timed together: few, so that they do not warm what they share. And how often; the quarter-point counts, because others use the machine, too.
const BATCH: usize = 8;
const BATCHES: usize = 301;

/// What is written over between batches to have the site out of the processor's caches, as it is after other
/// sites were served. Without it a small site would be compared with a large one by the size of the caches.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = words.get(1).and_then(|word| word.parse().ok());
    match (words.first().map(String::as_str), number) {
        (Some("rules"), number) => rules(number.unwrap_or(100_000)),
        (Some("files"), number) => files(number.unwrap_or(1_000_000)),
        (Some("load"), _) => {
            let file = words.get(1).map_or("", String::as_str);
            drop(load(&std::fs::read(file).expect("a document")));
        }
        _ => println!("usage: scale rules|files [N]"),
    }
}

fn rules(count: usize) {
    let project_file = project_file(count);
    println!("project_file_bytes {}", project_file.len());
    let limits = RuleLimits {
        file_bytes_max: usize::MAX,
        rules_max: count,
        ..RuleLimits::DEFAULT
    };
    let (compiled, time) = timed(|| {
        compile(CompileInput {
            files: vec![file("/edgeone.json", 0)],
            configs: BTreeMap::from([("/edgeone.json".to_owned(), project_file.into_bytes())]),
            limits,
            ..CompileInput::default()
        })
    });
    println!("compile_ms {}", time.as_millis());
    assert!(
        compiled.diagnostics.is_empty(),
        "{:?}",
        compiled.diagnostics.first()
    );
    let document = compiled.value.expect("the rules compile");
    let bytes = codec::encode_document(&document);
    drop(document);
    println!("document_bytes {}", bytes.len());
    print!("{}", in_a_new_process(&bytes));
    let site = Site::new(codec::decode_document(&bytes).expect("what was encoded"));
    for (name, path_of) in PATHS {
        let paths: Vec<String> = places(count).map(path_of).collect();
        print_times(&format!("match_{name}"), &paths, |path| plan(&site, path));
    }
    let nothing = vec!["/nothing/that/any/rule/takes.html".to_owned(); BATCH * BATCHES];
    print_times("match_nothing", &nothing, |path| plan(&site, path));
}

/// Places that jump about.
fn places(count: usize) -> impl Iterator<Item = usize> {
    (0..BATCH * BATCHES).map(move |at| at * 7919 % count)
}

/// Loads a document in a process that has done nothing else, so that its memory is the site's.
fn in_a_new_process(document: &[u8]) -> String {
    let file = std::env::temp_dir().join(format!("holm-scale-{}", std::process::id()));
    std::fs::write(&file, document).expect("the temporary folder takes a file");
    let program = std::env::current_exe().expect("a program has a name");
    let output = std::process::Command::new(program)
        .arg("load")
        .arg(&file)
        .output()
        .expect("this program starts");
    std::fs::remove_file(&file).expect("the file was written");
    String::from_utf8(output.stdout).expect("figures are text")
}

/// The kinds of rules, in turn. They share beginnings and ends as real ones do.
const SOURCES: &[fn(usize) -> String] = &[
    |at| format!("/old/page-{at}"),
    |at| format!("/blog/{at}/*"),
    |at| format!("/shop/:category/item-{at}"),
    |at| format!("/campaign-{at}*"),
    |at| format!("/user/:id/tab-{at}/:part"),
    |at| format!("/docs/*/v{at}.html"),
];

/// Its name, and a request by the place of the rule.
type Kind = (&'static str, fn(usize) -> String);

/// A request for each kind of rule.
const PATHS: &[Kind] = &[
    ("literal", |at| format!("/old/page-{}", at / 6 * 6)),
    ("star_behind", |at| format!("/blog/{}/a/b", at / 6 * 6 + 1)),
    ("name_inside", |at| {
        format!("/shop/shoes/item-{}", at / 6 * 6 + 2)
    }),
    ("star_in_segment", |at| {
        format!("/campaign-{}-spring/x", at / 6 * 6 + 3)
    }),
    ("two_names", |at| {
        format!("/user/7/tab-{}/all", at / 6 * 6 + 4)
    }),
    ("star_inside", |at| {
        format!("/docs/a/b/c/v{}.html", at / 6 * 6 + 5)
    }),
];

fn project_file(count: usize) -> String {
    let mut text = String::from("{ \"redirects\": [\n");
    for at in 0..count {
        let source = SOURCES[at % SOURCES.len()](at);
        let comma = if at + 1 == count { "" } else { "," };
        writeln!(
            text,
            "{{ \"source\": \"{source}\", \"destination\": \"/new/{at}\", \"statusCode\": 301 }}{comma}"
        )
        .expect("a string takes text");
    }
    text.push_str("] }\n");
    text
}

fn plan(site: &Site, path: &str) {
    let head = RequestHead {
        method: &Method::GET,
        scheme: Scheme::Https,
        host: Hostname::parse("site.test").expect("a host"),
        authority: "site.test",
        is_custom_domain: false,
        path: SitePath::parse(path).expect("a path"),
        raw_path: path,
        query: None,
    };
    black_box(plan_early(site, &head));
}

fn files(count: usize) {
    let before = resident_bytes();
    let entries: Vec<FileEntry> = (0..count).map(|at| file(&path(at), at)).collect();
    let path_bytes: usize = entries.iter().map(|entry| entry.path.len()).sum();
    println!("path_bytes_mean {}", path_bytes / count.max(1));
    let (compiled, time) = timed(|| {
        compile(CompileInput {
            files: entries,
            ..CompileInput::default()
        })
    });
    println!("compile_ms {}", time.as_millis());
    let document = compiled.value.expect("the files compile");
    let (bytes, time) = timed(|| codec::encode_document(&document));
    println!("encode_ms {}", time.as_millis());
    println!("compile_peak_bytes {}", peak_bytes().saturating_sub(before));
    drop(document);
    println!("document_bytes {}", bytes.len());
    print!("{}", in_a_new_process(&bytes));
    let site = Site::new(codec::decode_document(&bytes).expect("what was encoded"));
    let weight = site.weight_bytes();
    println!("weight_per_file_bytes {:.1}", per(weight, count));
    let overhead = per(weight - path_bytes, count);
    println!("overhead_per_file_bytes {overhead:.1}");
    let find = |path: &str| {
        black_box(site.find(path));
    };
    let found: Vec<String> = places(count).map(path).collect();
    print_times("found", &found, find);
    let missing: Vec<String> = found.iter().map(|path| format!("{path}x")).collect();
    print_times("missing", &missing, find);
}

/// Decodes a document and builds its site, and prints what that takes.
fn load(bytes: &[u8]) -> Site {
    let before = resident_bytes();
    let (document, decoding) = timed(|| codec::decode_document(bytes));
    let document = document.expect("what was encoded can be decoded");
    let (site, building) = timed(|| Site::new(document));
    println!("decode_ms {}", decoding.as_millis());
    println!("build_ms {}", building.as_millis());
    println!("resident_bytes {}", resident_bytes().saturating_sub(before));
    println!("weight_bytes {}", site.weight_bytes());
    site
}

/// A path like those that generators make: three folders deep, 40 bytes or so.
fn path(at: usize) -> String {
    let extension = ["html", "js", "css", "jpg"][at % 4];
    format!(
        "/articles/{:02}/section-{:03}/page-{at:07}.{extension}",
        at % 97,
        at % 991
    )
}

fn file(path: &str, at: usize) -> FileEntry {
    FileEntry {
        path: path.to_owned(),
        digest: BlobDigest::of(&at.to_le_bytes()),
        size_bytes: 1000,
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed())
}

/// Prints the nanoseconds for each, with the site in the processor's caches and without.
fn print_times(name: &str, paths: &[String], look_up: impl Fn(&str)) {
    println!("{name}_warm_ns {}", quarter_point(paths, &look_up, || {}));
    let mut other = vec![0_u8; CACHE_BYTES];
    let cold = quarter_point(paths, &look_up, || {
        other
            .iter_mut()
            .step_by(64)
            .for_each(|byte| *byte = byte.wrapping_add(1));
    });
    black_box(other);
    println!("{name}_cold_ns {cold}");
}

/// The time that a quarter of the batches stay below; `before` each.
fn quarter_point(paths: &[String], look_up: &impl Fn(&str), mut before: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = paths
        .chunks(BATCH)
        .map(|batch| {
            before();
            let ((), time) = timed(|| batch.iter().for_each(|path| look_up(path)));
            time.as_nanos() / batch.len().max(1) as u128
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 4).copied().unwrap_or_default()
}

#[allow(clippy::cast_precision_loss, reason = "a figure with one decimal")]
fn per(bytes: usize, count: usize) -> f64 {
    bytes as f64 / count.max(1) as f64
}

fn resident_bytes() -> usize {
    status("VmRSS:")
}

fn peak_bytes() -> usize {
    status("VmHWM:")
}

/// A line of `/proc/self/status`, in bytes; 0 where there is none.
fn status(name: &str) -> usize {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) * 1024
}
