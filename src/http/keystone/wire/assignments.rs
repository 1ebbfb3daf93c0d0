//! Who was given which role where.

use serde::Serialize;
use utoipa::ToSchema;

use super::DomainRef;
use crate::http::json::Flag;
use crate::http::keystone::origin::Origin;
use crate::http::query::{FromQuery, Query};
use crate::identity::{Assignment, DOMAIN_ID, Domain, Identity, Place, Role, UserId};

/// A role that a user has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Assignment)]
pub struct AssignmentForm<'a> {
    role: Named<'a>,
    user: Named<'a>,
    scope: Scope<'a>,
    links: AssignmentLinks,
}

/// A thing by its id, and by its name and domain if those are asked for.
#[derive(Debug, Serialize, ToSchema)]
struct Named<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<DomainRef<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = AssignmentScope)]
enum Scope<'a> {
    Project(Named<'a>),
    Domain(Named<'a>),
}

#[derive(Debug, Serialize, ToSchema)]
struct AssignmentLinks {
    assignment: String,
}

/// Writes assignments, each thing by its id alone or with its name.
pub struct Writer<'a> {
    /// Where names are found, if they are wanted.
    pub names: Option<&'a Identity>,
    /// The one domain.
    pub domain: &'a Domain,
    /// For the links.
    pub origin: &'a Origin,
}

impl<'a> Writer<'a> {
    /// The form of this assignment.
    pub fn form(&self, assignment: &Assignment) -> AssignmentForm<'a> {
        AssignmentForm {
            role: self.role(assignment.role),
            user: self.user(assignment.user),
            scope: self.scope(assignment.place),
            links: AssignmentLinks {
                assignment: self.link(assignment),
            },
        }
    }

    fn role(&self, role: Role) -> Named<'a> {
        Named {
            id: role.id().to_owned(),
            name: self.names.map(|_| role.name().to_owned()),
            domain: None,
        }
    }

    fn user(&self, id: UserId) -> Named<'a> {
        let user = self.names.and_then(|names| names.user(id));
        self.in_the_domain(id.to_string(), user.map(|user| user.name.to_string()))
    }

    fn scope(&self, place: Place) -> Scope<'a> {
        match place {
            Place::Domain => Scope::Domain(Named {
                id: DOMAIN_ID.to_owned(),
                name: self.names.map(|_| self.domain.name.to_string()),
                domain: None,
            }),
            Place::Project(id) => {
                let project = self.names.and_then(|names| names.project(id));
                let name = project.map(|project| project.name.to_string());
                Scope::Project(self.in_the_domain(id.to_string(), name))
            }
        }
    }

    fn in_the_domain(&self, id: String, name: Option<String>) -> Named<'a> {
        Named {
            id,
            name,
            domain: self.names.map(|_| DomainRef::of(self.domain)),
        }
    }

    fn link(&self, assignment: &Assignment) -> String {
        let place = match assignment.place {
            Place::Domain => format!("domains/{DOMAIN_ID}"),
            Place::Project(id) => format!("projects/{id}"),
        };
        let (origin, user, role) = (self.origin, assignment.user, assignment.role.id());
        format!("{origin}/v3/{place}/users/{user}/roles/{role}")
    }
}

/// Which assignments to list, and how.
#[derive(Debug)]
pub struct AssignmentFilter {
    user: Option<String>,
    role: Option<String>,
    project: Option<String>,
    domain: Option<String>,
    is_satisfiable: bool,
    is_effective: bool,
    /// Whether to name things.
    pub has_names: bool,
}

impl FromQuery for AssignmentFilter {
    fn from_query(query: &Query<'_>) -> crate::http::error::Result<Self> {
        /// What is asked for by these does not exist here: groups, the system, inherited roles.
        const ABSENT: [&str; 3] = ["group.id", "scope.system", "scope.OS-INHERIT:inherited_to"];
        let text = |name| query.first(name).map(str::to_owned);
        Ok(Self {
            user: text("user.id"),
            role: text("role.id"),
            project: text("scope.project.id"),
            domain: text("scope.domain.id"),
            is_satisfiable: ABSENT.iter().all(|name| query.first(name).is_none()),
            is_effective: is_asked_for(query, "effective"),
            has_names: is_asked_for(query, "include_names"),
        })
    }
}

/// Whether the parameter is there and does not say no.
fn is_asked_for(query: &Query<'_>, name: &str) -> bool {
    let value = query.first(name).and_then(Flag::parse);
    query.has(name) && value != Some(Flag(false))
}

impl AssignmentFilter {
    /// Whether only assignments of this user are wanted.
    pub fn is_for_user(&self, user: UserId) -> bool {
        self.user.as_deref().and_then(|id| id.parse().ok()) == Some(user)
    }

    /// The assignment itself, or with all that it includes if the effect is asked for.
    pub fn expanded(&self, assignment: Assignment) -> impl Iterator<Item = Assignment> + use<> {
        let is_effective = self.is_effective;
        let included = assignment.role.with_included();
        included
            .filter(move |role| is_effective || *role == assignment.role)
            .map(move |role| Assignment { role, ..assignment })
    }

    /// Whether this assignment is wanted.
    pub fn takes(&self, assignment: &Assignment) -> bool {
        let (project, domain) = match assignment.place {
            Place::Domain => (None, Some(DOMAIN_ID)),
            Place::Project(id) => (Some(id), None),
        };
        let wants_project = |wanted: &String| project.is_some_and(|id| wanted.parse() == Ok(id));
        self.is_satisfiable
            && (self.user.is_none() || self.is_for_user(assignment.user))
            && self
                .role
                .as_deref()
                .is_none_or(|id| id == assignment.role.id())
            && self.project.as_ref().is_none_or(wants_project)
            && self.domain.as_deref().is_none_or(|id| domain == Some(id))
    }
}
