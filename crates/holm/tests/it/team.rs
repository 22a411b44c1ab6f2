//! Who may, with the real program: invited, signed in, limited, written down, logged out; and no two
//! servers share a secret.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use crate::http::{get, post_form};
use crate::program::{Bench, Server};

const PASSWORD: &str = " a battery with spaces ";

/// Types words at a home of somebody's own.
fn types(bench: &Bench, server: &Server<'_>, home: &str, words: &[&str], input: &str) -> Output {
    let mut child = bench
        .command()
        .args(words)
        .env("HOME", bench.path(home))
        .env("HOLM_API", server.text("api_url"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_member_is_invited_signs_in_works_and_logs_out() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let origin = server.text("console_url").to_owned();
    let link = server.text("owner_link").to_owned();
    let owner = types(&bench, &server, "owner", &["login", "--token-stdin"], &link);
    assert!(owner.status.success(), "{}", err(&owner));

    let invite = ["members", "invite", "dev@example.org"];
    let invited = types(&bench, &server, "owner", &invite, "");
    assert!(invited.status.success(), "{}", err(&invited));
    let (join, code) = (out(&invited), out(&invited));
    let (page, code) = (
        join.split('?').next().unwrap(),
        code.split_once("code=").unwrap().1.to_owned(),
    );
    assert_eq!(get(&join).status, 200);
    let password = PASSWORD.replace(' ', "+");
    let form = format!("code={code}&email=dev%40example.org&password={password}");
    assert_eq!(post_form(page, &origin, &form).status, 303);
    assert_eq!(post_form(page, &origin, &form).status, 403, "it works once");

    let login = ["login", "--email", "dev@example.org", "--password-stdin"];
    let wrong = types(&bench, &server, "dev", &login, "not the password\n");
    assert_eq!(wrong.status.code(), Some(3), "{}", err(&wrong));
    let right = types(&bench, &server, "dev", &login, &format!("{PASSWORD}\n"));
    assert!(right.status.success(), "{}", err(&right));
    let whoami = || types(&bench, &server, "dev", &["whoami"], "");
    assert_eq!(out(&whoami()), "dev@example.org (developer, *:*)");

    let create = ["tokens", "create", "ci", "--scope", "blog:deploy"];
    let made = types(&bench, &server, "dev", &create, "");
    let token = out(&made);
    assert!(
        token.starts_with("holm_") && !token.contains(char::is_whitespace),
        "{token}"
    );
    let as_ci = |words: &[&str]| {
        let mut words = words.to_vec();
        words.extend(["--token", token.as_str()]);
        types(&bench, &server, "ci", &words, "")
    };
    let deploy = as_ci(&["deploy", site.to_str().unwrap(), "-n", "blog"]);
    assert!(deploy.status.success(), "{}", err(&deploy));
    assert_eq!(as_ci(&["members", "list"]).status.code(), Some(3));
    let other = as_ci(&["deploy", site.to_str().unwrap(), "-n", "other"]);
    assert_eq!(other.status.code(), Some(4), "{}", err(&other));

    assert_eq!(
        types(&bench, &server, "dev", &["audit"], "").status.code(),
        Some(3)
    );
    let audit = out(&types(&bench, &server, "owner", &["audit"], ""));
    for line in [
        "deployment_commit",
        "invitation_accept",
        "auth/bad-credentials",
    ] {
        assert!(audit.contains(line), "{line}: {audit}");
    }
    assert!(!audit.contains(&token) && !audit.contains(PASSWORD.trim()));

    let logout = types(&bench, &server, "dev", &["logout"], "");
    assert!(
        err(&logout).contains("revoked and forgotten"),
        "{}",
        err(&logout)
    );
    assert_eq!(whoami().status.code(), Some(3));
    let role = ["members", "role", "dev@example.org", "viewer"];
    assert!(types(&bench, &server, "owner", &role, "").status.success());
    let remove = ["members", "remove", "dev@example.org"];
    assert!(
        types(&bench, &server, "owner", &remove, "")
            .status
            .success()
    );
    // With the member their tokens are gone.
    assert_eq!(as_ci(&["whoami"]).status.code(), Some(3));
}

/// Every file of a folder by its name in it, with its bytes.
fn files_in(folder: &Path, within: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{within}/{}", entry.file_name().display());
        if entry.path().is_dir() {
            files_in(&entry.path(), &name, found);
        } else {
            found.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
}

#[test]
fn two_fresh_servers_share_no_secret() {
    let made = [Bench::new(), Bench::new()].map(|bench| {
        let site = bench.site("blog", &[("index.html", "x")]);
        let server = bench.up(Some(&site));
        let link = server.text("owner_link").to_owned();
        let code = link.split_once("code=").unwrap().1.to_owned();
        let mut secrets = vec![code, server.text("token").to_owned()];
        let login = types(&bench, &server, "owner", &["login", "--token-stdin"], &link);
        assert!(login.status.success(), "{}", err(&login));
        let create = ["tokens", "create", "ci", "--scope", "*:read"];
        secrets.push(out(&types(&bench, &server, "owner", &create, "")));
        assert_eq!(server.stop(), Some(0));
        let mut files = BTreeMap::new();
        files_in(&bench.path("data"), "", &mut files);
        (secrets, files)
    });
    let [(first, first_files), (second, second_files)] = made;
    for (one, two) in first.iter().zip(&second) {
        assert!(one.len() >= 50 && two.len() >= 50);
        assert_ne!(one, two);
    }
    // What a server keeps for itself, such as a key, is in a file of its own: none is the same in both,
    // but for what was deployed, which is the same site.
    let is_content = |name: &str| name.starts_with("/blobs/") || name.starts_with("/variants");
    // The snapshot from before the first project: nothing but its frame, so there is no room for a key.
    let is_bare_frame = |name: &str, bytes: &[u8]| {
        name == "/snapshots/snapshot-00000000000000000001.bin" && bytes.len() < 128
    };
    let same: Vec<&String> = first_files
        .iter()
        .filter(|(name, bytes)| !bytes.is_empty() && !is_content(name))
        .filter(|(name, bytes)| !is_bare_frame(name, bytes))
        .filter(|(name, bytes)| second_files.get(*name) == Some(*bytes))
        .map(|(name, _)| name)
        .collect();
    assert!(same.is_empty(), "{same:?}");
    assert!(
        first_files.contains_key("/control.db"),
        "{:?}",
        first_files.keys()
    );
}
