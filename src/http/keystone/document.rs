//! What there is to say of the calls of the identity API.

use serde_json::{Value, json};

use super::routes::routes;
use super::wire::assignments::AssignmentForm;
use super::wire::catalogue::{ListedEndpoint, ListedService, RegionForm, ServiceForm};
use super::wire::credentials::{
    KeyChangeForm, KeyForm, NewKeyForm, SecurityTokenForm, TemporaryKeyForm,
};
use super::wire::login::LogInForm;
use super::wire::projects::{NewProjectForm, ProjectChangeForm, ProjectForm};
use super::wire::roles::{DomainForm, RoleForm};
use super::wire::token::TokenForm;
use super::wire::users::{NewUserForm, PasswordForm, UserChangeForm, UserForm};
use crate::http::openapi::{Api, Call, form, object};

/// The identity API.
pub fn api() -> Api {
    let calls = [
        tokens(),
        users(),
        projects(),
        roles(),
        refused(),
        services(),
        keys(),
    ];
    Api {
        tag: "Identity",
        description: "A subset of Keystone v3, on servers that keep users themselves.",
        routes: routes().into_list(),
        prefixes: &[],
        calls: calls.into_iter().flatten().collect(),
        refusals: vec![
            ("Fault", &[400, 401, 403, 404, 409, 413, 429, 500, 503]),
            // What is refused before anybody looks at the path.
            ("Error", &[408, 415, 431]),
        ],
    }
}

/// The calls that would change what is at a path.
macro_rules! fixed {
    ($path:literal) => {
        [
            concat!("POST ", $path),
            concat!("PUT ", $path),
            concat!("PATCH ", $path),
            concat!("DELETE ", $path),
        ]
    };
}

