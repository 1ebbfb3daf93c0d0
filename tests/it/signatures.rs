//! Signed requests as they come over HTTP, in both dialects of `SDK-HMAC-SHA256` (reference §3.2). The signer here is
//! the clients' side of it, written apart from the server's.

use std::fmt::Write;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rohrpost::http;
use rohrpost::identity::Place::Project;
use rohrpost::identity::Role;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::harness::{NO_QUEUE, OTHER_PROJECT, PROJECT, Reply, at, text};
use crate::tenants::{Key, NOW, SIGNATURE_SKEW, Tenants, key};

/// When the tests' clock begins, as signers spell it.
const DATE: &str = "20231114T221320Z";
const HOST: &str = "dms.example.test";

/// How clients sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// `Access=`, as the Huawei SDK does.
    Access,
    /// `Credential=` with this region and service, as gophertelekomcloud does with empty ones.
    Credential(&'static str, &'static str),
}

pub const DIALECTS: [Dialect; 3] = [
    Dialect::Access,
    Dialect::Credential("", ""),
    Dialect::Credential("eu-de", "dms"),
];

/// A request as it goes out. Paths and queries are written the way they are signed.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    path: String,
    query: &'static str,
    /// Those that are signed, by name.
    headers: Vec<(&'static str, String)>,
    /// Those that are added after signing.
    added: Vec<(&'static str, String)>,
    body: String,
}

impl Request {
    pub fn new(method: &str, path: &str) -> Self {
        let headers = [
            ("content-type", "application/json"),
            ("host", HOST),
            ("x-sdk-date", DATE),
        ];
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: "",
            headers: headers.map(|(name, value)| (name, value.to_owned())).into(),
            added: Vec::new(),
            body: String::new(),
        }
    }

    fn query(mut self, query: &'static str) -> Self {
        self.query = query;
        self
    }

    pub fn body(mut self, body: &impl ToString) -> Self {
        self.body = body.to_string();
        self
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self.headers.sort();
        self
    }

    pub fn added(mut self, name: &'static str, value: &str) -> Self {
        self.added.push((name, value.to_owned()));
        self
    }

    /// The `Authorization` header that the owner of this key computes.
    pub fn signed_by(&self, key: &Key, dialect: Dialect) -> String {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let request = hex(&Sha256::digest(self.canonical(&names)));
        let date = self.value_of("x-sdk-date").expect("it is dated");
        let day = &date[..8];
        let (id, secret) = (&key.id, key.secret.as_bytes());
        let (owner, signature) = match dialect {
            Dialect::Access => {
                let text = format!("SDK-HMAC-SHA256\n{date}\n{request}");
                (format!("Access={id}"), hmac(secret, &text))
            }
            Dialect::Credential(region, service) => {
                let scope = format!("{day}/{region}/{service}/sdk_request");
                let text = format!("SDK-HMAC-SHA256\n{date}\n{scope}\n{request}");
                let secret = [b"SDK", secret].concat();
                let parts = [day, region, service, "sdk_request"];
                let derived = parts.iter().fold(secret, |key, part| hmac(&key, part));
                (format!("Credential={id}/{scope}"), hmac(&derived, &text))
            }
        };
        let signature = hex(&signature);
        format!("SDK-HMAC-SHA256 {owner}, SignedHeaders={names}, Signature={signature}")
    }

    fn canonical(&self, names: &str) -> String {
        let slash = if self.path.ends_with('/') { "" } else { "/" };
        let mut text = format!("{}\n{}{slash}\n{}\n", self.method, self.path, self.query);
        for (name, value) in &self.headers {
            writeln!(text, "{name}:{value}").unwrap();
        }
        let own = || hex(&Sha256::digest(&self.body));
        let hash = self
            .value_of("x-sdk-content-sha256")
            .map_or_else(own, str::to_owned);
        write!(text, "\n{names}\n{hash}").unwrap();
        text
    }

    fn value_of(&self, header: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(name, _)| *name == header);
        found.map(|(_, value)| &**value)
    }

    pub fn head(&self, authorization: &str, framing: &str) -> String {
        let question = if self.query.is_empty() { "" } else { "?" };
        let mut text = format!(
            "{} {}{question}{} HTTP/1.1\r\n",
            self.method, self.path, self.query
        );
        for (name, value) in self.headers.iter().chain(&self.added) {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        write!(
            text,
            "authorization: {authorization}\r\nconnection: close\r\n{framing}\r\n\r\n"
        )
        .unwrap();
        text
    }

    async fn sent(&self, to: &Tenants, authorization: &str) -> Reply {
        let framing = format!("content-length: {}", self.body.len());
        let request = self.head(authorization, &framing) + &self.body;
        to.server.raw(request.as_bytes()).await
    }

    async fn sent_in_chunks(&self, to: &Tenants, authorization: &str) -> Reply {
        let mut request = self.head(authorization, "transfer-encoding: chunked");
        for chunk in self.body.as_bytes().chunks(7) {
            let chunk = std::str::from_utf8(chunk).unwrap();
            write!(request, "{:x}\r\n{chunk}\r\n", chunk.len()).unwrap();
        }
        request.push_str("0\r\n\r\n");
        to.server.raw(request.as_bytes()).await
    }

    /// Signed and sent.
    pub async fn by(&self, key: &Key, dialect: Dialect, to: &Tenants) -> Reply {
        self.sent(to, &self.signed_by(key, dialect)).await
    }
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.chain_update(text).finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn member() -> Key {
    key(PROJECT, Role::Member)
}

fn list() -> Request {
    Request::new("GET", &at("/queues")).query("include_deadletter=true")
}

fn create(name: &str) -> Request {
    Request::new("POST", &at("/queues")).body(&json!({"name": name}))
}

#[test]
fn the_signer_makes_the_signatures_of_the_reference() {
    let key = Key {
        id: "AKEXAMPLE0001".to_owned(),
        secret: "SKexampleSecret0001".to_owned(),
    };
    let mut get = list().header("x-sdk-date", "20240102T030405Z");
    get.headers.retain(|(name, _)| *name != "content-type");
    let post = create("q1").header("x-sdk-date", "20240102T030405Z");
    let [access, bare, scoped] = DIALECTS;
    for (request, dialect, signature) in [
        (
            &get,
            access,
            "76d78879665885d07fbeacfcba08aa682744e5a330be3b3cd3b726ac2ae94584",
        ),
        (
            &post,
            access,
            "2adcbb7ad6e4433a37a0b1e60ffb763f70a503710cc99d2849760e9d12a478b5",
        ),
        (
            &get,
            bare,
            "def265532c72fa3470d68d134266f8a33d72535937256af4c8f381c90daef561",
        ),
        (
            &get,
            scoped,
            "81c34d3cbdfdb5e24f06b42e9a6a811fe4eeb1fabc5e303c13b68247b30a40a2",
        ),
    ] {
        let made = request.signed_by(&key, dialect);
        assert!(made.ends_with(signature), "{made}");
    }
}

#[tokio::test]
async fn whoever_signs_can_do_what_the_role_permits() {
    let tenants = Tenants::start().await;
    for (number, dialect) in DIALECTS.into_iter().enumerate() {
        let call = async |request: Request, status| {
            let reply = request.by(&member(), dialect, &tenants).await;
            reply.expect(status)
        };
        let queue = call(create(&format!("q{number}")), 201).await;
        let queue = at(&format!("/queues/{}", text(&queue["id"])));
        let groups = Request::new("POST", &format!("{queue}/groups"));
        let groups = call(groups.body(&json!({"groups": [{"name": "g"}]})), 201).await;
        let group = format!("{queue}/groups/{}", text(&groups["groups"][0]["id"]));
        let send = Request::new("POST", &format!("{queue}/messages"));
        let messages = json!({"messages": [{"body": "Grüße"}]});
        call(send.body(&messages), 201).await;
        let consume = Request::new("GET", &format!("{group}/messages"));
        let messages = call(consume.query("ack_wait=30&max_msgs=1"), 200).await;
        assert_eq!(messages[0]["message"]["body"], "Grüße");
        let acks = json!({"message": [{"handler": messages[0]["handler"], "status": "success"}]});
        call(
            Request::new("POST", &format!("{group}/ack")).body(&acks),
            200,
        )
        .await;
        call(list(), 200).await;
        call(Request::new("DELETE", &group), 204).await;
        let reader = create("r")
            .by(&key(PROJECT, Role::Reader), dialect, &tenants)
            .await;
        reader.expect_error(403, "DMS.10240310");
    }
}

#[tokio::test]
async fn what_is_changed_after_signing_is_refused() {
    let tenants = Tenants::start().await;
    let elsewhere = at(&format!("/queues/{NO_QUEUE}/groups"));
    let changes = [
        Request {
            method: "GET".to_owned(),
            ..create("q")
        },
        Request {
            path: elsewhere,
            ..create("q")
        },
        Request {
            path: at("/queues").replace("v1.0", "v2"),
            ..create("q")
        },
        Request {
            path: at("/queues").replace("v1.0", "/v1.0"),
            ..create("q")
        },
        create("q").query("a=b"),
        create("r"),
        create("q").body(&""),
        create("q").header("content-type", "text/plain"),
        create("q").header("host", "dms.example.org"),
        create("q").header("x-sdk-date", "20231114T221321Z"),
    ];
    for dialect in DIALECTS {
        let expect_refused = async |request: &Request, authorization: &str| {
            println!("{dialect:?} {request:?} {authorization}");
            let reply = request.sent(&tenants, authorization).await;
            reply.expect_error(401, "DMS.10240101");
        };
        let authorization = create("q").signed_by(&member(), dialect);
        for changed in &changes {
            expect_refused(changed, &authorization).await;
        }
        let other_query = list().query("include_deadletter=false");
        expect_refused(&other_query, &list().signed_by(&member(), dialect)).await;
        let last = if authorization.ends_with('0') {
            "1"
        } else {
            "0"
        };
        let other_digit = format!("{}{last}", &authorization[..authorization.len() - 1]);
        expect_refused(&create("q"), &other_digit).await;
        let other_user = authorization.replace("AK-member", "AK-admin");
        expect_refused(&create("q"), &other_user).await;
        let other_algorithm = authorization.replace("SDK-HMAC", "V11-HMAC");
        expect_refused(&create("q"), &other_algorithm).await;
    }
    let queues = list().by(&member(), Dialect::Access, &tenants).await;
    assert_eq!(queues.expect(200)["total"], 0);
}

#[tokio::test]
async fn a_body_in_chunks_is_covered_too() {
    let tenants = Tenants::start().await;
    let authorization = create("q").signed_by(&member(), Dialect::Access);
    let changed = create("r").sent_in_chunks(&tenants, &authorization).await;
    changed.expect_error(401, "DMS.10240101");
    create("q")
        .sent_in_chunks(&tenants, &authorization)
        .await
        .expect(201);
}

#[tokio::test]
async fn a_path_is_signed_as_it_is_sent() {
    let tenants = Tenants::start().await;
    for path in [
        format!("/v1.0/{PROJECT}/queues/"),
        format!("//v1.0//{PROJECT}/queues"),
        format!("/v1.0/{PROJECT}//queues//"),
    ] {
        let list = Request::new("GET", &path);
        list.by(&member(), Dialect::Access, &tenants)
            .await
            .expect(200);
    }
}

#[tokio::test]
async fn a_signature_is_good_for_fifteen_minutes_either_way() {
    let tenants = Tenants::start().await;
    let dated = |date| list().header("x-sdk-date", date);
    let skew_s = SIGNATURE_SKEW.as_secs();
    assert_eq!(skew_s, 15 * 60);
    for (date, status) in [
        ("20231114T215820Z", 200),
        ("20231114T215819Z", 401),
        ("20231114T222820Z", 200),
        ("20231114T222821Z", 401),
        ("2023-11-14T22:13:20Z", 401),
    ] {
        for dialect in DIALECTS {
            let reply = dated(date).by(&member(), dialect, &tenants).await;
            assert_eq!(reply.status, status, "{date} {}", reply.text);
        }
    }
    tenants.server.pass_s(skew_s + 1);
    let reply = list().by(&member(), Dialect::Access, &tenants).await;
    reply.expect_error(401, "DMS.10240101");
}

#[tokio::test]
async fn a_project_in_a_header_is_that_of_the_path() {
    let tenants = Tenants::start().await;
    let upper = PROJECT.to_uppercase();
    for dialect in DIALECTS {
        for (project, right) in [
            (PROJECT, true),
            (&upper, true),
            (OTHER_PROJECT, false),
            ("demo", false),
            ("", false),
        ] {
            let signed = list().header("x-project-id", project);
            let unsigned = list().added("x-project-id", project);
            for request in [signed, unsigned] {
                let reply = request.by(&member(), dialect, &tenants).await;
                if right {
                    reply.expect(200);
                } else {
                    reply.expect_error(401, "DMS.10240104");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_key_reaches_the_projects_in_which_its_owner_has_a_role() {
    let tenants = Tenants::start().await;
    let elsewhere = || Request::new("GET", &at("/queues").replace(PROJECT, OTHER_PROJECT));
    let foreign = async || elsewhere().by(&member(), Dialect::Access, &tenants).await;
    foreign().await.expect_error(401, "DMS.10240104");
    let other = Project(OTHER_PROJECT.parse().unwrap());
    let user = tenants
        .caller(&tenants.token(PROJECT, Role::Member).await)
        .await;
    let user = user.user().unwrap();
    tenants
        .server
        .identity()
        .give_role(user, other, Role::Reader)
        .await
        .unwrap();
    foreign().await.expect(200);
    list()
        .by(&member(), Dialect::Access, &tenants)
        .await
        .expect(200);
    let named = elsewhere().added("x-project-id", PROJECT);
    let named = named.by(&member(), Dialect::Access, &tenants).await;
    named.expect_error(401, "DMS.10240104");
}

#[tokio::test]
async fn a_temporary_key_signs_with_its_security_token_while_it_lasts() {
    let tenants = Tenants::start().await;
    let caller = tenants
        .caller(&tenants.token(PROJECT, Role::Member).await)
        .await;
    let lasting = Duration::from_mins(15);
    let made = tenants
        .server
        .identity()
        .new_temporary_key(&caller, lasting, NOW)
        .unwrap();
    let key = Key {
        id: made.id.to_string(),
        secret: made.secret.expose().to_owned(),
    };
    let token = &made.security_token;
    for dialect in DIALECTS {
        for request in [
            list().header("x-security-token", token),
            list().added("x-security-token", token),
        ] {
            request.by(&key, dialect, &tenants).await.expect(200);
            let elses = request.by(&member(), dialect, &tenants).await;
            elses.expect_error(401, "DMS.10240101");
        }
        let alone = list().by(&key, dialect, &tenants).await;
        alone.expect_error(401, "DMS.10240101");
        let elsewhere = Request::new("GET", &at("/queues").replace(PROJECT, OTHER_PROJECT));
        let elsewhere = elsewhere.added("x-security-token", token);
        let foreign = elsewhere.by(&key, dialect, &tenants).await;
        foreign.expect_error(401, "DMS.10240104");
    }
    tenants.server.pass_s(lasting.as_secs() + 1);
    let late = list()
        .added("x-security-token", token)
        .header("x-sdk-date", "20231114T222821Z");
    let late = late.by(&key, Dialect::Access, &tenants).await;
    late.expect_error(401, "DMS.10240102");
}

#[tokio::test]
async fn a_hash_of_the_payload_must_be_true_and_only_what_is_not_json_may_go_without() {
    let tenants = Tenants::start().await;
    let hash = hex(&Sha256::digest(create("q").body));
    for dialect in DIALECTS {
        let declared = |hash: &str| create("q").header("x-sdk-content-sha256", hash);
        let unsigned = || declared("UNSIGNED-PAYLOAD");
        let octets = || unsigned().header("content-type", "application/octet-stream");
        for (request, is_known) in [
            (declared(&hash), true),
            (declared(&hash.replace('a', "b")), false),
            (unsigned(), false),
            (octets(), true),
        ] {
            println!("{dialect:?} {request:?}");
            let authorization = request.signed_by(&member(), dialect);
            let reply = request.sent(&tenants, &authorization).await;
            // The first of these creates the queue, the others find that it is there.
            match reply.status {
                201 | 400 => assert!(is_known, "{}", reply.text),
                _ => {
                    assert!(!is_known);
                    reply.expect_error(401, "DMS.10240101");
                }
            }
        }
        let changed = Request {
            body: create("r").body,
            ..declared(&hash)
        };
        let authorization = declared(&hash).signed_by(&member(), dialect);
        let reply = changed.sent(&tenants, &authorization).await;
        reply.expect_error(401, "DMS.10240101");
    }
}

#[tokio::test]
async fn a_signature_that_cannot_be_right_is_refused_before_the_body_comes() {
    let tenants = Tenants::start().await;
    let nobody = Key {
        id: "AK-nobody".to_owned(),
        secret: "SK-nobody".to_owned(),
    };
    let late = create("q").header("x-sdk-date", "20231115T221320Z");
    for (request, key) in [(create("q"), nobody), (late, member())] {
        let authorization = request.signed_by(&key, Dialect::Access);
        let head = request.head(
            &authorization,
            "expect: 100-continue
content-length: 12",
        );
        let reply = tenants.server.raw(head.as_bytes()).await;
        reply.expect_error(401, "DMS.10240101");
    }
}

#[tokio::test]
async fn a_signed_body_keeps_to_the_limits_and_takes_its_memory_once() {
    let settings = http::Settings {
        body_bytes_max: 4_096,
        inflight_body_bytes_max: 4_096,
        body_timeout: Duration::from_millis(300),
        ..http::Settings::default()
    };
    let tenants = Tenants::start_with(settings).await;
    let sized = |bytes: usize| {
        let body = create("q").body;
        let padding = " ".repeat(bytes - body.len());
        create("q").body(&(body + &padding))
    };
    // A body of more than half of what all bodies may take has no room beside a second claim.
    for (bytes, status, code) in [
        (4_096, 201, Value::Null),
        (4_000, 400, json!("DMS.10240017")),
        (4_097, 413, json!("DMS.10540011")),
        (4_096, 400, json!("DMS.10240017")),
    ] {
        let reply = sized(bytes).by(&member(), Dialect::Access, &tenants).await;
        assert_eq!(reply.expect(status)["error_code"], code);
    }
    let request = sized(100);
    let head = request.head(
        &request.signed_by(&member(), Dialect::Access),
        "content-length: 100",
    );
    let reply = tenants.server.raw(head.as_bytes()).await;
    reply.expect_error(408, "DMS.10540010");
}
