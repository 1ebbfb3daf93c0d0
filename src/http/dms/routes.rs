//! The API's paths. Quotas, zones, products and windows answer on every path that some client uses for them
//! (reference §2.2, §21-14).

use super::{acks, dead_letters, groups, instances, messages, queues, quotas, tags};
use crate::http::routes::Routes;
use crate::http::traced::traced;
use crate::types::TraceName as T;

const VERSIONS: [&str; 3] = ["/v1.0", "/v1", "/v2"];

/// All calls under all versions.
pub fn routes() -> Routes {
    VERSIONS
        .into_iter()
        .fold(Routes::default(), |routes, version| {
            routes
                .merge(queue_routes(version))
                .merge(tag_routes(version))
                .merge(instance_routes(version))
                .merge(offer_routes(version))
                .merge(offer_routes(&format!("{version}/{{project_id}}")))
        })
}

fn queue_routes(version: &str) -> Routes {
    let at = |path: &str| format!("{version}/{{project_id}}{path}");
    let queue = |path: &str| at(&format!("/queues/{{queue_id}}{path}"));
    let group = |path: &str| queue(&format!("/groups/{{group_id}}{path}"));
    Routes::default()
        .get(&at("/queues"), queues::list)
        .post(&at("/queues"), traced(T::CreateQueue, queues::create))
        .get(&queue(""), queues::show)
        .delete(&queue(""), traced(T::DeleteQueue, queues::delete))
        .post(&queue("/messages"), messages::send)
        .get(&queue("/groups"), groups::list)
        .post(&queue("/groups"), traced(T::CreateGroup, groups::create))
        .delete(&group(""), traced(T::DeleteGroup, groups::delete))
        .get(&group("/messages"), messages::consume)
        .post(&group("/ack"), acks::ack)
        .get(&group("/deadletters"), dead_letters::consume)
        .post(&group("/deadletters/ack"), dead_letters::ack)
        .get(&at("/quotas/dms"), quotas::show)
        .get(&at("/quotas"), quotas::show)
        .get(&at("/quota"), quotas::show)
}

fn tag_routes(version: &str) -> Routes {
    let at = |path: &str| format!("{version}/{{project_id}}/queue{path}");
    let tags_at = |path: &str| at(&format!("/{{queue_id}}/tags{path}"));
    Routes::default()
        .get(&at("/tags"), tags::list_of_project)
        .get(&tags_at(""), tags::list)
        .post(&tags_at(""), traced(T::CreateQueueTag, tags::set))
        .delete(&tags_at(""), tags::delete_without_key)
        .post(&tags_at("/action"), traced(T::CreateQueueTag, tags::batch))
        .delete(
            &tags_at("/action"),
            traced(T::DeleteQueueTag, tags::delete_action),
        )
        .delete(&tags_at("/{key}"), traced(T::DeleteQueueTag, tags::delete))
        .post(&at("/resource_instances/action"), tags::search)
}

fn instance_routes(version: &str) -> Routes {
    let at = |path: &str| format!("{version}/{{project_id}}/instances{path}");
    Routes::default()
        .get(&at(""), instances::list)
        .post(&at(""), instances::create)
        .post(&at("/action"), instances::act)
        .any(&at("/{instance_id}"), instances::no_instance)
        .any(&at("/{instance_id}/{*rest}"), instances::no_instance)
}

/// What instances could be made of.
fn offer_routes(prefix: &str) -> Routes {
    let at = |path: &str| format!("{prefix}{path}");
    Routes::default()
        .get(&at("/availableZones"), instances::zones)
        .get(&at("/available-zones"), instances::zones)
        .get(&at("/products"), instances::products)
        .get(&at("/instances/maintain-windows"), instances::windows)
}
