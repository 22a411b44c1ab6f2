//! From the folder that was named to what is to be deployed: which files, whose rules, which project.
//!
//! `edgeone.json` belongs to a project, while what is served is often a folder below it. So when the
//! named folder is a project, its `outputDirectory` is deployed; and when it is an output folder, the
//! rules of the project above it are taken along. Either way it is said on stderr.

use std::io;
use std::path::{Path, PathBuf};

use holm_types::{Diagnostic, ProjectName};

use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::small_file::read_small;

/// Where tools put what they build, in the order in which they are suggested.
const OUTPUT_FOLDERS: &[&str] = &["dist", "build", "out", "_site", "public", ".output/public"];

/// The names of a project's files of rules; the first one found names the output folder.
const PROJECT_FILES: &[&str] = &["edgeone.json", "edgeone.json5"];

/// How many folders above an output folder its project is looked for.
const PARENTS_MAX: usize = 4;

/// What is to be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The folder whose files are deployed, without symbolic links in its path.
    pub files_root: PathBuf,
    /// The folder of the project, the same or above.
    pub project_root: PathBuf,
    /// The project's files of rules when they come from elsewhere than `files_root`: they are deployed
    /// under their names at the root, in place of those that are there.
    pub project_files: Vec<PathBuf>,
    /// What to tell the user about these choices.
    pub notes: Vec<String>,
}

/// Why there is nothing to deploy.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// No such folder.
    #[error("there is no folder `{folder}`")]
    Missing { folder: String },
    /// A file.
    #[error("`{folder}` is a file, not a folder")]
    NotAFolder { folder: String },
    /// Cannot be read.
    #[error("read `{path}`")]
    Read {
        path: String,
        #[source]
        source: io::Error,
    },
    /// The project file has errors that leave nothing to go by.
    #[error("`{file}` has errors, so the folder to deploy is not known")]
    ProjectFile {
        file: String,
        diagnostics: Vec<Diagnostic>,
    },
    /// Not built yet, or elsewhere.
    #[error(
        "`{file}` names the output folder `{output}`, and there is no such folder in `{project}`"
    )]
    OutputMissing {
        file: String,
        output: String,
        project: String,
        candidates: Vec<String>,
    },
    /// Outside of the project.
    #[error("`{file}` names the output folder `{output}`, which is outside of the project")]
    OutputOutside { file: String, output: String },
    /// Sources.
    #[error(
        "`{folder}` is a project that has to be built (its package.json has a build script), and these are its sources"
    )]
    Unbuilt {
        folder: String,
        candidates: Vec<String>,
    },
}

impl From<FolderError> for CliError {
    fn from(error: FolderError) -> Self {
        let deploy = |folder: &str| format!("deploy `{folder}`");
        match &error {
            FolderError::Missing { folder } => {
                CliError::because(Exit::NotFound, deploy(folder), &error)
                    .next("Name a folder that exists; if a build makes it, run the build first.")
            }
            FolderError::NotAFolder { folder } => {
                CliError::because(Exit::Usage, deploy(folder), &error)
                    .next("Name a folder; unpack an archive first.")
            }
            FolderError::Read { path, .. } => {
                CliError::because(Exit::Failure, deploy(path), &error)
                    .next("Check the permissions.")
            }
            FolderError::ProjectFile { file, diagnostics } => {
                let next = format!("Fix `{file}` and deploy again.");
                CliError::because(Exit::Deployment, "read the project file", &error)
                    .next(next)
                    .with_diagnostics(diagnostics.clone())
            }
            FolderError::OutputMissing {
                project,
                candidates,
                ..
            } => CliError::because(Exit::NotFound, deploy(project), &error)
                .next(next_for_output(candidates, "Run the build first")),
            FolderError::OutputOutside { file, .. } => {
                let next =
                    format!("Correct `outputDirectory` in `{file}`, or name the folder itself.");
                CliError::because(Exit::Policy, "find the output folder", &error).next(next)
            }
            FolderError::Unbuilt { folder, candidates } => {
                CliError::because(Exit::Failure, deploy(folder), &error).next(next_for_output(
                    candidates,
                    "Run the build (`npm run build`), then deploy its output folder",
                ))
            }
        }
    }
}

fn next_for_output(candidates: &[String], otherwise: &str) -> String {
    match candidates {
        [] => format!(
            "{otherwise}; none of {} is here yet.",
            OUTPUT_FOLDERS.join(", ")
        ),
        [first, ..] => format!(
            "These folders exist and look built: {}. For example: holm deploy {first}",
            candidates.join(", ")
        ),
    }
}

