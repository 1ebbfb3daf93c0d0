//! Roles and domains, which are as they are.

use serde::Serialize;
use utoipa::ToSchema;

use super::Links;
use crate::http::error::Result;
use crate::http::keystone::origin::Origin;
use crate::http::query::{FromQuery, Query};
use crate::identity::{DOMAIN_ID, Domain, Role};

/// A role beside somebody who has it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoleRef {
    id: &'static str,
    name: &'static str,
}

impl RoleRef {
    /// This role.
    pub const fn of(role: Role) -> Self {
        Self {
            id: role.id(),
            name: role.name(),
        }
    }
}

/// A role by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Role)]
pub struct RoleForm {
    id: &'static str,
    name: &'static str,
    domain_id: Option<&'static str>,
    description: &'static str,
    options: Options,
    links: Links,
}

/// What could be set of a thing, and is not.
#[derive(Debug, Serialize, ToSchema)]
pub struct Options {}

impl RoleForm {
    /// This role.
    pub fn of(role: Role, origin: &Origin) -> Self {
        Self {
            id: role.id(),
            name: role.name(),
            domain_id: None,
            description: match role {
                Role::Reader => "Lists and reads",
                Role::Member => "Also sends, consumes, creates and deletes",
                Role::Admin => "Also administers users and quotas",
            },
            options: Options {},
            links: Links::to(origin, format_args!("/v3/roles/{}", role.id())),
        }
    }
}

/// The one domain by itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Domain)]
pub struct DomainForm<'a> {
    id: &'static str,
    name: &'a str,
    description: &'static str,
    enabled: bool,
    #[schema(value_type = Vec<String>)]
    tags: [&'static str; 0],
    options: Options,
    links: Links,
}

impl<'a> DomainForm<'a> {
    /// The domain.
    pub fn of(domain: &'a Domain, origin: &Origin) -> Self {
        Self {
            id: DOMAIN_ID,
            name: domain.name.as_str(),
            description: "",
            enabled: true,
            tags: [],
            options: Options {},
            links: Links::to(origin, format_args!("/v3/domains/{DOMAIN_ID}")),
        }
    }
}

/// Which roles to list.
#[derive(Debug)]
pub struct RoleFilter {
    name: Option<String>,
    is_satisfiable: bool,
}

impl FromQuery for RoleFilter {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        Ok(Self {
            name: query.first("name").map(str::to_owned),
            // The roles are those of the server; no domain has roles of its own.
            is_satisfiable: query.first("domain_id").is_none(),
        })
    }
}

impl RoleFilter {
    /// Whether this role is wanted.
    pub fn takes(&self, role: Role) -> bool {
        let name = self.name.as_deref();
        self.is_satisfiable && name.is_none_or(|name| name == role.name())
    }
}

/// Which domains to list.
#[derive(Debug)]
pub struct DomainFilter {
    name: Option<String>,
    is_enabled: Option<bool>,
}

impl FromQuery for DomainFilter {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        Ok(Self {
            name: query.first("name").map(str::to_owned),
            is_enabled: query.flag("enabled")?,
        })
    }
}

impl DomainFilter {
    /// Whether this domain is wanted.
    pub fn takes(&self, domain: &Domain) -> bool {
        let name = self.name.as_deref();
        name.is_none_or(|name| name == domain.name.as_str()) && self.is_enabled != Some(false)
    }
}
