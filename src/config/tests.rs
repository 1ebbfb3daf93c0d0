//! The configuration as operators meet it: precedence, and every kind of refusal.

use std::io::Write;

use super::*;
use crate::identity;

mod users;

const OPERATORS_FILE: &str = "operator's file";

/// What the mode "keystone" needs.
const KEYSTONE: [(&str, &str); 4] = [
    ("auth.mode", "keystone"),
    ("auth.keystone.url", "https://keystone.example.com:5000"),
    ("auth.keystone.username", "rohrpost"),
    ("auth.keystone.password", "correct horse"),
];

/// The layers of a file with this text, these variables and these flags.
fn layers(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Layers, Error> {
    let mut written = tempfile::NamedTempFile::new().unwrap();
    written.write_all(file.as_bytes()).unwrap();
    let mut layers = Layers::new();
    layers.lay_file(written.path())?;
    layers.lay_environment(
        variables
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    )?;
    for (key, value) in flags {
        layers.lay_flag("--set", key, value)?;
    }
    Ok(layers)
}

/// What the operator is told, with the file's changing path replaced.
fn refusal(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let error = match layers(file, variables, flags) {
        Ok(layers) => Config::check(&layers).unwrap_err(),
        Err(error) => error,
    };
    let text = error.to_string();
    let folder = std::env::temp_dir().display().to_string();
    match text.split_once(&folder) {
        None => text,
        Some((before, after)) => {
            let rest = after.find([')', ' ']).map_or("", |end| &after[end..]);
            format!("{before}{OPERATORS_FILE}{rest}")
        }
    }
}

fn refused_file(file: &str) -> String {
    refusal(file, &[], &[])
}

#[test]
fn the_built_in_file_says_what_the_code_has_as_defaults() {
    let config = Config::check(&Layers::new()).unwrap();
    assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(config.data, PathBuf::from("./data"));
    assert!(matches!(config.auth, AuthMode::Local(_)));
    assert_eq!(config.workers, None);
    assert_eq!(config.reserve_bytes, 512 << 20);
    let told = &config.http.about;
    assert_eq!(told.data.as_deref(), Some(&*config.data));
    assert_eq!(told.reserve_bytes, config.reserve_bytes);
    let listen = told.settings.iter().find(|one| one.key == "http.listen");
    assert_eq!(listen.unwrap().value, "\"127.0.0.1:8080\"");
    let expected = http::Settings {
        about: told.clone(),
        ..http::Settings::default()
    };
    assert_eq!(format!("{:?}", config.http), format!("{expected:?}"));
    assert_eq!(config.store, store::Settings::default());
    assert_eq!(
        format!("{:?}", config.limits),
        format!("{:?}", Limits::default())
    );
}

#[test]
fn every_setting_has_a_comment_of_its_own() {
    let mut before = "";
    for line in layers::DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            assert!(before.starts_with("# ") && before.ends_with('.'), "{line}");
        }
        before = line;
    }
}

/// A value that no setting can have shows whether anything reads the setting at all.
#[test]
fn every_setting_is_checked() {
    let mut section = "";
    for line in layers::DEFAULTS.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        }
        if let Some((key, value)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            let key = format!("{section}.{key}");
            let file = format!("[{section}]\n{line}").replace(value, "1979-05-27");
            let mut flags = Vec::new();
            if section == "auth.keystone" {
                flags.extend(KEYSTONE.iter().filter(|(other, _)| *other != key));
            }
            let refusal = refusal(&file, &[], &flags);
            let is_secret = key.ends_with("password") || key == "metrics.token";
            let shown = if is_secret { "\"***\"" } else { "1979-05-27" };
            let expected = format!("{key} = {shown} (from operator's file) is refused");
            assert!(refusal.starts_with(&expected), "{refusal}");
        }
    }
}

#[test]
fn the_scrape_token_is_long_enough_and_comes_from_one_place() {
    let refusal = |settings: &str| refused_file(&format!("[metrics]\n{settings}"));
    let short = refusal("token = \"0123456789abcde\"");
    assert!(short.contains("at least 16 characters"), "{short}");
    assert!(!short.contains("0123"), "{short}");
    let both = refusal("token = \"0123456789abcdef\"\ntoken_file = \"Cargo.toml\"");
    assert!(
        both.contains("nothing, as metrics.token_file is set"),
        "{both}"
    );
    let blanks = refusal("token_file = \"Cargo.toml\"");
    assert!(blanks.contains("at least 16 characters"), "{blanks}");
    let layers = layers("[metrics]\ntoken = \"0123456789abcdef\"", &[], &[]).unwrap();
    assert!(Config::check(&layers).unwrap().http.metrics.token.is_some());
}

