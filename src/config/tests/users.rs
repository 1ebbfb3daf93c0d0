//! The users and projects that an operator declares.

use super::*;
use crate::identity::Role;

/// What the mode "local" is given by these layers.
fn local(layers: &Layers) -> LocalAuth {
    let mut layers = layers.clone();
    layers.lay_flag("--set", "auth.mode", "local").unwrap();
    let AuthMode::Local(auth) = Config::check(&layers).unwrap().auth else {
        panic!("it was set to local")
    };
    auth
}

/// A file with these entries of `[[auth.users]]`.
fn users(entries: &[&str]) -> String {
    let table = |entry: &&str| format!("[[auth.users]]\n{entry}\n");
    entries.iter().map(table).collect()
}

const ALICE: &str = "name = 'alice'\npassword = 'correct horse'\nproject = 'demo'\nrole = 'admin'";

#[test]
fn users_and_projects_are_declared_in_tables() {
    let key = "access_key = 'AKEXAMPLE0001'\nsecret_key = 'SKexampleSecret0001'";
    let bob = "name = 'bob'\npassword = 'b'\nproject = 'demo'\nrole = 'reader'";
    let projects = "[[auth.projects]]\nid = '0123456789abcdef0123456789abcdef'\nname = 'demo'\n\
                    [[auth.projects]]\nname = 'other'\n";
    let file = projects.to_owned() + &users(&[&format!("{ALICE}\n{key}"), bob]);
    let auth = local(&layers(&file, &[], &[]).unwrap());
    let ids: Vec<_> = auth
        .projects
        .iter()
        .map(|project| project.id.map(|id| id.to_string()))
        .collect();
    assert_eq!(
        ids,
        [Some("0123456789abcdef0123456789abcdef".to_owned()), None]
    );
    let [alice, bob] = &auth.users[..] else {
        panic!("{:?}", auth.users)
    };
    assert_eq!(
        (alice.name.as_str(), alice.password.expose()),
        ("alice", "correct horse")
    );
    assert_eq!((alice.project.as_str(), alice.role), ("demo", Role::Admin));
    let (access, secret) = alice.key.as_ref().unwrap();
    assert_eq!(
        (access.as_str(), secret.expose()),
        ("AKEXAMPLE0001", "SKexampleSecret0001")
    );
    assert!(bob.role == Role::Reader && bob.key.is_none());
}

#[test]
fn users_can_be_declared_in_one_variable() {
    let inline = "[{name = 'alice', password = 'x', project = 'demo', role = 'member'}]";
    let variable = [("ROHRPOST__AUTH__USERS", inline)];
    let auth = local(&layers("", &variable, &[]).unwrap());
    assert_eq!(auth.users[0].name.as_str(), "alice");
    assert_eq!(
        refusal("", &[("ROHRPOST__AUTH__USERS", "password = 'x'")], &[]),
        "auth.users = false (from the environment's ROHRPOST__AUTH__USERS) is refused; \
         allowed: tables, each of which begins with [[auth.users]]"
    );
}

#[test]
fn a_password_may_come_from_the_first_line_of_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"correct horse\nand a note\n").unwrap();
    let path = file.path().display();
    let with = |line: &str| users(&[&ALICE.replace("password = 'correct horse'", line)]);
    let declared = with(&format!("password_file = '{path}'"));
    let auth = local(&layers(&declared, &[], &[]).unwrap());
    assert_eq!(auth.users[0].password.expose(), "correct horse");

    let said = refused_file(&with("password = 'x'\npassword_file = '/x'"));
    assert_eq!(
        said,
        "auth.users[alice].password_file = \"/x\" (from operator's file) is refused; \
         allowed: only one of password and password_file"
    );
    let said = refused_file(&with("password_file = '/no/such'"));
    assert_eq!(
        said,
        "auth.users[alice].password_file = \"/no/such\" (from operator's file) cannot be used: \
         No such file or directory (os error 2)"
    );
}

