//! The services that the catalogue publishes, and where (reference §2.1): the identity service itself, and the queue
//! service three times, as each family of clients looks for it.

use super::origin::Origin;
use crate::types::ProjectId;

/// A service of this server.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// Its id, the same on every server: 32 hexadecimal digits, the last of which is 0.
    pub id: &'static str,
    /// What clients look for.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    path: Path,
}

/// Where a service begins below the origin.
#[derive(Debug, PartialEq, Eq)]
enum Path {
    /// At this path.
    Fixed(&'static str),
    /// At this path with the project's id behind it.
    WithProject(&'static str),
}

/// Who an endpoint is meant for. All are the same here; clients insist on finding theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interface {
    /// Everybody.
    Public,
    /// Those near by.
    Internal,
    /// Administrators.
    Admin,
}

impl Interface {
    /// Every interface.
    pub const ALL: [Self; 3] = [Self::Public, Self::Internal, Self::Admin];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }

    const fn digit(self) -> char {
        match self {
            Self::Public => '1',
            Self::Internal => '2',
            Self::Admin => '3',
        }
    }
}

/// All services.
pub const SERVICES: [Service; 4] = [
    Service {
        id: "6b656de28d4f4d0fa0a4a1a8f2b1c010",
        kind: "identity",
        name: "keystone",
        description: "Who may do what",
        path: Path::Fixed("/v3"),
    },
    Service {
        id: "6b656de28d4f4d0fa0a4a1a8f2b1c020",
        kind: "dms",
        name: "distributedmessageservice",
        description: "Queues, for clients that append the project's id",
        path: Path::Fixed("/v1.0"),
    },
    Service {
        id: "6b656de28d4f4d0fa0a4a1a8f2b1c030",
        kind: "dmsv1",
        name: "dmsv1",
        description: "Queues, version 1.0",
        path: Path::WithProject("/v1.0"),
    },
    Service {
        id: "6b656de28d4f4d0fa0a4a1a8f2b1c040",
        kind: "dmsv2",
        name: "dmsv2",
        description: "Queues, version 2",
        path: Path::WithProject("/v2"),
    },
];

impl Service {
    /// The id of its endpoint for `interface`.
    #[must_use]
    pub fn endpoint_id(&self, interface: Interface) -> String {
        let mut id = self.id.to_owned();
        id.pop();
        id.push(interface.digit());
        id
    }

    /// Its URL for those who work in `project`; nothing if it needs one and there is none.
    #[must_use]
    pub fn url(&self, origin: &Origin, project: Option<ProjectId>) -> Option<String> {
        match (&self.path, project) {
            (Path::Fixed(path), _) => Some(format!("{origin}{path}")),
            (Path::WithProject(path), Some(project)) => Some(format!("{origin}{path}/{project}")),
            (Path::WithProject(_), None) => None,
        }
    }

    /// Its URL for any project, as the list of endpoints spells it.
    #[must_use]
    pub fn url_template(&self, origin: &Origin) -> String {
        match self.path {
            Path::Fixed(path) => format!("{origin}{path}"),
            Path::WithProject(path) => format!("{origin}{path}/$(project_id)s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_services_or_endpoints_share_an_id() {
        let endpoints = SERVICES.iter().flat_map(|service| {
            Interface::ALL
                .into_iter()
                .map(|interface| service.endpoint_id(interface))
        });
        let ids: BTreeSet<_> = SERVICES
            .iter()
            .map(|service| service.id.to_owned())
            .chain(endpoints)
            .collect();
        assert_eq!(ids.len(), SERVICES.len() * 4);
        assert!(ids.iter().all(|id| id.parse::<ProjectId>().is_ok()));
    }
}
