//! The settings of a project: a merge patch, checked field by field, applied as a whole.

use holm_api::{BuildSettings, BuildUpdate, Patched, ProblemField, ProjectUpdate};
use holm_types::{Area, ErrorCode};

use super::expected::Expected;
use super::find;
use super::project::{Project, entity_tag};
use crate::authz::{Authorized, Manage};
use crate::core::Core;
use crate::db::SettingsRow;
use crate::error::ApiError;

const DISPLAY_NAME_LENGTH_MAX: usize = 100;
const COMMAND_BYTES_MAX: usize = 1000;
const FOLDER_BYTES_MAX: usize = 200;
const BRANCH_BYTES_MAX: usize = 250;
const KEPT_MAX: u64 = 1000;

/// Changes a project's settings; all of the change or nothing of it. They act on later deployments, the
/// retention soon.
pub(crate) async fn update(
    core: &Core,
    _who: &Authorized<Manage>,
    reference: String,
    update: ProjectUpdate,
    expected: Expected,
) -> Result<Project, ApiError> {
    let row = core
        .db
        .write(move |change| {
            let mut row = find::project(change, &reference)?;
            let what = format!("The settings of `{}`", row.name);
            expected.check(&entity_tag(&row), &what)?;
            let settings = apply(update, row.settings.clone())?;
            if settings != row.settings {
                change.set_settings(row.id, &settings)?;
                row.revision += 1;
                row.settings = settings;
            }
            Ok::<_, ApiError>(row)
        })
        .await?;
    core.to_retain.notify_one();
    Ok(Project::new(core, row))
}

/// What becomes of the settings. Every field that breaks a rule is named in the error.
fn apply(update: ProjectUpdate, mut settings: SettingsRow) -> Result<SettingsRow, ApiError> {
    let defaults = SettingsRow::default();
    let area = check(&update)?;
    area.apply_or(&mut settings.area, defaults.area);
    update.display_name.apply(&mut settings.display_name);
    update
        .deployments_kept
        .apply(&mut settings.deployments_kept);
    let branch = &mut settings.production_branch;
    update
        .production_branch
        .apply_or(branch, defaults.production_branch);
    let order = &mut settings.functions_before_files;
    update
        .functions_before_files
        .apply_or(order, defaults.functions_before_files);
    match update.build {
        Patched::Keep => {}
        Patched::Reset => settings.build = defaults.build,
        Patched::Set(build) => apply_build(build, &mut settings.build),
    }
    Ok(settings)
}

fn apply_build(update: BuildUpdate, build: &mut BuildSettings) {
    update.install_command.apply(&mut build.install_command);
    update.build_command.apply(&mut build.build_command);
    update.output_directory.apply(&mut build.output_directory);
    update.node_version.apply(&mut build.node_version);
    update.root_directory.apply(&mut build.root_directory);
}

/// Refuses what breaks a rule; the area is read on the way.
fn check(update: &ProjectUpdate) -> Result<Patched<Area>, ApiError> {
    let mut desk = Desk::default();
    desk.check("/display_name", &update.display_name, display_name_rule);
    desk.check("/production_branch", &update.production_branch, branch_rule);
    if let Patched::Set(kept) = update.deployments_kept
        && let Some(broken) = kept_rule(kept)
    {
        desk.refuse("/deployments_kept", broken);
    }
    let area = match &update.area {
        Patched::Keep => Patched::Keep,
        Patched::Reset => Patched::Reset,
        Patched::Set(word) => word.parse().map_or_else(
            |()| {
                desk.refuse("/area", "one of mainland, overseas and global");
                Patched::Keep
            },
            Patched::Set,
        ),
    };
    if let Patched::Set(build) = &update.build {
        desk.check_build(build);
    }
    desk.finish()?;
    Ok(area)
}

/// Gathers what is wrong.
#[derive(Default)]
struct Desk {
    fields: Vec<ProblemField>,
}

impl Desk {
    /// `rule` gives the rule that a value breaks.
    fn check(&mut self, pointer: &str, field: &Patched<String>, rule: fn(&str) -> Option<String>) {
        if let Patched::Set(value) = field
            && let Some(broken) = rule(value)
        {
            self.refuse(pointer, broken);
        }
    }

    fn check_build(&mut self, build: &BuildUpdate) {
        self.check(
            "/build/install_command",
            &build.install_command,
            command_rule,
        );
        self.check("/build/build_command", &build.build_command, command_rule);
        self.check(
            "/build/output_directory",
            &build.output_directory,
            folder_rule,
        );
        self.check("/build/node_version", &build.node_version, node_rule);
        self.check("/build/root_directory", &build.root_directory, folder_rule);
    }

    fn refuse(&mut self, pointer: &str, detail: impl Into<String>) {
        self.fields.push(ProblemField {
            pointer: pointer.to_owned(),
            detail: detail.into(),
        });
    }

    fn finish(self) -> Result<(), ApiError> {
        if self.fields.is_empty() {
            return Ok(());
        }
        let about = "The settings cannot be changed like this";
        Err(ApiError::new(ErrorCode::ProjectSettingInvalid, about).with_fields(self.fields))
    }
}

