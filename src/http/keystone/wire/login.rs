//! `POST /v3/auth/tokens`: who logs in, how, and for what (reference §3.1).
//! Nothing here can be printed, as it holds passwords and tokens.

use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use utoipa::ToSchema;

use crate::http::json::Few;
use crate::http::keystone::error::{Fault, Result};
use crate::identity::{NamedDomain, NamedProject, NamedUser, Password, Proof, WantedScope};

/// Methods that a log-in may name; more make no sense.
const METHODS_MAX: usize = 8;

/// A log-in.
#[derive(Deserialize, ToSchema)]
#[schema(as = LogIn)]
pub struct LogInForm {
    auth: Auth,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInAuth)]
struct Auth {
    identity: Identity,
    #[schema(value_type = Option<Place>)]
    scope: Option<Scope>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInIdentity)]
struct Identity {
    #[schema(value_type = Vec<String>)]
    methods: Few<String, METHODS_MAX>,
    password: Option<WithPassword>,
    token: Option<WithToken>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInPassword)]
struct WithPassword {
    user: User,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInUser)]
struct User {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Domain>,
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInToken)]
struct WithToken {
    id: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInDomain)]
struct Domain {
    id: Option<String>,
    name: Option<String>,
}

/// `"unscoped"`, or an object that names one place.
enum Scope {
    Word(String),
    Place(Place),
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInScope)]
struct Place {
    project: Option<Project>,
    domain: Option<Domain>,
}

impl<'de> Deserialize<'de> for Scope {
    /// Without a buffer in between, which a client could make much larger than its request.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct ScopeVisitor;

        impl<'de> Visitor<'de> for ScopeVisitor {
            type Value = Scope;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("\"unscoped\" or an object")
            }

            fn visit_str<E: de::Error>(self, word: &str) -> std::result::Result<Scope, E> {
                Ok(Scope::Word(word.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Scope, A::Error> {
                Place::deserialize(MapAccessDeserializer::new(map)).map(Scope::Place)
            }
        }

        deserializer.deserialize_any(ScopeVisitor)
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LogInProject)]
struct Project {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Domain>,
}

impl LogInForm {
    /// What the log-in shows, and what its token shall be for.
    ///
    /// # Errors
    /// 400 if something is missing, 401 for a method that is not known here.
    pub fn parse(self) -> Result<(Proof, WantedScope)> {
        let proof = self.auth.identity.proof()?;
        let scope = match self.auth.scope {
            None => WantedScope::Unstated,
            Some(scope) => scope.parse()?,
        };
        Ok((proof, scope))
    }
}

impl Identity {
    fn proof(self) -> Result<Proof> {
        let methods = self.methods.all().unwrap_or_default();
        match &*methods {
            [method] if method == "password" => self
                .password
                .ok_or_else(|| missing("password"))?
                .user
                .proof(),
            [method] if method == "token" => {
                let token = self.token.ok_or_else(|| missing("token"))?;
                Ok(Proof::Token(token.id))
            }
            [] => Err(Fault::bad_request(
                "Expecting to find one method in identity.methods.",
            )),
            _ => Err(Fault::unauthorized_as(
                "Attempted to authenticate with an unsupported method: one of password and token is expected.",
            )),
        }
    }
}

impl User {
    fn proof(self) -> Result<Proof> {
        let user = match (self.id, self.name) {
            (Some(id), _) => NamedUser::Id(id),
            (None, Some(name)) => {
                let domain = self.domain.map(Domain::parse).transpose()?;
                NamedUser::Name(name, domain)
            }
            (None, None) => return Err(missing("id or name of the user")),
        };
        Ok(Proof::Password(user, Password::parse(&self.password).ok()))
    }
}

impl Domain {
    fn parse(self) -> Result<NamedDomain> {
        match (self.id, self.name) {
            (Some(id), _) => Ok(NamedDomain::Id(id)),
            (None, Some(name)) => Ok(NamedDomain::Name(name)),
            (None, None) => Err(missing("id or name of the domain")),
        }
    }
}

impl Scope {
    fn parse(self) -> Result<WantedScope> {
        match self {
            Self::Word(word) if word == "unscoped" => Ok(WantedScope::Unscoped),
            Self::Place(Place {
                project: Some(project),
                domain: None,
            }) => project.parse().map(WantedScope::Project),
            Self::Place(Place {
                project: None,
                domain: Some(domain),
            }) => domain.parse().map(WantedScope::Domain),
            Self::Word(_) | Self::Place(_) => Err(Fault::bad_request(
                "The scope must be a project, a domain or \"unscoped\".",
            )),
        }
    }
}

impl Project {
    fn parse(self) -> Result<NamedProject> {
        match (self.id, self.name) {
            (Some(id), _) => Ok(NamedProject::Id(id)),
            (None, Some(name)) => {
                let domain = self.domain.map(Domain::parse).transpose()?;
                Ok(NamedProject::Name(name, domain))
            }
            (None, None) => Err(missing("id or name of the project")),
        }
    }
}

fn missing(what: &str) -> Fault {
    Fault::bad_request(format!("Expecting to find {what} in the request."))
}
