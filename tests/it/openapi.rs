//! The document of the API has every call and no other, says truly who may make it, and is shown on a page that runs
//! nothing from elsewhere.

use std::collections::BTreeSet;

use rohrpost::http::{self, Route};
use serde_json::Value;

use crate::harness::{NO_GROUP, NO_QUEUE, PROJECT, Server};
use crate::tenants::Tenants;

async fn document(server: &Server) -> Value {
    server
        .request("GET", "/openapi.json", None)
        .await
        .expect(200)
}

/// Every call of the document: method, path and what is said of it.
fn calls(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let calls = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, call)| (method.to_uppercase(), path.clone(), call))
    });
    calls.collect()
}

/// A route as the document spells it, one for each method.
fn documented(route: Route) -> Vec<String> {
    let path = route.path.replace("{*", "{");
    let methods = match route.method {
        Some(method) => vec![method.to_string()],
        None => ["GET", "POST", "PUT", "DELETE"].map(String::from).into(),
    };
    methods
        .iter()
        .map(|method| format!("{method} {path}"))
        .collect()
}

#[tokio::test]
async fn every_call_is_documented_and_nothing_else() {
    let document = document(&Server::start().await).await;
    let found = calls(&document).into_iter();
    let found: BTreeSet<_> = found
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let routes = http::routes().into_iter();
    let routes = routes
        .chain(http::server_routes())
        .chain(http::identity_routes());
    let expected: BTreeSet<_> = routes.flat_map(documented).collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn every_call_has_a_name_of_its_own_and_every_form_that_is_spoken_of_is_there() {
    let document = document(&Server::start().await).await;
    let calls = calls(&document);
    let names: BTreeSet<_> = calls
        .iter()
        .map(|(.., call)| call["operationId"].to_string())
        .collect();
    assert_eq!(names.len(), calls.len());
    let text = document.to_string();
    let spoken_of = text
        .split("\"$ref\":\"#")
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap());
    for place in spoken_of.collect::<BTreeSet<_>>() {
        assert!(document.pointer(place).is_some(), "{place}");
    }
}

#[tokio::test]
async fn the_document_says_who_must_show_who_they_are() {
    let tenants = Tenants::start().await;
    let document = document(&tenants.server).await;
    for (method, path, call) in calls(&document) {
        let ids = [
            ("{project_id}", PROJECT),
            ("{queue_id}", NO_QUEUE),
            ("{group_id}", NO_GROUP),
        ];
        let path = ids
            .into_iter()
            .fold(path, |path, (name, id)| path.replace(name, id));
        let path = path.replace(['{', '}'], "");
        let reply = tenants.server.request(&method, &path, Some("{}")).await;
        let is_open = call["security"].as_array().is_some_and(Vec::is_empty);
        assert_eq!(
            reply.status != 401,
            is_open,
            "{method} {path}: {}",
            reply.text
        );
    }
}

#[tokio::test]
async fn the_document_is_what_it_was() {
    let mut document = document(&Server::start().await).await;
    // The versions of the queue API are the same but for their paths.
    let paths = document["paths"].as_object_mut().unwrap();
    paths.retain(|path, _| !path.starts_with("/v1.0/") && !path.starts_with("/v1/"));
    // The calls of an API are all refused alike: the first is kept as it is.
    let mut tags = BTreeSet::new();
    let calls = paths
        .values_mut()
        .flat_map(|methods| methods.as_object_mut().unwrap().values_mut());
    for call in calls {
        if !tags.insert(call["tags"].to_string()) {
            let answers = call["responses"].as_object_mut().unwrap();
            answers.retain(|_, answer| answer.get("$ref").is_none());
        }
    }
    document["info"]["version"] = "…".into();
    insta::assert_json_snapshot!(document);
}

#[tokio::test]
async fn the_page_of_the_document_runs_and_loads_nothing_from_elsewhere() {
    let server = Server::start().await;
    let page = server.request("GET", "/docs", None).await;
    assert_eq!(page.status, 200);
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.text.contains("http:") && !page.text.contains("https:"));
    for (path, media_type) in [
        ("/docs/docs.js", "text/javascript"),
        ("/docs/docs.css", "text/css"),
    ] {
        assert!(page.text.contains(path), "{path}");
        let asset = server.request("GET", path, None).await;
        assert_eq!(asset.status, 200);
        let given = asset.headers["content-type"].to_str().unwrap();
        assert!(given.starts_with(media_type), "{given}");
        assert!(!asset.text.contains("innerHTML"), "everything is text");
    }
}
