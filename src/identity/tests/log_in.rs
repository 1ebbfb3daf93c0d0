//! Logging in, and what becomes of tokens.

use std::net::IpAddr;

use super::*;

#[tokio::test]
async fn all_ways_to_name_user_and_scope_lead_to_a_token() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Member).await;
    let name = |domain| NamedUser::Name("alice".to_owned(), domain);
    let by_name = |domain| NamedDomain::Name(String::from(domain));
    let users = [
        NamedUser::Id(alice.id.to_string()),
        name(None),
        name(Some(by_name("Default"))),
        name(Some(NamedDomain::Id("default".to_owned()))),
    ];
    for user in users {
        let request = LogIn {
            proof: Proof::Password(user.clone(), Some(password("correct horse"))),
            scope: scope_of(&project),
            from: None,
        };
        assert!(
            fixture.identity.log_in(request, NOW).await.is_ok(),
            "{user:?}"
        );
    }
    let project_name = |domain| NamedProject::Name("demo".to_owned(), domain);
    let in_project = Scope::Project(project.clone());
    for (scope, expected) in [
        (scope_of(&project), in_project.clone()),
        (WantedScope::Project(project_name(None)), in_project.clone()),
        (
            WantedScope::Project(project_name(Some(by_name("Default")))),
            in_project,
        ),
        (WantedScope::Domain(by_name("Default")), Scope::Domain),
        (WantedScope::Unscoped, Scope::Unscoped),
        (WantedScope::Unstated, Scope::Unscoped),
    ] {
        let token = fixture.log_in(scope).await;
        let described = fixture.identity.describe_token(&token, NOW).unwrap();
        assert_eq!(described.scope, expected);
        assert_eq!(described.user, alice);
        assert_eq!(described.methods, [Method::Password]);
    }
}

#[tokio::test]
async fn what_is_wrong_is_not_said() {
    let (fixture, _, project) = Fixture::with_alice(Role::Member).await;
    let stranger = NamedDomain::Name("Elsewhere".to_owned());
    let other = fixture.project("other").await;
    let in_project = || scope_of(&project);
    let mut elsewhere = with_password("alice", "correct horse", in_project());
    elsewhere.proof = Proof::Password(
        NamedUser::Name("alice".to_owned(), Some(stranger.clone())),
        Some(password("correct horse")),
    );
    for request in [
        with_password("alice", "wrong", in_project()),
        with_password("alice", "", in_project()),
        with_password("bob", "correct horse", in_project()),
        with_password("\n", "correct horse", in_project()),
        with_password("alice", "correct horse", scope_of(&other)),
        with_password("alice", "correct horse", WantedScope::Domain(stranger)),
        elsewhere,
    ] {
        let refused = fixture.identity.log_in(request, NOW).await.map(drop);
        assert_eq!(refused, Err(LogInRefused::Unauthorized));
    }
}

#[tokio::test]
async fn a_token_says_what_its_user_is_and_what_that_includes() {
    let (fixture, _, project) = Fixture::with_alice(Role::Admin).await;
    let described = fixture
        .identity
        .describe_token(&fixture.token_in(&project).await, NOW)
        .unwrap();
    assert_eq!(described.roles, [Role::Admin, Role::Member, Role::Reader]);
    assert_eq!(described.issued, NOW);
    assert_eq!(described.expires, NOW.plus_ms(86_400_000));
    assert_eq!(described.audit_id.len(), 22);
}

#[tokio::test]
async fn a_token_ends_at_its_time_and_so_does_what_was_got_with_it() {
    let (fixture, _, project) = Fixture::with_alice(Role::Member).await;
    let first = fixture.token_in(&project).await;
    let later = NOW.plus_ms(80_000_000);
    let request = LogIn {
        proof: Proof::Token(first.clone()),
        scope: scope_of(&project),
        from: None,
    };
    let second = fixture
        .identity
        .log_in(request.clone(), later)
        .await
        .unwrap();
    assert_eq!(
        second.description.methods,
        [Method::Password, Method::Token]
    );
    let end = NOW.plus_ms(86_400_000);
    for token in [&first, &second.token] {
        let at = |now| fixture.identity.caller_of_token(token, now).map(drop);
        assert_eq!(at(end.minus_ms(1)), Ok(()));
        assert_eq!(at(end), Err(Refused::ExpiredToken));
    }
    let refused = fixture.identity.log_in(request, end).await.map(drop);
    assert_eq!(refused, Err(LogInRefused::Unauthorized));
}

