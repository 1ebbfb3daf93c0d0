//! Signed requests: those of the reference's vectors, those that clients build, and those that somebody altered.

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::sdk::{ACCESS_KEY, DATE, SECRET_KEY, Sdk, Sent, canonical, hex};
use super::*;

const QUEUES: &str = "/v1.0/0123456789abcdef0123456789abcdef/queues";
const SDKS: [Sdk; 3] = [
    Sdk::Huawei,
    Sdk::Gopher("", ""),
    Sdk::Gopher("eu-de", "dms"),
];

/// A server with a user `alice` and the access key of the reference.
pub(super) async fn with_key() -> (Fixture, User) {
    let fixture = Fixture::new();
    let name = ProjectName::parse("demo").unwrap();
    let project = DeclaredProject {
        id: "0123456789abcdef0123456789abcdef".parse().ok(),
        name: name.clone(),
    };
    let user = DeclaredUser {
        name: UserName::parse("alice").unwrap(),
        password: password("correct horse"),
        project: name,
        role: Role::Member,
        key: Some((
            AccessKeyId::parse(ACCESS_KEY).unwrap(),
            SecretKey::parse(SECRET_KEY).unwrap(),
        )),
    };
    let identity = &fixture.identity;
    identity
        .ensure_declared(vec![project], vec![user], NOW)
        .await
        .unwrap();
    let alice = identity.users().remove(0);
    (fixture, alice)
}

pub(super) fn list() -> Sent {
    Sent::new("GET", QUEUES).asking("include_deadletter=true")
}

