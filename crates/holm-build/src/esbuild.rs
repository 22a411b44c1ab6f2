//! esbuild: which one, and how it is asked.
//!
//! It is the bundler that `EdgeOne`'s own tool uses, so that projects mean the same here. Its program is asked over
//! its own protocol (packets on standard input and output, the one that its npm package speaks): findings come with
//! file, line and column, and sources, bundles and source maps stay in memory. The protocol is the version's own
//! business, which is why the version is pinned.

mod build;
mod metafile;
mod packet;
mod service;

pub(crate) use build::{BuildRequest, Built, Message, VirtualModules};
pub(crate) use metafile::{Metafile, Output};
pub(crate) use service::Service;
pub use service::ServiceError;

use crate::npm_tool::NpmTool;

/// The version that is fetched.
pub const ESBUILD_VERSION: &str = "0.28.2";

const fn package(package: &'static str, sha512: &'static str) -> NpmTool {
    NpmTool {
        name: "esbuild",
        package,
        version: ESBUILD_VERSION,
        sha512,
        program: "bin/esbuild",
    }
}

const PACKAGES: &[(&str, &str, NpmTool)] = &[
    (
        "linux",
        "x86_64",
        package(
            "@esbuild/linux-x64",
            "4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==",
        ),
    ),
    (
        "linux",
        "aarch64",
        package(
            "@esbuild/linux-arm64",
            "pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==",
        ),
    ),
    (
        "macos",
        "x86_64",
        package(
            "@esbuild/darwin-x64",
            "uq6suIWYP37qzGddBKPw5QEQPi6HiLGsO7UmkpfyaYNQ3D+rN6w6WfwH+nuqcGXWvawGwxOEroO4YGnFh95azw==",
        ),
    ),
    (
        "macos",
        "aarch64",
        package(
            "@esbuild/darwin-arm64",
            "n4KqkOQrraxHJcgjM1RvwbigfQKIKJVpM7xp+KsxiyUSrRdIXnt73VhrPAx0fV44hgfmIVKjxMN9J1t5jySVkw==",
        ),
    ),
];

/// esbuild for this machine. `None` where none is pinned; then its user has to name a program of their own.
pub fn esbuild_tool() -> Option<NpmTool> {
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let mut packages = PACKAGES.iter();
    let found =
        packages.find(|(package_os, package_arch, _)| *package_os == os && *package_arch == arch);
    found.map(|(_, _, tool)| *tool)
}
