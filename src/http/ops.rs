//! What operators ask: is it up, and what is it.

use axum::Router;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::App;
use super::json;

/// The routes outside every API.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/", get(product))
        .route("/health", get(health))
}

async fn health() -> Response {
    json::answer(StatusCode::OK, "{\"status\":\"ok\"}")
}

async fn product() -> Response {
    const PRODUCT: &str = concat!(
        "{\"name\":\"",
        env!("CARGO_PKG_NAME"),
        "\",\"version\":\"",
        env!("CARGO_PKG_VERSION"),
        "\"}"
    );
    json::answer(StatusCode::OK, PRODUCT)
}