fn text() -> Value {
    json!({"type": "string"})
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn tokens() -> Vec<Call> {
    let anything = || json!({"type": "object"});
    let subject = |call: Call| call.header("X-Subject-Token", "The token that it is about.");
    let catalogue = |call: Call| call.query("nocatalog", &text(), "Leaves the catalogue out.");
    vec![
        Call::new("GET /", "Tells what this server is")
            .for_anybody()
            .gives_json(200, &anything())
            .gives_json(300, &object(&[("versions", anything())])),
        Call::new("GET /v3", "Tells the version of this API")
            .for_anybody()
            .gives_json(200, &object(&[("version", anything())])),
        catalogue(Call::new(
            "POST /v3/auth/tokens",
            "Logs in: the token is in the header X-Subject-Token of the answer",
        ))
        .for_anybody()
        .takes::<LogInForm>()
        .gives_one::<TokenForm>(201, "token"),
        catalogue(subject(Call::new("GET /v3/auth/tokens", "Shows a token")))
            .gives_one::<TokenForm>(200, "token"),
        subject(Call::new("DELETE /v3/auth/tokens", "Makes a token void")).gives_nothing(),
        Call::new("GET /v3/auth/catalog", "Shows where the services are")
            .gives_many::<ServiceForm>("catalog"),
        Call::new(
            "GET /v3/auth/projects",
            "Lists the projects that the caller has a role in",
        )
        .gives_many::<ProjectForm>("projects"),
        Call::new("GET /v3/auth/domains", "Lists the one domain")
            .gives_many::<DomainForm>("domains"),
    ]
}

fn users() -> Vec<Call> {
    vec![
        Call::new("GET /v3/users", "Lists the users")
            .query("name", &text(), "Only the one of this name.")
            .query("domain_id", &text(), "Only those of this domain.")
            .query("enabled", &flag(), "Only those who may log in, or may not.")
            .gives_many::<UserForm>("users"),
        Call::new("POST /v3/users", "Creates a user")
            .takes::<NewUserForm>()
            .gives_one::<UserForm>(201, "user"),
        Call::new("GET /v3/users/{user_id}", "Shows a user").gives_one::<UserForm>(200, "user"),
        Call::new("PATCH /v3/users/{user_id}", "Changes a user")
            .takes::<UserChangeForm>()
            .gives_one::<UserForm>(200, "user"),
        Call::new("DELETE /v3/users/{user_id}", "Deletes a user").gives_nothing(),
        Call::new(
            "POST /v3/users/{user_id}/password",
            "Changes the caller's own password",
        )
        .takes::<PasswordForm>()
        .gives_nothing(),
        Call::new(
            "GET /v3/users/{user_id}/projects",
            "Lists the projects of a user",
        )
        .gives_many::<ProjectForm>("projects"),
    ]
}

fn projects() -> Vec<Call> {
    vec![
        Call::new(
            "GET /v3/projects",
            "Lists the projects that the caller may see",
        )
        .query("name", &text(), "Only the one of this name.")
        .query(
            "enabled",
            &flag(),
            "Only those that are reached, or are not.",
        )
        .gives_many::<ProjectForm>("projects"),
        Call::new("POST /v3/projects", "Creates a project")
            .takes::<NewProjectForm>()
            .gives_one::<ProjectForm>(201, "project"),
        Call::new("GET /v3/projects/{project_id}", "Shows a project")
            .gives_one::<ProjectForm>(200, "project"),
        Call::new("PATCH /v3/projects/{project_id}", "Changes a project")
            .takes::<ProjectChangeForm>()
            .gives_one::<ProjectForm>(200, "project"),
        Call::new(
            "DELETE /v3/projects/{project_id}",
            "Deletes a project without queues",
        )
        .gives_nothing(),
    ]
}

fn roles() -> Vec<Call> {
    let assignments = Call::new("GET /v3/role_assignments", "Lists who has which role where")
        .query("user.id", &text(), "Only those of this user.")
        .query("role.id", &text(), "Only those of this role.")
        .query("scope.project.id", &text(), "Only those in this project.")
        .query("include_names", &flag(), "Whether to tell names, too.")
        .query(
            "effective",
            &flag(),
            "Whether to tell what a role includes, too.",
        )
        .gives_many::<AssignmentForm>("role_assignments");
    let given = |list, give, check, take| {
        [
            Call::new(list, "Lists the roles of a user there").gives_many::<RoleForm>("roles"),
            Call::new(give, "Gives a user a role there").gives_nothing(),
            Call::new(check, "Tells whether a user has a role there").gives_nothing(),
            Call::new(take, "Takes a role from a user there").gives_nothing(),
        ]
    };
    let in_project = given(
        "GET /v3/projects/{project_id}/users/{user_id}/roles",
        "PUT /v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        "GET /v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
        "DELETE /v3/projects/{project_id}/users/{user_id}/roles/{role_id}",
    );
    let in_domain = given(
        "GET /v3/domains/{domain_id}/users/{user_id}/roles",
        "PUT /v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        "GET /v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
        "DELETE /v3/domains/{domain_id}/users/{user_id}/roles/{role_id}",
    );
    let mut calls = vec![
        Call::new("GET /v3/domains", "Lists the one domain").gives_many::<DomainForm>("domains"),
        Call::new("GET /v3/domains/{domain_id}", "Shows the one domain")
            .gives_one::<DomainForm>(200, "domain"),
        Call::new("GET /v3/roles", "Lists the roles")
            .query("name", &text(), "Only the one of this name.")
            .gives_many::<RoleForm>("roles"),
        Call::new("GET /v3/roles/{role_id}", "Shows a role").gives_one::<RoleForm>(200, "role"),
        assignments,
    ];
    calls.extend(in_project.into_iter().chain(in_domain));
    calls
}

/// What would change what is fixed.
fn refused() -> Vec<Call> {
    const FIXED: [[&str; 4]; 10] = [
        fixed!("/v3/domains"),
        fixed!("/v3/domains/{domain_id}"),
        fixed!("/v3/roles"),
        fixed!("/v3/roles/{role_id}"),
        fixed!("/v3/services"),
        fixed!("/v3/services/{service_id}"),
        fixed!("/v3/endpoints"),
        fixed!("/v3/endpoints/{endpoint_id}"),
        fixed!("/v3/regions"),
        fixed!("/v3/regions/{region_id}"),
    ];
    let refused = |key| Call::new(key, "Is refused, as it is fixed");
    FIXED.into_iter().flatten().map(refused).collect()
}

fn services() -> Vec<Call> {
    vec![
        Call::new("GET /v3/services", "Lists the services")
            .query("type", &text(), "Only those of this type.")
            .gives_many::<ListedService>("services"),
        Call::new("GET /v3/services/{service_id}", "Shows a service")
            .gives_one::<ListedService>(200, "service"),
        Call::new("GET /v3/endpoints", "Lists the endpoints")
            .query("service_id", &text(), "Only those of this service.")
            .query("interface", &text(), "Only those for this interface.")
            .gives_many::<ListedEndpoint>("endpoints"),
        Call::new("GET /v3/endpoints/{endpoint_id}", "Shows an endpoint")
            .gives_one::<ListedEndpoint>(200, "endpoint"),
        Call::new("GET /v3/regions", "Lists the one region").gives_many::<RegionForm>("regions"),
        Call::new("GET /v3/regions/{region_id}", "Shows the one region")
            .gives_one::<RegionForm>(200, "region"),
    ]
}

fn keys() -> Vec<Call> {
    let key = |call: Call, status| call.gives_one::<KeyForm>(status, "credential");
    let many = json!({"type": "array", "items": form("AccessKey")});
    vec![
        Call::new(
            "POST /v3.0/OS-CREDENTIAL/securitytokens",
            "Gives a temporary access key for the token in the body, or else in X-Auth-Token",
        )
        .for_anybody()
        .takes::<SecurityTokenForm>()
        .gives_one::<TemporaryKeyForm>(201, "credential"),
        Call::new("GET /v3.0/OS-CREDENTIAL/credentials", "Lists access keys")
            .query("user_id", &text(), "Those of this user.")
            .gives_json(200, &object(&[("credentials", many)])),
        key(
            Call::new(
                "POST /v3.0/OS-CREDENTIAL/credentials",
                "Creates an access key, and tells its secret this once",
            )
            .takes::<NewKeyForm>(),
            201,
        ),
        key(
            Call::new(
                "GET /v3.0/OS-CREDENTIAL/credentials/{access_key}",
                "Shows an access key",
            ),
            200,
        ),
        key(
            Call::new(
                "PUT /v3.0/OS-CREDENTIAL/credentials/{access_key}",
                "Changes an access key",
            )
            .takes::<KeyChangeForm>(),
            200,
        ),
        Call::new(
            "DELETE /v3.0/OS-CREDENTIAL/credentials/{access_key}",
            "Deletes an access key",
        )
        .gives_nothing(),
    ]
}
