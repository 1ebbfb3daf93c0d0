//! Access keys, permanent and temporary (`/v3.0/OS-CREDENTIAL`).

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::checked_text;
use super::time::as_iso;
use crate::http::json::as_text;
use crate::http::keystone::error::{Fault, Result};
use crate::http::query::{FromQuery, Query};
use crate::identity::{AccessKey, AccessKeyId, KeyStatus, SecretKey, TemporaryKey, UserId};
use crate::types::Timestamp;

/// How long a temporary key may be used unless the request says it.
const LIFETIME_S_DEFAULT: u64 = 900;

/// A permanent key, with its secret only when it has just been created.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessKey)]
pub struct KeyForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    access: &'a AccessKeyId,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'a str>,
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    user_id: UserId,
    status: &'static str,
    description: &'a str,
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String)]
    create_time: Timestamp,
}

impl<'a> KeyForm<'a> {
    /// A key that exists.
    pub fn of(key: &'a AccessKey) -> Self {
        Self {
            access: &key.id,
            secret: None,
            user_id: key.user,
            status: match key.status {
                KeyStatus::Active => "active",
                KeyStatus::Inactive => "inactive",
            },
            description: &key.description,
            create_time: key.created,
        }
    }

    /// A key that was just created.
    pub fn with_secret(key: &'a AccessKey, secret: &'a SecretKey) -> Self {
        Self {
            secret: Some(secret.expose()),
            ..Self::of(key)
        }
    }
}

/// `POST /v3.0/OS-CREDENTIAL/credentials`
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewAccessKey)]
pub struct NewKeyForm {
    credential: NewFields,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewAccessKeyFields)]
struct NewFields {
    user_id: Option<String>,
    description: Option<String>,
}

impl NewKeyForm {
    /// Whose key it shall be if that is said, and what it is for.
    ///
    /// # Errors
    /// 400 for a description that is too long.
    pub fn parse(self) -> Result<(Option<String>, String)> {
        let fields = self.credential;
        let description = checked_text("description", fields.description.unwrap_or_default())?;
        Ok((fields.user_id, description))
    }
}

/// `PUT /v3.0/OS-CREDENTIAL/credentials/{access_key}`
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AccessKeyChange)]
pub struct KeyChangeForm {
    credential: ChangedFields,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = AccessKeyChangeFields)]
struct ChangedFields {
    #[schema(pattern = "^(active|inactive)$")]
    status: Option<String>,
    description: Option<String>,
}

impl KeyChangeForm {
    /// What to change.
    ///
    /// # Errors
    /// 400 for a status that is neither active nor inactive, and for a description that is too long.
    pub fn parse(self) -> Result<(Option<KeyStatus>, Option<String>)> {
        let status = match self.credential.status.as_deref() {
            None => None,
            Some("active") => Some(KeyStatus::Active),
            Some("inactive") => Some(KeyStatus::Inactive),
            Some(_) => return Err(Fault::bad_request("The status is active or inactive.")),
        };
        let description = self.credential.description;
        let description = description.map(|text| checked_text("description", text));
        Ok((status, description.transpose()?))
    }
}

/// Whose keys to list.
#[derive(Debug)]
pub struct KeyFilter {
    /// The user's id, if it is said.
    pub user: Option<String>,
}

impl FromQuery for KeyFilter {
    fn from_query(query: &Query<'_>) -> crate::http::error::Result<Self> {
        let user = query.first("user_id").map(str::to_owned);
        Ok(Self { user })
    }
}

/// A temporary key.
#[derive(Serialize, ToSchema)]
#[schema(as = TemporaryKey)]
pub struct TemporaryKeyForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    access: &'a AccessKeyId,
    secret: &'a str,
    securitytoken: &'a str,
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl<'a> TemporaryKeyForm<'a> {
    /// This key.
    pub fn of(key: &'a TemporaryKey) -> Self {
        Self {
            access: &key.id,
            secret: key.secret.expose(),
            securitytoken: &key.security_token,
            expires_at: key.expires,
        }
    }
}

/// `POST /v3.0/OS-CREDENTIAL/securitytokens`
#[derive(Deserialize, ToSchema)]
#[schema(as = NewTemporaryKey)]
pub struct SecurityTokenForm {
    auth: Auth,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewTemporaryKeyAuth)]
struct Auth {
    identity: Identity,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewTemporaryKeyIdentity)]
struct Identity {
    #[schema(value_type = Vec<String>)]
    methods: crate::http::json::Few<String, 2>,
    token: Option<Token>,
}

#[derive(Default, Deserialize, ToSchema)]
#[schema(as = NewTemporaryKeyToken)]
struct Token {
    id: Option<String>,
    #[serde(rename = "duration-seconds", alias = "duration_seconds")]
    #[schema(minimum = 900, maximum = 86400)]
    duration_s: Option<u64>,
}

/// What a temporary key is asked for with.
pub struct Wanted {
    /// The token in the body, if there is one.
    pub token: Option<String>,
    /// How long the key may be used.
    pub lifetime: Duration,
}

impl SecurityTokenForm {
    /// What is asked for.
    ///
    /// # Errors
    /// 400 for another method than the token.
    pub fn parse(self) -> Result<Wanted> {
        let identity = self.auth.identity;
        if identity.methods.all().as_deref() != Some(&["token".to_owned()]) {
            return Err(Fault::bad_request("identity.methods must be [\"token\"]."));
        }
        let token = identity.token.unwrap_or_default();
        let lifetime_s = token.duration_s.unwrap_or(LIFETIME_S_DEFAULT);
        Ok(Wanted {
            token: token.id,
            lifetime: Duration::from_secs(lifetime_s),
        })
    }
}
