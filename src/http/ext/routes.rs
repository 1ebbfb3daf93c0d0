//! The extensions' paths.

use axum::Router;
use axum::routing::{get, post};

use super::{groups, queues};
use crate::http::App;

/// All extensions.
pub fn routes() -> Router<App> {
    const QUEUE: &str = "/ext/v1/{project_id}/queues/{queue_id}";
    let queue = |path: &str| format!("{QUEUE}{path}");
    let group = |path: &str| format!("{QUEUE}/groups/{{group_id}}{path}");
    Router::new()
        .route(&queue("/purge"), post(queues::purge))
        .route(&queue("/messages"), get(queues::peek))
        .route(&group("/deadletters"), get(groups::peek_dead_letters))
        .route(&group("/deadletters/redrive"), post(groups::redrive))
        .route(&group("/reset"), post(groups::reset))
}
