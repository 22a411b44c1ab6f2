//! Help, usage, completion.

use crate::person::Person;

const WORDS: [&str; 26] = [
    "env",
    "aliases",
    "inspect",
    "redeploy",
    "pin",
    "unpin",
    "delete",
    "limits",
    "login",
    "logout",
    "whoami",
    "tokens",
    "members",
    "audit",
    "deploy",
    "projects",
    "deployments",
    "promote",
    "rollback",
    "open",
    "share",
    "protect",
    "rules",
    "explain",
    "status",
    "completion",
];

#[test]
fn help_goes_to_stdout_and_lists_words_and_exit_codes() {
    let said = Person::new().types("--help");
    assert_eq!((said.exit, said.err.as_str()), (0, ""));
    for word in WORDS {
        assert!(
            said.out.contains(&format!("\n  {word} ")),
            "{word}: {}",
            said.out
        );
    }
    for (_, number, meaning) in holm_cli::EXIT_CODES {
        assert!(
            said.out.contains(&format!("{number:>3}  {meaning}")),
            "{number}: {}",
            said.out
        );
    }
}

#[test]
fn wrong_usage_is_exit_2_on_stderr() {
    for words in [
        "",
        "deplot",
        "deploy --nonsense",
        "deploy -n Not_A_Name",
        "deployments --limit 0",
        "completion tcsh",
    ] {
        let said = Person::new().types(words);
        assert_eq!((said.exit, said.out.as_str()), (2, ""), "{words}");
        assert!(!said.err.is_empty(), "{words}");
    }
    let said = Person::new().types("deplot");
    assert!(
        said.err.contains("deploy"),
        "a near word is suggested: {}",
        said.err
    );
}

#[test]
fn completion_is_a_script_for_every_word() {
    for shell in ["bash", "zsh", "fish"] {
        let said = Person::new().types(&format!("completion {shell}"));
        assert_eq!((said.exit, said.err.as_str()), (0, ""));
        for word in WORDS {
            assert!(said.out.contains(word), "{shell}: {word}");
        }
    }
}
