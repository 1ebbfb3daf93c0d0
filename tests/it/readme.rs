//! The README's shell lines, run as they stand against the real program. Its script in Python is run with the real
//! SDK in `tests/clients`.

use std::path::Path;
use std::process::Command;

use tempfile::tempdir;

use crate::process::Server;

const README: &str = include_str!("../../README.md");

/// The fenced block behind this marker.
fn block(marker: &str) -> &'static str {
    let (_, after) = README
        .split_once(&format!("<!-- {marker} -->\n```"))
        .unwrap();
    let (_, lines) = after.split_once('\n').unwrap();
    lines.split_once("```").unwrap().0
}

#[test]
fn the_quick_start_with_curl_works_as_it_stands() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let lines = block("quick-start.sh").replace("127.0.0.1:8080", &server.address);

    let mut bash = Command::new("bash");
    let output = bash
        .args(["-euo", "pipefail", "-c", &lines])
        .output()
        .unwrap();
    let (said, trouble) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{trouble}\n{said}");
    assert!(said.contains(r#""state":0"#), "it was stored: {said}");
    assert!(
        said.contains(r#""body":"hello""#),
        "it was consumed: {said}"
    );
    assert!(
        said.ends_with(r#"{"success":1,"fail":0}"#),
        "it was acknowledged: {said}"
    );
}

#[test]
fn the_server_prints_the_quick_start_with_its_own_address() {
    let folder = tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let lines = block("quick-start.sh").replace("127.0.0.1:8080", &server.address);
    server.signal("TERM");
    let (_, printed) = server.wait();
    assert!(printed.contains(&lines), "{printed}");
}

#[test]
fn the_rust_that_is_asked_for_is_the_packages() {
    let version = env!("CARGO_PKG_RUST_VERSION").trim_end_matches(".0");
    assert!(README.contains(&format!("With Rust {version} or later")));
}

/// What a link leads to, and what stands in backticks as a path of the package.
fn files() -> Vec<&'static str> {
    let links = README
        .split("](")
        .skip(1)
        .filter_map(|after| after.split(')').next());
    let quoted = README.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        ["tests/", "src/", "config/"]
            .iter()
            .any(|folder| text.starts_with(folder))
    };
    links.chain(quoted.filter(is_path)).collect()
}

#[test]
fn every_file_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let missing: Vec<_> = files()
        .into_iter()
        .filter(|path| !root.join(path).exists())
        .collect();
    assert!(files().len() > 5 && missing.is_empty(), "{missing:?}");
}

#[test]
fn the_script_for_the_sdk_has_about_ten_lines() {
    let script = block("quick-start.py");
    let lines = script.lines().filter(|line| !line.is_empty()).count();
    assert!((8..=12).contains(&lines), "{script}");
}
