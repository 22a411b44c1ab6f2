//! `holm whoami`: who a server takes you for.

use holm_api::MeView;

use super::Session;
use crate::args::WhoamiArgs;
use crate::error::CliError;

pub(super) fn run(session: &Session<'_>, args: &WhoamiArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let me = client
        .me_view()
        .map_err(|error| error.explain(format!("ask {} who you are", client.api())))?;
    if args.json {
        session.printer.result_json(&me);
    } else {
        session.printer.result(&render(&me));
    }
    Ok(())
}

fn render(me: &MeView) -> String {
    let name = me.email.as_ref().or(me.user_id.as_ref());
    let name = name.map_or("the server's own token", String::as_str);
    format!("{name} ({}, {})", me.role, me.scopes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_named_by_their_e_mail() {
        let mut me = MeView {
            user_id: Some("usr_1".into()),
            email: Some("ada@example.org".into()),
            role: "developer".into(),
            authenticated_by: "token".into(),
            token_id: None,
            scopes: vec!["shop:deploy".into(), "*:read".into()],
        };
        assert_eq!(
            render(&me),
            "ada@example.org (developer, shop:deploy *:read)"
        );
        me.email = None;
        assert!(render(&me).starts_with("usr_1 "));
    }
}
