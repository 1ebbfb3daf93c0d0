//! The rules of the tree, kept by reading `src`: who may know whom, and how long files and functions may be.

mod rules;
mod scan;

use std::fs;
use std::path::Path;

use scan::Source;

/// Every file of `src`, by its module.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                sources.push(Source::read(name, &text));
            }
        }
    }
    assert!(
        sources.len() > 20,
        "only {} files were found",
        sources.len()
    );
    sources
}

#[track_caller]
fn assert_kept(rule: fn(&Source) -> Vec<String>) {
    let broken: Vec<_> = sources().iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn modules_know_only_whom_they_may() {
    assert_kept(rules::forbidden_modules);
}

#[test]
fn crates_and_clocks_stay_where_they_belong() {
    assert_kept(rules::forbidden_outsiders);
}

#[test]
fn files_have_at_most_500_lines_before_their_tests() {
    assert_kept(rules::long_files);
}

#[test]
fn functions_have_at_most_70_lines() {
    assert_kept(rules::long_functions);
}

#[test]
fn every_file_says_what_it_is() {
    assert_kept(rules::silent_files);
}

#[test]
fn nothing_is_left_for_later() {
    assert_kept(rules::unfinished_code);
}
