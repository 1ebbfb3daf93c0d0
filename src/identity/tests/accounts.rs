//! Users, projects, roles and keys: what becomes of them, and that it lasts.

use std::slice;

use super::*;

#[tokio::test]
async fn a_restart_keeps_users_projects_roles_keys_and_revocations() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Member).await;
    let identity = &fixture.identity;
    let place = Place::Project(project.id);
    identity
        .give_role(alice.id, Place::Domain, Role::Reader)
        .await
        .unwrap();
    let key = identity.create_access_key(alice.id, "for tests".to_owned(), NOW);
    let (key, _) = key.await.unwrap();
    let revoked = fixture.token_in(&project).await;
    let kept = fixture.token_in(&project).await;
    identity.revoke_token(revoked.clone(), NOW).await.unwrap();

    let again = fixture.restarted();
    assert_eq!(again.identity.users(), slice::from_ref(&alice));
    assert_eq!(again.identity.projects(), slice::from_ref(&project));
    assert_eq!(again.identity.access_keys(Some(alice.id)), [key]);
    assert_eq!(again.identity.role_in(alice.id, place), Some(Role::Member));
    assert_eq!(again.identity.assignments(None).len(), 2);
    assert_eq!(again.caller(&revoked), Err(Refused::BadToken));
    assert_eq!(again.caller(&kept).unwrap().user(), Some(alice.id));
    assert_eq!(again.token_in(&project).await.len(), kept.len());
}

#[tokio::test]
async fn what_could_not_be_made_durable_did_not_happen() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Reader).await;
    fixture.is_full.store(true, Ordering::Relaxed);
    let identity = &fixture.identity;
    let refused = Err(Error::Uncommitted(Uncommitted::NoRoom));
    let created = identity.create_user(new_user("bob"), NOW).await;
    assert_eq!(created.map(drop), refused);
    let place = Place::Project(project.id);
    assert_eq!(
        identity.give_role(alice.id, place, Role::Admin).await,
        refused
    );
    assert_eq!(identity.delete_user(alice.id).await, refused);
    assert_eq!(identity.users(), slice::from_ref(&alice));
    assert_eq!(identity.role_in(alice.id, place), Some(Role::Reader));
}

#[tokio::test]
async fn whoever_asked_may_go_while_it_is_being_made_durable() {
    let fixture = Fixture::new();
    let new = NewProject {
        id: None,
        name: ProjectName::parse("demo").unwrap(),
        description: String::new(),
        is_enabled: true,
    };
    let mut creating = Box::pin(fixture.identity.create_project(new));
    assert!(futures_poll(&mut creating).await.is_pending());
    drop(creating);
    while fixture.identity.projects().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.restarted().identity.projects().len(), 1);
}

/// Looks once whether a future is ready.
async fn futures_poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context))
    })
    .await
}

#[tokio::test]
async fn names_are_unique_and_free_again_when_they_are_given_up() {
    let fixture = Fixture::new();
    let alice = fixture.user("alice").await;
    let identity = &fixture.identity;
    let taken = identity.create_user(new_user("alice"), NOW).await;
    assert_eq!(taken, Err(Error::UserNameTaken));
    let change = UserChange {
        name: UserName::parse("alicia").ok(),
        ..UserChange::default()
    };
    identity.change_user(alice.id, change, NOW).await.unwrap();
    let name = |text| UserName::parse(text).unwrap();
    assert_eq!(identity.user_named(&name("alice")), None);
    assert_eq!(identity.user_named(&name("alicia")).unwrap().id, alice.id);
    fixture.user("alice").await;

    let project = fixture.project("demo").await;
    let same = |id, name| NewProject {
        id,
        name: ProjectName::parse(name).unwrap(),
        description: String::new(),
        is_enabled: true,
    };
    let taken = identity.create_project(same(None, "demo")).await;
    assert_eq!(taken, Err(Error::ProjectNameTaken));
    let taken = identity
        .create_project(same(Some(project.id), "other"))
        .await;
    assert_eq!(taken, Err(Error::ProjectIdTaken));
    identity.delete_project(project.id).await.unwrap();
    fixture.project("demo").await;
}

#[tokio::test]
async fn nothing_of_a_deleted_user_or_project_is_left() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Admin).await;
    let identity = &fixture.identity;
    identity
        .create_access_key(alice.id, String::new(), NOW)
        .await
        .unwrap();
    let token = fixture.token_in(&project).await;
    identity.revoke_token(token, NOW).await.unwrap();
    identity.delete_user(alice.id).await.unwrap();
    identity.delete_project(project.id).await.unwrap();
    let everything = crate::store::key::everything();
    let range = crate::store::key::borrowed(&everything);
    assert!(fixture.store.range(range, 10).unwrap().is_empty());
    assert_eq!(identity.assignments(None), []);
    assert_eq!(identity.access_keys(None), []);
    assert!(identity.is_empty());
}

#[tokio::test]
async fn a_deleted_project_takes_its_roles_along() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Admin).await;
    let token = fixture.token_in(&project).await;
    fixture.identity.delete_project(project.id).await.unwrap();
    assert_eq!(fixture.identity.assignments(Some(alice.id)), []);
    assert_eq!(fixture.restarted().identity.assignments(None), []);
    let described = fixture.identity.describe_token(&token, NOW);
    assert_eq!(described.map(drop), Err(Refused::BadToken));
}