#[tokio::test]
async fn a_password_change_voids_tokens_and_the_password() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Member).await;
    let token = fixture.token_in(&project).await;
    let (old, new) = (password("correct horse"), password("battery staple"));
    let identity = &fixture.identity;
    let wrong = identity.change_own_password(alice.id, new.clone(), old.clone(), NOW);
    assert_eq!(wrong.await, Err(Error::Refused(LogInRefused::Unauthorized)));
    assert!(fixture.caller(&token).is_ok());
    let changed = identity.change_own_password(alice.id, old, new, NOW);
    changed.await.unwrap();
    for fixture in [&fixture, &fixture.restarted()] {
        assert_eq!(fixture.caller(&token), Err(Refused::BadToken));
        let request = |text| with_password("alice", text, scope_of(&project));
        let refused = fixture.identity.log_in(request("correct horse"), NOW).await;
        assert_eq!(refused.map(drop), Err(LogInRefused::Unauthorized));
        let issued = fixture.identity.log_in(request("battery staple"), NOW);
        let issued = issued.await.unwrap();
        assert!(
            fixture.caller(&issued.token).is_ok(),
            "also in the same moment"
        );
    }
}

#[tokio::test]
async fn a_disabled_user_is_out_and_old_tokens_stay_void() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Member).await;
    let token = fixture.token_in(&project).await;
    let identity = &fixture.identity;
    let set = |is_enabled| UserChange {
        is_enabled: Some(is_enabled),
        ..UserChange::default()
    };
    identity
        .change_user(alice.id, set(false), NOW)
        .await
        .unwrap();
    assert_eq!(fixture.caller(&token), Err(Refused::BadToken));
    let request = with_password("alice", "correct horse", scope_of(&project));
    let refused = identity.log_in(request.clone(), NOW).await.map(drop);
    assert_eq!(refused, Err(LogInRefused::Unauthorized));
    identity
        .change_user(alice.id, set(true), NOW)
        .await
        .unwrap();
    assert_eq!(fixture.caller(&token), Err(Refused::BadToken));
    assert!(identity.log_in(request, NOW).await.is_ok());
}

#[tokio::test]
async fn a_revoked_token_is_void_and_no_other() {
    let (fixture, _, project) = Fixture::with_alice(Role::Member).await;
    let (one, other) = (
        fixture.token_in(&project).await,
        fixture.token_in(&project).await,
    );
    let identity = &fixture.identity;
    identity.revoke_token(one.clone(), NOW).await.unwrap();
    assert_eq!(fixture.caller(&one), Err(Refused::BadToken));
    assert_eq!(
        identity.describe_token(&one, NOW).map(drop),
        Err(Refused::BadToken)
    );
    assert!(fixture.caller(&other).is_ok());
    let unknown = identity.revoke_token("no token".to_owned(), NOW).await;
    assert_eq!(unknown, Err(Error::NoToken));
}

#[tokio::test]
async fn revocations_are_forgotten_when_they_are_needless() {
    let (fixture, _, project) = Fixture::with_alice(Role::Member).await;
    let identity = &fixture.identity;
    let token = fixture.token_in(&project).await;
    identity.revoke_token(token, NOW).await.unwrap();
    let count = || {
        let keys = crate::store::key::revoked_tokens();
        let entries = fixture.store.range(crate::store::key::borrowed(&keys), 10);
        entries.unwrap().len()
    };
    assert_eq!(count(), 1);
    let later = NOW.plus_ms(3 * 86_400_000);
    let request = with_password("alice", "correct horse", scope_of(&project));
    let issued = identity.log_in(request, later).await.unwrap();
    identity.revoke_token(issued.token, later).await.unwrap();
    assert_eq!(count(), 1, "the first one went when the second one came");
}

