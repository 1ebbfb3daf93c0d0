//! What there is to say of the calls of the queue API.

use serde_json::{Value, json};

use super::routes::routes;
use super::wire::acks::{AckForm, CountsForm};
use super::wire::groups::{CreatedGroups, GroupListForm, NewGroupsForm};
use super::wire::instances::{ActionForm, ResultsForm};
use super::wire::messages::SendForm;
use super::wire::queues::{CreatedQueue, NewQueueForm, QueueForm, QueueListForm};
use super::wire::quotas::QuotasForm;
use super::wire::tags::{BatchForm, FoundForm, ProjectTagsForm, SearchForm, SetForm, TagsForm};
use crate::http::openapi::{Api, Call, object};

/// The queue API.
pub fn api() -> Api {
    Api {
        tag: "DMS",
        description: "The queue API of the Distributed Message Service, the same under /v1.0, /v1 and /v2.",
        routes: routes().into_list(),
        prefixes: &[
            ("/v1.0/{project_id}/", "/"),
            ("/v1/{project_id}/", "/"),
            ("/v2/{project_id}/", "/"),
            ("/v1.0/", "/"),
            ("/v1/", "/"),
            ("/v2/", "/"),
        ],
        calls: [queues(), messages(), tags(), instances()]
            .into_iter()
            .flatten()
            .collect(),
        refusals: vec![(
            "Error",
            &[400, 401, 403, 404, 408, 413, 415, 429, 431, 500, 503],
        )],
    }
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn from_to(least: u32, most: u32) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}

fn queues() -> Vec<Call> {
    let details = |call: Call| {
        call.query(
            "include_deadletter",
            &flag(),
            "Whether to tell the redrive policy.",
        )
        .query("include_messages_num", &flag(), "Makes no difference.")
    };
    let quotas = |key| Call::new(key, "What the project may have").gives::<QuotasForm>(200);
    vec![
        details(
            Call::new("GET /queues", "Lists the queues, newest first").gives::<QueueListForm>(200),
        ),
        Call::new("POST /queues", "Creates a queue")
            .takes::<NewQueueForm>()
            .gives::<CreatedQueue>(201),
        details(Call::new("GET /queues/{queue_id}", "Shows a queue").gives::<QueueForm>(200)),
        Call::new(
            "DELETE /queues/{queue_id}",
            "Deletes a queue with all that is in it",
        )
        .gives_nothing(),
        Call::new(
            "GET /queues/{queue_id}/groups",
            "Lists a queue's consumer groups",
        )
        .query(
            "include_deadletter",
            &flag(),
            "Whether to count dead letters.",
        )
        .query(
            "include_messages_num",
            &flag(),
            "Whether to count messages.",
        )
        .query("page_size", &from_to(1, 100), "Groups on a page.")
        .query("current_page", &from_to(1, 1_000), "Which page, from 1.")
        .gives::<GroupListForm>(200),
        Call::new(
            "POST /queues/{queue_id}/groups",
            "Creates consumer groups, all or none",
        )
        .takes::<NewGroupsForm>()
        .gives::<CreatedGroups>(201),
        Call::new(
            "DELETE /queues/{queue_id}/groups/{group_id}",
            "Deletes a consumer group with its dead letters",
        )
        .gives_nothing(),
        quotas("GET /quotas/dms"),
        quotas("GET /quotas"),
        quotas("GET /quota"),
    ]
}

