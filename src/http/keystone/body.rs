//! What a call brings: the JSON of its body and the parameters of its query, refused in Keystone's form.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::Fault;
use crate::http::App;
use crate::http::error::Error;
use crate::http::payload::{CONFIDENTIAL, Payload};
use crate::http::query::{FromQuery, Query};

/// The body of a call.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Fault;

    async fn from_request(request: Request, app: &App) -> Result<Self, Fault> {
        let payload = Payload::from_request(request, app).await;
        let form = payload.map_err(Error::from)?.object(CONFIDENTIAL)?;
        Ok(Self(form))
    }
}

/// What the query of a call says.
#[derive(Debug)]
pub struct Filter<T>(pub T);

impl<T: FromQuery> FromRequestParts<App> for Filter<T> {
    type Rejection = Fault;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Fault> {
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        Ok(Self(T::from_query(&query)?))
    }
}
