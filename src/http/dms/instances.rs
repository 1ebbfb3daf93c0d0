//! Kafka instances, which this broker does not have yet: the lists are empty, creating is refused as sold out, and
//! what instances could be made of is told as real clients expect it (b-30, reference §18).

use axum::http::StatusCode;
use axum::response::Response;

use super::wire::instances::{ActionForm, CreateForm, PRODUCTS, WINDOWS, ZONES};
use crate::http::code;
use crate::http::error::{Error, Result};
use crate::http::json::{answer, answer_with};
use crate::http::needs::{GetInstances, ManageInstances};
use crate::http::path::{InAnyProject, InProject};
use crate::http::payload::{Grammar, Payload, Wording};

const INSTANCES: Grammar = Grammar {
    not_json: code::INSTANCE_NOT_JSON,
    wrong_form: code::INSTANCE_NOT_JSON,
    wording: Wording::Quoting,
};

/// `GET …/instances`
pub async fn list(_path: InProject<GetInstances>) -> Response {
    answer(StatusCode::OK, r#"{"instances":[],"instance_num":0}"#)
}

/// `POST …/instances`
pub async fn create(_path: InProject<ManageInstances>, payload: Payload) -> Result<Response> {
    refuse_empty(&payload)?;
    payload.object::<CreateForm>(INSTANCES)?;
    Err(Error::new(
        code::SOLD_OUT,
        "Kafka instances are sold out on this broker; use Kafka queues",
    ))
}

/// `POST …/instances/action`
pub async fn act(_path: InProject<ManageInstances>, payload: Payload) -> Result<Response> {
    refuse_empty(&payload)?;
    let form = payload.object::<ActionForm>(INSTANCES)?;
    Ok(match form.parse()? {
        Some(results) => answer_with(StatusCode::OK, &results),
        None => answer(StatusCode::OK, ""),
    })
}

/// Anything about one instance
pub async fn no_instance(_path: InProject<GetInstances>) -> Error {
    Error::new(code::NO_INSTANCE, "there is no such instance")
}

/// `GET …/availableZones` and …/available-zones, with and without project id
pub async fn zones(_path: InAnyProject) -> Response {
    answer(StatusCode::OK, ZONES)
}

/// `GET …/products`, with and without project id
pub async fn products(_path: InAnyProject) -> Response {
    answer(StatusCode::OK, PRODUCTS)
}

/// `GET …/instances/maintain-windows`, with and without project id
pub async fn windows(_path: InAnyProject) -> Response {
    answer(StatusCode::OK, WINDOWS)
}

fn refuse_empty(payload: &Payload) -> Result<()> {
    if payload.is_empty() {
        return Err(Error::new(
            code::INSTANCE_BODY_EMPTY,
            "the request body is empty",
        ));
    }
    Ok(())
}
