//! The extensions' paths.

use super::{audit, groups, policies, queues, quotas, server, watch};
use crate::http::routes::Routes;
use crate::http::traced::traced;
use crate::types::TraceName as T;

/// What belongs to no project.
pub fn server_routes() -> Routes {
    Routes::default()
        .get("/ext/v1/auth", server::auth)
        .get("/ext/v1/server", server::show)
}

/// All extensions that belong to projects.
pub fn routes() -> Routes {
    const QUOTA: &str = "/ext/v1/{project_id}/quota";
    const QUEUE: &str = "/ext/v1/{project_id}/queues/{queue_id}";
    let queue = |path: &str| format!("{QUEUE}{path}");
    let group = |path: &str| format!("{QUEUE}/groups/{{group_id}}{path}");
    Routes::default()
        .get("/ext/v1/audit", audit::list)
        .get("/ext/v1/{project_id}/audit", audit::list_of_project)
        .get(QUOTA, quotas::show)
        .put(QUOTA, traced(T::SetProjectQuota, quotas::set))
        .get("/ext/v1/{project_id}/overview", watch::overview)
        .get(&queue("/history"), watch::history)
        .get(&queue("/policy"), policies::show)
        .put(&queue("/policy"), traced(T::SetQueuePolicy, policies::set))
        .delete(
            &queue("/policy"),
            traced(T::DeleteQueuePolicy, policies::remove),
        )
        .post(&queue("/purge"), traced(T::PurgeQueue, queues::purge))
        .get(&queue("/messages"), queues::peek)
        .get(&group("/deadletters"), groups::peek_dead_letters)
        .post(
            &group("/deadletters/redrive"),
            traced(T::RedriveDeadLetters, groups::redrive),
        )
        .post(&group("/reset"), traced(T::ResetGroup, groups::reset))
}
