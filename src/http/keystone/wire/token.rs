//! What there is to say of a token.

use serde::Serialize;
use utoipa::ToSchema;

use super::catalogue::ServiceForm;
use super::roles::RoleRef;
use super::time::as_iso;
use super::{DomainRef, One};
use crate::http::json::as_text;
use crate::identity::{Domain, Project, Scope, TokenDescription, User, UserId};
use crate::types::{ProjectId, Timestamp};

/// A token, without the token itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub struct TokenForm<'a> {
    methods: Vec<&'static str>,
    user: TokenUser<'a>,
    #[schema(value_type = Vec<String>)]
    audit_ids: [&'a str; 1],
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String)]
    expires_at: Timestamp,
    #[serde(serialize_with = "as_iso")]
    #[schema(value_type = String)]
    issued_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    project: Option<TokenProject<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    is_domain: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<DomainRef<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    roles: Vec<RoleRef>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<Vec<ServiceForm>>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TokenUser<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    id: UserId,
    name: &'a str,
    domain: DomainRef<'a>,
    password_expires_at: Option<&'a str>,
}

#[derive(Debug, Serialize, ToSchema)]
struct TokenProject<'a> {
    #[serde(serialize_with = "as_text")]
    #[schema(value_type = String)]
    id: ProjectId,
    name: &'a str,
    domain: DomainRef<'a>,
}

impl<'a> TokenForm<'a> {
    /// The token, with a catalogue unless it is for nothing or nobody wants one.
    pub fn of(
        token: &'a TokenDescription,
        domain: &'a Domain,
        catalogue: Option<Vec<ServiceForm>>,
    ) -> One<Self> {
        let (of_project, of_domain) = match &token.scope {
            Scope::Unscoped => (None, None),
            Scope::Domain => (None, Some(DomainRef::of(domain))),
            Scope::Project(project) => (Some(TokenProject::of(project, domain)), None),
        };
        let form = Self {
            methods: token.methods.iter().map(|method| method.name()).collect(),
            user: TokenUser::of(&token.user, domain),
            audit_ids: [&token.audit_id],
            expires_at: token.expires,
            issued_at: token.issued,
            is_domain: of_project.as_ref().map(|_| false),
            project: of_project,
            domain: of_domain,
            roles: token.roles.iter().copied().map(RoleRef::of).collect(),
            catalog: catalogue.filter(|_| token.scope != Scope::Unscoped),
        };
        One("token", form)
    }
}

impl<'a> TokenUser<'a> {
    fn of(user: &'a User, domain: &'a Domain) -> Self {
        Self {
            id: user.id,
            name: user.name.as_str(),
            domain: DomainRef::of(domain),
            password_expires_at: None,
        }
    }
}

impl<'a> TokenProject<'a> {
    fn of(project: &'a Project, domain: &'a Domain) -> Self {
        Self {
            id: project.id,
            name: project.name.as_str(),
            domain: DomainRef::of(domain),
        }
    }
}
