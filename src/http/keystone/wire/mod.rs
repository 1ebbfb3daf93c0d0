//! What Keystone v3 requests and answers look like. Refuses to know who may ask.

pub mod assignments;
pub mod catalogue;
pub mod credentials;
pub mod login;
pub mod projects;
pub mod roles;
pub mod time;
pub mod token;
pub mod users;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, Deserializer};

use super::error::{Fault, Result};
use super::origin::Origin;
use crate::identity::{DOMAIN_ID, Domain};

/// Characters of a free text, such as a description.
const TEXT_CHARS_MAX: usize = 255;

/// One thing under its name: `{"user":{…}}`.
#[derive(Debug)]
pub struct One<T>(pub &'static str, pub T);

impl<T: Serialize> Serialize for One<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0, &self.1)?;
        map.end()
    }
}

/// All things of a kind, on one page: `{"users":[…],"links":{…}}`.
#[derive(Debug)]
pub struct Many<T> {
    name: &'static str,
    things: Vec<T>,
    links: PageLinks,
}

#[derive(Debug, serde::Serialize)]
struct PageLinks {
    #[serde(rename = "self")]
    itself: String,
    previous: Option<String>,
    next: Option<String>,
}

impl<T> Many<T> {
    /// The things under their name, which were asked for at `path`.
    pub fn new(
        name: &'static str,
        things: impl Iterator<Item = T>,
        origin: &Origin,
        path: &str,
    ) -> Self {
        Self {
            name,
            things: things.collect(),
            links: PageLinks {
                itself: format!("{origin}{path}"),
                previous: None,
                next: None,
            },
        }
    }
}

impl<T: Serialize> Serialize for Many<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry(self.name, &self.things)?;
        map.serialize_entry("links", &self.links)?;
        map.end()
    }
}

/// Where a thing is found.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Links {
    #[serde(rename = "self")]
    itself: String,
}

impl Links {
    /// The thing at `path`.
    pub fn to(origin: &Origin, path: impl std::fmt::Display) -> Self {
        Self {
            itself: format!("{origin}{path}"),
        }
    }
}

/// The domain beside what belongs to it.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
pub struct DomainRef<'a> {
    id: &'static str,
    name: &'a str,
}

impl<'a> DomainRef<'a> {
    /// The one domain.
    pub fn of(domain: &'a Domain) -> Self {
        Self {
            id: DOMAIN_ID,
            name: domain.name.as_str(),
        }
    }
}

/// What a change says of a field: nothing, or a value, which may be `null`.
#[expect(
    clippy::option_option,
    reason = "absent and null mean two things: leave it, and remove it"
)]
#[derive(Debug, Default)]
pub struct Patch<T>(pub Option<Option<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| Self(Some(value)))
    }
}

/// Checks that what is created or changed stays in the one domain.
///
/// # Errors
/// 404 for another domain.
fn in_the_domain(id: Option<&str>) -> Result<()> {
    match id {
        None | Some(DOMAIN_ID) => Ok(()),
        Some(_) => Err(Fault::not_found("domain")),
    }
}

/// Checks a text that people write for people.
///
/// # Errors
/// 400 if it is too long.
fn checked_text(what: &str, text: String) -> Result<String> {
    if text.chars().count() > TEXT_CHARS_MAX {
        let message = format!("The {what} must be at most {TEXT_CHARS_MAX} characters long.");
        return Err(Fault::bad_request(message));
    }
    Ok(text)
}

/// The refusal of a name that is none.
fn bad_name(what: &str) -> impl Fn(crate::types::NameError) -> Fault {
    move |error| Fault::bad_request(format!("The {what} {error}."))
}
