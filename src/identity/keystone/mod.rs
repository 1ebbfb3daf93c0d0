//! Another server's word for who asks: tokens of an external Keystone (`auth.mode = "keystone"`).
//!
//! Owns what is remembered of its answers, for how long, and what holds while it is away. Refuses to know protocols
//! of this server; what is said to Keystone and how stands in `session` and `wire`. It reads no clock: `now` is an
//! argument.

mod failure;
mod roles;
mod session;
mod settings;
mod token;
mod wire;

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};

use quick_cache::sync::Cache;
use tokio::time::timeout;

pub use failure::Unusable;
pub use roles::RoleNames;
pub use settings::{KeystoneUrl, ServiceUser, Settings};

use failure::Failure;
use session::Session;
use token::{SubjectToken, TokenDigest};
use wire::Validated;

use super::caller::{Caller, Refused};
use crate::types::Timestamp;

/// The way to an external Keystone, with the answers that it gave a moment ago.
pub struct Keystone {
    session: Session,
    /// A flood of made-up tokens passes through without driving out those in use: the cache keeps what was asked for
    /// more than once.
    answers: Cache<TokenDigest, Answer>,
    settings: Settings,
    /// Whether the last question got an answer, so that an outage is two lines in the log.
    answers_questions: AtomicBool,
}

/// What Keystone said of a token, and until when that is taken for granted.
#[derive(Clone)]
struct Answer {
    caller: Result<Caller, Refused>,
    until: Timestamp,
}

impl Keystone {
    /// The way to the Keystone of these settings. Nothing is sent yet, so that this server starts without it.
    ///
    /// # Errors
    /// [`Unusable`] if the certificates are none, or the system offers no randomness or memory for TLS.
    pub fn new(settings: Settings) -> Result<Self, Unusable> {
        Ok(Self {
            session: Session::new(&settings)?,
            answers: Cache::new(settings.cache_entries),
            settings,
            answers_questions: AtomicBool::new(true),
        })
    }

    /// Who shows this token. An answer serves for `settings.cache_ms` from the moment of the question and never past the
    /// token's end, so a revocation is seen after that time at the latest. Whoever shows a token that is being asked
    /// about waits for that answer.
    ///
    /// # Errors
    /// [`Refused::BadToken`] or [`Refused::ExpiredToken`] if Keystone does not know the token any more,
    /// [`Refused::Unavailable`] if it gave no usable answer within `settings.timeout`.
    pub async fn caller_of_token(&self, token: &str, now: Timestamp) -> Result<Caller, Refused> {
        let token = SubjectToken::parse(token).ok_or(Refused::BadToken)?;
        let digest = token.digest();
        if let Some(answer) = self.answers.get(&digest)
            && answer.holds_at(now)
        {
            return answer.caller;
        }
        let asking = timeout(self.settings.timeout, self.ask_once(token, &digest, now));
        let answer = asking.await.unwrap_or(Err(Failure::TooSlow));
        self.note(&answer);
        answer.map_err(|_| Refused::Unavailable)?.caller
    }

    /// The answer to a question that only one asks at a time.
    async fn ask_once(
        &self,
        token: SubjectToken<'_>,
        digest: &TokenDigest,
        now: Timestamp,
    ) -> Result<Answer, Failure> {
        self.answers.remove_if(digest, |old| !old.holds_at(now));
        let asking = async {
            let validated = self.session.validate(token, now).await?;
            Ok(self.answer(validated, now))
        };
        self.answers.get_or_insert_async(digest, asking).await
    }

    fn answer(&self, validated: Option<Validated>, now: Timestamp) -> Answer {
        let latest = now.plus_ms(self.settings.cache_ms);
        match validated {
            None => Answer {
                caller: Err(Refused::BadToken),
                until: latest,
            },
            Some(token) if token.expires <= now => Answer {
                caller: Err(Refused::ExpiredToken),
                until: latest,
            },
            Some(token) => Answer {
                until: latest.min(token.expires),
                caller: Ok(token.caller(&self.settings.roles)),
            },
        }
    }

    /// Writes the beginning and the end of an outage to the log.
    fn note(&self, answer: &Result<Answer, Failure>) {
        let answered = self
            .answers_questions
            .swap(answer.is_ok(), Ordering::Relaxed);
        let url = &self.settings.url;
        match answer {
            Ok(_) if !answered => tracing::info!(%url, "Keystone answers again"),
            Err(failure) if answered => tracing::error!(
                %url,
                error = failure as &(dyn Error + 'static),
                "Keystone validates no tokens; those that it has just validated go on"
            ),
            Ok(_) | Err(_) => {}
        }
    }
}

impl Answer {
    fn holds_at(&self, now: Timestamp) -> bool {
        now < self.until
    }
}
