//! The web console: the files that browsers load. What they show, they ask the public APIs for.
//!
//! Owns the files and how they are served. Refuses to know any user: the files say nothing that is secret, and the
//! token that a user logs in for stays in the memory of the browser.

mod assets;

use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::code;
use super::error::Error;
use super::routes::Routes;
use assets::Asset;

/// The page that loads all the others.
const PAGE: &str = "index.html";

/// Only what this server serves itself, no script within a page, and nothing that makes markup of a text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// What every answer says, whatever file it is. It may be kept, but must be asked for each time whether it is still
/// the same, so that nobody works with half of an older version.
const SAID_ALWAYS: [(HeaderName, &str); 6] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (CACHE_CONTROL, "no-cache"),
];

/// The routes of the console, for everybody.
pub fn routes() -> Routes {
    Routes::default()
        .get("/console", page)
        .get("/console/{*name}", file)
}

async fn page(headers: HeaderMap) -> Response {
    answer(PAGE, &headers)
}

async fn file(Path(name): Path<String>, headers: HeaderMap) -> Response {
    answer(&name, &headers)
}

fn answer(name: &str, headers: &HeaderMap) -> Response {
    let Some(asset) = assets::find(name) else {
        return Error::new(code::NO_PATH, "the console has no such file").into_response();
    };
    let mut response = if is_known(asset, headers) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        asset.content.into_response()
    };
    let said = response.headers_mut();
    for (name, value) in SAID_ALWAYS {
        said.insert(name, HeaderValue::from_static(value));
    }
    said.insert(ETAG, asset.etag.clone());
    said.insert(
        CONTENT_TYPE,
        HeaderValue::from_static(asset.kind.media_type()),
    );
    response
}

/// Whether the browser has the file as it is.
fn is_known(asset: &Asset, headers: &HeaderMap) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|tags| tags.to_str().ok())
        .flat_map(|tags| tags.split(','))
        .any(|tag| tag.trim().trim_start_matches("W/").as_bytes() == asset.etag.as_bytes())
}
