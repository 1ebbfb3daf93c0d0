//! How a trace becomes an entry of the store, and an entry a trace again.

use uuid::Uuid;

use crate::store::key::TracePlace;
use crate::store::trail::TraceEntry;
use crate::store::{Error, meta};
use crate::types::{Actor, ProjectId, Trace, TraceName};

/// The bytes of a trace's entry.
pub fn write(trace: &Trace) -> Vec<u8> {
    let actor = trace.actor.as_ref();
    meta::encode(&TraceEntry {
        name: trace.name.as_str().to_owned(),
        user_id: actor.map(|actor| actor.id.clone()),
        user_name: actor.map(|actor| actor.name.clone()),
        project: trace.project.map(|project| project.to_string()),
        resource_id: trace.resource_id.clone(),
        resource_name: trace.resource_name.clone(),
        source: trace.source.clone(),
        request: trace.request.clone(),
        request_id: trace.request_id.to_string(),
        status: trace.status,
        error_code: trace.error_code.clone(),
        unrecorded: trace.unrecorded,
    })
}

/// What the entry of a trace says.
///
/// # Errors
/// [`Error::Damaged`], by name.
pub fn read(bytes: &[u8], at: TracePlace) -> Result<Trace, Error> {
    let what = || format!("the trace {} of {} ms", at.sequence, at.time.0);
    let damaged = |how: &str| Error::Damaged {
        what: what(),
        how: how.to_owned(),
    };
    let entry: TraceEntry = meta::decode(bytes, what)?;
    let name = TraceName::parse(&entry.name).ok_or_else(|| damaged("it has an unknown name"))?;
    let project = entry.project.as_deref().map(str::parse::<ProjectId>);
    let project = project.transpose();
    let request_id = Uuid::try_parse(&entry.request_id);
    let trace = Trace {
        time: at.time,
        name,
        actor: match (entry.user_id, entry.user_name) {
            (Some(id), Some(name)) => Some(Actor { id, name }),
            _ => None,
        },
        project: project.map_err(|_| damaged("its project is no project id"))?,
        resource_id: entry.resource_id,
        resource_name: entry.resource_name,
        source: entry.source,
        request: entry.request,
        request_id: request_id.map_err(|_| damaged("its request has no id"))?,
        status: entry.status,
        error_code: entry.error_code,
        unrecorded: entry.unrecorded,
    };
    if trace.outcome() == at.outcome {
        Ok(trace)
    } else {
        Err(damaged("it stands among traces that ended otherwise"))
    }
}
