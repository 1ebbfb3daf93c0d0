//! What it costs to know who asks: a token, and a signature over a body of 1 KiB in both dialects.
//!
//! `cargo bench --bench identity`. The goals are 2 µs and 15 µs, so that identity does not set the speed of the broker.
//! `docs/identity.md` has what was measured.

#![expect(missing_docs, reason = "criterion makes a function that has none")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

#[path = "common/floor.rs"]
mod floor;

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use rohrpost::identity::{
    AccessKeyId, Commit, DeclaredProject, DeclaredUser, DomainName, Identity, IdentityKey, LogIn,
    NamedProject, NamedUser, NewUser, Password, ProjectName, Proof, Role, SecretKey, Settings,
    SignedHead, Uncommitted, UserName, WantedScope,
};
use rohrpost::store::{Durability, SimulatedStore, Store};
use rohrpost::types::Timestamp;
use sha2::{Digest, Sha256};
use tokio::runtime::Runtime;

/// 2024-01-02 03:04:05 UTC.
const NOW: Timestamp = Timestamp(1_704_164_645_000);
const DATE: &str = "20240102T030405Z";
const ACCESS_KEY: &str = "AKEXAMPLE0001";
const SECRET_KEY: &str = "SKexampleSecret0001";
const USERS: usize = 1_000;
const PATH: &str =
    "/v1.0/0123456789abcdef0123456789abcdef/queues/5d1d0a1e-4f0b-4b0e-9a53-2a8f3a0f8c11/messages";

/// The headers that huaweicloudsdk signs.
const HEADERS: [(&str, &str); 5] = [
    ("content-type", "application/json"),
    ("host", "dms.example.test"),
    ("user-agent", "huaweicloud-usdk-python/3.0"),
    ("x-project-id", "0123456789abcdef0123456789abcdef"),
    ("x-sdk-date", DATE),
];

fn commit_to(store: Arc<SimulatedStore>) -> Commit {
    Box::new(move |batch| {
        let committed = store.commit(batch, Durability::Flushed);
        Box::pin(async move { committed.map_err(|_| Uncommitted::Stopped) })
    })
}

/// A thousand users with a project each, of whom the first has the access key.
async fn identity() -> Identity {
    let store = Arc::new(SimulatedStore::new());
    let settings = Settings {
        domain_name: DomainName::parse("Default").unwrap(),
        token_lifetime: Duration::from_hours(24),
        signature_skew: Duration::from_mins(15),
        key: IdentityKey::new([7; 32]),
    };
    let identity = Identity::open(store.as_ref(), settings, commit_to(Arc::clone(&store))).unwrap();
    let project = DeclaredProject {
        id: None,
        name: ProjectName::parse("demo").unwrap(),
    };
    let user = DeclaredUser {
        name: UserName::parse("alice").unwrap(),
        password: Password::parse("correct horse").unwrap(),
        project: project.name.clone(),
        role: Role::Member,
        key: Some((
            AccessKeyId::parse(ACCESS_KEY).unwrap(),
            SecretKey::parse(SECRET_KEY).unwrap(),
        )),
    };
    let declared = identity.ensure_declared(vec![project], vec![user], NOW);
    declared.await.unwrap();
    for number in 0..USERS {
        let new = NewUser {
            name: UserName::parse(&format!("user-{number}")).unwrap(),
            password: None,
            is_enabled: true,
            default_project: None,
            description: String::new(),
            email: None,
        };
        let user = identity.create_user(new, NOW).await.unwrap();
        let key = identity.create_access_key(user.id, String::new(), NOW);
        key.await.unwrap();
    }
    identity
}

async fn token(identity: &Identity) -> String {
    let request = LogIn {
        proof: Proof::Password(
            NamedUser::Name("alice".to_owned(), None),
            Password::parse("correct horse").ok(),
        ),
        scope: WantedScope::Project(NamedProject::Name("demo".to_owned(), None)),
        from: None,
    };
    identity.log_in(request, NOW).await.unwrap().token
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The `Authorization` header of a POST of this body; with a scope in the second dialect.
fn authorization(body: &[u8], scope: Option<[&str; 4]>) -> String {
    let names = HEADERS.map(|(name, _)| name).join(";");
    let headers = HEADERS.map(|(name, value)| format!("{name}:{value}\n"));
    let hash = hex(&Sha256::digest(body));
    let request = format!("POST\n{PATH}/\n\n{}\n{names}\n{hash}", headers.concat());
    let request = hex(&Sha256::digest(request));
    let (who, signature) = match scope {
        None => {
            let text = format!("SDK-HMAC-SHA256\n{DATE}\n{request}");
            (
                format!("Access={ACCESS_KEY}"),
                mac(SECRET_KEY.as_bytes(), &text),
            )
        }
        Some(scope) => {
            let secret = format!("SDK{SECRET_KEY}").into_bytes();
            let key = scope.iter().fold(secret, |key, part| mac(&key, part));
            let scope = scope.join("/");
            let text = format!("SDK-HMAC-SHA256\n{DATE}\n{scope}\n{request}");
            (format!("Credential={ACCESS_KEY}/{scope}"), mac(&key, &text))
        }
    };
    let signature = hex(&signature);
    format!("SDK-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={signature}")
}

fn knowing_who_asks(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let identity = runtime.block_on(identity());
    let token = runtime.block_on(token(&identity));
    let mut group = criterion.benchmark_group("identity");
    floor::measure(&mut group);
    group.bench_function("token", |bencher| {
        bencher.iter(|| identity.caller_of_token(black_box(&token), NOW).unwrap());
    });

    let body = vec![b'x'; 1_024];
    let scope = ["20240102", "eu-de", "dms", "sdk_request"];
    for (name, scope) in [
        ("signature of 1 KiB, Access", None),
        ("signature of 1 KiB, Credential", Some(scope)),
    ] {
        let authorization = authorization(&body, scope);
        let mut headers = HEADERS
            .map(|(name, value)| (name, value.as_bytes()))
            .to_vec();
        headers.push(("authorization", authorization.as_bytes()));
        let head = SignedHead {
            method: "POST",
            path: PATH,
            query: "",
            headers: &headers,
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let signer = identity.signer(black_box(&head), NOW).unwrap();
                signer.verify(black_box(&body)).unwrap()
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().measurement_time(Duration::from_secs(3));
    targets = knowing_who_asks
}
criterion_main!(benches);
