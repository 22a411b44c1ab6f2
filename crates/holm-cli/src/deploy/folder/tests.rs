//! What is deployed, for trees and places to stand in.

use std::fs;

use super::*;

/// Makes files (paths ending in `/` are folders); text after `=` is the content.
fn tree(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let (path, text) = file.split_once('=').unwrap_or((file, "x"));
        let path = folder.path().join("my-site").join(path);
        if file.ends_with('/') {
            fs::create_dir_all(path).unwrap();
        } else {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }
    folder
}

/// `deploy FOLDER` while standing in `current`, both below the tree: files, project, rules, notes; or
/// the error with its next step.
fn check(files: &[&str], current: &str, folder: &str, want: &str) {
    let tree = tree(files);
    let base = tree.path().canonicalize().unwrap();
    let relative = |path: &Path| path.strip_prefix(&base).unwrap().display().to_string();
    let got = match find_source(Path::new(folder), &base.join(current)) {
        Ok(source) => {
            let rules = source
                .project_files
                .first()
                .map_or("-".to_owned(), |path| relative(path));
            let notes = source.notes.join("; ");
            format!(
                "{} | {} | {rules} | {notes}",
                relative(&source.files_root),
                relative(&source.project_root)
            )
        }
        Err(error) => {
            let error = CliError::from(error);
            format!(
                "{}: {} -> {}",
                error.exit().number(),
                error.why(),
                error.next_step().unwrap_or("-")
            )
        }
    };
    assert_eq!(got, want, "deploy {folder} in {current}");
}

const BUILT: &[&str] = &[
    r#"edgeone.json={"outputDirectory":"./dist"}"#,
    r#"package.json={"scripts":{"build":"x"}}"#,
    "dist/index.html",
];

#[test]
fn a_plain_folder_is_deployed_as_it_is() {
    check(&["index.html"], "my-site", ".", "my-site | my-site | - | ");
    check(
        &["index.html", "edgeone.json={}"],
        "my-site",
        ".",
        "my-site | my-site | - | ",
    );
    check(
        &["web/index.html"],
        "my-site",
        "web",
        "my-site/web | my-site/web | - | ",
    );
}

#[test]
fn a_project_is_deployed_from_its_output_folder() {
    check(
        BUILT,
        "my-site",
        ".",
        "my-site/dist | my-site | my-site/edgeone.json | files from dist, rules from edgeone.json",
    );
    check(
        BUILT,
        "",
        "my-site",
        "my-site/dist | my-site | my-site/edgeone.json | files from my-site/dist, rules from my-site/edgeone.json",
    );
}

