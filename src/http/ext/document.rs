//! What there is to say of the calls of the extensions.

use serde_json::{Value, json};

use super::routes::{routes, server_routes};
use super::wire::audit::TraceListForm;
use super::wire::policy::{PolicyAnswer, PolicyForm};
use super::wire::quota::{QuotaForm, UsageForm};
use super::wire::server::{AuthForm, ServerForm};
use super::wire::watch::{HistoryForm, OverviewForm};
use super::wire::{Purged, RedriveForm, Redriven, ResetForm};
use crate::http::openapi::{Api, Call, object};
use crate::types::TraceName;

/// The extensions.
pub fn api() -> Api {
    Api {
        tag: "Extensions",
        description: "What the queue API lacks, under /ext/v1.",
        routes: routes().merge(server_routes()).into_list(),
        prefixes: &[("/ext/v1/{project_id}/", "/"), ("/ext/v1/", "/")],
        calls: [of_queues(), of_projects()].into_iter().flatten().collect(),
        refusals: vec![(
            "Error",
            &[400, 401, 403, 404, 408, 413, 415, 429, 431, 500, 503],
        )],
    }
}

fn number(least: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": i64::MAX})
}

fn of_queues() -> Vec<Call> {
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 100});
    let peek = |key, summary| {
        Call::new(key, summary)
            .query("offset", &number(0), "Where to begin.")
            .query("limit", &limit, "Messages at most.")
            .gives_json(200, &peeked())
    };
    let period = json!({"type": "string", "enum": ["hour", "day"]});
    vec![
        Call::new(
            "POST /queues/{queue_id}/purge",
            "Removes all messages of a queue",
        )
        .gives::<Purged>(200),
        peek(
            "GET /queues/{queue_id}/messages",
            "Looks at messages without consuming them",
        )
        .query(
            "partition",
            &json!({"type": "integer", "minimum": 0, "maximum": 2}),
            "Of a Kafka queue.",
        ),
        peek(
            "GET /queues/{queue_id}/groups/{group_id}/deadletters",
            "Looks at dead letters without consuming them",
        ),
        Call::new(
            "POST /queues/{queue_id}/groups/{group_id}/deadletters/redrive",
            "Sends the oldest dead letters back to the queue, for this group alone",
        )
        .takes::<RedriveForm>()
        .or_nothing()
        .gives::<Redriven>(200),
        Call::new(
            "POST /queues/{queue_id}/groups/{group_id}/reset",
            "Lets a group continue elsewhere",
        )
        .takes::<ResetForm>()
        .gives_nothing(),
        Call::new(
            "GET /queues/{queue_id}/policy",
            "Shows who else may use a queue, and who may not",
        )
        .gives::<PolicyAnswer>(200),
        Call::new(
            "PUT /queues/{queue_id}/policy",
            "Says who else may use a queue, and who may not",
        )
        .takes::<PolicyForm>()
        .gives_nothing(),
        Call::new(
            "DELETE /queues/{queue_id}/policy",
            "Leaves a queue to its project alone",
        )
        .gives_nothing(),
        Call::new("GET /queues/{queue_id}/history", "Shows how a queue was")
            .query("period", &period, "Over which time.")
            .gives::<HistoryForm>(200),
    ]
}

/// What is seen, which is written without a type of its own.
fn peeked() -> Value {
    let (text, natural) = (
        json!({"type": "string"}),
        json!({"type": "integer", "minimum": 0}),
    );
    let message = object(&[
        ("body", json!({})),
        ("attributes", json!({"type": "object"})),
        ("tags", json!({"type": "array", "items": text})),
    ]);
    let number = |name| (name, natural.clone());
    let death = object(&["partition", "offset", "timestamp", "failures"].map(number));
    let [partition, offset, timestamp] = ["partition", "offset", "timestamp"].map(number);
    let mut record = object(&[partition, offset, timestamp, ("message", message)]);
    record["properties"]["id"] = json!({"type": "string", "format": "uuid"});
    record["properties"]["death"] = death;
    let records = json!({"type": "array", "items": record});
    object(&[
        ("messages", records),
        number("start_offset"),
        number("end_offset"),
    ])
}

fn of_projects() -> Vec<Call> {
    let text = json!({"type": "string"});
    let limit = json!({"type": "integer", "minimum": 1, "maximum": 200});
    let project = json!({"type": "string", "pattern": "^[0-9a-fA-F]{32}$"});
    let names = TraceName::ALL.iter().map(|name| name.as_str());
    let trace = json!({"type": "string", "enum": names.collect::<Vec<_>>()});
    let audit = Call::new("GET /audit", "Shows who administered what, newest first")
        .query(
            "project_id",
            &project,
            "Only what was done in this project.",
        )
        .query("user", &text, "Only what this user did, by id or name.")
        .query("trace", &trace, "Only what is called so.")
        .query(
            "from",
            &number(0),
            "Only from this time on, in milliseconds.",
        )
        .query("to", &number(0), "Only up to this time, in milliseconds.")
        .query("limit", &limit, "Traces at most.")
        .query("marker", &text, "Where the page before ended.")
        .gives::<TraceListForm>(200);
    vec![
        audit,
        Call::new("GET /auth", "Tells how one logs in here")
            .for_anybody()
            .gives::<AuthForm>(200),
        Call::new(
            "GET /server",
            "Shows version, age, memory, disk and settings",
        )
        .gives::<ServerForm>(200),
        Call::new("GET /quota", "Shows what a project may use and does use")
            .gives::<UsageForm>(200),
        Call::new("PUT /quota", "Sets what a project may use")
            .takes::<QuotaForm>()
            .gives_nothing(),
        Call::new("GET /overview", "Shows how all queues of a project are")
            .gives::<OverviewForm>(200),
    ]
}
