//! The page that shows the document to people: plain HTML, a module and a style sheet of its own, nothing from elsewhere.

use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::http::routes::Routes;

/// Nothing runs, loads or sends but what comes from here.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
     form-action 'none'; frame-ancestors 'none'",
);

/// The page and what it loads.
pub fn routes() -> Routes {
    let html = async || asset("text/html; charset=utf-8", include_str!("page/docs.html"));
    let script = async || {
        asset(
            "text/javascript; charset=utf-8",
            include_str!("page/docs.js"),
        )
    };
    let style = async || asset("text/css; charset=utf-8", include_str!("page/docs.css"));
    Routes::default()
        .get("/docs", html)
        .get("/docs/docs.js", script)
        .get("/docs/docs.css", style)
}

fn asset(media_type: &'static str, text: &'static str) -> Response {
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
