//! What becomes of a file of the upload: served, read but withheld, or no part of the deployment.

use crate::media_type::{is_page_like, media_type_of};

/// What becomes of a file of the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is served.
    Served,
    /// It is read by Holm but never served (`edgeone.json`, lock files, function sources ...).
    Withheld,
    /// It is no part of a deployment at all (`.git`, `node_modules`, other dot files): clients leave it out.
    Ignored,
}

/// The folders at the root that hold the sources of functions.
pub(crate) const FUNCTION_FOLDERS: &[&str] = &[
    "functions",
    "edge-functions",
    "node-functions",
    "cloud-functions",
];

/// Files at the root that are for tools, not for visitors.
const WITHHELD_FILES: &[&str] = &[
    "edgeone.json",
    "edgeone.json5",
    "package.json",
    "package-lock.json",
    "npm-shrinkwrap.json",
    "yarn.lock",
    "pnpm-lock.yaml",
    "pnpm-workspace.yaml",
    "bun.lockb",
    "bun.lock",
    "deno.lock",
    "go.mod",
    "go.sum",
    ".edgeone-assets-config.json",
    "_headers",
    "_redirects",
];

/// What becomes of a file at this path (config-build spec 4.6, decision D10.17). Clients and the
/// server ask the same function.
///
/// Names are withheld at the root only: `/docs/package.json` is a file like any other. In a function
/// folder, and for `middleware.*`, pages and their parts (documents, style sheets, pictures, fonts) are
/// served, because a documentation site may well have a chapter called "functions"; everything else there
/// may be source, and is withheld.
pub fn admit(path: &str) -> Admission {
    let path = path.strip_prefix('/').unwrap_or(path);
    let (top, is_folder) = match path.split_once('/') {
        Some((top, _)) => (top, true),
        None => (path, false),
    };
    if is_folder && top == ".well-known" {
        return Admission::Served;
    }
    if !is_folder && WITHHELD_FILES.contains(&top) {
        return Admission::Withheld;
    }
    if is_folder && top == "node_modules" || path.split('/').any(|name| name.starts_with('.')) {
        return Admission::Ignored;
    }
    let may_be_source = if is_folder {
        FUNCTION_FOLDERS.contains(&top)
    } else {
        top.starts_with("middleware.")
    };
    if may_be_source && !is_page_like(&media_type_of(path)) {
        return Admission::Withheld;
    }
    Admission::Served
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(want: Admission, paths: &[&str]) {
        for path in paths {
            assert_eq!(admit(path), want, "{path}");
        }
    }

    #[test]
    fn what_visitors_get() {
        check(
            Admission::Served,
            &[
                "/index.html",
                "/docs/package.json",
                "/docs/edgeone.json",
                "/docs/_redirects",
                "/_redirects.html",
                "/a/functions/x.js",
                "/a/middleware.js",
                "/functions/index.html",
                "/functions/diagram.svg",
                "/middleware.html",
                "/functions",
                "/vendor/jquery.js",
                "/assets/node_modules/icons.ttf",
                "/.well-known/security.txt",
                "/.well-known/.hidden",
            ],
        );
    }

    #[test]
    fn what_only_holm_reads() {
        check(
            Admission::Withheld,
            &[
                "/edgeone.json",
                "/edgeone.json5",
                "/package.json",
                "/pnpm-lock.yaml",
                "/middleware.js",
                "/middleware.ts",
                "/middleware.js.map",
                "/functions/x.js",
                "/functions/api/secret.json",
                "/edge-functions/x.ts",
                "/node-functions/[id].js",
                "/cloud-functions/app.py",
                "/.edgeone-assets-config.json",
                "/_headers",
                "/_redirects",
            ],
        );
    }

    #[test]
    fn what_is_no_part_of_it() {
        check(
            Admission::Ignored,
            &[
                "/.git/config",
                "/.env",
                "/.DS_Store",
                "/docs/.env",
                "/node_modules/a/index.js",
                "/.edgeone/project.json",
                "/.holm/project.json",
                "/.vscode/settings.json",
                "/blog/.well-known/x",
                "/.well-known",
                "/functions/.env",
            ],
        );
    }
}
