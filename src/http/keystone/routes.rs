//! The identity API's paths.

use axum::Router;
use axum::handler::Handler;
use axum::routing::any;

use super::error::Fault;
use super::{
    assignments, credentials, domains, own_catalogue, projects, roles, security_tokens, services,
    tokens, users, versions,
};
use crate::http::App;
use crate::http::routes::Routes;
use crate::http::traced::traced;
use crate::types::TraceName as T;

/// What serves the identity API, given its routes. It owns all that begins with its prefixes, so that also what does not exist is refused
/// in its form.
pub fn router(routes: Routes) -> Router<App> {
    routes
        .into_router()
        .method_not_allowed_fallback(async || Fault::no_method())
        .route("/v3/{*rest}", any(nothing))
        .route("/v3.0/{*rest}", any(nothing))
}

async fn nothing() -> Fault {
    Fault::not_found("anything at this path")
}

/// Every call of the identity API.
pub fn routes() -> Routes {
    version_routes()
        .merge(login_routes())
        .merge(user_routes())
        .merge(project_routes())
        .merge(role_routes())
        .merge(service_routes())
        .merge(key_routes())
}

fn version_routes() -> Routes {
    Routes::default()
        .get("/", versions::list)
        .get("/v3", versions::show)
}

fn login_routes() -> Routes {
    Routes::default()
        .post("/v3/auth/tokens", traced(T::LogIn, tokens::issue))
        .get("/v3/auth/tokens", tokens::show)
        .delete("/v3/auth/tokens", traced(T::LogOut, tokens::revoke))
        .get("/v3/auth/catalog", own_catalogue::show)
        .get("/v3/auth/projects", projects::list_own)
        .get("/v3/auth/domains", domains::list)
}

fn user_routes() -> Routes {
    let user = |path: &str| format!("/v3/users/{{user_id}}{path}");
    Routes::default()
        .get("/v3/users", users::list)
        .post("/v3/users", traced(T::CreateUser, users::create))
        .get(&user(""), users::show)
        .patch(&user(""), traced(T::UpdateUser, users::change))
        .delete(&user(""), traced(T::DeleteUser, users::delete))
        .post(
            &user("/password"),
            traced(T::ChangePassword, users::change_password),
        )
        .get(&user("/projects"), projects::list_of_user)
}

fn project_routes() -> Routes {
    let project = "/v3/projects/{project_id}";
    Routes::default()
        .get("/v3/projects", projects::list)
        .post("/v3/projects", traced(T::CreateProject, projects::create))
        .get(project, projects::show)
        .patch(project, traced(T::UpdateProject, projects::change))
        .delete(project, traced(T::DeleteProject, projects::delete))
}

fn role_routes() -> Routes {
    let routes = fixed("/v3/domains", domains::list)
        .merge(fixed("/v3/domains/{domain_id}", domains::show))
        .merge(fixed("/v3/roles", roles::list))
        .merge(fixed("/v3/roles/{role_id}", roles::show))
        .get("/v3/role_assignments", assignments::list);
    ["/v3/projects/{project_id}", "/v3/domains/{domain_id}"]
        .into_iter()
        .fold(routes, |routes, place| {
            let given = format!("{place}/users/{{user_id}}/roles");
            let role = format!("{given}/{{role_id}}");
            routes
                .get(&given, assignments::list_roles)
                .put(&role, traced(T::AssignRole, assignments::give))
                .get(&role, assignments::check)
                .delete(&role, traced(T::RemoveRole, assignments::take))
        })
}

fn service_routes() -> Routes {
    fixed("/v3/services", services::list)
        .merge(fixed("/v3/services/{service_id}", services::show))
        .merge(fixed("/v3/endpoints", services::list_endpoints))
        .merge(fixed(
            "/v3/endpoints/{endpoint_id}",
            services::show_endpoint,
        ))
        .merge(fixed("/v3/regions", services::list_regions))
        .merge(fixed("/v3/regions/{region_id}", services::show_region))
}

/// What can be seen and not changed.
fn fixed<H: Handler<T, App>, T: 'static>(path: &str, seen: H) -> Routes {
    Routes::default()
        .get(path, seen)
        .post(path, roles::refuse_change)
        .put(path, roles::refuse_change)
        .patch(path, roles::refuse_change)
        .delete(path, roles::refuse_change)
}

fn key_routes() -> Routes {
    let at = |path: &str| format!("/v3.0/OS-CREDENTIAL/{path}");
    let key = at("credentials/{access_key}");
    Routes::default()
        .post(
            &at("securitytokens"),
            traced(T::CreateTemporaryKey, security_tokens::issue),
        )
        .get(&at("credentials"), credentials::list)
        .post(
            &at("credentials"),
            traced(T::CreateAccessKey, credentials::create),
        )
        .get(&key, credentials::show)
        .put(&key, traced(T::UpdateAccessKey, credentials::change))
        .delete(&key, traced(T::DeleteAccessKey, credentials::delete))
}