fn messages() -> Vec<Call> {
    const GROUP: &str = "In seconds, how long a message may be held before it counts as failed.";
    let consume = |key, summary| {
        Call::new(key, summary)
            .query("max_msgs", &from_to(1, 10), "Messages at most.")
            .query(
                "time_wait",
                &from_to(1, 60),
                "In seconds, how long to wait for the first.",
            )
            .query("ack_wait", &from_to(15, 300), GROUP)
            .gives_json(200, &deliveries())
    };
    let label = json!({
        "type": "array", "maxItems": 3, "items": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
    });
    let combine = json!({"type": "string", "enum": ["or", "and"]});
    let ack = |key, summary| {
        Call::new(key, summary)
            .takes::<AckForm>()
            .gives::<CountsForm>(200)
    };
    vec![
        Call::new(
            "POST /queues/{queue_id}/messages",
            "Sends messages, all or none",
        )
        .takes::<SendForm>()
        .gives_json(201, &sent()),
        consume(
            "GET /queues/{queue_id}/groups/{group_id}/messages",
            "Gives a group its next messages",
        )
        .query("tag", &label, "Only messages with one of these labels.")
        .query("tag_type", &combine, "With all of them, if and."),
        ack(
            "POST /queues/{queue_id}/groups/{group_id}/ack",
            "Says of messages whether they were consumed",
        ),
        consume(
            "GET /queues/{queue_id}/groups/{group_id}/deadletters",
            "Gives a group its next dead letters",
        ),
        ack(
            "POST /queues/{queue_id}/groups/{group_id}/deadletters/ack",
            "Says of dead letters whether they were consumed",
        ),
    ]
}

/// What was sent, which is written without a type of its own.
fn sent() -> Value {
    let mut one = object(&[
        ("error", json!({"type": "null"})),
        ("error_code", json!({"type": "null"})),
        ("state", json!({"const": 0})),
    ]);
    one["properties"]["id"] = json!({"type": "string", "format": "uuid"});
    object(&[("messages", json!({"type": "array", "items": one}))])
}

/// What is delivered, which is written without a type of its own.
fn deliveries() -> Value {
    let text = json!({"type": "string"});
    let message = object(&[
        ("body", json!({})),
        ("attributes", json!({"type": "object"})),
        ("tags", json!({"type": "array", "items": text})),
    ]);
    let delivery = object(&[("message", message), ("handler", text)]);
    json!({"type": "array", "maxItems": 10, "items": delivery})
}

fn tags() -> Vec<Call> {
    vec![
        Call::new("GET /queue/tags", "Lists the tags of all queues").gives::<ProjectTagsForm>(200),
        Call::new("GET /queue/{queue_id}/tags", "Lists a queue's tags").gives::<TagsForm>(200),
        Call::new("POST /queue/{queue_id}/tags", "Sets a tag of a queue")
            .takes::<SetForm>()
            .gives_nothing(),
        Call::new(
            "DELETE /queue/{queue_id}/tags",
            "Is refused, as no tag is named",
        ),
        Call::new(
            "POST /queue/{queue_id}/tags/action",
            "Sets or removes tags of a queue",
        )
        .takes::<BatchForm>()
        .gives_nothing(),
        Call::new(
            "DELETE /queue/{queue_id}/tags/action",
            "Removes the tag of that very name",
        )
        .gives_nothing(),
        Call::new(
            "DELETE /queue/{queue_id}/tags/{key}",
            "Removes a tag of a queue",
        )
        .gives_nothing(),
        Call::new(
            "POST /queue/resource_instances/action",
            "Finds queues by their tags",
        )
        .takes::<SearchForm>()
        .gives::<FoundForm>(200),
    ]
}

fn instances() -> Vec<Call> {
    let list = |name: &str| json!({"type": "object", "required": [name], "properties": {name: {"type": "array"}}});
    let offer = |key, name| {
        let summary = "What instances could be made of";
        Call::new(key, summary).gives_json(200, &list(name))
    };
    let none = |key| Call::new(key, "Is refused: there are no instances");
    vec![
        offer("GET /availableZones", "available_zones"),
        offer("GET /available-zones", "available_zones"),
        offer("GET /products", "Hourly"),
        offer("GET /instances/maintain-windows", "maintain_windows"),
        Call::new(
            "GET /instances",
            "Lists the instances, of which there are none",
        )
        .gives_json(200, &list("instances")),
        Call::new("POST /instances", "Is refused: instances are sold out")
            .takes_json(&json!({"type": "object"})),
        Call::new(
            "POST /instances/action",
            "Fails for every instance that is named",
        )
        .takes::<ActionForm>()
        .gives::<ResultsForm>(200),
        none("ANY /instances/{instance_id}"),
        none("ANY /instances/{instance_id}/{*rest}"),
    ]
}
