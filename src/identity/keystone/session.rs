//! The conversation with Keystone: the service user's own token, and questions about others'.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::tls::Certificate;
use reqwest::{Client, ClientBuilder, RequestBuilder, Response, StatusCode};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::sleep;

use super::failure::{Failure, Unusable};
use super::settings::Settings;
use super::token::SubjectToken;
use super::wire::{self, Validated};
use crate::types::Timestamp;

/// Questions that are asked at once. Keystone serves everybody in the cloud: one broker must not occupy it.
const QUESTIONS_MAX: usize = 16;
/// Bytes of an answer. A token without its catalogue has about a thousand.
const ANSWER_BYTES_MAX: usize = 256 << 10;
/// How long a connection may lie idle: less than the five seconds after which Apache, before many a Keystone, closes
/// it, as a question on a connection that is just being closed fails.
const IDLE_MAX: Duration = Duration::from_secs(4);
/// How long no log-in is tried after a refused one, as Keystone may lock out a user with too many.
const LOG_IN_PAUSE_MS: u64 = 10_000;
/// How long after a revocation a new token may still count as revoked: Keystone compares both by the whole second, and a
/// token of the same second as older.
const REVOCATION_SECOND: Duration = Duration::from_secs(1);

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A client with the service user's token.
pub(super) struct Session {
    client: Client,
    tokens_url: String,
    log_in_body: Vec<u8>,
    service: Mutex<Service>,
    questions: Semaphore,
}

/// How far the service user has come.
enum Service {
    LoggedOut,
    LoggedIn(HeaderValue),
    /// No attempt before this moment.
    Refused(Timestamp),
}

impl Session {
    pub(super) fn new(settings: &Settings) -> Result<Self, Unusable> {
        Ok(Self {
            client: client(settings.ca_pem.as_deref())?,
            tokens_url: format!("{}/auth/tokens", settings.url),
            log_in_body: wire::log_in(&settings.service_user),
            service: Mutex::new(Service::LoggedOut),
            questions: Semaphore::new(QUESTIONS_MAX),
        })
    }

    /// What Keystone says of the token; nothing if it is not valid.
    pub(super) async fn validate(
        &self,
        token: SubjectToken<'_>,
        now: Timestamp,
    ) -> Result<Option<Validated>, Failure> {
        let turn = self.questions.acquire().await;
        let _turn = turn.expect("nobody closes the semaphore");
        let mut service = self.service_token(None, now).await?;
        for wait in [Duration::ZERO, REVOCATION_SECOND] {
            let response = self.ask(token, &service).await?;
            if response.status() != StatusCode::UNAUTHORIZED {
                return read_validation(response).await;
            }
            sleep(wait).await;
            service = self.service_token(Some(&service), now).await?;
        }
        read_validation(self.ask(token, &service).await?).await
    }

    async fn ask(
        &self,
        token: SubjectToken<'_>,
        service: &HeaderValue,
    ) -> Result<Response, Failure> {
        let question = self
            .client
            // The catalogue is most of an answer, and of no use here.
            .get(format!("{}?nocatalog", self.tokens_url))
            .header("x-auth-token", service.clone())
            .header("x-subject-token", token.header());
        send(question).await
    }

    /// The service user's token: a new one, if the one that is kept is the one that was refused.
    async fn service_token(
        &self,
        refused: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<HeaderValue, Failure> {
        let mut service = self.service.lock().await;
        match &*service {
            Service::LoggedIn(token) if Some(token) != refused => return Ok(token.clone()),
            Service::Refused(until) if now < *until => return Err(Failure::LogInRefused),
            Service::LoggedIn(_) | Service::Refused(_) | Service::LoggedOut => {}
        }
        let result = self.log_in().await;
        match &result {
            Ok(token) => *service = Service::LoggedIn(token.clone()),
            Err(Failure::LogInRefused) => *service = Service::Refused(now.plus_ms(LOG_IN_PAUSE_MS)),
            Err(_) => {}
        }
        result
    }

    async fn log_in(&self) -> Result<HeaderValue, Failure> {
        let question = self
            .client
            .post(&self.tokens_url)
            .header(CONTENT_TYPE, JSON)
            .body(self.log_in_body.clone());
        let mut response = send(question).await?;
        match response.status() {
            StatusCode::CREATED => {}
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failure::LogInRefused),
            other => return Err(Failure::Unexpected(other)),
        }
        let token = response.headers_mut().remove("x-subject-token");
        let mut token = token.ok_or(Failure::Malformed)?;
        token.set_sensitive(true);
        // What is left unread would keep the connection from being used again.
        read_whole(response).await?;
        Ok(token)
    }
}

fn client(ca_pem: Option<&[u8]>) -> Result<Client, Unusable> {
    let mut builder = Client::builder()
        .user_agent(concat!("rohrpost/", env!("CARGO_PKG_VERSION")))
        // A redirection would show the tokens to whom the operator did not name.
        .redirect(Policy::none())
        .pool_idle_timeout(IDLE_MAX);
    if let Some(pem) = ca_pem {
        let certificates = Certificate::from_pem_bundle(pem)?;
        if certificates.is_empty() {
            return Err(Unusable::NoCertificate);
        }
        builder = builder.tls_built_in_root_certs(false);
        builder = certificates
            .into_iter()
            .fold(builder, ClientBuilder::add_root_certificate);
    }
    Ok(builder.build()?)
}

async fn send(question: RequestBuilder) -> Result<Response, Failure> {
    Ok(question.header(ACCEPT, JSON).send().await?)
}

async fn read_validation(response: Response) -> Result<Option<Validated>, Failure> {
    match response.status() {
        StatusCode::OK => {
            let answer = read_whole(response).await?;
            wire::validated(&answer).map(Some)
        }
        StatusCode::NOT_FOUND => {
            read_whole(response).await?;
            Ok(None)
        }
        refused @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(Failure::NotPermitted(refused))
        }
        other => Err(Failure::Unexpected(other)),
    }
}

/// The whole body, unless it is too long.
async fn read_whole(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut whole = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if whole.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Failure::TooLong(ANSWER_BYTES_MAX));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole)
}
