//! The identity API's paths.

use axum::Router;
use axum::routing::{MethodRouter, any, get, post, put};

use super::error::Fault;
use super::{
    assignments, credentials, domains, own_catalogue, projects, roles, security_tokens, services,
    tokens, users, versions,
};
use crate::http::App;

/// Every call of the identity API.
pub fn routes() -> Router<App> {
    version_routes()
        .merge(login_routes())
        .merge(user_routes())
        .merge(role_routes())
        .merge(service_routes())
        .merge(key_routes())
        .method_not_allowed_fallback(async || Fault::no_method())
        .route("/v3/{*rest}", any(nothing))
        .route("/v3.0/{*rest}", any(nothing))
}

async fn nothing() -> Fault {
    Fault::not_found("anything at this path")
}

fn version_routes() -> Router<App> {
    Router::new()
        .route("/", get(versions::list))
        .route("/v3", get(versions::show))
}

fn login_routes() -> Router<App> {
    let token = post(tokens::issue).get(tokens::show).delete(tokens::revoke);
    Router::new()
        .route("/v3/auth/tokens", token)
        .route("/v3/auth/catalog", get(own_catalogue::show))
        .route("/v3/auth/projects", get(projects::list_own))
        .route("/v3/auth/domains", get(domains::list))
}

fn user_routes() -> Router<App> {
    let user = get(users::show).patch(users::change).delete(users::delete);
    let project = get(projects::show)
        .patch(projects::change)
        .delete(projects::delete);
    Router::new()
        .route("/v3/users", get(users::list).post(users::create))
        .route("/v3/users/{user_id}", user)
        .route("/v3/users/{user_id}/password", post(users::change_password))
        .route("/v3/users/{user_id}/projects", get(projects::list_of_user))
        .route("/v3/projects", get(projects::list).post(projects::create))
        .route("/v3/projects/{project_id}", project)
}

fn role_routes() -> Router<App> {
    let router = Router::new()
        .route("/v3/domains", fixed(get(domains::list)))
        .route("/v3/domains/{domain_id}", fixed(get(domains::show)))
        .route("/v3/roles", fixed(get(roles::list)))
        .route("/v3/roles/{role_id}", fixed(get(roles::show)))
        .route("/v3/role_assignments", get(assignments::list));
    ["/v3/projects/{project_id}", "/v3/domains/{domain_id}"]
        .into_iter()
        .fold(router, |router, place| {
            let given = format!("{place}/users/{{user_id}}/roles");
            let role = put(assignments::give)
                .get(assignments::check)
                .delete(assignments::take);
            router
                .route(&given, get(assignments::list_roles))
                .route(&format!("{given}/{{role_id}}"), role)
        })
}

fn service_routes() -> Router<App> {
    Router::new()
        .route("/v3/services", fixed(get(services::list)))
        .route("/v3/services/{service_id}", fixed(get(services::show)))
        .route("/v3/endpoints", fixed(get(services::list_endpoints)))
        .route(
            "/v3/endpoints/{endpoint_id}",
            fixed(get(services::show_endpoint)),
        )
        .route("/v3/regions", fixed(get(services::list_regions)))
        .route("/v3/regions/{region_id}", fixed(get(services::show_region)))
}

/// What can be seen and not changed.
fn fixed(seen: MethodRouter<App>) -> MethodRouter<App> {
    seen.post(roles::refuse_change)
        .put(roles::refuse_change)
        .patch(roles::refuse_change)
        .delete(roles::refuse_change)
}

fn key_routes() -> Router<App> {
    let key = get(credentials::show)
        .put(credentials::change)
        .delete(credentials::delete);
    let at = |path: &str| format!("/v3.0/OS-CREDENTIAL/{path}");
    Router::new()
        .route(&at("securitytokens"), post(security_tokens::issue))
        .route(
            &at("credentials"),
            get(credentials::list).post(credentials::create),
        )
        .route(&at("credentials/{access_key}"), key)
}
