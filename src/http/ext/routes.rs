//! The extensions' paths.

use super::{groups, policies, queues, quotas, watch};
use crate::http::routes::Routes;

/// All extensions.
pub fn routes() -> Routes {
    const QUOTA: &str = "/ext/v1/{project_id}/quota";
    const QUEUE: &str = "/ext/v1/{project_id}/queues/{queue_id}";
    let queue = |path: &str| format!("{QUEUE}{path}");
    let group = |path: &str| format!("{QUEUE}/groups/{{group_id}}{path}");
    Routes::default()
        .get(QUOTA, quotas::show)
        .put(QUOTA, quotas::set)
        .get("/ext/v1/{project_id}/overview", watch::overview)
        .get(&queue("/history"), watch::history)
        .get(&queue("/policy"), policies::show)
        .put(&queue("/policy"), policies::set)
        .delete(&queue("/policy"), policies::remove)
        .post(&queue("/purge"), queues::purge)
        .get(&queue("/messages"), queues::peek)
        .get(&group("/deadletters"), groups::peek_dead_letters)
        .post(&group("/deadletters/redrive"), groups::redrive)
        .post(&group("/reset"), groups::reset)
}
