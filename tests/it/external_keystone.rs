//! What this server makes of an external Keystone's answers, and of their absence.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use rohrpost::identity::keystone::{Keystone, Settings, Unusable};
use rohrpost::identity::{Caller, Denied, Gate, Permission, Refused};
use rohrpost::types::{ProjectId, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::fake_keystone::{Behaviour, FakeKeystone, token_body};
use crate::harness::{OTHER_PROJECT, PROJECT, Reply, START_MS, Server, at};

const START: Timestamp = Timestamp(START_MS);
const HOUR_MS: u64 = 3_600_000;
const CACHE_MS: u64 = 30_000;

fn member() -> Value {
    token_body(PROJECT, "member", START.plus_ms(HOUR_MS))
}

/// A Keystone that knows the token "good", and the way to it.
async fn keystone() -> (FakeKeystone, Keystone) {
    keystone_with(|_| {}).await
}

async fn keystone_with(change: impl FnOnce(&mut Settings)) -> (FakeKeystone, Keystone) {
    let fake = FakeKeystone::start().await;
    fake.knows("good", member());
    let mut settings = fake.settings();
    change(&mut settings);
    (fake, Keystone::new(settings).unwrap())
}

/// What the caller with this answer of Keystone's may do in this project.
async fn may(body: Value, project: &str, permission: Permission) -> Result<(), Denied> {
    let fake = FakeKeystone::start().await;
    fake.knows("t", body);
    let gate = Gate::external(Keystone::new(fake.settings()).unwrap());
    let caller = gate.caller_of_token("t", START).await.unwrap();
    let project: ProjectId = project.parse().unwrap();
    gate.authorize(&caller, project.into(), permission)
        .map(drop)
}

#[tokio::test]
async fn a_token_makes_the_user_whom_keystone_describes() {
    let (_fake, keystone) = keystone().await;
    let caller = keystone.caller_of_token("good", START).await.unwrap();
    assert_eq!(caller.project(), Some(PROJECT.parse().unwrap()));
    assert!(caller.goes_by("alice"));
    assert!(caller.goes_by("u-1"));
    assert!(!caller.goes_by("demo"));
}

#[tokio::test]
async fn a_role_of_keystone_permits_what_it_permits_here_in_its_project_alone() {
    use Permission::{CreateQueue, ListQueues, SetPolicy};
    let with = |role| token_body(PROJECT, role, START.plus_ms(HOUR_MS));
    for (role, permission, expected) in [
        ("reader", ListQueues, Ok(())),
        ("reader", CreateQueue, Err(Denied::ReadOnly)),
        ("member", CreateQueue, Ok(())),
        ("member", SetPolicy, Err(Denied::RoleTooLow)),
        ("Admin", SetPolicy, Ok(())),
    ] {
        let found = may(with(role), PROJECT, permission).await;
        assert_eq!(found, expected, "{role} {permission:?}");
        let found = may(with(role), OTHER_PROJECT, permission).await;
        assert_eq!(found, Err(Denied::OtherProject), "{role} {permission:?}");
    }
}

#[tokio::test]
async fn a_token_for_something_else_than_a_project_reaches_none() {
    let mut unscoped = member();
    unscoped["token"].as_object_mut().unwrap().remove("project");
    unscoped["token"].as_object_mut().unwrap().remove("roles");
    let mut for_the_domain = token_body(PROJECT, "admin", START.plus_ms(HOUR_MS));
    for_the_domain["token"]["domain"] = for_the_domain["token"]["project"].take();
    let for_a_domain_project = token_body("default", "admin", START.plus_ms(HOUR_MS));
    let without_a_role = token_body(PROJECT, "auditor", START.plus_ms(HOUR_MS));
    for body in [
        unscoped,
        for_the_domain,
        for_a_domain_project,
        without_a_role,
    ] {
        let found = may(body.clone(), PROJECT, Permission::ListQueues).await;
        assert!(found.is_err(), "{body}");
    }
}

#[tokio::test]
async fn an_answer_serves_for_the_cache_time_and_no_longer() {
    let (fake, keystone) = keystone().await;
    for (after_ms, questions) in [(0, 1), (CACHE_MS - 1, 1), (CACHE_MS, 2), (CACHE_MS + 1, 2)] {
        let caller = keystone.caller_of_token("good", START.plus_ms(after_ms));
        caller.await.unwrap();
        assert_eq!(fake.questions(), questions, "after {after_ms} ms");
    }
    assert_eq!(fake.log_ins(), 1);
}

#[tokio::test]
async fn an_answer_never_outlives_its_token() {
    let (fake, keystone) = keystone().await;
    let end = START.plus_ms(1_000);
    fake.knows("short", token_body(PROJECT, "member", end));
    let asked_at = async |now| keystone.caller_of_token("short", now).await.map(drop);
    assert_eq!(asked_at(START).await, Ok(()));
    assert_eq!(asked_at(end.minus_ms(1)).await, Ok(()));
    assert_eq!(asked_at(end).await, Err(Refused::ExpiredToken));
    fake.revokes("short");
    assert_eq!(
        asked_at(end.plus_ms(CACHE_MS)).await,
        Err(Refused::BadToken)
    );
}

#[tokio::test]
async fn a_revoked_token_is_refused_when_the_cache_time_is_over() {
    let (fake, keystone) = keystone().await;
    keystone.caller_of_token("good", START).await.unwrap();
    fake.revokes("good");
    let still = keystone.caller_of_token("good", START.plus_ms(CACHE_MS - 1));
    still.await.unwrap();
    let refused = keystone.caller_of_token("good", START.plus_ms(CACHE_MS));
    assert_eq!(refused.await, Err(Refused::BadToken));
}

#[tokio::test]
async fn a_token_that_keystone_does_not_know_is_asked_about_once() {
    let (fake, keystone) = keystone().await;
    for _ in 0..3 {
        let refused = keystone.caller_of_token("made-up", START).await;
        assert_eq!(refused, Err(Refused::BadToken));
    }
    assert_eq!(fake.questions(), 1);
}

#[tokio::test]
async fn what_cannot_be_a_token_is_refused_without_asking() {
    let (fake, keystone) = keystone().await;
    let long = "x".repeat(8_193);
    for text in ["", "two words", "tök", &long] {
        let refused = keystone.caller_of_token(text, START).await;
        assert_eq!(refused, Err(Refused::BadToken), "{text:?}");
    }
    assert_eq!((fake.questions(), fake.log_ins()), (0, 0));
}

/// What becomes of these tokens when all are shown at once.
async fn all_at_once(
    keystone: Keystone,
    tokens: impl Iterator<Item = String>,
) -> Vec<Result<Caller, Refused>> {
    let keystone = Arc::new(keystone);
    let mut asking = JoinSet::new();
    for token in tokens {
        let keystone = keystone.clone();
        asking.spawn(async move { keystone.caller_of_token(&token, START).await });
    }
    asking.join_all().await
}

#[tokio::test]
async fn one_asks_about_a_token_that_many_show_at_once() {
    let (fake, keystone) = keystone().await;
    fake.behaves(Behaviour::AnswersAfter(Duration::from_millis(50)));
    let tokens = (0..50).map(|_| "good".to_owned());
    let callers = all_at_once(keystone, tokens).await;
    assert!(callers.iter().all(Result::is_ok), "{callers:?}");
    assert_eq!((fake.questions(), fake.log_ins()), (1, 1));
}

#[tokio::test]
async fn few_questions_are_asked_at_once() {
    let (fake, keystone) = keystone().await;
    let tokens: Vec<_> = (0..60).map(|n| format!("token-{n}")).collect();
    for token in &tokens {
        fake.knows(token, member());
    }
    fake.behaves(Behaviour::AnswersAfter(Duration::from_millis(30)));
    let callers = all_at_once(keystone, tokens.into_iter()).await;
    assert!(callers.iter().all(Result::is_ok), "{callers:?}");
    assert_eq!((fake.questions(), fake.under_way_max()), (60, 16));
}

#[tokio::test]
async fn as_many_answers_are_kept_as_the_settings_say() {
    let (fake, keystone) = keystone_with(|settings| settings.cache_entries = 10).await;
    for round in 1..=2 {
        for n in 0..100 {
            let token = format!("made-up-{n}");
            let refused = keystone.caller_of_token(&token, START);
            assert_eq!(refused.await, Err(Refused::BadToken));
        }
        assert!(fake.questions() >= round * 90, "{}", fake.questions());
    }
}

#[tokio::test]
async fn a_token_in_use_stays_known_while_made_up_ones_pour_in() {
    let (fake, keystone) = keystone_with(|settings| settings.cache_entries = 100).await;
    for _ in 0..3 {
        keystone.caller_of_token("good", START).await.unwrap();
    }
    for n in 0..1_000 {
        let token = format!("made-up-{n}");
        let refused = keystone.caller_of_token(&token, START);
        assert_eq!(refused.await, Err(Refused::BadToken));
    }
    let questions = fake.questions();
    keystone.caller_of_token("good", START).await.unwrap();
    assert_eq!(fake.questions(), questions);
}

#[tokio::test]
async fn known_tokens_go_on_while_keystone_is_out_of_order_and_new_ones_wait() {
    let (fake, keystone) = keystone().await;
    fake.knows("new", member());
    keystone.caller_of_token("good", START).await.unwrap();
    fake.behaves(Behaviour::Says(StatusCode::BAD_GATEWAY, String::new()));

    let known = keystone.caller_of_token("good", START.plus_ms(CACHE_MS - 1));
    known.await.unwrap();
    let stale = keystone.caller_of_token("good", START.plus_ms(CACHE_MS));
    assert_eq!(stale.await, Err(Refused::Unavailable));
    let new = keystone.caller_of_token("new", START).await;
    assert_eq!(new, Err(Refused::Unavailable));

    fake.behaves(Behaviour::Answers);
    keystone.caller_of_token("new", START).await.unwrap();
}

#[tokio::test]
async fn no_token_is_judged_when_nobody_listens() {
    let fake = FakeKeystone::start().await;
    let mut settings = fake.settings();
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    settings.url = format!("http://{}", nobody.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(nobody);
    let keystone = Keystone::new(settings).unwrap();
    let refused = keystone.caller_of_token("good", START).await;
    assert_eq!(refused, Err(Refused::Unavailable));
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_not_waited_for() {
    let short = Duration::from_millis(50);
    let (fake, keystone) = keystone_with(|settings| settings.timeout = short).await;
    fake.behaves(Behaviour::KeepsSilent);
    let refused = keystone.caller_of_token("good", START).await;
    assert_eq!(refused, Err(Refused::Unavailable));
    assert_eq!(fake.questions(), 1);
}

#[tokio::test]
async fn an_answer_that_no_keystone_gives_is_no_answer() {
    let (fake, keystone) = keystone().await;
    let without = |key: &str| {
        let mut body = member();
        body["token"].as_object_mut().unwrap().remove(key);
        body.to_string()
    };
    let with = |key: &str, value: Value| {
        let mut body = member();
        body["token"][key] = value;
        body.to_string()
    };
    let ok = StatusCode::OK;
    for (status, body) in [
        (ok, String::new()),
        (ok, "<html>Welcome</html>".to_owned()),
        (ok, json!({"token": "good"}).to_string()),
        (ok, without("user")),
        (ok, without("expires_at")),
        (ok, with("expires_at", json!("tomorrow"))),
        (ok, with("expires_at", json!("1969-01-01T00:00:00Z"))),
        (ok, with("roles", json!(["admin"]))),
        (ok, with("project", json!({"name": "demo"}))),
        (ok, with("methods", json!("x".repeat(300_000)))),
        (StatusCode::NO_CONTENT, String::new()),
        (StatusCode::FORBIDDEN, String::new()),
        (StatusCode::TOO_MANY_REQUESTS, String::new()),
        (StatusCode::INTERNAL_SERVER_ERROR, member().to_string()),
    ] {
        let excerpt = format!("{status} {}", &body[..body.len().min(200)]);
        fake.behaves(Behaviour::Says(status, body));
        let refused = keystone.caller_of_token("good", START).await;
        assert_eq!(refused, Err(Refused::Unavailable), "{excerpt}");
    }
}

#[tokio::test]
async fn a_redirection_takes_the_tokens_nowhere() {
    let (fake, keystone) = keystone().await;
    let (elsewhere, _) = self::keystone().await;
    let url = format!("{}/auth/tokens", elsewhere.settings().url);
    fake.behaves(Behaviour::RedirectsTo(url));
    let refused = keystone.caller_of_token("good", START).await;
    assert_eq!(refused, Err(Refused::Unavailable));
    assert_eq!((elsewhere.questions(), elsewhere.log_ins()), (0, 0));
}

#[tokio::test]
async fn the_service_user_logs_in_again_when_the_token_is_over() {
    let (fake, keystone) = keystone().await;
    keystone.caller_of_token("good", START).await.unwrap();
    fake.forgets_the_service_token();
    fake.knows("new", member());
    keystone.caller_of_token("new", START).await.unwrap();
    assert_eq!((fake.log_ins(), fake.questions()), (2, 3));
}

#[tokio::test]
async fn the_service_user_outlasts_the_second_in_which_its_token_was_revoked() {
    let (fake, keystone) = keystone().await;
    keystone.caller_of_token("good", START).await.unwrap();
    fake.knows("new", member());
    fake.revokes_the_service_token_and_the_next(1);
    let begin = Instant::now();
    keystone.caller_of_token("new", START).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    assert_eq!((fake.log_ins(), fake.questions()), (3, 4));
    // Who is refused time after time is not let in by asking for ever.
    fake.knows("newer", member());
    fake.revokes_the_service_token_and_the_next(usize::MAX);
    let refused = keystone.caller_of_token("newer", START).await;
    assert_eq!(refused, Err(Refused::Unavailable));
    assert_eq!((fake.log_ins(), fake.questions()), (5, 7));
}

#[tokio::test]
async fn a_refused_service_user_pauses_before_the_next_attempt() {
    const PAUSE_MS: u64 = 10_000;
    let (fake, keystone) = keystone().await;
    fake.changes_the_password_to("another one");
    for (after_ms, log_ins) in [(0, 1), (PAUSE_MS - 1, 1), (PAUSE_MS, 2)] {
        let refused = keystone.caller_of_token("good", START.plus_ms(after_ms));
        assert_eq!(refused.await, Err(Refused::Unavailable));
        assert_eq!(fake.log_ins(), log_ins, "after {after_ms} ms");
    }
    fake.restores_the_password();
    let caller = keystone.caller_of_token("good", START.plus_ms(2 * PAUSE_MS));
    caller.await.unwrap();
    assert_eq!(fake.questions(), 1);
}

#[tokio::test]
async fn certificates_that_are_none_are_refused_at_the_start() {
    let fake = FakeKeystone::start().await;
    let mut settings = fake.settings();
    settings.ca_pem = Some(b"no certificate".to_vec());
    let refused = Keystone::new(settings).err().unwrap();
    assert!(matches!(refused, Unusable::NoCertificate), "{refused}");
}

/// What the server answers to a request with this header. Its path is in `PROJECT`.
async fn answer(server: &Server, path: &str, header: &str) -> Reply {
    let path = at(path);
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: a\r\n{header}\r\nconnection: close\r\n\r\n");
    server.raw(request.as_bytes()).await
}

#[tokio::test]
async fn clients_are_told_whether_it_was_the_token_or_keystone() {
    let (fake, keystone) = keystone().await;
    fake.knows(
        "other",
        token_body(OTHER_PROJECT, "admin", START.plus_ms(HOUR_MS)),
    );
    fake.knows("over", token_body(PROJECT, "admin", START));
    let server = Server::start_behind(Gate::external(keystone)).await;
    answer(&server, "/queues", "x-auth-token: good")
        .await
        .expect(200);
    for (header, code) in [
        ("accept: */*", "DMS.10240103"),
        ("x-auth-token: made-up", "DMS.10240101"),
        ("x-auth-token: over", "DMS.10240102"),
        ("x-auth-token: other", "DMS.10240104"),
    ] {
        answer(&server, "/queues", header)
            .await
            .expect_error(401, code);
    }

    fake.behaves(Behaviour::Says(StatusCode::BAD_GATEWAY, String::new()));
    answer(&server, "/queues", "x-auth-token: good")
        .await
        .expect(200);
    let unknown = answer(&server, "/queues", "x-auth-token: new").await;
    unknown.expect_error(503, "DMS.10250005");
    assert!(unknown.headers.contains_key("retry-after"), "{unknown:?}");
    server.pass_s(30);
    let stale = answer(&server, "/queues", "x-auth-token: good").await;
    stale.expect_error(503, "DMS.10250005");
}

#[tokio::test]
async fn access_keys_mean_nothing_beside_a_keystone() {
    let (fake, keystone) = keystone().await;
    let server = Server::start_behind(Gate::external(keystone)).await;
    let signature = "authorization: SDK-HMAC-SHA256 Access=AK, SignedHeaders=host, Signature=00";
    let refused = answer(&server, "/queues", signature).await;
    refused.expect_error(401, "DMS.10240101");
    assert!(refused.text.contains("Keystone"), "{}", refused.text);
    assert_eq!((fake.questions(), fake.log_ins()), (0, 0));
}
