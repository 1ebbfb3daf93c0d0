//! The table of docs/compatibility.md names tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

const TABLE: &str = include_str!("../../docs/compatibility.md");

/// The file that a module of the table stands in.
fn file_of(module: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = module.replace("::", "/");
    let candidates = [
        root.join("tests/it").join(format!("{path}.rs")),
        root.join("src").join(format!("{path}.rs")),
        root.join("tests/clients").join(format!("{path}.py")),
    ];
    candidates.into_iter().find(|candidate| candidate.is_file())
}

fn has_test(module: &str, name: &str) -> bool {
    let text = file_of(module).and_then(|file| fs::read_to_string(file).ok());
    text.is_some_and(|text| {
        text.contains(&format!("fn {name}(")) || text.contains(&format!("def {name}("))
    })
}

/// What stands between back quotes and names a test: `module::name`.
fn named_tests() -> Vec<(&'static str, &'static str)> {
    let quoted = TABLE
        .lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted.filter_map(|text| text.rsplit_once("::")).collect()
}

#[test]
fn every_test_that_is_named_exists() {
    let named = named_tests();
    assert!(
        named.len() > 200,
        "the table has shrunk to {} tests",
        named.len()
    );
    let missing: Vec<_> = named
        .iter()
        .filter(|(module, name)| !has_test(module, name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_test_that_does_not_exist_is_noticed() {
    assert!(has_test("dms_queues", "a_queue_serves_at_once"));
    assert!(!has_test("dms_queues", "a_queue_serves_coffee"));
    assert!(!has_test("no_such_module", "a_queue_serves_at_once"));
}
