//! The tables of docs/compatibility.md and docs/identity.md, and docs/durability.md, name tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

const TABLES: [&str; 2] = [
    include_str!("../../docs/compatibility.md"),
    include_str!("../../docs/identity.md"),
];
const DURABILITY: &str = include_str!("../../docs/durability.md");

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
    let lines = TABLES.iter().flat_map(|page| page.lines());
    let quoted = lines.flat_map(|line| line.split('`').skip(1).step_by(2));
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

/// All Rust under this folder, in one text.
fn sources_under(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &sources_under(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(path).unwrap();
        }
    }
    text
}

#[test]
fn every_test_that_keeps_a_defect_out_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sources = sources_under(&root.join("src")) + &sources_under(&root.join("tests"));
    let quoted = DURABILITY.split('`').skip(1).step_by(2);
    let named: Vec<&str> = quoted
        .filter(|text| text.matches('_').count() > 3 && !text.contains([' ', '.', '=', ':']))
        .collect();
    assert!(named.len() > 10, "{named:?}");
    let is_missing = |name: &&&str| !sources.contains(&format!("fn {name}("));
    let missing: Vec<_> = named.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_test_that_does_not_exist_is_noticed() {
    assert!(has_test("dms_queues", "a_queue_serves_at_once"));
    assert!(!has_test("dms_queues", "a_queue_serves_coffee"));
    assert!(!has_test("no_such_module", "a_queue_serves_at_once"));
}