fn display_name_rule(name: &str) -> Option<String> {
    let length = name.chars().count();
    let is_good = (1..=DISPLAY_NAME_LENGTH_MAX).contains(&length)
        && !name.trim().is_empty()
        && !name.chars().any(char::is_control);
    let rule = format!(
        "1 to {DISPLAY_NAME_LENGTH_MAX} characters, not only spaces, no control characters"
    );
    (!is_good).then_some(rule)
}

fn kept_rule(kept: u64) -> Option<String> {
    let is_good = (1..=KEPT_MAX).contains(&kept);
    (!is_good).then(|| format!("1 to {KEPT_MAX} deployments"))
}

fn command_rule(command: &str) -> Option<String> {
    let is_good = (1..=COMMAND_BYTES_MAX).contains(&command.len())
        && !command.trim().is_empty()
        && !command.chars().any(char::is_control);
    (!is_good).then(|| format!("1 to {COMMAND_BYTES_MAX} bytes on one line; null for none"))
}

/// A folder that cannot lead out of the one that it is in.
fn folder_rule(folder: &str) -> Option<String> {
    let is_normal = |segment: &str| !matches!(segment, "" | "." | "..");
    let is_good = (1..=FOLDER_BYTES_MAX).contains(&folder.len())
        && !folder.contains('\\')
        && !folder.chars().any(char::is_control)
        && folder.trim_end_matches('/').split('/').all(is_normal);
    (!is_good).then(|| {
        format!(
            "a relative path of at most {FOLDER_BYTES_MAX} bytes without `.`, `..`, empty segments and backslashes; null for the root"
        )
    })
}

/// `22`, `22.17` or `22.17.1`.
fn node_rule(version: &str) -> Option<String> {
    let parts: Vec<&str> = version.split('.').collect();
    let is_number = |part: &&str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let major = parts.first().and_then(|part| part.parse::<u16>().ok());
    let is_good = parts.len() <= 3 && parts.iter().all(is_number) && major.is_some_and(|n| n >= 14);
    (!is_good).then(|| "a version such as 22 or 22.17.1, 14 or newer".to_owned())
}

/// What `git check-ref-format --branch` takes.
fn branch_rule(branch: &str) -> Option<String> {
    let is_bad_character = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    let is_good_part = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none()
    };
    let is_good = (1..=BRANCH_BYTES_MAX).contains(&branch.len())
        && !branch.chars().any(is_bad_character)
        && !branch.contains("..")
        && !branch.contains("@{")
        && !branch.starts_with('-')
        && !branch.ends_with('.')
        && branch != "@"
        && branch.split('/').all(is_good_part);
    (!is_good).then(|| format!("a name that Git allows, at most {BRANCH_BYTES_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: fn(&str) -> Option<String>, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(rule(text), None, "{text:?}");
        }
        for text in bad {
            assert!(rule(text).is_some(), "{text:?}");
        }
    }

    #[test]
    fn rules_take_what_is_good_and_nothing_else() {
        check(
            display_name_rule,
            &["My blog", "日本"],
            &["", "  ", "a\nb", &"x".repeat(101)],
        );
        check(
            command_rule,
            &["npm run build && true"],
            &["", " ", "a\nb", &"x".repeat(1001)],
        );
        check(
            folder_rule,
            &["dist", "apps/web", "dist/", ".output/public"],
            &[
                "", "/", "/dist", "../x", "a/../b", "a//b", "./a", "a\\b", "a\0",
            ],
        );
        check(
            node_rule,
            &["22", "22.17", "20.18.0"],
            &["", "v22", "13", "22.", "22.1.1.1", "lts"],
        );
        check(
            branch_rule,
            &["main", "feature/a", "release-1.0"],
            &[
                "", "a b", "-x", "a..b", "a/", "/a", "x.lock", "a/.b", "@", "a@{1}", "a:b",
            ],
        );
    }

    #[test]
    fn absent_stays_null_resets_and_all_faults_are_named() {
        let read = |text: &str| serde_json::from_str::<ProjectUpdate>(text).unwrap();
        let settings = apply(
            read(r#"{"display_name":"A","area":"overseas","build":{"node_version":"20","build_command":"x"}}"#),
            SettingsRow::default(),
        )
        .unwrap();
        let kept = apply(
            read(r#"{"build":{"build_command":null}}"#),
            settings.clone(),
        )
        .unwrap();
        assert_eq!(kept.display_name.as_deref(), Some("A"));
        assert_eq!(kept.build.node_version.as_deref(), Some("20"));
        assert_eq!(kept.build.build_command, None);
        let reset = apply(
            read(r#"{"display_name":null,"area":null,"build":null}"#),
            kept,
        )
        .unwrap();
        assert_eq!(reset, SettingsRow::default());
        let bad = r#"{"area":"moon","deployments_kept":0,"build":{"root_directory":"../x"}}"#;
        let error = apply(read(bad), settings).unwrap_err();
        let pointers: Vec<&str> = error
            .details
            .fields
            .iter()
            .map(|field| field.pointer.as_str())
            .collect();
        assert_eq!(
            pointers,
            ["/deployments_kept", "/area", "/build/root_directory"]
        );
    }
}
