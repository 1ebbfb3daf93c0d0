//! The parameters of a request's path, as their texts. Refuses to know what each of them means.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use super::App;

/// The parameters that the route names, percent-decoded.
pub struct Parameters(RawPathParams);

impl Parameters {
    /// Those of this request; nothing if they are not valid UTF-8.
    pub async fn of(parts: &mut Parts, app: &App) -> Option<Self> {
        let parameters = RawPathParams::from_request_parts(parts, app).await;
        parameters.ok().map(Self)
    }

    /// The one of this name, if the route has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut parameters = self.0.iter();
        parameters.find_map(|(given, text)| (given == name).then_some(text))
    }

    /// What it spells; nothing if that is no such thing.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// The last one.
    pub fn last(&self) -> Option<&str> {
        self.0.iter().last().map(|(_, text)| text)
    }
}
