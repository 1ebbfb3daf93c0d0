//! Users.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::roles::Options;
use super::{Links, Patch, bad_name, checked_text, in_the_domain};
use crate::http::json::as_text;
use crate::http::keystone::error::{Fault, Result};
use crate::http::keystone::origin::Origin;
use crate::http::query::{FromQuery, Query};
use crate::identity::{DOMAIN_ID, NewUser, Password, User, UserChange, UserId, UserName};
use crate::types::ProjectId;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserForm<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    id: UserId,
    name: &'a str,
    domain_id: &'static str,
    enabled: bool,
    description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_project_id: Option<String>,
    password_expires_at: Option<&'static str>,
    options: Options,
    links: Links,
}

impl<'a> UserForm<'a> {
    /// This user.
    pub fn of(user: &'a User, origin: &Origin) -> Self {
        Self {
            id: user.id,
            name: user.name.as_str(),
            domain_id: DOMAIN_ID,
            enabled: user.is_enabled,
            description: &user.description,
            email: user.email.as_deref(),
            default_project_id: user.default_project.map(|project| project.to_string()),
            password_expires_at: None,
            options: Options {},
            links: Links::to(origin, format_args!("/v3/users/{}", user.id)),
        }
    }
}

/// `POST /v3/users`
#[derive(Deserialize, ToSchema)]
#[schema(as = NewUser)]
pub struct NewUserForm {
    user: NewFields,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewUserFields)]
struct NewFields {
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    #[schema(min_length = 1, max_length = 1024)]
    password: Option<String>,
    enabled: Option<bool>,
    description: Option<String>,
    email: Option<String>,
    default_project_id: Option<String>,
    domain_id: Option<String>,
}

impl NewUserForm {
    /// The user to create.
    ///
    /// # Errors
    /// 400 for a field that is not what it should be, 404 for another domain.
    pub fn parse(self) -> Result<NewUser> {
        let fields = self.user;
        in_the_domain(fields.domain_id.as_deref())?;
        Ok(NewUser {
            name: UserName::parse(&fields.name).map_err(bad_name("user name"))?,
            password: fields.password.as_deref().map(password).transpose()?,
            is_enabled: fields.enabled.unwrap_or(true),
            default_project: project(fields.default_project_id.as_deref())?,
            description: checked_text("description", fields.description.unwrap_or_default())?,
            email: address(fields.email)?,
        })
    }
}

/// `PATCH /v3/users/{user_id}`
#[derive(Deserialize, ToSchema)]
#[schema(as = UserChange)]
pub struct UserChangeForm {
    user: ChangedFields,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = UserChangeFields)]
struct ChangedFields {
    #[schema(min_length = 1, max_length = 255)]
    name: Option<String>,
    #[schema(min_length = 1, max_length = 1024)]
    password: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    description: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    email: Patch<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    default_project_id: Patch<String>,
    domain_id: Option<String>,
}

impl UserChangeForm {
    /// What to change.
    ///
    /// # Errors
    /// 400 for a field that is not what it should be, 404 for another domain.
    pub fn parse(self) -> Result<UserChange> {
        let fields = self.user;
        in_the_domain(fields.domain_id.as_deref())?;
        let name = fields.name.as_deref().map(UserName::parse);
        let description = fields.description.0.map(Option::unwrap_or_default);
        let default_project = fields.default_project_id.0;
        Ok(UserChange {
            name: name.transpose().map_err(bad_name("user name"))?,
            password: fields.password.as_deref().map(password).transpose()?,
            is_enabled: fields.enabled,
            default_project: default_project
                .map(|id| project(id.as_deref()))
                .transpose()?,
            description: description
                .map(|text| checked_text("description", text))
                .transpose()?,
            email: fields.email.0.map(address).transpose()?,
        })
    }
}

/// `POST /v3/users/{user_id}/password`
#[derive(Deserialize, ToSchema)]
#[schema(as = PasswordChange)]
pub struct PasswordForm {
    user: Passwords,
}

#[derive(Deserialize, ToSchema)]
struct Passwords {
    original_password: String,
    #[schema(min_length = 1, max_length = 1024)]
    password: String,
}

impl PasswordForm {
    /// The present password, if the text can be one at all, and the new one.
    ///
    /// # Errors
    /// 400 if the new one is empty or too long.
    pub fn parse(self) -> Result<(Option<Password>, Password)> {
        let present = Password::parse(&self.user.original_password).ok();
        Ok((present, password(&self.user.password)?))
    }
}

/// Which users to list.
#[derive(Debug, Default)]
pub struct UserFilter {
    name: Option<String>,
    domain: Option<String>,
    is_enabled: Option<bool>,
}

impl FromQuery for UserFilter {
    fn from_query(query: &Query<'_>) -> crate::http::error::Result<Self> {
        Ok(Self {
            name: query.first("name").map(str::to_owned),
            domain: query.first("domain_id").map(str::to_owned),
            is_enabled: query.flag("enabled")?,
        })
    }
}

impl UserFilter {
    /// Whether this user is wanted.
    pub fn takes(&self, user: &User) -> bool {
        let name = self.name.as_deref();
        name.is_none_or(|name| name == user.name.as_str())
            && self.domain.as_deref().is_none_or(|id| id == DOMAIN_ID)
            && self.is_enabled.is_none_or(|flag| flag == user.is_enabled)
    }
}

fn password(text: &str) -> Result<Password> {
    Password::parse(text).map_err(bad_name("password"))
}

/// The project with this id; an empty one is none.
fn project(id: Option<&str>) -> Result<Option<ProjectId>> {
    let id = id.filter(|id| !id.is_empty());
    id.map(|id| id.parse().map_err(|_| Fault::not_found("project")))
        .transpose()
}

fn address(email: Option<String>) -> Result<Option<String>> {
    email.map(|text| checked_text("email", text)).transpose()
}
