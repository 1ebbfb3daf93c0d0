//! The extensions' paths.

use super::{groups, queues};
use crate::http::routes::Routes;

/// All extensions.
pub fn routes() -> Routes {
    const QUEUE: &str = "/ext/v1/{project_id}/queues/{queue_id}";
    let queue = |path: &str| format!("{QUEUE}{path}");
    let group = |path: &str| format!("{QUEUE}/groups/{{group_id}}{path}");
    Routes::default()
        .post(&queue("/purge"), queues::purge)
        .get(&queue("/messages"), queues::peek)
        .get(&group("/deadletters"), groups::peek_dead_letters)
        .post(&group("/deadletters/redrive"), groups::redrive)
        .post(&group("/reset"), groups::reset)
}
