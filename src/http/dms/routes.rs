//! The API's paths. Quotas, zones, products and windows answer on every path that some client uses for them
//! (reference §2.2, §21-14).

use axum::Router;
use axum::routing::{any, delete, get, post};

use super::{acks, dead_letters, groups, instances, messages, queues, quotas, tags};
use crate::http::App;

const VERSIONS: [&str; 3] = ["/v1.0", "/v1", "/v2"];

/// All calls under all versions.
pub fn routes() -> Router<App> {
    VERSIONS.into_iter().fold(Router::new(), |router, version| {
        router
            .merge(queue_routes(version))
            .merge(tag_routes(version))
            .merge(instance_routes(version))
            .merge(offer_routes(version))
            .merge(offer_routes(&format!("{version}/{{project_id}}")))
    })
}

fn queue_routes(version: &str) -> Router<App> {
    let at = |path: &str| format!("{version}/{{project_id}}{path}");
    let queue = |path: &str| at(&format!("/queues/{{queue_id}}{path}"));
    let group = |path: &str| queue(&format!("/groups/{{group_id}}{path}"));
    Router::new()
        .route(&at("/queues"), get(queues::list).post(queues::create))
        .route(&queue(""), get(queues::show).delete(queues::delete))
        .route(&queue("/messages"), post(messages::send))
        .route(&queue("/groups"), get(groups::list).post(groups::create))
        .route(&group(""), delete(groups::delete))
        .route(&group("/messages"), get(messages::consume))
        .route(&group("/ack"), post(acks::ack))
        .route(&group("/deadletters"), get(dead_letters::consume))
        .route(&group("/deadletters/ack"), post(dead_letters::ack))
        .route(&at("/quotas/dms"), get(quotas::show))
        .route(&at("/quotas"), get(quotas::show))
        .route(&at("/quota"), get(quotas::show))
}

fn tag_routes(version: &str) -> Router<App> {
    let at = |path: &str| format!("{version}/{{project_id}}/queue{path}");
    let tags_of_queue = get(tags::list)
        .post(tags::set)
        .delete(tags::delete_without_key);
    Router::new()
        .route(&at("/tags"), get(tags::list_of_project))
        .route(&at("/{queue_id}/tags"), tags_of_queue)
        .route(
            &at("/{queue_id}/tags/action"),
            post(tags::batch).delete(tags::delete_action),
        )
        .route(&at("/{queue_id}/tags/{key}"), delete(tags::delete))
        .route(&at("/resource_instances/action"), post(tags::search))
}

fn instance_routes(version: &str) -> Router<App> {
    let at = |path: &str| format!("{version}/{{project_id}}/instances{path}");
    Router::new()
        .route(&at(""), get(instances::list).post(instances::create))
        .route(&at("/action"), post(instances::act))
        .route(&at("/{instance_id}"), any(instances::no_instance))
        .route(&at("/{instance_id}/{*rest}"), any(instances::no_instance))
}

/// What instances could be made of.
fn offer_routes(prefix: &str) -> Router<App> {
    let at = |path: &str| format!("{prefix}{path}");
    Router::new()
        .route(&at("/availableZones"), get(instances::zones))
        .route(&at("/available-zones"), get(instances::zones))
        .route(&at("/products"), get(instances::products))
        .route(&at("/instances/maintain-windows"), get(instances::windows))
}
