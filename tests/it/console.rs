//! The web console's files, how one logs in, and what the server tells its administrators of itself.

use std::collections::BTreeSet;
use std::path::Path;

use rohrpost::http::{self, About, Setting};
use rohrpost::identity::{Gate, Role, WantedScope};
use rohrpost::types::TraceName;
use serde_json::json;

use crate::harness::{OTHER_PROJECT, PROJECT, Reply, Server};
use crate::tenants::Tenants;

#[track_caller]
fn assert_guarded(reply: &Reply) {
    let policy = reply.headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.split("; ").any(|given| given == part), "{part}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-cache"),
    ] {
        assert_eq!(reply.headers[name], value, "{name}");
    }
    assert!(reply.headers.contains_key("x-request-id"));
    assert!(!reply.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn everybody_gets_the_consoles_files() {
    let tenants = Tenants::start().await;
    for (path, kind) in [
        ("/console", "text/html; charset=utf-8"),
        ("/console/", "text/html; charset=utf-8"),
        ("/console/main.js", "text/javascript; charset=utf-8"),
        ("/console/pages/queues.js", "text/javascript; charset=utf-8"),
        ("/console/style/base.css", "text/css; charset=utf-8"),
        ("/console/icon.svg", "image/svg+xml"),
    ] {
        let reply = tenants.server.request("GET", path, None).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.headers["content-type"], kind, "{path}");
        assert!(!reply.text.is_empty(), "{path}");
        assert_guarded(&reply);
        let head = tenants.server.request("HEAD", path, None).await;
        assert_eq!((head.status, &*head.text), (200, ""), "{path}");
        assert_eq!(head.headers["etag"], reply.headers["etag"], "{path}");
        assert_guarded(&head);
    }
}

#[tokio::test]
async fn the_page_names_only_files_that_are_there() {
    let server = Server::start().await;
    let page = server.request("GET", "/console", None).await.text;
    let named = page.split('"').filter(|text| text.starts_with("/console/"));
    let mut count = 0;
    for path in named {
        let reply = server.request("GET", path, None).await;
        assert_eq!(reply.status, 200, "{path}");
        count += 1;
    }
    assert!(count > 2, "{page}");
    assert!(!page.contains("<script>") && !page.contains("style="));
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let server = Server::start().await;
    let path = "/console/main.js";
    let etag = server.request("GET", path, None).await.headers["etag"].clone();
    let etag = etag.to_str().unwrap();
    for known in [etag, &format!("\"other\", W/{etag}")] {
        let headers = [("if-none-match", known)];
        let reply = server.request_with(&headers, "GET", path, None).await;
        assert_eq!((reply.status, &*reply.text), (304, ""), "{known}");
        assert_eq!(reply.headers["etag"], etag);
        assert_guarded(&reply);
    }
    let headers = [("if-none-match", "\"other\"")];
    let reply = server.request_with(&headers, "GET", path, None).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn what_the_console_does_not_have_is_not_found() {
    let server = Server::start().await;
    for path in [
        "/console/nothing.js",
        "/console/style",
        "/console/%2e%2e/mod.rs",
        "/console/..%2fmod.rs",
        "/console/%ff",
    ] {
        let reply = server.request("GET", path, None).await;
        assert!(
            [400, 404].contains(&reply.status),
            "{path}: {}",
            reply.status
        );
    }
    let reply = server.request("GET", "/console/nothing.js", None).await;
    reply.expect_error(404, "DMS.10240406");
    for path in ["/console", "/console/main.js"] {
        let reply = server.request("POST", path, Some("{}")).await;
        assert_eq!(reply.status, 405, "{path}");
    }
}

#[tokio::test]
async fn everybody_is_told_how_to_log_in() {
    let tenants = Tenants::start().await;
    let told = tenants.server.request("GET", "/ext/v1/auth", None).await;
    assert_eq!(told.expect(200), json!({"mode": "local"}));
    let open = Server::start_behind(Gate::open()).await;
    let told = open.request("GET", "/ext/v1/auth", None).await;
    assert_eq!(told.expect(200), json!({"mode": "none"}));
}

#[tokio::test]
async fn the_console_offers_every_trace_as_a_filter() {
    let server = Server::start().await;
    let path = "/console/calls/audit.js";
    let script = server.request("GET", path, None).await.text;
    let (_, list) = script.split_once("TRACE_NAMES = [").expect("the list");
    let (list, _) = list.split_once(']').expect("its end");
    let offered: BTreeSet<_> = list.split('\'').skip(1).step_by(2).collect();
    let known = TraceName::ALL.iter().map(|name| name.as_str());
    assert_eq!(offered, known.collect());
}

#[tokio::test]
async fn only_administrators_see_the_server() {
    let tenants = Tenants::start().await;
    let path = "/ext/v1/server";
    let reply = tenants.server.request("GET", path, None).await;
    reply.expect_error(401, "DMS.10240103");
    let reply = tenants.ask("no token", "GET", path, None).await;
    reply.expect_error(401, "DMS.10240101");
    for project in [PROJECT, OTHER_PROJECT] {
        for role in [Role::Reader, Role::Member] {
            let token = tenants.token(project, role).await;
            let reply = tenants.ask(&token, "GET", path, None).await;
            reply.expect_error(403, "DMS.10240311");
        }
        let token = tenants.token(project, Role::Admin).await;
        tenants.ask(&token, "GET", path, None).await.expect(200);
    }
    let unscoped = tenants.token_for(PROJECT, Role::Admin, WantedScope::Unscoped);
    let reply = tenants.ask(&unscoped.await, "GET", path, None).await;
    reply.expect_error(403, "DMS.10240311");
}

#[tokio::test]
async fn the_server_tells_its_age_its_machine_and_its_settings() {
    let setting = Setting {
        key: "auth.keystone.password".to_owned(),
        value: "\"***\"".to_owned(),
        origin: "from the flag --set".to_owned(),
    };
    let about = About {
        settings: vec![setting],
        data: Some(Path::new(".").to_owned()),
        reserve_bytes: 512,
    };
    let settings = http::Settings {
        about,
        ..http::Settings::default()
    };
    let server = Server::start_with(rohrpost::types::Limits::default(), settings).await;
    server.pass_s(90);
    let told = server.request("GET", "/ext/v1/server", None).await;
    let told = told.expect(200);
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["condition"], "serves");
    assert_eq!(told["uptime_s"], 90);
    assert!(told["memory"]["resident_bytes"].as_u64().unwrap() > 1 << 20);
    assert!(told["disk"]["total_bytes"].as_u64() >= told["disk"]["free_bytes"].as_u64());
    assert_eq!(told["disk"]["reserve_bytes"], 512);
    let shown = json!([{
        "key": "auth.keystone.password", "value": "\"***\"", "origin": "from the flag --set",
    }]);
    assert_eq!(told["settings"], shown);
}
