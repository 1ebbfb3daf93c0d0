//! The calls of the API that a load makes.

use std::ops::Range;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, Request, StatusCode, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::connection::{Answer, Connection};
use super::record::excerpt;
use super::{Credentials, Error, Login, Target};

static X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
static X_SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// The project that stands in paths where the server asks nobody.
const ANY_PROJECT: &str = "00000000000000000000000000000001";

/// Seconds that a consume waits for messages: the longest that the API permits.
const TIME_WAIT_S: u32 = 60;

/// The calls, as one user makes them for one project.
#[derive(Debug, Clone)]
pub struct Api {
    headers: HeaderMap,
    queues: String,
}

/// A queue and its groups, by their paths.
#[derive(Debug, Clone)]
pub struct Queue {
    pub itself: Uri,
    pub messages: Uri,
    pub groups: Vec<Group>,
}

/// A consumer group, by its paths.
#[derive(Debug, Clone)]
pub struct Group {
    pub messages: Uri,
    pub ack: Uri,
}

/// A message in a consumer's hand.
#[derive(Debug, Deserialize)]
pub struct Delivery<'a> {
    #[serde(borrow)]
    pub message: Message<'a>,
    pub handler: &'a str,
}

/// What of a message is read.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    #[serde(borrow)]
    pub body: &'a RawValue,
}

impl Queue {
    fn at(path: &str, groups: Vec<Group>) -> Result<Self, Error> {
        Ok(Self {
            itself: path_of(path)?,
            messages: path_of(&format!("{path}/messages"))?,
            groups,
        })
    }
}

impl Group {
    /// The group that an answer tells of, in the queue at this path.
    fn at(queue: &str, group: &Value) -> Result<Self, Error> {
        let path = format!("{queue}/groups/{}", id_of(group)?);
        Ok(Self {
            messages: path_of(&format!("{path}/messages?time_wait={TIME_WAIT_S}"))?,
            ack: path_of(&format!("{path}/ack"))?,
        })
    }
}

impl Api {
    /// Logs in, if that is needed.
    ///
    /// # Errors
    /// If the server refuses, or is gone.
    pub async fn open(
        target: &Target,
        credentials: &Credentials,
        connection: &mut Connection,
    ) -> Result<Self, Error> {
        let host = HeaderValue::try_from(target.authority())
            .map_err(|_| Error::BadUrl(target.to_string()))?;
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut project_id = credentials.project_id.clone();
        let token = match &credentials.login {
            Login::Nobody => None,
            Login::Token(token) => Some(secret(token)?),
            Login::Password {
                user,
                password,
                project,
            } => {
                let scope = match (&project_id, project) {
                    (Some(id), _) => json!({"id": id}),
                    (None, name) => json!({"name": name, "domain": {"id": "default"}}),
                };
                let who = json!({"name": user, "password": password, "domain": {"id": "default"}});
                let identity = json!({"methods": ["password"], "password": {"user": who}});
                let wanted = json!({"auth": {"identity": identity, "scope": {"project": scope}}});
                let path = path_of(&format!("{}/v3/auth/tokens", target.path()))?;
                let request = post(&headers, &path, wanted.to_string());
                let answer = expect("log in", connection.ask(request).await?)?;
                let granted: Value = read("a log-in", &answer)?;
                let id = granted["token"]["project"]["id"].as_str();
                project_id = project_id.or_else(|| id.map(str::to_owned));
                Some(answer.headers[&X_SUBJECT_TOKEN].clone())
            }
        };
        if let Some(mut token) = token {
            token.set_sensitive(true);
            headers.insert(&X_AUTH_TOKEN, token);
        }
        let project_id = project_id.as_deref().unwrap_or(ANY_PROJECT);
        Ok(Self {
            headers,
            queues: format!("{}/v1.0/{project_id}/queues", target.path()),
        })
    }

    /// Makes a queue with so many groups.
    ///
    /// # Errors
    /// If the server refuses, or is gone.
    pub async fn create_queue(
        &self,
        connection: &mut Connection,
        name: &str,
        mode: &str,
        groups: usize,
    ) -> Result<Queue, Error> {
        let body = json!({"name": name, "queue_mode": mode}).to_string();
        let request = post(&self.headers, &path_of(&self.queues)?, body);
        let answer = expect("create a queue", connection.ask(request).await?)?;
        let created: Value = read("the creation of a queue", &answer)?;
        let path = format!("{}/{}", self.queues, id_of(&created)?);
        let groups = self.create_groups(connection, &path, 0..groups).await?;
        Queue::at(&path, groups)
    }

