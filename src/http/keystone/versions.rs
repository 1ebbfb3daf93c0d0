//! Which versions of the identity API there are: what clients look at before they log in (reference §3.1).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};

use super::asker::Directory;
use super::origin::Origin;
use crate::http::App;
use crate::http::json::answer_with;

/// `GET /`: what this server is, and every version if it keeps users itself. The status then says that there is a
/// choice, as Keystone's does.
pub async fn list(State(app): State<App>, origin: Origin) -> Response {
    let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
    if app.gate().identity().is_none() {
        let product = json!({"name": name, "version": version});
        return answer_with(StatusCode::OK, &product);
    }
    let versions = json!({
        "name": name,
        "version": version,
        "versions": {"values": [third(&origin)]},
    });
    answer_with(StatusCode::MULTIPLE_CHOICES, &versions)
}

/// `GET /v3`
pub async fn show(_directory: Directory, origin: Origin) -> Response {
    answer_with(StatusCode::OK, &json!({"version": third(&origin)}))
}

fn third(origin: &Origin) -> Value {
    json!({
        "id": "v3.14",
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": format!("{origin}/v3/")}],
        "media-types": [{
            "base": "application/json",
            "type": "application/vnd.openstack.identity-v3+json",
        }],
    })
}
