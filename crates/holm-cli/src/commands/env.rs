//! `holm env`: a project's environment variables.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use holm_api::{VariableInput, VariableList, VariableSet, VariableView};
use holm_types::{Environment, ProjectName, VariableName};

use super::{Session, choose_project, time};
use crate::args::{EnvAction, EnvAddArgs, EnvLsArgs, EnvPullArgs, EnvRmArgs};
use crate::dotenv;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;
use crate::printer::{read_all, read_hidden_line, read_typed_line};
use crate::small_file::{Readers, read_small, replace};
use crate::style::Style;
use crate::table;

pub(super) fn run(session: &Session<'_>, action: &EnvAction) -> Result<(), CliError> {
    match action {
        EnvAction::Ls(args) => list(session, args),
        EnvAction::Add(args) => add(session, args),
        EnvAction::Rm(args) => remove(session, args),
        EnvAction::Pull(args) => pull(session, args),
    }
}

pub(super) fn list(session: &Session<'_>, args: &EnvLsArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let list = client
        .variable_list(&project, args.environment.map(Into::into))
        .map_err(|error| error.explain(format!("list the variables of `{project}`")))?;
    tell(session, &list, args.json);
    Ok(())
}

/// The result: a table, or the list as JSON.
fn tell(session: &Session<'_>, list: &VariableList, as_json: bool) {
    if as_json {
        session.printer.result_json(list);
    } else if list.data.is_empty() {
        session.printer.note("No environment variables found.");
    } else {
        let style = session.printer.out_style();
        session.printer.result_text(&render(&list.data, style));
    }
}

/// A variable that is the same in both environments is one row.
fn render(variables: &[VariableView], style: Style) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut variables = variables.iter().peekable();
    while let Some(variable) = variables.next() {
        let is_same = |next: &&&VariableView| {
            next.name == variable.name
                && next.value.is_some()
                && next.value == variable.value
                && next.is_secret == variable.is_secret
        };
        let (environment, at) = match variables.next_if(|next| is_same(&next)) {
            Some(next) => ("both".to_owned(), variable.updated_at.max(next.updated_at)),
            None => (variable.environment.to_string(), variable.updated_at),
        };
        let value = variable.value.clone();
        rows.push(vec![
            variable.name.clone(),
            environment,
            value.unwrap_or_else(|| "(secret)".to_owned()),
            time(at),
        ]);
    }
    table::render(&["NAME", "ENVIRONMENT", "VALUE", "SET (UTC)"], &rows, style)
}

pub(super) fn add(session: &Session<'_>, args: &EnvAddArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let pairs = match (&args.file, &args.name) {
        (Some(file), _) => read_file(&session.surroundings.current_folder.join(file))?,
        (None, Some(name)) => vec![(checked(name)?, value(session, args, name)?)],
        (None, None) => Vec::new(),
    };
    let environments = match args.environment {
        Some(environment) => vec![environment.into()],
        None => vec![Environment::Production, Environment::Preview],
    };
    let input = |(name, value): (String, String)| VariableInput {
        name,
        value,
        is_secret: args.secret,
        environments: environments.clone(),
    };
    let set = VariableSet {
        variables: pairs.into_iter().map(input).collect(),
    };
    let list = client
        .variable_set(&project, &set)
        .map_err(|error| error.explain(format!("set variables of `{project}`")))?;
    session.printer.done(&format!(
        "{} of `{project}` set; deployments from now on have them",
        count(set.variables.len())
    ));
    if args.json {
        session.printer.result_json(&list);
    }
    Ok(())
}

fn count(variables: usize) -> String {
    match variables {
        1 => "1 variable".to_owned(),
        count => format!("{count} variables"),
    }
}

/// A wrong name is told before a value is asked for.
fn checked(name: &str) -> Result<String, CliError> {
    name.parse::<VariableName>()
        .map(|name| name.to_string())
        .map_err(|error| {
            let doing = format!("set the variable `{name}`");
            CliError::new(Exit::Usage, doing, error.to_string().trim_end_matches('.'))
        })
}