/// Finds out what is to be deployed when the user names `folder` while standing in `current`.
pub(crate) fn find_source(folder: &Path, current: &Path) -> Result<Source, FolderError> {
    let shown = folder.display().to_string();
    let root = match current.join(folder).canonicalize() {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(FolderError::Missing { folder: shown });
        }
        Err(source) => {
            return Err(FolderError::Read {
                path: shown,
                source,
            });
        }
    };
    if !root.is_dir() {
        return Err(FolderError::NotAFolder { folder: shown });
    }
    let here = Named {
        root,
        shown,
        current,
    };
    match ProjectFile::read(&here.root, current)? {
        Some(file) => here.project(file),
        None => here.plain_folder(),
    }
}

/// The folder that was named.
struct Named<'a> {
    root: PathBuf,
    shown: String,
    current: &'a Path,
}

impl Named<'_> {
    /// It has a project file.
    fn project(self, file: ProjectFile) -> Result<Source, FolderError> {
        let output = match &file.output {
            Some(output) => self.output_folder(&file, output)?,
            None => self.root.clone(),
        };
        if output == self.root {
            return self.plain(self.root.clone(), Vec::new(), Vec::new());
        }
        let mut notes = vec![format!(
            "files from {}, rules from {}",
            show(&output, self.current),
            file.shown
        )];
        if PROJECT_FILES.iter().any(|name| output.join(name).exists()) {
            notes.push(format!(
                "{} takes the place of the one in the output folder",
                file.shown
            ));
        }
        Ok(Source {
            files_root: output,
            project_root: self.root,
            project_files: file.paths,
            notes,
        })
    }

    fn output_folder(&self, file: &ProjectFile, output: &str) -> Result<PathBuf, FolderError> {
        let missing = || FolderError::OutputMissing {
            file: file.shown.clone(),
            output: output.to_owned(),
            project: self.shown.clone(),
            candidates: candidates(&self.root, self.current),
        };
        let found = self
            .root
            .join(output)
            .canonicalize()
            .map_err(|_| missing())?;
        if !found.starts_with(&self.root) {
            return Err(FolderError::OutputOutside {
                file: file.shown.clone(),
                output: output.to_owned(),
            });
        }
        if found.is_dir() {
            Ok(found)
        } else {
            Err(missing())
        }
    }

    /// It has none; perhaps the project above it has.
    fn plain_folder(self) -> Result<Source, FolderError> {
        let mut notes = Vec::new();
        for ancestor in self.root.ancestors().skip(1).take(PARENTS_MAX) {
            if let Some(file) = ProjectFile::read(ancestor, self.current)? {
                if self.belongs_to(ancestor, &file) {
                    notes.push(format!("rules from {}", file.shown));
                    return self.plain(ancestor.to_owned(), file.paths, notes);
                }
                let output = file.output.as_deref().unwrap_or(".");
                notes.push(format!(
                    "{} is for `{output}`, so its rules are not used for `{}`",
                    file.shown, self.shown
                ));
                break;
            }
            if ancestor.join(".git").exists() {
                break;
            }
        }
        let project_root = self.project_above().unwrap_or_else(|| self.root.clone());
        self.plain(project_root, Vec::new(), notes)
    }

    /// Whether the project file of a folder above is about this folder: it names it, or it names no
    /// output folder and this is where one is expected, or the user stands right there.
    fn belongs_to(&self, ancestor: &Path, file: &ProjectFile) -> bool {
        match &file.output {
            Some(output) => ancestor
                .join(output)
                .canonicalize()
                .is_ok_and(|found| found == self.root),
            None => {
                self.is_output_of(ancestor)
                    || self
                        .current
                        .canonicalize()
                        .is_ok_and(|current| current == ancestor)
            }
        }
    }

    fn is_output_of(&self, ancestor: &Path) -> bool {
        let below = self.root.strip_prefix(ancestor);
        below.is_ok_and(|below| {
            OUTPUT_FOLDERS
                .iter()
                .any(|folder| below == Path::new(folder))
        })
    }

    fn project_above(&self) -> Option<PathBuf> {
        let above = self.root.ancestors().skip(1).take(PARENTS_MAX);
        // The farthest, because `.output/public` is also the `public` of `.output`.
        above
            .filter(|ancestor| self.is_output_of(ancestor))
            .last()
            .map(Path::to_owned)
    }

    fn plain(
        &self,
        project_root: PathBuf,
        project_files: Vec<PathBuf>,
        notes: Vec<String>,
    ) -> Result<Source, FolderError> {
        if is_unbuilt(&self.root)? {
            return Err(FolderError::Unbuilt {
                folder: self.shown.clone(),
                candidates: candidates(&self.root, self.current),
            });
        }
        Ok(Source {
            files_root: self.root.clone(),
            project_root,
            project_files,
            notes,
        })
    }
}

