//! `holm projects set`: a project's settings.

use holm_api::{BuildUpdate, Patched, ProjectUpdate, ProjectView};

use super::{Session, choose_project};
use crate::args::{ProjectsSetArgs, SettingName};
use crate::error::CliError;
use crate::exit::Exit;

pub(super) fn run(session: &Session<'_>, args: &ProjectsSetArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let update = read_update(args);
    if update == ProjectUpdate::default() {
        let doing = format!("change the settings of `{project}`");
        return Err(
            CliError::new(Exit::Usage, doing, "nothing was said that could change")
                .next("`holm projects set --help` lists the settings."),
        );
    }
    let client = session.client(&args.connection, link.as_ref())?;
    let view = client
        .project_update(&project, &update)
        .map_err(|error| error.explain(format!("change the settings of `{project}`")))?;
    session
        .printer
        .done(&format!("the settings of `{project}` are changed"));
    if args.json {
        session.printer.result_json(&view);
    } else {
        session.printer.result_text(&render(&view));
    }
    Ok(())
}

fn read_update(args: &ProjectsSetArgs) -> ProjectUpdate {
    let text = |name, value: &Option<String>| patched(args, name, value.clone());
    let build = BuildUpdate {
        install_command: text(SettingName::InstallCommand, &args.install_command),
        build_command: text(SettingName::BuildCommand, &args.build_command),
        output_directory: text(SettingName::OutputDirectory, &args.output_directory),
        node_version: text(SettingName::NodeVersion, &args.node_version),
        root_directory: text(SettingName::RootDirectory, &args.root_directory),
    };
    let order = SettingName::FunctionsBeforeFiles;
    ProjectUpdate {
        display_name: text(SettingName::DisplayName, &args.display_name),
        area: text(SettingName::Area, &args.area),
        production_branch: text(SettingName::ProductionBranch, &args.production_branch),
        deployments_kept: patched(args, SettingName::DeploymentsKept, args.deployments_kept),
        functions_before_files: patched(args, order, args.functions_before_files),
        build: if build == BuildUpdate::default() {
            Patched::Keep
        } else {
            Patched::Set(build)
        },
    }
}

/// What was said about one setting. A value wins over `--unset`.
fn patched<T>(args: &ProjectsSetArgs, name: SettingName, value: Option<T>) -> Patched<T> {
    match value {
        Some(value) => Patched::Set(value),
        None if args.unset.contains(&name) => Patched::Reset,
        None => Patched::Keep,
    }
}

fn render(view: &ProjectView) -> String {
    let build = &view.build;
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let kept = view.deployments_kept.map(|kept| kept.to_string());
    let lines = [
        ("project", view.name.to_string()),
        ("display name", text(&view.display_name)),
        ("area", view.area.clone()),
        ("production branch", view.production_branch.clone()),
        (
            "deployments kept",
            kept.unwrap_or_else(|| "as the server says".to_owned()),
        ),
        ("install command", text(&build.install_command)),
        ("build command", text(&build.build_command)),
        ("output directory", text(&build.output_directory)),
        ("node version", text(&build.node_version)),
        ("root directory", text(&build.root_directory)),
        (
            "functions before files",
            view.functions_before_files.to_string(),
        ),
    ];
    let line =
        |(name, value): &(&str, String)| format!("{name:<22}  {}\n", crate::escape::line(value));
    lines.iter().map(line).collect()
}