#[test]
fn the_nearer_layer_wins() {
    let file = "[limits]\nmailbox_len = 2\npolls_per_group = 2\nleases_per_group = 20";
    let variables = [
        ("ROHRPOST__LIMITS__POLLS_PER_GROUP", "3"),
        ("ROHRPOST__LIMITS__LEASES_PER_GROUP", "30"),
        ("UNRELATED", "3"),
    ];
    let layers = layers(file, &variables, &[("limits.leases_per_group", "40")]).unwrap();
    let limits = Config::check(&layers).unwrap().limits;
    assert_eq!(limits.messages_per_send, 10, "the default");
    assert_eq!(limits.mailbox_len, 2, "the file");
    assert_eq!(limits.polls_per_group, 3, "the environment");
    assert_eq!(limits.leases_per_group, 40, "the flag");
}

#[test]
fn an_unknown_key_is_refused_with_the_keys_that_exist() {
    assert_eq!(
        refused_file("[auth]\nmod = \"none\""),
        "auth.mod (from operator's file) is not a setting: the keys of [auth] are \
         allow_insecure, domain_name, mode, projects, region, signature_skew_s, token_lifetime_s, users"
    );
    assert_eq!(
        refusal("", &[("ROHRPOST__AUTH__MOD", "none")], &[]),
        "auth.mod (from the environment's ROHRPOST__AUTH__MOD) is not a setting: \
         the keys of [auth] are \
         allow_insecure, domain_name, mode, projects, region, signature_skew_s, token_lifetime_s, users"
    );
    assert_eq!(
        refusal("", &[], &[("aut.mode", "none")]),
        "aut.mode (from the flag --set) is not a setting: \
         the sections are audit, auth, auth.keystone, http, http.tls, limits, log, metrics, otlp, quota, runtime, storage"
    );
}

#[test]
fn a_value_outside_of_any_section_is_refused() {
    assert_eq!(
        refused_file("listen = \"127.0.0.1:1\""),
        "listen (from operator's file) is not a setting: \
         the sections are audit, auth, auth.keystone, http, http.tls, limits, log, metrics, otlp, quota, runtime, storage"
    );
    assert_eq!(
        refused_file("log = 3"),
        "log (from operator's file) is not a setting: the keys of [log] are format, level"
    );
}

#[test]
fn a_number_is_refused_with_its_range() {
    for (value, shown) in [
        ("0", "0"),
        ("1000001", "1000001"),
        ("-1", "-1"),
        ("ten", "\"ten\""),
    ] {
        assert_eq!(
            refusal("", &[("ROHRPOST__LIMITS__MAILBOX_LEN", value)], &[]),
            format!(
                "limits.mailbox_len = {shown} (from the environment's ROHRPOST__LIMITS__MAILBOX_LEN) \
                 is refused; allowed: a whole number from 1 to 1000000"
            )
        );
    }
}

#[test]
fn a_value_of_another_type_is_refused() {
    assert_eq!(
        refused_file("[auth]\nallow_insecure = \"yes\""),
        "auth.allow_insecure = \"yes\" (from operator's file) is refused; allowed: true or false"
    );
    assert_eq!(
        refused_file("[http]\nlisten = 8080"),
        "http.listen = 8080 (from operator's file) is refused; allowed: a text in quotation marks"
    );
}

#[test]
fn a_word_is_refused_with_the_words_that_exist() {
    assert_eq!(
        refused_file("[log]\nformat = \"xml\""),
        "log.format = \"xml\" (from operator's file) is refused; allowed: \"text\" or \"json\""
    );
    assert_eq!(
        refused_file("[auth]\nmode = \"token\""),
        "auth.mode = \"token\" (from operator's file) is refused; \
         allowed: \"local\", \"keystone\" or \"none\""
    );
    assert_eq!(
        refused_file("[http]\nlisten = \"localhost\""),
        "http.listen = \"localhost\" (from operator's file) is refused; \
         allowed: an IP address with a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\""
    );
}

