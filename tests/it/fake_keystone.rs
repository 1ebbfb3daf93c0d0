//! A Keystone that does as it is told, on a loopback port of its own. It knows one service user and the tokens that a
//! test gives it, and counts what it is asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Json, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, http};
use rohrpost::identity::Password;
use rohrpost::identity::keystone::{RoleNames, ServiceUser, Settings};
use rohrpost::types::Timestamp;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::sleep;

const PASSWORD: &str = "the service user's password";

/// What the fake does with questions about tokens.
#[derive(Debug, Clone)]
pub enum Behaviour {
    /// What a Keystone does.
    Answers,
    /// The same, after a while.
    AnswersAfter(Duration),
    /// Nothing at all.
    KeepsSilent,
    /// This status with this body, whatever the question.
    Says(StatusCode, String),
    /// Sends whoever asks to another place.
    RedirectsTo(String),
}

/// The fake. It stops when it is dropped.
pub struct FakeKeystone {
    shared: Arc<Shared>,
    url: String,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct Shared(Mutex<Known>);

struct Known {
    behaviour: Behaviour,
    password: &'static str,
    tokens: HashMap<String, Value>,
    service_token: Option<String>,
    /// How many of the service user's next tokens are not valid.
    stillborn: usize,
    log_ins: usize,
    questions: usize,
    under_way: usize,
    under_way_max: usize,
}

impl Default for Known {
    fn default() -> Self {
        Self {
            behaviour: Behaviour::Answers,
            password: PASSWORD,
            tokens: HashMap::new(),
            service_token: None,
            stillborn: 0,
            log_ins: 0,
            questions: 0,
            under_way: 0,
            under_way_max: 0,
        }
    }
}

impl Shared {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap()
    }
}

/// What a token is for: a user named after it, in `project`, with one role, until `expires`.
pub fn token_body(project: &str, role: &str, expires: Timestamp) -> Value {
    let expires = iso(expires);
    let domain = json!({"id": "default", "name": "Default"});
    json!({"token": {
        "methods": ["password"],
        "user": {"id": "u-1", "name": "alice", "domain": domain, "password_expires_at": null},
        "project": {"id": project, "name": "demo", "domain": domain},
        "roles": [{"id": "r-1", "name": role}],
        "issued_at": "2023-11-14T22:13:20.000000Z",
        "expires_at": expires,
        "is_domain": false,
    }})
}

/// The moment as Keystone writes it.
fn iso(moment: Timestamp) -> String {
    let ns = i128::from(moment.0) * 1_000_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(ns).unwrap();
    let (hour, minute, second, micros) = moment.to_hms_micro();
    let date = moment.date();
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
}

impl FakeKeystone {
    pub async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let routes = Router::new()
            .route("/identity/v3/auth/tokens", get(validate).post(log_in))
            .with_state(shared.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/identity", listener.local_addr().unwrap());
        let serving = tokio::spawn(async { axum::serve(listener, routes).await.unwrap() });
        Self {
            shared,
            url,
            serving,
        }
    }

    /// Settings that lead here, with an answer serving for 30 s.
    pub fn settings(&self) -> Settings {
        let names = |name: &str| vec![name.to_owned()];
        Settings {
            url: self.url.parse().unwrap(),
            service_user: ServiceUser {
                name: "rohrpost".to_owned(),
                domain: "Default".to_owned(),
                password: Password::parse(PASSWORD).unwrap(),
                project: "service".to_owned(),
                project_domain: "Default".to_owned(),
            },
            roles: RoleNames {
                admin: names("admin"),
                member: names("member"),
                reader: names("reader"),
            },
            cache_ms: 30_000,
            cache_entries: 1_000,
            timeout: Duration::from_secs(20),
            ca_pem: None,
        }
    }

    pub fn behaves(&self, behaviour: Behaviour) {
        self.shared.known().behaviour = behaviour;
    }

    /// From now on the token is valid, with this answer.
    pub fn knows(&self, token: &str, body: Value) {
        self.shared.known().tokens.insert(token.to_owned(), body);
    }

    pub fn revokes(&self, token: &str) {
        self.shared.known().tokens.remove(token);
    }

    /// Forgets its own user's token, as after its expiry.
    pub fn forgets_the_service_token(&self) {
        self.shared.known().service_token = None;
    }

    /// The same, and the next `count` tokens of its own user are not valid either, as when they are issued in the second
    /// of a revocation.
    pub fn revokes_the_service_token_and_the_next(&self, count: usize) {
        let mut known = self.shared.known();
        known.service_token = None;
        known.stillborn = count;
    }

    pub fn changes_the_password_to(&self, password: &'static str) {
        self.shared.known().password = password;
    }

    pub fn restores_the_password(&self) {
        self.shared.known().password = PASSWORD;
    }

    /// How often the service user has tried to log in.
    pub fn log_ins(&self) -> usize {
        self.shared.known().log_ins
    }

    /// How many questions about tokens have come.
    pub fn questions(&self) -> usize {
        self.shared.known().questions
    }

    /// How many questions were under way at once.
    pub fn under_way_max(&self) -> usize {
        self.shared.known().under_way_max
    }
}

impl Drop for FakeKeystone {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn log_in(State(shared): State<Arc<Shared>>, Json(body): Json<Value>) -> Response {
    let mut known = shared.known();
    known.log_ins += 1;
    let expected = json!({"auth": {
        "identity": {
            "methods": ["password"],
            "password": {"user": {
                "name": "rohrpost", "domain": {"name": "Default"}, "password": known.password,
            }},
        },
        "scope": {"project": {"name": "service", "domain": {"name": "Default"}}},
    }});
    if body != expected {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let token = format!("service-{}", known.log_ins);
    known.service_token = (known.stillborn == 0).then(|| token.clone());
    known.stillborn = known.stillborn.saturating_sub(1);
    let headers = [("x-subject-token", token)];
    (StatusCode::CREATED, headers, Json(json!({"token": {}}))).into_response()
}

async fn validate(
    State(shared): State<Arc<Shared>>,
    uri: http::Uri,
    headers: HeaderMap,
) -> Response {
    assert_eq!(uri.query(), Some("nocatalog"));
    let behaviour = {
        let mut known = shared.known();
        known.questions += 1;
        known.under_way += 1;
        known.under_way_max = known.under_way_max.max(known.under_way);
        known.behaviour.clone()
    };
    let response = match behaviour {
        Behaviour::Answers => answer(&shared, &headers),
        Behaviour::AnswersAfter(wait) => {
            sleep(wait).await;
            answer(&shared, &headers)
        }
        Behaviour::KeepsSilent => std::future::pending().await,
        Behaviour::Says(status, body) => (status, Body::from(body)).into_response(),
        Behaviour::RedirectsTo(url) => {
            (StatusCode::TEMPORARY_REDIRECT, [("location", url)]).into_response()
        }
    };
    shared.known().under_way -= 1;
    response
}

fn answer(shared: &Shared, headers: &HeaderMap) -> Response {
    let known = shared.known();
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap());
    if header("x-auth-token") != known.service_token.as_deref() || known.service_token.is_none() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match header("x-subject-token").and_then(|token| known.tokens.get(token)) {
        Some(body) => Json(body.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
