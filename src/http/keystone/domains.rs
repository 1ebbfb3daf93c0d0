//! Domains, of which there is one.

use axum::http::StatusCode;
use axum::response::Response;

use super::asker::Asker;
use super::body::Filter;
use super::error::{Fault, Result};
use super::origin::Origin;
use super::path::Named;
use super::wire::roles::{DomainFilter, DomainForm};
use super::wire::{Many, One};
use crate::http::json::answer_with;
use crate::identity::DOMAIN_ID;

/// `GET /v3/domains` and `GET /v3/auth/domains`
pub async fn list(
    asker: Asker,
    origin: Origin,
    Filter(filter): Filter<DomainFilter>,
) -> Result<Response> {
    let domain = asker.identity.domain();
    let wanted = filter.takes(domain).then_some(domain);
    let forms = wanted.map(|domain| DomainForm::of(domain, &origin));
    let forms = Many::new("domains", forms.into_iter(), &origin, "/v3/domains");
    Ok(answer_with(StatusCode::OK, &forms))
}

/// `GET /v3/domains/{domain_id}`
pub async fn show(asker: Asker, origin: Origin, Named(id): Named) -> Result<Response> {
    if id != DOMAIN_ID {
        return Err(Fault::not_found("domain"));
    }
    let domain = asker.identity.domain();
    let form = One("domain", DomainForm::of(domain, &origin));
    Ok(answer_with(StatusCode::OK, &form))
}
