//! Services and endpoints: in a catalogue, and as the lists of the administration.

use serde::Serialize;
use utoipa::ToSchema;

use super::Links;
use crate::http::error::Result;
use crate::http::keystone::catalogue::{Interface, SERVICES, Service};
use crate::http::keystone::origin::Origin;
use crate::http::query::{FromQuery, Query};
use crate::types::ProjectId;

/// A service in a catalogue.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CatalogueService)]
pub struct ServiceForm {
    id: &'static str,
    #[schema(rename = "type")]
    r#type: &'static str,
    name: &'static str,
    endpoints: Vec<EndpointForm>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CatalogueEndpoint)]
struct EndpointForm {
    id: String,
    interface: &'static str,
    region: String,
    region_id: String,
    url: String,
}

/// The catalogue for those who work in `project`.
pub fn catalogue(origin: &Origin, region: &str, project: Option<ProjectId>) -> Vec<ServiceForm> {
    let reachable = |service: &'static Service| {
        let url = service.url(origin, project)?;
        let endpoints = Interface::ALL.map(|interface| EndpointForm {
            id: service.endpoint_id(interface),
            interface: interface.name(),
            region: region.to_owned(),
            region_id: region.to_owned(),
            url: url.clone(),
        });
        Some(ServiceForm {
            id: service.id,
            r#type: service.kind,
            name: service.name,
            endpoints: endpoints.into(),
        })
    };
    SERVICES.iter().filter_map(reachable).collect()
}

/// Whether a token is to be shown with its catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatalogueWish {
    /// It is.
    Wanted,
    /// `?nocatalog`: it is large, and not everybody needs it.
    Unwanted,
}

impl FromQuery for CatalogueWish {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        Ok(if query.has("nocatalog") {
            Self::Unwanted
        } else {
            Self::Wanted
        })
    }
}

/// A service as the administration lists it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Service)]
pub struct ListedService {
    id: &'static str,
    #[schema(rename = "type")]
    r#type: &'static str,
    name: &'static str,
    description: &'static str,
    enabled: bool,
    links: Links,
}

impl ListedService {
    /// This service.
    pub fn of(service: &Service, origin: &Origin) -> Self {
        Self {
            id: service.id,
            r#type: service.kind,
            name: service.name,
            description: service.description,
            enabled: true,
            links: Links::to(origin, format_args!("/v3/services/{}", service.id)),
        }
    }
}

/// An endpoint as the administration lists it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Endpoint)]
pub struct ListedEndpoint<'a> {
    id: String,
    service_id: &'static str,
    interface: &'static str,
    region: &'a str,
    region_id: &'a str,
    url: String,
    enabled: bool,
    links: Links,
}

impl<'a> ListedEndpoint<'a> {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The endpoint of this service for `interface`.
    pub fn of(service: &Service, interface: Interface, region: &'a str, origin: &Origin) -> Self {
        let id = service.endpoint_id(interface);
        Self {
            links: Links::to(origin, format_args!("/v3/endpoints/{id}")),
            id,
            service_id: service.id,
            interface: interface.name(),
            region,
            region_id: region,
            url: service.url_template(origin),
            enabled: true,
        }
    }
}

/// The one region.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Region)]
pub struct RegionForm<'a> {
    id: &'a str,
    description: &'static str,
    parent_region_id: Option<&'static str>,
    links: Links,
}

impl<'a> RegionForm<'a> {
    /// The region with this id.
    pub fn of(id: &'a str, origin: &Origin) -> Self {
        Self {
            id,
            description: "",
            parent_region_id: None,
            links: Links::to(origin, format_args!("/v3/regions/{id}")),
        }
    }
}

/// Which services to list.
#[derive(Debug)]
pub struct ServiceFilter {
    kind: Option<String>,
    name: Option<String>,
}

impl FromQuery for ServiceFilter {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        Ok(Self {
            kind: query.first("type").map(str::to_owned),
            name: query.first("name").map(str::to_owned),
        })
    }
}

impl ServiceFilter {
    /// Whether this service is wanted.
    pub fn takes(&self, service: &Service) -> bool {
        let (kind, name) = (self.kind.as_deref(), self.name.as_deref());
        kind.is_none_or(|kind| kind == service.kind) && name.is_none_or(|name| name == service.name)
    }
}

/// Which endpoints to list.
#[derive(Debug)]
pub struct EndpointFilter {
    service: Option<String>,
    interface: Option<String>,
    region: Option<String>,
}

impl FromQuery for EndpointFilter {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        Ok(Self {
            service: query.first("service_id").map(str::to_owned),
            interface: query.first("interface").map(str::to_owned),
            region: query.first("region_id").map(str::to_owned),
        })
    }
}

impl EndpointFilter {
    /// Whether this endpoint is wanted.
    pub fn takes(&self, endpoint: &ListedEndpoint<'_>) -> bool {
        let is = |wanted: &Option<String>, given: &str| {
            wanted.as_deref().is_none_or(|wanted| wanted == given)
        };
        is(&self.service, endpoint.service_id)
            && is(&self.interface, endpoint.interface)
            && is(&self.region, endpoint.region)
    }
}
