//! What is found, and what is refused by name.

use std::os::unix::fs::symlink;

use super::*;

fn folder(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("site");
    fs::create_dir(&root).unwrap();
    for file in files {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    (folder, root)
}

fn check(root: &Path, want: &str) {
    let got = match scan(root) {
        Ok(files) => files
            .iter()
            .map(|file| file.path.as_str())
            .collect::<Vec<_>>()
            .join(" "),
        Err(error) => format!("error: {error}"),
    };
    assert_eq!(got, want);
}

#[test]
fn regular_files_are_found_in_order_and_others_left_out() {
    let (_keep, root) = folder(&[
        "b.html",
        "a/c d.css",
        "a.html",
        ".env",
        ".git/config",
        "node_modules/x/index.js",
        ".well-known/security.txt",
        "a/.DS_Store",
        "edgeone.json",
        "ünï/码.html",
    ]);
    check(
        &root,
        "/.well-known/security.txt /a.html /a/c d.css /b.html /edgeone.json /ünï/码.html",
    );
}

#[test]
fn links_are_followed_within_the_folder() {
    let (_keep, root) = folder(&["real/page.html", "index.html"]);
    symlink("index.html", root.join("copy.html")).unwrap();
    symlink("real", root.join("alias")).unwrap();
    check(
        &root,
        "/alias/page.html /copy.html /index.html /real/page.html",
    );
    let copy = scan(&root)
        .unwrap()
        .into_iter()
        .find(|file| file.path == "/copy.html")
        .unwrap();
    assert_eq!(copy.source, root.join("index.html"));
}

#[test]
fn links_that_lead_astray_are_refused_by_name() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "out.txt",
            "../secret",
            "error: `/out.txt` is a symbolic link to `../secret`, outside of the folder",
        ),
        (
            "passwd",
            "/etc/passwd",
            "error: `/passwd` is a symbolic link to `/etc/passwd`, outside of the folder",
        ),
        (
            "a/up",
            "../..",
            "error: `/a/up` is a symbolic link to `../..`, outside of the folder",
        ),
        (
            "gone",
            "nothing",
            "error: `/gone` is a symbolic link to `nothing`, which does not exist",
        ),
        (
            "a/loop",
            "..",
            "error: `/a/loop` is a symbolic link to `..`, a folder that it is in itself",
        ),
        (
            "a/self",
            ".",
            "error: `/a/self` is a symbolic link to `.`, a folder that it is in itself",
        ),
        (
            "env.txt",
            ".env",
            "error: `/env.txt` is a symbolic link to `.env`, which is no part of a deployment",
        ),
        (
            "git",
            ".git",
            "error: `/git` is a symbolic link to `.git`, which is no part of a deployment",
        ),
    ];
    for (link, target, want) in cases {
        let (keep, root) = folder(&["a/b.html", ".env", ".git/config"]);
        fs::write(keep.path().join("secret"), "x").unwrap();
        symlink(target, root.join(link)).unwrap();
        check(&root, want);
    }
}

#[test]
fn links_in_a_ring_end() {
    let (_keep, root) = folder(&["a/one.html", "b/two.html"]);
    symlink("../b", root.join("a/to-b")).unwrap();
    symlink("../a", root.join("b/to-a")).unwrap();
    let error = scan(&root).unwrap_err();
    assert!(matches!(error, ScanError::LinkLoop { .. }), "{error}");
}

#[test]
fn what_is_no_file_is_refused_by_name() {
    let (_keep, root) = folder(&["a.html"]);
    let _socket = std::os::unix::net::UnixListener::bind(root.join("s.sock")).unwrap();
    check(&root, "error: `/s.sock` is a socket, not a file");
}

#[test]
fn names_that_are_not_utf_8_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let (_keep, root) = folder(&["a.html"]);
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9.html")), "x").unwrap();
    check(&root, "error: the name of `/caf\u{fffd}.html` is not UTF-8");
}

#[test]
fn depth_has_a_maximum_and_nothing_is_an_error() {
    let (_keep, root) = folder(&[".env"]);
    check(&root, "error: there are no files to serve in it");
    let deep = root.join("d/".repeat(70));
    fs::create_dir_all(&deep).unwrap();
    let error = scan(&root).unwrap_err();
    assert!(
        matches!(error, ScanError::TooDeep { depth_max: 64, .. }),
        "{error}"
    );
}