#[test]
fn a_public_url_is_refused_with_an_example() {
    assert_eq!(
        refused_file("[http]\npublic_url = \"queue.example.com\""),
        "http.public_url = \"queue.example.com\" (from operator's file) is refused; allowed: \
         a URL of http or https without a query, such as \"https://queue.example.com\""
    );
}

#[test]
fn a_body_must_have_room_for_the_messages() {
    assert_eq!(
        refused_file("[limits]\nmessage_bytes = 3000000"),
        "http.body_bytes_max = 2097152 (the default) is refused; \
         allowed: a whole number from 3000000 to 1073741824"
    );
}

#[test]
fn serving_everybody_beyond_this_machine_needs_a_word_from_the_operator() {
    let exposed = [("http.listen", "0.0.0.0:8080"), ("auth.mode", "none")];
    assert_eq!(
        refusal("", &[], &exposed),
        "auth.mode = \"none\" (from the flag --set) is refused; allowed: \"none\" on a loopback address only \
         (http.listen is 0.0.0.0:8080), or with auth.allow_insecure = true, \
         as it accepts every request for any project"
    );
    for flags in [
        &[exposed[0], exposed[1], ("auth.allow_insecure", "true")][..],
        &[("http.listen", "127.8.8.8:80"), exposed[1]],
        &[("http.listen", "[::1]:80"), exposed[1]],
        &[exposed[0], ("auth.mode", "local")],
    ] {
        assert!(
            Config::check(&layers("", &[], flags).unwrap()).is_ok(),
            "{flags:?}"
        );
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_by_name_and_line() {
    let said = refused_file("[http]\nlisten 3");
    let expected = "the configuration file operator's file is not valid TOML in line 2: ";
    assert!(said.starts_with(expected), "{said}");
    let said = refused_file("\n[[auth.users]]\npassword = 'correct horse");
    assert!(
        said.contains("in line 3") && !said.contains("horse"),
        "{said}"
    );

    let error = Layers::new().lay_file("/no/such/file.toml".as_ref());
    let error = error.unwrap_err().to_string();
    assert_eq!(
        error,
        "the configuration file /no/such/file.toml cannot be read"
    );
}

#[test]
fn the_effective_configuration_can_be_read_back() {
    let variables = [("ROHRPOST__STORAGE__PATH", "/tmp/\"quoted\"")];
    let printed = layers("", &variables, &[("log.level", "debug")])
        .unwrap()
        .to_string();
    assert!(
        printed.contains("level = \"debug\" # from the flag --set\n"),
        "{printed}"
    );
    assert!(
        printed.contains(" # from the environment's ROHRPOST__STORAGE__PATH\n"),
        "{printed}"
    );

    let config = Config::check(&layers(&printed, &[], &[]).unwrap()).unwrap();
    assert_eq!(config.data, PathBuf::from("/tmp/\"quoted\""));
    assert_eq!(config.log.filter, telemetry::filter("debug").unwrap());
    assert_eq!(Layers::new().to_string(), layers::DEFAULTS);
}

/// The settings of the mode "keystone" with these, which win.
fn keystone(
    file: &str,
    flags: &[(&str, &str)],
) -> Result<Box<identity::keystone::Settings>, String> {
    let flags = [&KEYSTONE, flags].concat();
    let layers = layers(file, &[], &flags).unwrap();
    match Config::check(&layers)
        .map_err(|error| error.to_string())?
        .auth
    {
        AuthMode::Keystone(settings) => Ok(settings),
        AuthMode::None | AuthMode::Local(_) => panic!("another mode was set"),
    }
}

#[test]
fn a_keystone_needs_its_url_and_somebody_who_asks_it() {
    let settings = keystone("", &[]).unwrap();
    assert_eq!(
        settings.url.to_string(),
        "https://keystone.example.com:5000/v3"
    );
    assert_eq!(settings.service_user.name, "rohrpost");
    assert_eq!(settings.service_user.password.expose(), "correct horse");
    assert_eq!(
        (settings.cache_ms, settings.cache_entries),
        (60_000, 10_000)
    );
    for (key, value, allowed) in [
        (
            "url",
            "",
            "a URL of http or https without a query, such as \"https://keystone.example.com:5000/v3\"",
        ),
        ("username", " ", "a name"),
        ("project", "", "a name"),
        (
            "password",
            "",
            "a password of 1 to 1024 bytes, here or in auth.keystone.password_file",
        ),
        ("timeout_s", "0", "a whole number from 1 to 60"),
    ] {
        let key = format!("auth.keystone.{key}");
        let refusal = keystone("", &[(&key, value)]).unwrap_err();
        assert!(refusal.starts_with(&key), "{refusal}");
        assert!(
            refusal.ends_with(&format!("is refused; allowed: {allowed}")),
            "{refusal}"
        );
    }
}

#[test]
fn several_roles_of_keystone_may_mean_the_same() {
    let file = "[auth.keystone]\nmember_roles = \"member, _member_ ,,\"\nreader_roles = \"\"";
    let roles = keystone(file, &[]).unwrap().roles;
    assert_eq!(roles.admin, ["admin"]);
    assert_eq!(roles.member, ["member", "_member_"]);
    assert!(roles.reader.is_empty());
}

#[test]
fn keystone_s_password_may_stand_in_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let set = ("auth.keystone.password_file", path.as_str());
    let no_other = ("auth.keystone.password", "");
    let refusal = keystone("", &[set, no_other]).unwrap_err();
    assert!(
        refusal.ends_with("it should have a password of 1 to 1024 bytes"),
        "{refusal}"
    );
    file.write_all(b"battery staple\nnot this\n").unwrap();
    let password = keystone("", &[set, no_other])
        .unwrap()
        .service_user
        .password;
    assert_eq!(password.expose(), "battery staple");

    let refusal = keystone("", &[set]).unwrap_err();
    assert!(
        refusal.ends_with("allowed: nothing, as auth.keystone.password_file is set"),
        "{refusal}"
    );
    assert!(!refusal.contains("correct horse"), "{refusal}");
    let refusal = keystone(
        "",
        &[("auth.keystone.password_file", "/no/such/file"), no_other],
    );
    assert!(refusal.unwrap_err().contains("/no/such/file"));
}

#[test]
fn secrets_are_not_shown() {
    let printed = layers("", &[], &KEYSTONE).unwrap().to_string();
    assert!(
        printed.contains("password = \"***\" # from the flag --set\n"),
        "{printed}"
    );
    assert!(printed.contains("password_file = \"\"\n"), "{printed}");
    assert!(!printed.contains("correct horse"), "{printed}");
    let printed = Layers::new().to_string();
    assert!(printed.contains("password = \"\"\n"), "{printed}");
    let collector = [(
        "otlp.endpoint",
        "http://ann:correct@horse@127.0.0.1:4318/a@b",
    )];
    let layers = layers("", &[], &collector).unwrap();
    let refused = Config::check(&layers).unwrap_err().to_string();
    let shown = "\"http://***@127.0.0.1:4318/a@b\"";
    for text in [layers.to_string(), refused] {
        assert!(text.contains(shown) && !text.contains("horse"), "{text}");
    }
}

#[test]
fn spans_go_nowhere_unless_a_collector_is_named() {
    let spans = |flags: &[(&str, &str)]| {
        let mut layers = Layers::new();
        for (key, value) in flags {
            layers.lay_flag("--set", key, value).unwrap();
        }
        Config::check(&layers).map(|config| config.spans)
    };
    assert_eq!(spans(&[]).unwrap(), None);
    let endpoint = ("otlp.endpoint", "http://127.0.0.1:4318");
    for (ratio, expected) in [("0", 0.0), ("0.25", 0.25), ("1", 1.0)] {
        let settings = spans(&[endpoint, ("otlp.sample_ratio", ratio)]).unwrap();
        let ratio = settings.unwrap().sample_ratio;
        assert!((ratio - expected).abs() < f64::EPSILON, "{ratio}");
    }
    for (key, value) in [
        ("otlp.endpoint", "http://user:secret@127.0.0.1:4318"),
        ("otlp.endpoint", "127.0.0.1:4318"),
        ("otlp.sample_ratio", "1.5"),
        ("otlp.sample_ratio", "-1"),
        ("otlp.sample_ratio", "NaN"),
        ("otlp.service_name", " "),
    ] {
        let refused = spans(&[endpoint, (key, value)]).unwrap_err().to_string();
        assert!(refused.starts_with(&format!("{key} = ")), "{refused}");
    }
}
