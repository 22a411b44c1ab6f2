//! The sample project, carried in the program so that `holm up` works from anywhere.

use std::io;
use std::path::{Path, PathBuf};

/// The files of `fixtures/projects/hello/site`, relative path and bytes.
const FILES: &[(&str, &[u8])] = &[
    (
        "404.html",
        include_bytes!("../../../fixtures/projects/hello/site/404.html"),
    ),
    (
        "about.html",
        include_bytes!("../../../fixtures/projects/hello/site/about.html"),
    ),
    (
        "assets/island.svg",
        include_bytes!("../../../fixtures/projects/hello/site/assets/island.svg"),
    ),
    (
        "assets/style.css",
        include_bytes!("../../../fixtures/projects/hello/site/assets/style.css"),
    ),
    (
        "edgeone.json",
        include_bytes!("../../../fixtures/projects/hello/site/edgeone.json"),
    ),
    (
        "guide/index.html",
        include_bytes!("../../../fixtures/projects/hello/site/guide/index.html"),
    ),
    (
        "guide/rules.html",
        include_bytes!("../../../fixtures/projects/hello/site/guide/rules.html"),
    ),
    (
        "index.html",
        include_bytes!("../../../fixtures/projects/hello/site/index.html"),
    ),
    (
        "robots.txt",
        include_bytes!("../../../fixtures/projects/hello/site/robots.txt"),
    ),
];

/// Why the sample could not be written.
#[derive(Debug, thiserror::Error)]
#[error("write the sample project to {}", path.display())]
pub(crate) struct WriteSampleError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

/// Writes the sample below `folder` and returns the folder to deploy, named `hello` as its project.
pub(crate) fn write(folder: &Path) -> Result<PathBuf, WriteSampleError> {
    let site = folder.join("hello");
    for (name, bytes) in FILES {
        let path = site.join(name);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, bytes));
        written.map_err(|source| WriteSampleError { path, source })?;
    }
    Ok(site)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_sample_is_carried() {
        let source =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/projects/hello/site");
        let mut on_disk = Vec::new();
        let mut folders = vec![source.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    on_disk.push(
                        path.strip_prefix(&source)
                            .unwrap()
                            .to_str()
                            .unwrap()
                            .to_owned(),
                    );
                }
            }
        }
        on_disk.sort();
        let mut carried: Vec<_> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        carried.sort();
        assert_eq!(carried, on_disk);
    }
}
