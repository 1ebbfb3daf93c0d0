//! The HTTP floor: the smallest server that reads the same requests into the same types, and gives answers of the same
//! size.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get, post};
use axum::serve::ListenerExt;
use rohrpost::broker::{Ack, Outcome};
use rohrpost::types::{Json, Message};
use serde::Deserialize;
use serde_json::value::RawValue;

const QUEUE: &str = "00000000-0000-4000-8000-000000000001";
const GROUP: &str = "g-00000000-0000-4000-8000-000000000001";
const DELIVERIES: usize = 10;
const BODY_BYTES: usize = 1_024;
/// The length of a handler.
const HANDLER_BYTES: usize = 88;

#[derive(Deserialize)]
struct SendForm<'a> {
    #[serde(borrow)]
    messages: Vec<MessageForm<'a>>,
}

#[derive(Deserialize)]
struct MessageForm<'a> {
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(borrow)]
    attributes: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct AckForm<'a> {
    #[serde(borrow)]
    message: Vec<EntryForm<'a>>,
}

#[derive(Deserialize)]
struct EntryForm<'a> {
    handler: String,
    status: &'a str,
}

/// Serves until the process is killed. Says where, as the server does.
pub fn serve() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        eprintln!("serving on http://{}", listener.local_addr().unwrap());
        let listener = listener.tap_io(|stream| stream.set_nodelay(true).unwrap());
        axum::serve(listener, routes()).await.unwrap();
    });
}

fn routes() -> Router {
    let delivered = deliveries();
    let (queues, queue) = ("/v1.0/{project}/queues", "/v1.0/{project}/queues/{queue}");
    let created = || async { answer(StatusCode::CREATED, format!(r#"{{"id":"{QUEUE}"}}"#)) };
    let groups = || async {
        let groups = format!(r#"{{"groups":[{{"id":"{GROUP}"}}]}}"#);
        answer(StatusCode::CREATED, groups)
    };
    Router::new()
        .route(queues, post(created))
        .route(queue, delete(|| async { StatusCode::NO_CONTENT }))
        .route(&format!("{queue}/groups"), post(groups))
        .route(&format!("{queue}/messages"), post(send))
        .route(
            &format!("{queue}/groups/{{group}}/messages"),
            get(|Path(_): Path<(String, String, String)>| async move {
                answer(StatusCode::OK, delivered.clone())
            }),
        )
        .route(&format!("{queue}/groups/{{group}}/ack"), post(ack))
}

async fn send(Path(_): Path<(String, String)>, body: Bytes) -> impl axum::response::IntoResponse {
    let form: SendForm = serde_json::from_slice(&body).unwrap();
    let messages: Vec<_> = form.messages.iter().map(message).collect();
    let entry = r#"{"error":null,"error_code":null,"state":0}"#;
    let entries = vec![entry; messages.len()].join(",");
    answer(
        StatusCode::CREATED,
        format!(r#"{{"messages":[{entries}]}}"#),
    )
}

fn message(form: &MessageForm) -> Message {
    Message {
        body: Json::from_valid(form.body.get()),
        attributes: form.attributes.map(|raw| Json::from_valid(raw.get())),
        labels: Vec::new(),
        delay: None,
        id: None,
    }
}

async fn ack(
    Path(_): Path<(String, String, String)>,
    body: Bytes,
) -> impl axum::response::IntoResponse {
    let form: AckForm = serde_json::from_slice(&body).unwrap();
    let acks = form.message.into_iter().map(|entry| Ack {
        handler: entry.handler,
        outcome: match entry.status {
            "success" => Outcome::Success,
            _ => Outcome::Fail,
        },
    });
    let acks: Vec<_> = acks.collect();
    answer(
        StatusCode::OK,
        format!(r#"{{"success":{},"fail":0}}"#, acks.len()),
    )
}

/// The answer to a consume.
fn deliveries() -> Bytes {
    let (body, handler) = ("0".repeat(BODY_BYTES - 2), "h".repeat(HANDLER_BYTES));
    let delivery = format!(
        r#"{{"message":{{"body":"{body}","attributes":{{}},"tags":[]}},"handler":"{handler}"}}"#
    );
    format!("[{}]", vec![delivery; DELIVERIES].join(",")).into()
}

/// With headers of the same size, too.
fn answer(status: StatusCode, text: impl Into<Bytes>) -> (StatusCode, HeaderMap, Bytes) {
    const ID: HeaderValue = HeaderValue::from_static("00000000-0000-4000-8000-000000000000");
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(HeaderName::from_static("x-request-id"), ID);
    headers.insert(HeaderName::from_static("x-openstack-request-id"), ID);
    (status, headers, text.into())
}
