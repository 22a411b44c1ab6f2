//! What is decided before the server is asked: the source, the project, the folder's link.

use std::path::Path;

use holm_types::ProjectName;

use super::folder::{Source, find_source, name_from_folder, show};
use crate::api_url::ApiUrl;
use crate::error::CliError;
use crate::exit::Exit;
use crate::link::{self, Link};
use crate::printer::Printer;
use crate::surroundings::Surroundings;

/// A folder that can be deployed.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    /// Which files and rules.
    pub source: Source,
    /// To which project.
    pub project: ProjectName,
    /// The folder as the user would type it.
    pub shown: String,
    /// The link that was there.
    pub link: Option<Link>,
    /// Whether the project's name was made from the folder's.
    is_named_by_folder: bool,
}

impl Prepared {
    /// Decides. The project is the one asked for, else the folder's link, else named by the folder.
    pub(crate) fn new(
        folder: &Path,
        project: Option<&ProjectName>,
        surroundings: &Surroundings,
    ) -> Result<Self, CliError> {
        let source = find_source(folder, &surroundings.current_folder)?;
        // Only the project's own folders: the link of a repository above is about another site.
        let link = match link::at(&source.project_root)? {
            Some(link) => Some(link),
            None => link::at(&source.files_root)?,
        };
        let shown = show(&source.files_root, &surroundings.current_folder);
        let linked = link.as_ref().map(|link| link.project.clone());
        let known = project.cloned().or(linked);
        let is_named_by_folder = known.is_none();
        let project = known.or_else(|| name_from_folder(&source.project_root));
        let Some(project) = project else {
            let why = "no project name can be made from the folder's name";
            return Err(CliError::new(Exit::Usage, format!("deploy `{shown}`"), why)
                .next("Give the project a name with --project NAME."));
        };
        Ok(Self {
            source,
            project,
            shown,
            link,
            is_named_by_folder,
        })
    }

    /// Tells on stderr what was decided and may surprise.
    pub(crate) fn tell(&self, printer: &Printer) {
        for note in &self.source.notes {
            printer.note(note);
        }
        if self.is_named_by_folder {
            printer.note(&format!(
                "project `{}`, named after the folder; --project chooses another",
                self.project
            ));
        }
    }

    /// Writes the project's link, unless it has one. Without it the next deployment works as this one
    /// did, so a failure is only told.
    pub(crate) fn write_link(&self, api: &ApiUrl, printer: &Printer) {
        if self.link.is_some() {
            return;
        }
        if let Err(error) = link::write(&self.source.project_root, &self.project, api) {
            printer.warn(&format!(
                "{} could not be written: {error}",
                link::LINK_FILE
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_project_is_asked_for_or_linked_or_named_by_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path().join("My Site");
        fs::create_dir_all(site.join("dist")).unwrap();
        fs::write(site.join("dist/index.html"), "x").unwrap();
        let surroundings = Surroundings {
            current_folder: site.clone(),
            ..Surroundings::default()
        };
        let name = |asked: Option<&str>| {
            let asked = asked.map(|name| name.parse().unwrap());
            let prepared = Prepared::new(Path::new("dist"), asked.as_ref(), &surroundings).unwrap();
            (prepared.project.to_string(), prepared.is_named_by_folder)
        };
        assert_eq!(name(None), ("my-site".into(), true));
        let api = "http://127.0.0.1:8089".parse().unwrap();
        link::write(&site, &"linked".parse().unwrap(), &api).unwrap();
        assert_eq!(name(None), ("linked".into(), false));
        assert_eq!(name(Some("asked")), ("asked".into(), false));
    }

    #[test]
    fn the_link_of_a_repository_above_is_about_another_site() {
        let folder = tempfile::tempdir().unwrap();
        let package = folder.path().join("packages/docs");
        fs::create_dir_all(&package).unwrap();
        fs::write(package.join("index.html"), "x").unwrap();
        let api = "http://127.0.0.1:8089".parse().unwrap();
        link::write(folder.path(), &"shop".parse().unwrap(), &api).unwrap();
        let surroundings = Surroundings {
            current_folder: package,
            ..Surroundings::default()
        };
        let prepared = Prepared::new(Path::new("."), None, &surroundings).unwrap();
        assert_eq!(prepared.project.as_str(), "docs-site");
    }
}
