//! Services, endpoints and regions as the administration lists them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::asker::Asker;
use super::body::Filter;
use super::catalogue::{Interface, SERVICES};
use super::error::{Fault, Result};
use super::origin::Origin;
use super::path::Named;
use super::wire::catalogue::{
    EndpointFilter, ListedEndpoint, ListedService, RegionForm, ServiceFilter,
};
use super::wire::{Many, One};
use crate::http::App;
use crate::http::json::answer_with;

/// `GET /v3/services`
pub async fn list(
    _asker: Asker,
    origin: Origin,
    Filter(filter): Filter<ServiceFilter>,
) -> Result<Response> {
    let wanted = SERVICES.iter().filter(|service| filter.takes(service));
    let forms = wanted.map(|service| ListedService::of(service, &origin));
    let forms = Many::new("services", forms, &origin, "/v3/services");
    Ok(answer_with(StatusCode::OK, &forms))
}

/// `GET /v3/services/{service_id}`
pub async fn show(_asker: Asker, origin: Origin, Named(id): Named) -> Result<Response> {
    let service = SERVICES.iter().find(|service| service.id == id);
    let service = service.ok_or_else(|| Fault::not_found("service"))?;
    let form = One("service", ListedService::of(service, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}

/// `GET /v3/endpoints`
pub async fn list_endpoints(
    _asker: Asker,
    State(app): State<App>,
    origin: Origin,
    Filter(filter): Filter<EndpointFilter>,
) -> Result<Response> {
    let forms = endpoints(app.settings().region.as_str(), &origin);
    let wanted = forms.filter(|endpoint| filter.takes(endpoint));
    let forms = Many::new("endpoints", wanted, &origin, "/v3/endpoints");
    Ok(answer_with(StatusCode::OK, &forms))
}

/// `GET /v3/endpoints/{endpoint_id}`
pub async fn show_endpoint(
    _asker: Asker,
    State(app): State<App>,
    origin: Origin,
    Named(id): Named,
) -> Result<Response> {
    let mut forms = endpoints(app.settings().region.as_str(), &origin);
    let endpoint = forms.find(|endpoint| endpoint.id() == id);
    let endpoint = endpoint.ok_or_else(|| Fault::not_found("endpoint"))?;
    Ok(answer_with(StatusCode::OK, &One("endpoint", endpoint)))
}

fn endpoints<'a>(region: &'a str, origin: &'a Origin) -> impl Iterator<Item = ListedEndpoint<'a>> {
    SERVICES.iter().flat_map(move |service| {
        Interface::ALL.map(|interface| ListedEndpoint::of(service, interface, region, origin))
    })
}

/// `GET /v3/regions`
pub async fn list_regions(
    _asker: Asker,
    State(app): State<App>,
    origin: Origin,
) -> Result<Response> {
    let region = RegionForm::of(app.settings().region.as_str(), &origin);
    let forms = Many::new("regions", [region].into_iter(), &origin, "/v3/regions");
    Ok(answer_with(StatusCode::OK, &forms))
}

/// `GET /v3/regions/{region_id}`
pub async fn show_region(
    _asker: Asker,
    State(app): State<App>,
    origin: Origin,
    Named(id): Named,
) -> Result<Response> {
    let region = app.settings().region.as_str();
    if region != id {
        return Err(Fault::not_found("region"));
    }
    let form = One("region", RegionForm::of(region, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}