#[tokio::test]
async fn a_role_that_is_taken_away_is_gone_at_once() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Member).await;
    let caller = fixture.caller(&fixture.token_in(&project).await).unwrap();
    let gate = fixture.gate();
    let send = || gate.authorize(&caller, project.id.into(), Permission::ProduceMessages);
    assert_eq!(send().unwrap().project(), project.id);
    let place = Place::Project(project.id);
    let identity = &fixture.identity;
    identity
        .give_role(alice.id, place, Role::Reader)
        .await
        .unwrap();
    identity
        .take_role(alice.id, place, Role::Member)
        .await
        .unwrap();
    assert_eq!(send(), Err(Denied::ReadOnly));
    identity
        .take_role(alice.id, place, Role::Reader)
        .await
        .unwrap();
    assert_eq!(send(), Err(Denied::OtherProject));
    let taken = identity.take_role(alice.id, place, Role::Reader).await;
    assert_eq!(taken, Err(Error::NoAssignment));
}

#[tokio::test]
async fn a_token_reaches_its_own_project_and_what_its_role_allows() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Reader).await;
    let other = fixture.project("other").await;
    let (gate, identity) = (fixture.gate(), &fixture.identity);
    identity
        .give_role(alice.id, Place::Project(other.id), Role::Admin)
        .await
        .unwrap();
    let caller = fixture.caller(&fixture.token_in(&project).await).unwrap();
    let may = |project: &Project, permission| {
        gate.authorize(&caller, project.id.into(), permission)
            .map(drop)
    };
    assert_eq!(may(&project, Permission::GetQueue), Ok(()));
    assert_eq!(
        may(&project, Permission::ConsumeMessages),
        Err(Denied::ReadOnly)
    );
    assert_eq!(
        may(&project, Permission::PeekMessages),
        Err(Denied::RoleTooLow)
    );
    assert_eq!(may(&other, Permission::GetQueue), Err(Denied::OtherProject));
    assert_eq!(
        gate.authorize_administration(&caller),
        Err(Denied::RoleTooLow)
    );

    let admin = fixture.caller(&fixture.token_in(&other).await).unwrap();
    assert_eq!(gate.authorize_administration(&admin), Ok(()));
    let there = gate.authorize(&admin, project.id.into(), Permission::GetQueue);
    assert_eq!(there, Err(Denied::OtherProject));
}

#[tokio::test]
async fn a_disabled_project_is_reached_by_nobody() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Admin).await;
    let change = ProjectChange {
        is_enabled: Some(false),
        ..ProjectChange::default()
    };
    let identity = &fixture.identity;
    identity.change_project(project.id, change).await.unwrap();
    assert_eq!(identity.role_in(alice.id, Place::Project(project.id)), None);
    assert_eq!(identity.projects_of(alice.id), []);
    let request = with_password("alice", "correct horse", scope_of(&project));
    let refused = identity.log_in(request, NOW).await;
    assert_eq!(refused.map(drop), Err(LogInRefused::Unauthorized));
}

fn declared(role: Role, text: &str) -> (Vec<DeclaredProject>, Vec<DeclaredUser>) {
    let name = ProjectName::parse("demo").unwrap();
    let id: ProjectId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let project = DeclaredProject {
        id: Some(id),
        name: name.clone(),
    };
    let user = DeclaredUser {
        name: UserName::parse("alice").unwrap(),
        password: password(text),
        project: name,
        role,
        key: Some((
            AccessKeyId::parse("AKEXAMPLE0001").unwrap(),
            SecretKey::parse("SKexampleSecret0001").unwrap(),
        )),
    };
    (vec![project], vec![user])
}

#[tokio::test]
async fn what_is_declared_is_made_and_then_kept_in_line() {
    let fixture = Fixture::new();
    let identity = &fixture.identity;
    let (projects, users) = declared(Role::Admin, "correct horse");
    identity
        .ensure_declared(projects, users, NOW)
        .await
        .unwrap();
    let project = identity.projects().remove(0);
    let user = identity.users().remove(0);
    let token = fixture.token_in(&project).await;
    assert_eq!(identity.access_keys(Some(user.id)).len(), 1);

    let (projects, users) = declared(Role::Admin, "correct horse");
    let commits = fixture.store.commits();
    identity
        .ensure_declared(projects, users, NOW)
        .await
        .unwrap();
    assert_eq!(fixture.store.commits(), commits, "nothing had to change");
    assert!(fixture.caller(&token).is_ok());

    let (projects, users) = declared(Role::Reader, "battery staple");
    identity
        .ensure_declared(projects, users, NOW)
        .await
        .unwrap();
    assert_eq!(
        identity.role_in(user.id, Place::Project(project.id)),
        Some(Role::Reader)
    );
    assert_eq!(fixture.caller(&token), Err(Refused::BadToken));
    let request = with_password("alice", "battery staple", WantedScope::Unstated);
    let issued = identity.log_in(request, NOW).await.unwrap();
    assert_eq!(issued.description.scope, Scope::Project(project));
}

#[tokio::test]
async fn a_declaration_that_contradicts_the_store_is_refused() {
    let fixture = Fixture::new();
    fixture.project("demo").await;
    let (projects, users) = declared(Role::Admin, "correct horse");
    let refused = fixture.identity.ensure_declared(projects, users, NOW).await;
    assert_eq!(refused, Err(Error::ProjectIdDiffers));

    let fixture = Fixture::new();
    let (projects, mut users) = declared(Role::Admin, "correct horse");
    let identity = &fixture.identity;
    identity
        .ensure_declared(projects, users.clone(), NOW)
        .await
        .unwrap();
    users[0].name = UserName::parse("mallory").unwrap();
    let refused = identity.ensure_declared(Vec::new(), users, NOW).await;
    assert_eq!(refused, Err(Error::KeyTaken));
}