#[test]
fn an_output_folder_takes_the_rules_of_its_project() {
    check(
        BUILT,
        "my-site",
        "dist",
        "my-site/dist | my-site | my-site/edgeone.json | rules from edgeone.json",
    );
    check(
        BUILT,
        "my-site/dist",
        ".",
        "my-site/dist | my-site | my-site/edgeone.json | rules from ../edgeone.json",
    );
    check(
        &["edgeone.json={}", "out/a.html"],
        "",
        "my-site/out",
        "my-site/out | my-site | my-site/edgeone.json | rules from my-site/edgeone.json",
    );
    check(
        &["edgeone.json={}", "web/a.html"],
        "my-site",
        "web",
        "my-site/web | my-site | my-site/edgeone.json | rules from edgeone.json",
    );
    check(
        &["edgeone.json={}", ".git/", "web/a.html"],
        "",
        "my-site/web",
        "my-site/web | my-site/web | - | my-site/edgeone.json is for `.`, so its rules are not used for `my-site/web`",
    );
    check(
        &[r#"edgeone.json={"outputDirectory":"dist"}"#, "build/a.html"],
        "my-site",
        "build",
        "my-site/build | my-site | - | edgeone.json is for `dist`, so its rules are not used for `build`",
    );
}

#[test]
fn an_output_folder_gives_the_project_the_name_of_the_folder_above() {
    check(
        &["dist/index.html"],
        "my-site",
        "dist",
        "my-site/dist | my-site | - | ",
    );
    check(
        &[".output/public/index.html"],
        "my-site",
        ".output/public",
        "my-site/.output/public | my-site | - | ",
    );
    assert_eq!(
        name_from_folder(Path::new("/x/My Site")).unwrap().as_str(),
        "my-site"
    );
    assert_eq!(name_from_folder(Path::new("/x/日本")), None);
}

#[test]
fn a_missing_output_folder_is_named_with_what_is_there_instead() {
    let config = r#"edgeone.json={"outputDirectory":"dist"}"#;
    check(
        &[config, "build/a.html", "public/b.txt"],
        "my-site",
        ".",
        "4: `edgeone.json` names the output folder `dist`, and there is no such folder in `.` -> These folders exist and look built: build, public. For example: holm deploy build",
    );
    check(
        &[config],
        "my-site",
        ".",
        "4: `edgeone.json` names the output folder `dist`, and there is no such folder in `.` -> Run the build first; none of dist, build, out, _site, public, .output/public is here yet.",
    );
    check(
        &[r#"edgeone.json={"outputDirectory":"../.."}"#],
        "my-site",
        ".",
        "9: `edgeone.json` names the output folder `../..`, which is outside of the project -> Correct `outputDirectory` in `edgeone.json`, or name the folder itself.",
    );
}

#[test]
fn sources_are_not_deployed() {
    let package = r#"package.json={"scripts":{"build":"x"}}"#;
    check(
        &[package, "src/a.ts"],
        "my-site",
        ".",
        "1: `.` is a project that has to be built (its package.json has a build script), and these are its sources -> Run the build (`npm run build`), then deploy its output folder; none of dist, build, out, _site, public, .output/public is here yet.",
    );
    check(
        &[package, "index.html", "vite.config.ts", "dist/index.html"],
        "my-site",
        ".",
        "1: `.` is a project that has to be built (its package.json has a build script), and these are its sources -> These folders exist and look built: dist. For example: holm deploy dist",
    );
    check(
        &[package, "index.html"],
        "my-site",
        ".",
        "my-site | my-site | - | ",
    );
    check(
        &["package.json={}", "a.html"],
        "my-site",
        ".",
        "my-site | my-site | - | ",
    );
}

#[test]
fn what_is_no_folder_is_said_so() {
    check(
        &["index.html"],
        "my-site",
        "nowhere",
        "4: there is no folder `nowhere` -> Name a folder that exists; if a build makes it, run the build first.",
    );
    check(
        &["site.zip"],
        "my-site",
        "site.zip",
        "2: `site.zip` is a file, not a folder -> Name a folder; unpack an archive first.",
    );
}

#[test]
fn a_project_file_that_cannot_be_read_deploys_nothing() {
    let refused = "7: `edgeone.json` has errors, so the folder to deploy is not known -> Fix `edgeone.json` and deploy again.";
    for text in [
        r#"{"outputDirectory":"dist""#,
        r#"["dist"]"#,
        r#"{"outputDirectory":5}"#,
    ] {
        let file = format!("edgeone.json={text}");
        let files = [file.as_str(), "src/a.ts", "dist/index.html"];
        check(&files, "my-site", ".", refused);
        check(&files, "my-site", "dist", refused);
    }
    // A bad rule takes only itself away.
    check(
        &[r#"edgeone.json={"redirects":5}"#, "index.html"],
        "my-site",
        ".",
        "my-site | my-site | - | ",
    );
}

#[test]
fn the_place_in_the_project_file_is_named() {
    let tree = tree(&["edgeone.json={\n  \"outputDirectory\": \"dist\",\n  oops oops\n}"]);
    let error = find_source(Path::new("my-site"), tree.path()).unwrap_err();
    let error = CliError::from(error);
    let found = error.diagnostics()[0].to_string();
    assert!(found.contains("--> my-site/edgeone.json:3"), "{found}");
}