    /// The queue of this name, if there is one, with so many of its groups. Those that it lacks are made.
    ///
    /// # Errors
    /// If the server refuses, or is gone.
    pub async fn find_queue(
        &self,
        connection: &mut Connection,
        name: &str,
        groups: usize,
    ) -> Result<Option<Queue>, Error> {
        let queues = self.list(connection, &self.queues, "queues").await?;
        let Some(queue) = queues.iter().find(|queue| queue["name"] == name) else {
            return Ok(None);
        };
        let path = format!("{}/{}", self.queues, id_of(queue)?);
        let groups_path = format!("{path}/groups");
        let found = self.list(connection, &groups_path, "groups").await?;
        let mut used = Vec::with_capacity(groups);
        for group in found.iter().take(groups) {
            used.push(Group::at(&path, group)?);
        }
        let lacking = used.len()..groups;
        used.extend(self.create_groups(connection, &path, lacking).await?);
        Queue::at(&path, used).map(Some)
    }

    /// What stands under `name` in the answer to a GET.
    async fn list(
        &self,
        connection: &mut Connection,
        path: &str,
        name: &'static str,
    ) -> Result<Vec<Value>, Error> {
        let request = request(&self.headers, Method::GET, &path_of(path)?, Bytes::new());
        let answer = expect("list them", connection.ask(request).await?)?;
        let mut listed: Value = read(name, &answer)?;
        match listed[name].take() {
            Value::Array(listed) => Ok(listed),
            _ => Err(Error::Nonsense(name)),
        }
    }

    async fn create_groups(
        &self,
        connection: &mut Connection,
        queue: &str,
        numbers: Range<usize>,
    ) -> Result<Vec<Group>, Error> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let names = numbers.map(|number| json!({"name": format!("bench-{number}")}));
        let body = json!({"groups": names.collect::<Vec<_>>()}).to_string();
        let path = path_of(&format!("{queue}/groups"))?;
        let request = post(&self.headers, &path, body);
        let answer = expect("create groups", connection.ask(request).await?)?;
        let made: Value = read("the creation of groups", &answer)?;
        let made = made["groups"].as_array().into_iter().flatten();
        made.map(|group| Group::at(queue, group)).collect()
    }

    /// Removes a queue with all that is in it.
    ///
    /// # Errors
    /// If the server refuses, or is gone.
    pub async fn delete_queue(
        &self,
        connection: &mut Connection,
        queue: &Queue,
    ) -> Result<(), Error> {
        let request = request(&self.headers, Method::DELETE, &queue.itself, Bytes::new());
        expect("delete a queue", connection.ask(request).await?).map(drop)
    }

    /// A send of these messages.
    pub fn send(&self, queue: &Queue, messages: impl Into<Bytes>) -> Request<Full<Bytes>> {
        post(&self.headers, &queue.messages, messages)
    }

    /// A consume of as many messages as it gives, which waits for the first of them.
    pub fn consume(&self, group: &Group) -> Request<Full<Bytes>> {
        request(&self.headers, Method::GET, &group.messages, Bytes::new())
    }

    /// An acknowledgement of all these deliveries, as successes.
    pub fn ack(&self, group: &Group, deliveries: &[Delivery<'_>]) -> Request<Full<Bytes>> {
        let entries = deliveries.iter().map(|delivery| {
            // Handlers are opaque, but nothing in them needs an escape: they were read as they stand.
            format!(r#"{{"handler":"{}","status":"success"}}"#, delivery.handler)
        });
        let entries = entries.collect::<Vec<_>>().join(",");
        post(
            &self.headers,
            &group.ack,
            format!(r#"{{"message":[{entries}]}}"#),
        )
    }
}

/// The deliveries in the answer to a consume.
///
/// # Errors
/// [`Error::Nonsense`].
pub fn deliveries(answer: &Answer) -> Result<Vec<Delivery<'_>>, Error> {
    read("a consume", answer)
}

fn read<'a, T: Deserialize<'a>>(to: &'static str, answer: &'a Answer) -> Result<T, Error> {
    serde_json::from_slice(&answer.body).map_err(|_| Error::Nonsense(to))
}

fn expect(what: &'static str, answer: Answer) -> Result<Answer, Error> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    Err(Error::Refused {
        what,
        status: answer.status.as_u16(),
        text: excerpt(&answer.body),
    })
}

fn secret(token: &str) -> Result<HeaderValue, Error> {
    HeaderValue::try_from(token).map_err(|_| Error::Refused {
        what: "send the token, which is none",
        status: StatusCode::UNAUTHORIZED.as_u16(),
        text: String::new(),
    })
}

fn id_of(thing: &Value) -> Result<&str, Error> {
    thing["id"].as_str().ok_or(Error::Nonsense("an id"))
}

fn path_of(path: &str) -> Result<Uri, Error> {
    path.parse().map_err(|_| Error::BadUrl(path.to_owned()))
}

fn post(headers: &HeaderMap, path: &Uri, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    request(headers, Method::POST, path, body)
}

fn request(
    headers: &HeaderMap,
    method: Method,
    path: &Uri,
    body: impl Into<Bytes>,
) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(body.into()));
    *request.method_mut() = method;
    *request.uri_mut() = path.clone();
    *request.headers_mut() = headers.clone();
    request
}
