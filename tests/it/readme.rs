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

/// What bash prints for these lines, which must work.
fn run(lines: &str, folder: &Path) -> String {
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c", lines]);
    let output = bash.current_dir(folder).output().unwrap();
    let (said, trouble) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    );
    assert!(output.status.success(), "{trouble}\n{said}");
    said
}

#[track_caller]
fn assert_acknowledged(said: &str) {
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

/// The lines of the quick start for a server at this address.
fn quick_start(address: &str) -> String {
    let login = block("log-in.sh").replace("127.0.0.1:8080", address);
    login + block("quick-start.sh")
}

#[test]
fn the_quick_start_with_curl_works_as_it_stands() {
    let folder = tempdir().unwrap();
    let server = Server::start_local(&folder.path().join("data"), &[]);
    assert_acknowledged(&run(&quick_start(&server.address), folder.path()));
}

#[test]
fn the_printed_steps_work_on_the_first_start_and_later() {
    let folder = tempdir().unwrap();
    for _ in 0..2 {
        let mut server = Server::start_local(folder.path(), &[]);
        let steps = server.printed().1;
        let steps = steps.replace("\"orders\"", &format!("\"orders-{}\"", server.id()));
        assert_acknowledged(&run(&steps, Path::new("/")));
        server.signal("TERM");
        server.wait();
    }
}

#[test]
fn the_printed_steps_work_without_users() {
    let folder = tempdir().unwrap();
    let mut server = Server::start(folder.path(), &[]);
    assert_acknowledged(&run(&server.printed().1, Path::new("/")));
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
    assert!((8..=14).contains(&lines), "{script}");
}