/// A project's files of rules.
struct ProjectFile {
    /// Every one that there is.
    paths: Vec<PathBuf>,
    /// The first, as the user would type it.
    shown: String,
    /// The output folder that it names.
    output: Option<String>,
}

impl ProjectFile {
    fn read(folder: &Path, current: &Path) -> Result<Option<Self>, FolderError> {
        let mut found: Option<Self> = None;
        for name in PROJECT_FILES {
            let path = folder.join(name);
            let shown = show(&path, current);
            let Some(text) = read_settings(&path, &shown)? else {
                continue;
            };
            if let Some(found) = &mut found {
                found.paths.push(path);
                continue;
            }
            let parsed = holm_site::read_project_file(name, &text);
            let output = parsed.value.output_directory;
            if output.is_none() && parsed.diagnostics.iter().any(hides_the_output_folder) {
                return Err(FolderError::ProjectFile {
                    file: shown.clone(),
                    diagnostics: at_path(parsed.diagnostics, &shown),
                });
            }
            found = Some(Self {
                paths: vec![path],
                shown,
                output,
            });
        }
        Ok(found)
    }
}

/// Whether after this finding nobody knows which folder the project means. The server goes on without
/// a project file that it cannot read, as `EdgeOne` does; but here that would publish the sources.
fn hides_the_output_folder(finding: &Diagnostic) -> bool {
    let is_whole_file = matches!(
        finding.code.as_ref(),
        "edgeone-json/json5" | "edgeone-json/too-large"
    );
    let is_about = |field: &str| finding.message.starts_with(&format!("error in {field}: "));
    finding.is_error() || is_whole_file || is_about("root") || is_about("root.outputDirectory")
}

/// The findings with the file's name as the user would type it, and without the server's hint that the
/// deployment goes on.
fn at_path(mut diagnostics: Vec<Diagnostic>, shown: &str) -> Vec<Diagnostic> {
    for diagnostic in &mut diagnostics {
        diagnostic.file = Some(shown.to_owned());
        diagnostic.hint.take_if(|hint| hint.contains("goes on"));
    }
    diagnostics
}

fn read_settings(path: &Path, shown: &str) -> Result<Option<Vec<u8>>, FolderError> {
    read_small(path, CliLimits::default().settings_bytes_max).map_err(|source| FolderError::Read {
        path: shown.to_owned(),
        source,
    })
}

/// Whether the folder holds sources that a build turns into a site. A `package.json` with a build
/// script says so, unless there is a page to serve; but Vite keeps its source page at the root.
fn is_unbuilt(folder: &Path) -> Result<bool, FolderError> {
    let path = folder.join("package.json");
    let Some(text) = read_settings(&path, &path.display().to_string())? else {
        return Ok(false);
    };
    // A package.json that cannot be read says nothing; it is withheld from serving anyway.
    let package: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let has_build = package
        .pointer("/scripts/build")
        .is_some_and(serde_json::Value::is_string);
    let has_page = folder.join("index.html").exists();
    let is_vite = ["js", "mjs", "cjs", "ts", "mts", "cts"]
        .iter()
        .any(|extension| folder.join(format!("vite.config.{extension}")).exists());
    Ok(has_build && (!has_page || is_vite))
}

/// The output folders that exist and have something in them.
fn candidates(root: &Path, current: &Path) -> Vec<String> {
    let has_files = |folder: &PathBuf| {
        folder
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some())
    };
    let folders = OUTPUT_FOLDERS
        .iter()
        .map(|folder| root.join(folder))
        .filter(has_files);
    folders.map(|folder| show(&folder, current)).collect()
}

/// The project's name when nobody gave one: the nearest valid name to its folder's.
pub(crate) fn name_from_folder(project_root: &Path) -> Option<ProjectName> {
    ProjectName::suggest(&project_root.file_name()?.to_string_lossy())
}

/// A path as the user would type it from where they stand.
pub(crate) fn show(path: &Path, current: &Path) -> String {
    let current = current
        .canonicalize()
        .unwrap_or_else(|_| current.to_owned());
    if let Ok(below) = path.strip_prefix(&current) {
        let below = below.display().to_string();
        return if below.is_empty() {
            ".".to_owned()
        } else {
            below
        };
    }
    let mut up = String::new();
    for ancestor in current.ancestors().skip(1).take(PARENTS_MAX) {
        up.push_str("../");
        if let Ok(below) = path.strip_prefix(ancestor) {
            return format!("{up}{}", below.display());
        }
    }
    path.display().to_string()
}

#[cfg(test)]
mod tests;