fn create() -> Sent {
    Sent::new("POST", QUEUES)
        .with("content-type", "application/json")
        .carrying(r#"{"name":"q1"}"#)
}

pub(super) fn is_refused(answer: &std::result::Result<Caller, Refused>) -> bool {
    matches!(answer, Err(Refused::BadSignature(_)))
}

/// Reference §3.2.
#[tokio::test]
async fn the_vectors_of_the_reference_are_genuine() {
    let (fixture, alice) = with_key().await;
    let gopher = "Credential=AKEXAMPLE0001/20240102///sdk_request";
    let java = "Credential=AKEXAMPLE0001/20240102/eu-de/dms/sdk_request";
    let huawei = "Access=AKEXAMPLE0001";
    for (request, who, names, signature) in [
        (
            list(),
            huawei,
            "host;x-sdk-date",
            "76d78879665885d07fbeacfcba08aa682744e5a330be3b3cd3b726ac2ae94584",
        ),
        (
            create(),
            huawei,
            "content-type;host;x-sdk-date",
            "2adcbb7ad6e4433a37a0b1e60ffb763f70a503710cc99d2849760e9d12a478b5",
        ),
        (
            list(),
            gopher,
            "host;x-sdk-date",
            "def265532c72fa3470d68d134266f8a33d72535937256af4c8f381c90daef561",
        ),
        (
            list(),
            java,
            "host;x-sdk-date",
            "81c34d3cbdfdb5e24f06b42e9a6a811fe4eeb1fabc5e303c13b68247b30a40a2",
        ),
    ] {
        let header = format!("SDK-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={signature}");
        let caller = request
            .with("authorization", &header)
            .arrive(&fixture.identity);
        assert_eq!(caller.unwrap().user(), Some(alice.id), "{who}");
    }
}

/// The clients of these tests, too, sign as the reference says.
#[test]
fn the_clients_here_agree_with_the_reference() {
    let hash = |sent: &Sent| hex(&Sha256::digest(canonical(sent, Sdk::Huawei)));
    assert_eq!(
        hash(&list()),
        "cdb6688dcba449141f12a19beb6c39ef41af1c3ff5c5dfcc102058b91368ca34"
    );
    assert_eq!(
        hash(&create()),
        "e4aeb4915bff05fc19ac44e8ff7b2a5e754450f8d643f5be5bd494e0afc4790e"
    );
    let header = list().signed(Sdk::Gopher("eu-de", "dms"));
    let header = header.header("authorization").unwrap();
    assert!(header.ends_with("81c34d3cbdfdb5e24f06b42e9a6a811fe4eeb1fabc5e303c13b68247b30a40a2"));
}

#[tokio::test]
async fn what_clients_sign_is_genuine() {
    let (fixture, alice) = with_key().await;
    let body_hash = hex(&Sha256::digest(r#"{"name":"q1"}"#));
    let requests = [
        list(),
        create(),
        create().with("x-sdk-content-sha256", &body_hash),
        create().with("user-agent", "a  client/1.0   of mine"),
        Sent::new("GET", "//v1.0/p//queues/").asking("b=2&a=1&c"),
        Sent::new("GET", "/v1.0/p/a%20b%2Bc/%C3%A4").asking("q=a%20b%2B%C3%A4&x=~-_."),
        Sent::new("POST", QUEUES).asking("b=2&a=x%20y&B=%2B"),
        Sent::new("POST", QUEUES),
        Sent::new("DELETE", "/").asking("a+b=c+d"),
        Sent::new("PUT", QUEUES).carrying("ä"),
    ];
    for sdk in SDKS {
        for request in &requests {
            let caller = request.clone().signed(sdk).arrive(&fixture.identity);
            let caller = caller.map(|caller| caller.user());
            assert_eq!(caller, Ok(Some(alice.id)), "{sdk:?} {request:?}");
        }
    }
}

#[tokio::test]
async fn a_key_reaches_every_project_in_which_its_user_has_a_role() {
    let (fixture, alice) = with_key().await;
    let caller = list()
        .signed(Sdk::Huawei)
        .arrive(&fixture.identity)
        .unwrap();
    let own: ProjectId = "0123456789abcdef0123456789abcdef".parse().unwrap();
    let other = fixture.project("other").await;
    let may = |project: ProjectId| {
        let access = fixture
            .gate()
            .authorize(&caller, project.into(), Permission::CreateQueue);
        access.map(|access| access.project())
    };
    assert_eq!(may(own), Ok(own));
    assert_eq!(may(other.id), Err(Denied::OtherProject));
    let place = Place::Project(other.id);
    fixture
        .identity
        .give_role(alice.id, place, Role::Member)
        .await
        .unwrap();
    assert_eq!(may(other.id), Ok(other.id));
}

#[tokio::test]
async fn whatever_is_altered_the_signature_is_not_genuine_any_more() {
    let (fixture, _) = with_key().await;
    for sdk in SDKS {
        let original = create().asking("a=1").signed(sdk);
        assert!(original.arrive(&fixture.identity).is_ok());
        let alter = |change: &dyn Fn(&mut Sent)| {
            let mut sent = original.clone();
            change(&mut sent);
            sent
        };
        let authorization = original.header("authorization").unwrap();
        let digit = if authorization.ends_with('0') {
            "1"
        } else {
            "0"
        };
        let last = authorization.len() - 1;
        for altered in [
            alter(&|sent| sent.method = "PUT".to_owned()),
            alter(&|sent| sent.path.push('x')),
            alter(&|sent| sent.query = "a=2".to_owned()),
            alter(&|sent| sent.query = String::new()),
            alter(&|sent| sent.query.push_str("&a=2")),
            alter(&|sent| sent.query.push_str("&b=2")),
            alter(&|sent| sent.body = br#"{"name":"q2"}"#.to_vec()),
            alter(&|sent| sent.body.clear()),
            original.clone().with("content-type", "text/plain"),
            original.clone().with("host", "other.example.test"),
            original.clone().with("x-sdk-date", "20240102T030406Z"),
            original
                .clone()
                .with("x-sdk-content-sha256", "UNSIGNED-PAYLOAD"),
            original
                .clone()
                .with("x-sdk-content-sha256", &"0".repeat(64)),
            original.clone().with(
                "authorization",
                &format!("{}{digit}", &authorization[..last]),
            ),
            original
                .clone()
                .with("authorization", &authorization.replace("host;", "")),
            original.clone().with(
                "authorization",
                &authorization.replace(ACCESS_KEY, "AKEXAMPLE0002"),
            ),
            alter(&|sent| {
                sent.headers
                    .push(("host".to_owned(), "dms.example.test".to_owned()));
            }),
            alter(&|sent| sent.headers.retain(|(name, _)| name != "x-sdk-date")),
        ] {
            assert!(
                is_refused(&altered.arrive(&fixture.identity)),
                "{sdk:?} {altered:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_query_that_stands_for_the_body_cannot_be_altered_either() {
    let (fixture, _) = with_key().await;
    let original = Sent::new("POST", QUEUES)
        .asking("a=1")
        .signed(Sdk::Gopher("", ""));
    assert!(original.arrive(&fixture.identity).is_ok());
    assert!(is_refused(
        &original.clone().asking("a=2").arrive(&fixture.identity)
    ));
    assert!(is_refused(
        &original.carrying("a=1").arrive(&fixture.identity)
    ));

    let unsigned = Sent::new("POST", QUEUES)
        .asking("a=1")
        .with("content-type", "text/plain")
        .with("x-sdk-content-sha256", "UNSIGNED-PAYLOAD")
        .signed(Sdk::Gopher("", ""));
    assert!(is_refused(
        &unsigned.asking("a=2").arrive(&fixture.identity)
    ));
}

#[tokio::test]
async fn the_hash_that_a_request_declares_must_be_the_one_of_its_body() {
    let (fixture, _) = with_key().await;
    let other = hex(&Sha256::digest(r#"{"name":"q2"}"#));
    for sdk in SDKS {
        // Whoever signs may well lie, or repeat what was overheard.
        let sent = create().with("x-sdk-content-sha256", &other).signed(sdk);
        assert!(is_refused(&sent.arrive(&fixture.identity)), "{sdk:?}");
        let honest = sent.carrying(r#"{"name":"q2"}"#);
        assert!(honest.arrive(&fixture.identity).is_ok(), "{sdk:?}");
    }
}

#[tokio::test]
async fn a_payload_that_is_not_json_may_go_unsigned() {
    let (fixture, _) = with_key().await;
    let upload = |kind: &str| {
        Sent::new("PUT", QUEUES)
            .with("content-type", kind)
            .with("x-sdk-content-sha256", "UNSIGNED-PAYLOAD")
    };
    for sdk in SDKS {
        let sent = upload("application/octet-stream")
            .signed(sdk)
            .carrying("anything");
        assert!(sent.arrive(&fixture.identity).is_ok(), "{sdk:?}");
        for kind in [
            "application/json",
            "Application/JSON; charset=utf8",
            "application/bson",
        ] {
            let sent = upload(kind).signed(sdk).carrying("{}");
            assert!(
                is_refused(&sent.arrive(&fixture.identity)),
                "{sdk:?} {kind}"
            );
        }
        let sent = upload("text/plain").signed(sdk);
        let names = "content-type;host;";
        let header = sent
            .header("authorization")
            .unwrap()
            .replace(names, "host;");
        let sent = sent.with("authorization", &header);
        assert!(
            is_refused(&sent.arrive(&fixture.identity)),
            "{sdk:?} without a content type"
        );
    }
}

#[tokio::test]
async fn a_signature_holds_for_a_quarter_of_an_hour_either_way() {
    let (fixture, _) = with_key().await;
    for sdk in SDKS {
        let sent = list().signed(sdk);
        let at = |now| sent.arrive_at(&fixture.identity, now);
        assert!(at(NOW.plus_ms(900_000)).is_ok());
        assert!(at(NOW.minus_ms(900_000)).is_ok());
        assert!(is_refused(&at(NOW.plus_ms(900_001))));
        assert!(is_refused(&at(NOW.minus_ms(900_001))));
    }
}

#[tokio::test]
async fn a_scope_of_another_day_is_refused() {
    let (fixture, _) = with_key().await;
    let sent = list().signed(Sdk::Gopher("", ""));
    for date in ["20240103", "2024", ""] {
        let header = sent.header("authorization").unwrap();
        let header = header.replace(&DATE[..8], date);
        let sent = sent.clone().with("authorization", &header);
        assert!(is_refused(&sent.arrive(&fixture.identity)), "{date}");
    }
}

#[tokio::test]
async fn unknown_keys_and_wrong_secrets_get_the_same_answer() {
    let (fixture, _) = with_key().await;
    let unknown = list().signed_with(Sdk::Huawei, "AKEXAMPLE0002", SECRET_KEY);
    let wrong = list().signed_with(Sdk::Huawei, ACCESS_KEY, "SKexampleSecret0002");
    let identity = &fixture.identity;
    assert!(unknown.arrive(identity).is_err());
    assert_eq!(unknown.arrive(identity), wrong.arrive(identity));
}

#[tokio::test]
async fn a_key_ends_when_it_or_its_user_does() {
    let (fixture, alice) = with_key().await;
    let identity = &fixture.identity;
    let id = AccessKeyId::parse(ACCESS_KEY).unwrap();
    let is_good = || list().signed(Sdk::Huawei).arrive(identity).is_ok();
    let set = |status| identity.change_access_key(id.clone(), Some(status), None);
    assert!(is_good());
    set(KeyStatus::Inactive).await.unwrap();
    assert!(!is_good());
    set(KeyStatus::Active).await.unwrap();
    assert!(is_good());
    let disabled = UserChange {
        is_enabled: Some(false),
        ..UserChange::default()
    };
    identity.change_user(alice.id, disabled, NOW).await.unwrap();
    assert!(!is_good());
    identity.delete_access_key(id.clone()).await.unwrap();
    assert_eq!(identity.access_key(&id), None);
}

#[test]
fn any_header_that_looks_like_a_signature_is_known_as_one() {
    for text in [
        "SDK-HMAC-SHA256 Access=AK",
        "SDK-HMAC-SM3 x",
        "V11-HMAC-SHA256 Credential=AK",
        "SDK-ECDSA-P256-SHA256 x",
    ] {
        assert!(is_signature(text), "{text}");
    }
    for text in ["", "Bearer x", "Basic c2Rr"] {
        assert!(!is_signature(text), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_request_gets_an_answer(
        path in "/\\PC{0,30}",
        query in "\\PC{0,30}",
        authorization in "SDK-HMAC-SHA256 (Access|Credential)=AK[/a-z0-9]{0,40}, SignedHeaders=[a-z;-]{0,30}, Signature=[0-9a-f]{62,66}|\\PC{0,60}",
        hash in "[0-9a-f]{64}|UNSIGNED-PAYLOAD|\\PC{0,9}",
        token in "\\PC{0,20}|[A-Za-z0-9_-]{155}",
        body in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let identity = Fixture::new().identity;
        let mut sent = Sent::new("POST", &path).asking(&query)
            .with("authorization", &authorization)
            .with("x-sdk-content-sha256", &hash);
        sent.body = body;
        prop_assert!(sent.arrive(&identity).is_err());
        prop_assert!(sent.with("x-security-token", &token).arrive(&identity).is_err());
        prop_assert!(identity.caller_of_token(&token, NOW).is_err());
    }
}