/// From the command line, typed, or all of standard input.
fn value(session: &Session<'_>, args: &EnvAddArgs, name: &str) -> Result<String, CliError> {
    let fail = |error: io::Error| {
        CliError::because(Exit::Failure, format!("read the value of `{name}`"), &error)
    };
    if let Some(value) = &args.value {
        if args.secret {
            let warning = "other users can see a secret on the command line; leave it out to be asked for it, or pipe it in";
            session.printer.warn(warning);
        }
        return Ok(value.clone());
    }
    if !session.surroundings.can_ask() {
        return read_all(CliLimits::default().settings_bytes_max).map_err(fail);
    }
    if args.secret {
        session
            .printer
            .ask(&format!("Value of {name} (not shown): "));
        return read_hidden_line().map_err(fail);
    }
    session.printer.ask(&format!("Value of {name}: "));
    read_typed_line().map_err(fail)
}

/// Every variable of a file, the last of those that come twice.
fn read_file(path: &Path) -> Result<Vec<(String, String)>, CliError> {
    let doing = || format!("read `{}`", path.display());
    let Some(text) = read_text(path)? else {
        return Err(CliError::new(
            Exit::NotFound,
            doing(),
            "there is no such file",
        ));
    };
    let assignments =
        dotenv::parse(&text).map_err(|error| CliError::because(Exit::Usage, doing(), &error))?;
    let pairs: BTreeMap<String, String> = assignments
        .into_iter()
        .map(|assignment| (assignment.name, assignment.value))
        .collect();
    if pairs.is_empty() {
        return Err(CliError::new(Exit::Usage, doing(), "it has no variables"));
    }
    Ok(pairs.into_iter().collect())
}

/// `None` when there is no such file.
fn read_text(path: &Path) -> Result<Option<String>, CliError> {
    let doing = || format!("read `{}`", path.display());
    let bytes = read_small(path, CliLimits::default().settings_bytes_max)
        .map_err(|error| CliError::because(Exit::Failure, doing(), &error))?;
    bytes
        .map(String::from_utf8)
        .transpose()
        .map_err(|_| CliError::new(Exit::Usage, doing(), "it is not UTF-8"))
}

pub(super) fn remove(session: &Session<'_>, args: &EnvRmArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let name = &args.name;
    client
        .variable_delete(&project, name, args.environment.map(Into::into))
        .map_err(|error| error.explain(format!("delete the variable `{name}` of `{project}`")))?;
    session.printer.done(&format!(
        "`{name}` of `{project}` is deleted; deployments keep what they were made with"
    ));
    Ok(())
}

pub(super) fn pull(session: &Session<'_>, args: &EnvPullArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let environment = Environment::from(args.environment);
    let list = client
        .variable_list(&project, Some(environment))
        .map_err(|error| error.explain(format!("list the variables of `{project}`")))?;
    let path = session.surroundings.current_folder.join(&args.file);
    let (values, secrets) = write(&path, &project, list)?;
    session.printer.done(&format!(
        "{} of `{project}` ({environment}) written, {secrets} secret ones as comments",
        count(values)
    ));
    session.printer.result(&args.file.display().to_string());
    Ok(())
}

/// How many values were written, and how many secrets were named.
fn write(
    path: &Path,
    project: &ProjectName,
    list: VariableList,
) -> Result<(usize, usize), CliError> {
    let doing = || format!("write the variables of `{project}` to `{}`", path.display());
    let mut values = BTreeMap::new();
    let mut secrets = Vec::new();
    for variable in list.data {
        match variable.value {
            Some(value) => drop(values.insert(variable.name, value)),
            None => secrets.push(variable.name),
        }
    }
    let present = read_text(path)?.unwrap_or_default();
    let merged = dotenv::merge(&present, &values, &secrets)
        .map_err(|error| CliError::because(Exit::Usage, doing(), &error))?;
    if merged != present || !path.exists() {
        replace(path, merged.as_bytes(), Readers::Owner)
            .map_err(|error| CliError::because(Exit::Failure, doing(), &error))?;
    }
    Ok((values.len(), secrets.len()))
}
