//! What is forbidden, and where. Each rule names what breaks it.

use super::scan::Source;

const MAX_FILE_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

/// Whom the code of each top-level module may know, beside itself. `app` wires everything, `lib` lists everything.
const MAY_KNOW: [(&str, &[&str]); 17] = [
    ("types", &[]),
    ("store", &["types"]),
    ("queue", &["types"]),
    ("broker", &["types", "store", "queue"]),
    ("identity", &["types", "store"]),
    ("machine", &[]),
    ("spans", &[]),
    ("http", &["types", "broker", "identity", "machine", "spans"]),
    ("telemetry", &[]),
    ("health", &[]),
    (
        "config",
        &["types", "store", "identity", "http", "spans", "telemetry"],
    ),
    ("offline", &["types", "store", "broker", "identity"]),
    ("backup", &["store", "identity"]),
    ("control", &["store", "backup"]),
    ("progress", &[]),
    ("bench", &[]),
    (
        "main",
        &[
            "app",
            "backup",
            "bench",
            "config",
            "control",
            "health",
            "offline",
            "progress",
            "store",
            "telemetry",
        ],
    ),
];

/// The folders of `http` that each speak one protocol, and must not know each other.
const PROTOCOLS: [&str; 5] = ["cloud_eye", "console", "dms", "ext", "keystone"];

/// What comes from outside and has a home: only these modules may name it.
const HOMES: [(&str, &[&str]); 30] = [
    ("sled", &["store"]),
    ("fjall", &["store"]),
    ("axum", &["http"]),
    ("hyper", &["http", "bench"]),
    ("hyper_util", &["http", "bench"]),
    ("http_body_util", &["http", "bench"]),
    ("tower", &["http"]),
    ("utoipa", &["http"]),
    ("tower_http", &["http"]),
    (
        "tokio",
        &[
            "broker", "identity", "http", "spans", "control", "bench", "app", "main",
        ],
    ),
    ("hdrhistogram", &["bench"]),
    ("indicatif", &["progress"]),
    ("prometheus", &["broker", "http"]),
    ("rustls", &["http", "health", "bench"]),
    ("tokio_rustls", &["http", "bench"]),
    ("anyhow", &["app", "main"]),
    ("clap", &["main"]),
    ("toml", &["config"]),
    ("tracing_subscriber", &["telemetry"]),
    ("getrandom", &["identity"]),
    ("reqwest", &["identity", "spans"]),
    ("opentelemetry", &["spans"]),
    ("opentelemetry_proto", &["spans"]),
    ("opentelemetry_sdk", &["spans"]),
    ("prost", &["spans"]),
    (
        "tracing",
        &[
            "store",
            "broker",
            "identity",
            "control",
            "spans",
            "http",
            "app",
            "telemetry",
        ],
    ),
    (
        "std::fs",
        &["store", "identity", "config", "main", "machine"],
    ),
    (
        "std::net",
        &["identity", "http", "config", "health", "app", "main"],
    ),
    ("std::thread", &["store", "broker", "app"]),
    ("std::env", &["main"]),
];

/// Own modules that a file names and must not know.
pub fn forbidden_modules(source: &Source) -> Vec<String> {
    let area = source.module[0].as_str();
    if matches!(area, "app" | "lib") {
        return Vec::new();
    }
    let Some((_, known)) = MAY_KNOW.iter().find(|(module, _)| *module == area) else {
        return vec![format!(
            "{}: whom {area} may know stands nowhere",
            source.name
        )];
    };
    let is_forbidden = |path: &&Vec<String>| match path.get(1) {
        Some(other) if path[0] == "crate" => {
            let is_module = MAY_KNOW.iter().any(|(module, _)| module == other) || other == "app";
            let is_other_protocol = other == "http" && is_other_protocol(source, path);
            is_module && other != area && !known.contains(&other.as_str()) || is_other_protocol
        }
        _ => false,
    };
    named(source, source.paths.iter().filter(is_forbidden))
}

fn is_other_protocol(source: &Source, path: &[String]) -> bool {
    let protocol = |module: Option<&String>| {
        module.and_then(|module| PROTOCOLS.into_iter().find(|protocol| protocol == module))
    };
    match (protocol(source.module.get(1)), protocol(path.get(2))) {
        (Some(own), Some(other)) => own != other,
        _ => false,
    }
}

/// Crates and parts of the standard library that a file names and must not know.
pub fn forbidden_outsiders(source: &Source) -> Vec<String> {
    let area = source.module[0].as_str();
    let is_forbidden = |path: &&Vec<String>| {
        HOMES.iter().any(|(outsider, homes)| {
            let begins = outsider
                .split("::")
                .eq(path.iter().take(outsider.split("::").count()));
            begins && !homes.contains(&area)
        })
    };
    named(source, source.paths.iter().filter(is_forbidden))
}

fn named<'a>(source: &Source, paths: impl Iterator<Item = &'a Vec<String>>) -> Vec<String> {
    paths
        .map(|path| format!("{} must not know {}", source.name, path.join("::")))
        .collect()
}

/// A file that is too long.
pub fn long_files(source: &Source) -> Vec<String> {
    let found = (source.lines > MAX_FILE_LINES).then(|| {
        format!(
            "{} has {} lines before its tests",
            source.name, source.lines
        )
    });
    found.into_iter().collect()
}

