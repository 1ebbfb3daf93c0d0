//! What there is to call, for machines and for people: an `OpenAPI` document of every route, and a page that shows it.
//!
//! Owns the form of the document, and that it has every route: what one of them does not say, nobody is told. The calls
//! are described beside the APIs that they belong to, and their forms by the types that read and write them.

mod call;
mod page;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use axum::http::{Method, StatusCode};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::json::answer;
use super::routes::{Route, Routes};

pub use call::{Call, object};

/// An API: its routes, and what there is to say of its calls.
pub struct Api {
    /// What its calls stand under.
    pub tag: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Its routes.
    pub routes: Vec<Route>,
    /// What stands in its paths before what its calls are named for, the longest first, and what that is named for.
    pub prefixes: &'static [(&'static str, &'static str)],
    /// Its calls.
    pub calls: Vec<Call>,
    /// Its refusals: the name of the form of each, and the statuses that it comes with.
    pub refusals: Vec<(&'static str, &'static [u16])>,
}

/// Methods of a route that takes any.
const ANY: [Method; 4] = [Method::GET, Method::POST, Method::PUT, Method::DELETE];

/// The document, whose text is made when it is asked for first, and the page.
pub fn routes(document: &'static LazyLock<Bytes>) -> Routes {
    let document = async || answer(StatusCode::OK, Bytes::clone(document));
    Routes::default()
        .get("/openapi.json", document)
        .merge(page::routes())
}

/// The text of the `OpenAPI` document of these APIs.
///
/// # Panics
/// If a route of them is not described: a test keeps that from happening in service.
pub fn text(apis: &[Api]) -> Bytes {
    let text = serde_json::to_vec(&document(apis));
    text.expect("a value is always JSON").into()
}

fn document(apis: &[Api]) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas = Map::new();
    for api in apis {
        for call in &api.calls {
            let forms = call.schemas.iter();
            schemas.extend(forms.map(|(name, schema)| (name.clone(), json!(schema))));
        }
        for route in &api.routes {
            let call = api.call(route);
            let methods = route
                .method
                .clone()
                .map_or(ANY.to_vec(), |method| vec![method]);
            for method in methods {
                let operation = api.operation(call, &method, &route.path);
                let path = paths.entry(documented(&route.path)).or_default();
                path.insert(method.as_str().to_lowercase(), operation);
            }
        }
    }
    schemas.extend(error_forms());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rohrpost",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A self-hosted message broker that speaks the DMS queue API.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": apis.iter().map(Api::tag).collect::<Vec<_>>(),
        "security": [{"token": []}, {"signature": []}],
        "paths": paths,
        "components": {
            "schemas": schemas, "responses": refusals(), "securitySchemes": security_schemes(),
        },
    })
}

impl Api {
    fn tag(&self) -> Value {
        json!({"name": self.tag, "description": self.description})
    }

    fn call(&self, route: &Route) -> &Call {
        let key = self.key(route);
        let found = self.calls.iter().find(|call| call.key == key);
        found.unwrap_or_else(|| panic!("{key:?} is not described"))
    }

    fn key(&self, route: &Route) -> String {
        let method = route.method.as_ref().map_or("ANY", Method::as_str);
        let path = self.prefixes.iter().find_map(|(prefix, short)| {
            let rest = route.path.strip_prefix(prefix)?;
            Some(format!("{short}{rest}"))
        });
        format!("{method} {}", path.as_deref().unwrap_or(&route.path))
    }

    fn operation(&self, call: &Call, method: &Method, path: &str) -> Value {
        let words = path.split(|c: char| !c.is_ascii_alphanumeric());
        let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
        let id = format!("{}_{}", method.as_str().to_lowercase(), words.join("_"));
        let refusals = self.refusals.iter().flat_map(|(name, statuses)| {
            let answer = json!({"$ref": format!("#/components/responses/{name}")});
            let statuses = statuses.iter();
            statuses.map(move |status| (status.to_string(), answer.clone()))
        });
        call.operation(&id, self.tag, path_parameters(path), &refusals.collect())
    }
}

/// A path as `OpenAPI` spells it.
fn documented(path: &str) -> String {
    path.replace("{*", "{")
}

/// The parameters of a path, each with the shape that it must have.
fn path_parameters(path: &str) -> Vec<Value> {
    const HEX: &str = "^[0-9a-fA-F]{32}$";
    let names = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let parameter = |name: &str| {
        let name = name.trim_start_matches('*');
        let schema = match name {
            "project_id" | "user_id" => json!({"type": "string", "pattern": HEX}),
            "queue_id" => json!({"type": "string", "format": "uuid"}),
            "group_id" => json!({
                "type": "string",
                "pattern": "^g-[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
            }),
            _ => json!({"type": "string", "minLength": 1}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    };
    names.map(parameter).collect()
}

fn error_forms() -> [(String, Value); 2] {
    let text = || json!({"type": "string", "minLength": 1});
    let error = object(&[("error_code", text()), ("error_msg", text())]);
    let code = json!({"type": "integer", "minimum": 400, "maximum": 599});
    let explained = object(&[("code", code), ("message", text()), ("title", text())]);
    let fault = object(&[("error", explained)]);
    [("Error".to_owned(), error), ("Fault".to_owned(), fault)]
}

fn refusals() -> Value {
    let refusal = |name| {
        json!({
            "description": "Refused, and the answer says why.",
            "content": {"application/json": {"schema": form(name)}},
        })
    };
    json!({"Error": refusal("Error"), "Fault": refusal("Fault")})
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "apiKey", "in": "header", "name": "X-Auth-Token",
            "description": "A token of POST /v3/auth/tokens.",
        },
        "signature": {
            "type": "apiKey", "in": "header", "name": "Authorization",
            "description": "An AK/SK signature, SDK-HMAC-SHA256 in either dialect.",
        },
    })
}

/// A reference to a form.
pub fn form(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