#[test]
fn an_entry_is_refused_by_its_name_and_key() {
    let refused = |change: fn(&str) -> String| refused_file(&users(&[&change(ALICE)]));
    assert_eq!(
        refused(|alice| format!("{alice}\npasswd = 'x'")),
        "auth.users[alice].passwd (from operator's file) is not a setting: the keys of an entry are \
         name, password, password_file, project, role, access_key, secret_key"
    );
    assert_eq!(
        refused(|alice| alice.replace("'admin'", "'boss'")),
        "auth.users[alice].role = \"boss\" (from operator's file) is refused; \
         allowed: \"admin\", \"member\" or \"reader\""
    );
    assert_eq!(
        refused(|alice| alice.replace("password = 'correct horse'", "")),
        "auth.users[alice].password (from operator's file) is missing"
    );
    assert_eq!(
        refused(|alice| alice.replace("name = 'alice'", "")),
        "auth.users[number 1].name (from operator's file) is missing"
    );
    assert_eq!(
        refused(|alice| format!("{alice}\naccess_key = 'AK'")),
        "auth.users[alice].secret_key (from operator's file) is missing"
    );
    let long = "x".repeat(129);
    let with_key = ALICE.to_owned() + "\naccess_key = 'AK'\nsecret_key = '" + &long + "'";
    let said = refused_file(&users(&[&with_key]));
    assert!(
        said.starts_with("auth.users[alice].secret_key = \"***\" (from"),
        "{said}"
    );
    assert_eq!(
        refused_file("[auth.users]\nname = 'alice'"),
        "auth.users.name (from operator's file) is not a setting: \
         auth.users is a list, and each of its entries begins with [[auth.users]]"
    );
}

#[test]
fn what_is_declared_twice_is_refused() {
    assert_eq!(
        refused_file(&users(&[ALICE, ALICE])),
        "auth.users[alice].name = \"alice\" (from operator's file) is refused; \
         allowed: one that no entry before it has"
    );
    let key = "\naccess_key = 'AK'\nsecret_key = 'SK'";
    let (alice, bob) = (ALICE.to_owned() + key, ALICE.replace("alice", "bob") + key);
    let said = refused_file(&users(&[&alice, &bob]));
    assert!(
        said.starts_with("auth.users[bob].access_key = \"AK\""),
        "{said}"
    );
    let project = "[[auth.projects]]\nname = 'demo'\n";
    let said = refused_file(&project.repeat(2));
    assert!(
        said.starts_with("auth.projects[demo].name = \"demo\""),
        "{said}"
    );
    let with_id =
        |name: &str| project.replace("demo", name) + "id = '0123456789abcdef0123456789abcdef'\n";
    let said = refused_file(&(with_id("a") + &with_id("b")));
    assert!(said.starts_with("auth.projects[b].id = "), "{said}");
}

#[test]
fn no_secret_is_printed() {
    let key = "access_key = 'AKEXAMPLE0001'\nsecret_key = 'SKexampleSecret0001'";
    let file = users(&[&format!("{ALICE}\n{key}")]);
    let layers = layers(&file, &[], &[]).unwrap();
    let printed = layers.to_string();
    assert!(
        printed.contains("AKEXAMPLE0001") && printed.contains("\"***\""),
        "{printed}"
    );
    let all = format!("{printed}{:?}", Config::check(&layers).unwrap());
    assert!(
        !all.contains("horse") && !all.contains("SKexample"),
        "{all}"
    );
}

#[test]
fn local_users_have_a_domain_and_tokens_for_a_day() {
    let auth = local(&Layers::new());
    assert_eq!(auth.domain_name.as_str(), "Default");
    assert_eq!(auth.token_lifetime, Duration::from_hours(24));
    assert_eq!(auth.signature_skew, Duration::from_mins(15));
    assert!(auth.projects.is_empty() && auth.users.is_empty());
}