#[tokio::test]
async fn somebody_who_revokes_without_end_loses_all_tokens_and_takes_no_more_room() {
    let (fixture, _, project) = Fixture::with_alice(Role::Member).await;
    let identity = &fixture.identity;
    let first = fixture.token_in(&project).await;
    for _ in 0..1_001 {
        let request = LogIn {
            proof: Proof::Token(first.clone()),
            scope: WantedScope::Unscoped,
            from: None,
        };
        let issued = identity.log_in(request, NOW).await.unwrap();
        identity.revoke_token(issued.token, NOW).await.unwrap();
    }
    assert_eq!(fixture.caller(&first), Err(Refused::BadToken));
    let keys = crate::store::key::revoked_tokens();
    let entries = fixture.store.range(crate::store::key::borrowed(&keys), 10);
    assert!(entries.unwrap().is_empty());
    let fresh = fixture.token_in(&project).await;
    assert!(fixture.caller(&fresh).is_ok());
}

#[tokio::test]
async fn after_too_many_failures_even_the_right_password_has_to_wait() {
    let (fixture, _, project) = Fixture::with_alice(Role::Member).await;
    let identity = &fixture.identity;
    let from = |text: &str, address: &str| LogIn {
        from: address.parse::<IpAddr>().ok(),
        ..with_password("alice", text, scope_of(&project))
    };
    for number in 0..10 {
        let address = format!("10.0.0.{number}");
        let refused = identity.log_in(from("wrong", &address), NOW).await;
        assert_eq!(refused.map(drop), Err(LogInRefused::Unauthorized));
    }
    let refused = identity
        .log_in(from("correct horse", "10.0.1.1"), NOW)
        .await;
    let retry_after = Duration::from_secs(30);
    assert_eq!(
        refused.map(drop),
        Err(LogInRefused::TooManyFailures { retry_after })
    );
    let later = NOW.plus_ms(30_000);
    let issued = identity
        .log_in(from("correct horse", "10.0.1.1"), later)
        .await;
    assert!(issued.is_ok());
    for _ in 0..9 {
        let refused = identity.log_in(from("wrong", "10.0.1.1"), later).await;
        assert_eq!(
            refused.map(drop),
            Err(LogInRefused::Unauthorized),
            "the success cleared it"
        );
    }
}

#[tokio::test]
async fn unknown_users_are_throttled_as_known_ones_are() {
    let fixture = Fixture::new();
    let request = || with_password("nobody", "wrong", WantedScope::Unscoped);
    for _ in 0..10 {
        let refused = fixture.identity.log_in(request(), NOW).await.map(drop);
        assert_eq!(refused, Err(LogInRefused::Unauthorized));
    }
    let refused = fixture.identity.log_in(request(), NOW).await.map(drop);
    assert!(matches!(refused, Err(LogInRefused::TooManyFailures { .. })));
}

#[tokio::test]
async fn nothing_secret_is_shown_for_a_log() {
    let (fixture, alice, project) = Fixture::with_alice(Role::Member).await;
    let token = fixture.token_in(&project).await;
    let caller = fixture.caller(&token).unwrap();
    let key = fixture
        .identity
        .new_temporary_key(&caller, Duration::from_mins(15), NOW);
    let key = key.unwrap();
    let permanent = fixture
        .identity
        .create_access_key(alice.id, String::new(), NOW);
    let permanent = permanent.await.unwrap();
    let shown = format!(
        "{:?} {:?} {caller:?} {key:?} {permanent:?}",
        with_password("alice", "correct horse", scope_of(&project)),
        Proof::Token(token.clone()),
    );
    for secret in [
        "correct horse",
        &token,
        key.secret.expose(),
        &key.security_token,
        permanent.1.expose(),
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
