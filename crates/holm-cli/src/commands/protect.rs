//! `holm protect`: who is shown a project's hosts.

use std::io::Read as _;

use holm_api::{
    ProtectionCoverage, ProtectionModeName, ProtectionUpdate, ProtectionView, RefusalName,
};

use super::{Session, choose_project};
use crate::args::ProtectArgs;
use crate::error::CliError;
use crate::exit::Exit;
use crate::limits::CliLimits;

pub(super) fn run(session: &Session<'_>, args: &ProtectArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let project = choose_project(&args.project, link.as_ref())?;
    let client = session.client(&args.connection, link.as_ref())?;
    let view = if args.changes() {
        let update = ProtectionUpdate {
            mode: args.mode.map(Into::into),
            covers: args.covers.map(Into::into),
            refusal: args.refusal.map(Into::into),
            password: args.password_stdin.then(read_password).transpose()?,
            rotate_key: args.rotate_key,
        };
        client
            .protection_update(&project, &update)
            .map_err(|error| error.explain(format!("protect project `{project}`")))?
    } else {
        client
            .protection_view(&project)
            .map_err(|error| error.explain(format!("see how project `{project}` is protected")))?
    };
    if args.json {
        session.printer.result_json(&view);
    } else {
        session.printer.result(&in_words(&view));
    }
    Ok(())
}

/// A line of standard input: arguments can be seen by other users.
fn read_password() -> Result<String, CliError> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(CliLimits::default().settings_bytes_max)
        .read_to_string(&mut text)
        .map_err(|error| CliError::because(Exit::Usage, "read the password", &error))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

fn in_words(view: &ProtectionView) -> String {
    let hosts = match view.covers {
        ProtectionCoverage::Previews => "Deployments and branches are",
        ProtectionCoverage::All => "All hosts but custom domains are",
    };
    let how = match view.mode {
        ProtectionModeName::Public => return "Every host is public.".to_owned(),
        ProtectionModeName::Signed => "shown to who has a link of `holm share`",
        ProtectionModeName::Password => {
            "shown to who knows the password, or has a link of `holm share`"
        }
    };
    let others = match view.refusal {
        RefusalName::Unauthorized => "others are told that they may not see them",
        RefusalName::NotFound => "to others they do not exist",
    };
    format!("{hosts} {how}; {others}.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protection_is_one_sentence() {
        let say = |mode, covers, refusal| {
            in_words(&ProtectionView {
                mode,
                covers,
                refusal,
                key_made_at: None,
            })
        };
        let public = ProtectionModeName::Public;
        let all = ProtectionCoverage::All;
        assert_eq!(
            say(public, all, RefusalName::NotFound),
            "Every host is public."
        );
        assert_eq!(
            say(
                ProtectionModeName::Signed,
                ProtectionCoverage::Previews,
                RefusalName::NotFound
            ),
            "Deployments and branches are shown to who has a link of `holm share`; to others they do not exist."
        );
    }
}