/// Functions that are too long.
pub fn long_functions(source: &Source) -> Vec<String> {
    let long = source
        .functions
        .iter()
        .filter(|function| function.lines > MAX_FUNCTION_LINES);
    long.map(|function| {
        format!(
            "{}: {} has {} lines",
            source.name, function.name, function.lines
        )
    })
    .collect()
}

/// A file that does not say what it is.
pub fn silent_files(source: &Source) -> Vec<String> {
    let found = (!source.has_docs).then(|| format!("{} does not open with //!", source.name));
    found.into_iter().collect()
}

/// Code that is not finished.
pub fn unfinished_code(source: &Source) -> Vec<String> {
    let found = source.unfinished.iter();
    found
        .map(|what| format!("{}: {what}", source.name))
        .collect()
}

/// Each rule is shown a file that breaks it.
mod tests {
    use super::*;

    fn in_file(name: &str, text: &str, rule: fn(&Source) -> Vec<String>) -> Vec<String> {
        rule(&Source::read(name, text))
    }

    #[test]
    fn a_forbidden_module_is_seen_however_it_is_spelt() {
        for text in [
            "use crate::store::Store;",
            "use crate::{types, store};",
            "use super::super::store as keys;",
            "fn f() -> crate::store::Error { loop {} }",
            "fn f() { crate::store::open() }",
            "fn f() { select! { x = crate::store::open() => () } }",
            "mod inner { use super::super::super::store; }",
        ] {
            let found = in_file("http/dms.rs", text, forbidden_modules);
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(
                found[0].starts_with("http/dms.rs must not know crate::store"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn permitted_modules_and_tests_pass() {
        for text in [
            "use crate::{types, broker::Broker}; use super::wire; use self::wire::Wire;",
            "#[cfg(test)] mod tests { use crate::store::Store; }",
            "fn store() { let store = 1; }",
        ] {
            assert!(
                in_file("http/dms/queues.rs", text, forbidden_modules).is_empty(),
                "{text}"
            );
        }
        let text = "use crate::store::Store;";
        assert!(in_file("http/dms/tests.rs", text, forbidden_modules).is_empty());
        assert!(in_file("app.rs", text, forbidden_modules).is_empty());
    }

    #[test]
    fn protocols_must_not_know_each_other() {
        let found = in_file(
            "http/ext/purge.rs",
            "use crate::http::dms::wire;",
            forbidden_modules,
        );
        assert_eq!(
            found,
            ["http/ext/purge.rs must not know crate::http::dms::wire"]
        );
        for text in ["use crate::http::ext::wire;", "use crate::http::error;"] {
            assert!(
                in_file("http/ext/purge.rs", text, forbidden_modules).is_empty(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_new_top_level_module_needs_a_line_in_the_table() {
        assert_eq!(in_file("kafka/mod.rs", "", forbidden_modules).len(), 1);
    }

    #[test]
    fn crates_are_seen_outside_of_their_home() {
        for text in [
            "use tokio::sync::mpsc;",
            "fn f() { std::fs::read(p) }",
            "use std::{fs, io};",
        ] {
            assert_eq!(
                in_file("queue/log.rs", text, forbidden_outsiders).len(),
                1,
                "{text}"
            );
        }
        assert!(
            in_file(
                "broker/owner.rs",
                "use tokio::sync::mpsc;",
                forbidden_outsiders
            )
            .is_empty()
        );
        assert!(in_file("queue/log.rs", "use std::{fmt, io};", forbidden_outsiders).is_empty());
    }

    #[test]
    fn long_files_are_seen_by_the_lines_before_their_tests() {
        let (lines, tests) = ("\n".repeat(500), "#[cfg(test)]\nmod tests {}\n");
        assert!(in_file("a.rs", &format!("{lines}{tests}"), long_files).is_empty());
        assert_eq!(
            in_file("a.rs", &format!("{lines}\n{tests}"), long_files).len(),
            1
        );
    }

    #[test]
    fn long_functions_are_seen_wherever_they_stand() {
        let (good, bad) = ("\n".repeat(69), "\n".repeat(70));
        for (before, after) in [
            ("", ""),
            ("impl A {", "}"),
            ("trait A {", "}"),
            ("mod tests {", "}"),
        ] {
            let file = |body: &str| format!("{before} fn f() {{{body}}} {after}");
            assert!(in_file("a.rs", &file(&good), long_functions).is_empty());
            assert_eq!(
                in_file("a.rs", &file(&bad), long_functions),
                ["a.rs: f has 71 lines"]
            );
        }
    }

    #[test]
    fn a_file_without_a_comment_on_itself_is_seen() {
        assert_eq!(
            in_file("a.rs", "// a\n/// a\nfn f() {}", silent_files).len(),
            1
        );
        assert!(in_file("a.rs", "//! a\n", silent_files).is_empty());
    }

    #[test]
    fn unfinished_code_is_seen() {
        let put_off = ["TO", "DO"].concat();
        for text in [
            concat!("fn f() { to", "do!() }"),
            concat!("fn f() { unimpl", "emented!(\"x\") }"),
            &format!("// {put_off}: x"),
        ] {
            assert_eq!(in_file("a.rs", text, unfinished_code).len(), 1, "{text}");
        }
        assert!(in_file("a.rs", "fn todo() {}", unfinished_code).is_empty());
    }
}
