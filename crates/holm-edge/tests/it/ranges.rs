//! Parts of files: several in one answer, and never more than the file (S-43).

use holm_edge::EdgeLimits;

use crate::client::Reply;
use crate::scene::Scene;

fn bytes(count: u32) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8).collect()
}

/// The parts of an answer: what each says about itself, and its bytes.
fn parts(reply: &Reply) -> Vec<(String, Vec<u8>)> {
    let kind = reply.header("content-type");
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    let mut rest = reply.body.strip_prefix(delimiter.as_bytes()).unwrap();
    while rest != b"--\r\n" {
        rest = rest.strip_prefix(b"\r\n").unwrap();
        let head_end = rest
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = String::from_utf8(rest[..head_end].to_vec()).unwrap();
        rest = &rest[head_end + 4..];
        let next = format!("\r\n{delimiter}");
        let end = rest
            .windows(next.len())
            .position(|window| window == next.as_bytes())
            .unwrap();
        parts.push((head, rest[..end].to_vec()));
        rest = &rest[end + next.len()..];
    }
    parts
}

#[tokio::test]
async fn several_parts_of_small_and_large_files() {
    let large = bytes(2_000_000);
    let small = bytes(5_000);
    let files: [(&str, &[u8]); 2] = [("/large.bin", &large), ("/small.bin", &small)];
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    for (path, file) in files {
        // From the store, then from memory.
        for _ in 0..2 {
            let reply = scene.get(path, "range: bytes=4000-4999,0-9,-100\r\n").await;
            assert_eq!(reply.status, 206, "{path}");
            assert_eq!(reply.header("content-range"), "");
            let size = file.len();
            let want = if path == "/large.bin" {
                vec![(4000, 5000), (0, 10), (size - 100, size)]
            } else {
                // The last hundred lie in the first part, so these are two, in the file's order.
                vec![(0, 10), (4000, 5000)]
            };
            let want: Vec<_> = want
                .into_iter()
                .map(|(begin, end)| {
                    let about = format!("bytes {begin}-{}/{size}", end - 1);
                    let head =
                        format!("content-type: application/octet-stream\r\ncontent-range: {about}");
                    (head, file[begin..end].to_vec())
                })
                .collect();
            assert_eq!(parts(&reply), want, "{path}");
            let length: usize = reply.header("content-length").parse().unwrap();
            assert_eq!(length, reply.body.len());
        }
    }
    assert_eq!(scene.records(4).await.len(), 4);
}

#[tokio::test]
async fn nobody_gets_more_than_the_file() {
    let file = bytes(100_000);
    let scene = Scene::with(EdgeLimits::default(), &[("/a.bin", &file)]).await;
    let range = |spec: String| format!("range: bytes={spec}\r\n");
    let overlapping = vec!["0-"; 16].join(",");
    let reply = scene.get("/a.bin", &range(overlapping)).await;
    assert_eq!((reply.status, reply.body.len()), (206, file.len()));
    assert_eq!(reply.header("content-range"), "bytes 0-99999/100000");
    let crumbs: Vec<String> = (0..17).map(|at| format!("{0}-{0}", at * 1000)).collect();
    let reply = scene.get("/a.bin", &range(crumbs.join(","))).await;
    assert_eq!((reply.status, reply.body.len()), (200, file.len()));
    let reply = scene.get("/a.bin", &range(crumbs[..16].join(","))).await;
    assert_eq!((reply.status, parts(&reply).len()), (206, 16));
    let reply = scene
        .get("/a.bin", &range("200000-,300000-".to_owned()))
        .await;
    assert_eq!(
        (reply.status, reply.header("content-range")),
        (416, "bytes */100000")
    );
    let reply = scene
        .ask(
            "HEAD",
            "site.test",
            "/a.bin",
            &range("0-1,5000-5001".to_owned()),
        )
        .await;
    assert_eq!(
        (reply.status, reply.header("content-length")),
        (200, "100000")
    );
}

#[tokio::test]
async fn parts_are_parts_of_what_if_range_names() {
    let file = bytes(10_000);
    let scene = Scene::with(EdgeLimits::default(), &[("/a.bin", &file)]).await;
    let tag = scene.get("/a.bin", "").await.header("etag").to_owned();
    let ask = |condition: String| {
        let scene = &scene;
        async move {
            let fields = format!("range: bytes=0-1,5000-5001\r\nif-range: {condition}\r\n");
            scene.get("/a.bin", &fields).await.status
        }
    };
    assert_eq!(ask(tag.clone()).await, 206);
    assert_eq!(ask(format!("W/{tag}")).await, 200);
    assert_eq!(ask("\"other\"".to_owned()).await, 200);
    assert_eq!(ask(tag.trim_matches('"').to_owned()).await, 200);
    assert_eq!(ask(crate::scene::LAST_MODIFIED.to_owned()).await, 200);
}

#[tokio::test]
async fn a_rule_about_the_type_leaves_several_parts_readable() {
    let file = bytes(10_000);
    let rules =
        br#"{"headers":[{"source":"/*","headers":[{"key":"Content-Type","value":"text/x"}]}]}"#;
    let files: [(&str, &[u8]); 2] = [("/a.bin", &file), ("/edgeone.json", rules)];
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    assert_eq!(
        scene.get("/a.bin", "").await.header("content-type"),
        "text/x"
    );
    let reply = scene.get("/a.bin", "range: bytes=0-1,5000-5001\r\n").await;
    assert_eq!(parts(&reply).len(), 2);
}
