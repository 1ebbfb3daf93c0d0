//! Temporary access keys: what they sign, what they need beside it, and when they end.

use super::sdk::{Sdk, Sent};
use super::signatures::{is_refused, list, with_key};
use super::*;

/// A temporary key, which signs with what its token reaches, and that token.
async fn temporary(fixture: &Fixture) -> (TemporaryKey, String) {
    let project = fixture.identity.projects().remove(0);
    let token = fixture.token_in(&project).await;
    let caller = fixture.caller(&token).unwrap();
    let lifetime = Duration::from_mins(15);
    let key = fixture.identity.new_temporary_key(&caller, lifetime, NOW);
    (key.unwrap(), token)
}

fn sign(sent: Sent, sdk: Sdk, key: &TemporaryKey) -> Sent {
    sent.signed_with(sdk, key.id.as_str(), key.secret.expose())
}

#[tokio::test]
async fn a_temporary_key_signs_together_with_its_security_token() {
    let (fixture, alice) = with_key().await;
    let (key, _) = temporary(&fixture).await;
    let identity = &fixture.identity;
    // One SDK signs the header, the other adds it afterwards.
    let huawei = list().with("x-security-token", &key.security_token);
    let gopher = sign(list(), Sdk::Gopher("", ""), &key);
    let gopher = gopher.with("x-security-token", &key.security_token);
    for sent in [sign(huawei, Sdk::Huawei, &key), gopher] {
        let caller = sent.arrive(identity).unwrap();
        assert_eq!(caller.user(), Some(alice.id));
        let project = identity.projects().remove(0).id;
        assert_eq!(caller.project(), Some(project));
        let at_end = sent.arrive_at(identity, key.expires);
        assert_eq!(at_end, Err(Refused::ExpiredToken));
        let again = fixture.restarted();
        assert!(sent.arrive(&again.identity).is_ok());
    }
}

#[tokio::test]
async fn a_temporary_key_needs_its_own_security_token_and_a_permanent_one_must_have_none() {
    let (fixture, _) = with_key().await;
    let (key, token) = temporary(&fixture).await;
    let (other, _) = temporary(&fixture).await;
    let identity = &fixture.identity;
    let alone = sign(list(), Sdk::Huawei, &key);
    assert!(is_refused(&alone.arrive(identity)));
    let with = |text: &str| {
        alone
            .clone()
            .with("x-security-token", text)
            .arrive(identity)
    };
    assert!(with(&key.security_token).is_ok());
    assert!(is_refused(&with(&other.security_token)));
    assert_eq!(with(&token), Err(Refused::BadToken));
    assert_eq!(with(""), Err(Refused::BadToken));
    let permanent = list().signed(Sdk::Huawei);
    let permanent = permanent.with("x-security-token", &key.security_token);
    assert!(is_refused(&permanent.arrive(identity)));
}

#[tokio::test]
async fn a_temporary_key_ends_with_the_token_that_it_was_got_with() {
    let (fixture, alice) = with_key().await;
    let identity = &fixture.identity;
    let (key, token) = temporary(&fixture).await;
    let sent = sign(list(), Sdk::Huawei, &key).with("x-security-token", &key.security_token);
    assert!(sent.arrive(identity).is_ok());
    identity.revoke_token(token, NOW).await.unwrap();
    assert_eq!(sent.arrive(identity), Err(Refused::BadToken));

    let (key, _) = temporary(&fixture).await;
    let sent = sign(list(), Sdk::Huawei, &key).with("x-security-token", &key.security_token);
    assert!(sent.arrive(identity).is_ok());
    let change = UserChange {
        password: Some(password("battery staple")),
        ..UserChange::default()
    };
    identity.change_user(alice.id, change, NOW).await.unwrap();
    assert_eq!(sent.arrive(identity), Err(Refused::BadToken));
}

#[tokio::test]
async fn a_temporary_key_stays_void_when_its_token_would_have_expired() {
    let (fixture, _) = with_key().await;
    let identity = &fixture.identity;
    let project = identity.projects().remove(0);
    let token = fixture.token_in(&project).await;
    let later = NOW.plus_ms(80_000_000);
    let caller = identity.caller_of_token(&token, later).unwrap();
    let key = identity.new_temporary_key(&caller, Duration::from_hours(24), later);
    let key = key.unwrap();
    identity.revoke_token(token, later).await.unwrap();

    // The next revocation clears away what has become needless.
    let much_later = NOW.plus_ms(90_000_000);
    let request = with_password("alice", "correct horse", scope_of(&project));
    let issued = identity.log_in(request, much_later).await.unwrap();
    identity
        .revoke_token(issued.token, much_later)
        .await
        .unwrap();
    let sent = list().with("x-sdk-date", "20240103T040405Z");
    let sent = sign(sent, Sdk::Huawei, &key).with("x-security-token", &key.security_token);
    assert_eq!(sent.arrive_at(identity, much_later), Err(Refused::BadToken));
}

#[tokio::test]
async fn a_temporary_key_lives_for_a_quarter_of_an_hour_to_a_day() {
    let (fixture, _) = with_key().await;
    let project = fixture.identity.projects().remove(0);
    let caller = fixture.caller(&fixture.token_in(&project).await).unwrap();
    let ask = |s| {
        let lifetime = Duration::from_secs(s);
        let key = fixture.identity.new_temporary_key(&caller, lifetime, NOW);
        key.map(|key| key.expires)
    };
    assert_eq!(ask(899), Err(Error::Lifetime));
    assert_eq!(ask(900), Ok(NOW.plus_ms(900_000)));
    assert_eq!(ask(86_400), Ok(NOW.plus_ms(86_400_000)));
    assert_eq!(ask(86_401), Err(Error::Lifetime));
    let anybody =
        fixture
            .identity
            .new_temporary_key(&Caller::anybody(), Duration::from_mins(15), NOW);
    assert_eq!(anybody, Err(Error::NoUser));
}
