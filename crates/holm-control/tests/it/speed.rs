//! How long the server takes for a large deployment. Run with
//! `cargo test --release -p holm-control -- --ignored --nocapture speed`.

use std::time::Instant;

use crate::deploy::Upload;
use crate::server::TestServer;

#[test]
#[ignore = "a measurement: it wants a release build and a quiet machine"]
#[expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "it measures"
)]
fn ten_thousand_files_with_one_changed() {
    let server = TestServer::start();
    let mut upload = Upload::new(&[]);
    upload.files = (0..10_000)
        .map(|number| {
            (
                format!("/assets/folder-{}/file-{number}.html", number % 100),
                vec![],
            )
        })
        .collect();
    for (number, (_, bytes)) in upload.files.iter_mut().enumerate() {
        *bytes = format!("<p>{number}</p>").repeat(20).into_bytes();
    }
    server.deploy("blog", &upload).expect(200);
    let mut took = Vec::new();
    for round in 0..20 {
        upload.files[0].1 = format!("round {round}").into_bytes();
        let begun = Instant::now();
        let created = server.announce("blog", &upload).expect(201);
        let announced = begun.elapsed();
        let frames = upload.frames(&created["missing"]);
        let begun = Instant::now();
        server.commit(&created["deployment"], frames).expect(200);
        took.push((announced + begun.elapsed(), announced));
    }
    took.sort();
    println!(
        "create + commit, create alone: median {:?}, p95 {:?}",
        took[10], took[18]
    );
}
