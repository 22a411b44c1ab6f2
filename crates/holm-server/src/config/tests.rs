//! Where a setting comes from, and what a wrong one is told.

use super::*;

fn args(data: &Path) -> ServerArgs {
    ServerArgs {
        data: Some(data.to_owned()),
        ..ServerArgs::default()
    }
}

#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let data = tempfile::tempdir().unwrap();
    std::fs::write(
        data.path().join("holm.toml"),
        "threads = 3\nbase_domain = \"a.test\"\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
         addresses_are_shortened = true\n",
    )
    .unwrap();
    let mut args = args(data.path());
    args.threads = Some(2);
    let config = ServerConfig::combine(&args).unwrap();
    assert_eq!(config.trusted_proxies.value[0].to_string(), "10.0.0.0/8");
    assert!(config.addresses_are_shortened.value);
    assert_eq!(config.threads.value, 2);
    assert_eq!(config.base_domain.value, "a.test");
    assert!(matches!(config.base_domain.origin, Origin::File(_)));
    assert_eq!(config.listen.origin, Origin::Default);
}

#[test]
fn bad_settings_name_the_setting_and_the_place() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("holm.toml");
    for (text, want) in [
        ("threads = 0", "`threads`"),
        ("base_domain = \"Not A Name\"", "`base_domain`"),
        ("control_url = \"http://x\"", "`control_url`"),
        ("control_url = \"https://x/holm\"", "without a path"),
        ("thraeds = 1", "unknown field `thraeds`"),
        ("trusted_proxies = [\"10.0.0.1/8\"]", "10.0.0.0/8"),
        ("trusted_proxies = [\"proxy\"]", "`trusted_proxies`"),
        ("[tls]\nkey = \"a.key\"", "`certificate` and `key`"),
    ] {
        std::fs::write(&file, text).unwrap();
        let error = ServerConfig::combine(&args(data.path()))
            .unwrap_err()
            .to_string();
        assert!(error.contains(want), "{text}: {error}");
        assert!(error.contains("holm.toml"), "{text}: {error}");
    }
}

#[test]
fn files_of_a_certificate_are_seen_from_the_configuration() {
    let data = tempfile::tempdir().unwrap();
    let text = "[tls]\nlisten = \"127.0.0.1:8443\"\ncertificate = \"a.crt\"\nkey = \"/b.key\"\n";
    std::fs::write(data.path().join("holm.toml"), text).unwrap();
    let config = ServerConfig::combine(&args(data.path())).unwrap();
    assert_eq!(config.tls_listen.value, Some(loopback(8443)));
    let files = config.tls_files.value.unwrap();
    assert_eq!(files.certificate, data.path().join("a.crt"));
    assert_eq!(files.key, Path::new("/b.key"));
}

#[test]
fn a_line_of_limits_changes_that_limit_and_a_wrong_name_is_told() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("holm.toml");
    let text = "[limits]\n\"control.files_max\" = 50000\n\"edge.idle_max\" = 1000\n\"site.rules_max\" = 100000\n\"functions.cpu_max\" = 50\n";
    std::fs::write(&file, text).unwrap();
    let config = ServerConfig::combine(&args(data.path())).unwrap();
    assert_eq!(config.control_limits.files_max, 50_000);
    assert_eq!(config.rule_limits.rules_max, 100_000);
    assert_eq!(config.function_limits.cpu_max.as_millis(), 50);
    assert_eq!(
        config.edge_limits.idle_max,
        std::time::Duration::from_secs(1)
    );
    std::fs::write(&file, "[limits]\n\"control.flies_max\" = 1\n").unwrap();
    let error = ServerConfig::combine(&args(data.path())).unwrap_err();
    assert!(error.to_string().contains("control.flies_max"), "{error}");
}

#[test]
fn every_limit_of_the_reference_can_be_set() {
    let settable = holm_edge::LIMITS.iter().chain(holm_control::LIMITS);
    let settable = settable.chain(holm_functions::LIMITS);
    for limit in settable {
        let lines = BTreeMap::from([(limit.name.to_owned(), limit.default)]);
        let read = read_limits(&lines, Path::new("holm.toml")).unwrap();
        assert_eq!(read, Limits::default(), "{}", limit.name);
    }
}

#[test]
fn a_named_file_must_exist() {
    let data = tempfile::tempdir().unwrap();
    let mut args = args(data.path());
    args.config = Some(data.path().join("absent.toml"));
    assert!(matches!(
        ServerConfig::combine(&args),
        Err(ConfigError::Read { .. })
    ));
}
