//! Traces as the managed service's audit writes them (its query for a list of traces), so that its readers work.

use serde::Serialize;
use utoipa::ToSchema;

use crate::broker::{TraceMark, TracePage, TraceQuery};
use crate::http::code;
use crate::http::error::{Error, Result, quoted};
use crate::http::query::{FromQuery, Query};
use crate::types::{Malformed, Outcome, Timestamp, Trace, TraceName};

const LIMIT_DEFAULT: usize = 50;
const LIMIT_MAX: usize = 200;

/// The query of the list: `project_id`, `user`, `trace`, `from`, `to`, `limit` and `marker`, all optional.
#[derive(Debug)]
pub struct TraceQueryForm(pub TraceQuery);

impl FromQuery for TraceQueryForm {
    fn from_query(query: &Query<'_>) -> Result<Self> {
        let code = code::BAD_PARAMETER;
        let malformed = |what: Malformed| Error::new(code, what.to_string());
        let project = query.first("project_id").map(str::parse).transpose();
        let marker = query.first("marker").map(str::parse).transpose();
        let name = query.first("trace").map(trace_name).transpose()?;
        let limit = |count: i64| {
            let count = usize::try_from(count).ok();
            count.filter(|count| (1..=LIMIT_MAX).contains(count))
        };
        let time = |name| {
            let ms = query.number(name, |ms| u64::try_from(ms).ok(), code, "milliseconds");
            ms.map(|ms| ms.map(Timestamp))
        };
        let limit = query.number("limit", limit, code, "1 to 200")?;
        Ok(Self(TraceQuery {
            project: project.map_err(malformed)?,
            user: query.first("user").map(ToOwned::to_owned),
            name,
            from: time("from")?.unwrap_or_default(),
            to: time("to")?.unwrap_or(Timestamp(u64::MAX)),
            after: marker.map_err(malformed)?,
            count_max: limit.unwrap_or(LIMIT_DEFAULT),
        }))
    }
}

fn trace_name(text: &str) -> Result<TraceName> {
    TraceName::parse(text).ok_or_else(|| {
        let text = format!("trace must be the name of a trace, not {}", quoted(text));
        Error::new(code::BAD_PARAMETER, text)
    })
}

/// The answer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceList)]
pub struct TraceListForm<'a> {
    traces: Vec<TraceForm<'a>>,
    meta_data: MetaForm,
}

/// How many there are in this answer, and where the next one goes on; at the end there is no marker.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceMeta)]
struct MetaForm {
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

/// A trace.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Trace)]
struct TraceForm<'a> {
    trace_id: String,
    trace_name: &'static str,
    /// `normal`, or `warning` for what was refused, or `incident` for what failed in the server.
    trace_rating: &'static str,
    trace_type: &'static str,
    service_type: &'static str,
    resource_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_ip: Option<&'a str>,
    /// Method and path.
    request: &'a str,
    request_id: String,
    /// The status of the answer.
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    /// Milliseconds since the epoch.
    time: u64,
    record_time: u64,
    /// Refusals before this one of which there is no trace, as there were too many.
    #[serde(skip_serializing_if = "Option::is_none")]
    unrecorded: Option<u64>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TraceUser)]
struct UserForm<'a> {
    id: &'a str,
    name: &'a str,
}

impl<'a> TraceListForm<'a> {
    /// The form of a page.
    pub fn of(page: &'a TracePage) -> Self {
        let traces = page.traces.iter();
        Self {
            traces: traces
                .map(|(mark, trace)| TraceForm::of(*mark, trace))
                .collect(),
            meta_data: MetaForm {
                count: page.traces.len(),
                marker: page.next.map(|mark| mark.to_string()),
            },
        }
    }
}

impl<'a> TraceForm<'a> {
    fn of(mark: TraceMark, trace: &'a Trace) -> Self {
        let user = trace.actor.as_ref();
        Self {
            trace_id: mark.to_string(),
            trace_name: trace.name.as_str(),
            trace_rating: match (trace.outcome(), trace.status) {
                (Outcome::Done, _) => "normal",
                (Outcome::Refused, ..500) => "warning",
                (Outcome::Refused, 500..) => "incident",
            },
            trace_type: "ApiCall",
            service_type: "DMS",
            resource_type: trace.name.resource_type().as_str(),
            resource_id: trace.resource_id.as_deref(),
            resource_name: trace.resource_name.as_deref(),
            project_id: trace.project.map(|project| project.to_string()),
            user: user.map(|actor| UserForm {
                id: &actor.id,
                name: &actor.name,
            }),
            source_ip: trace.source.as_deref(),
            request: &trace.request,
            request_id: trace.request_id.to_string(),
            code: trace.status.to_string(),
            error_code: trace.error_code.as_deref(),
            time: trace.time.0,
            record_time: trace.time.0,
            unrecorded: Some(trace.unrecorded).filter(|count| *count > 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(query: &str) -> Result<TraceQuery> {
        TraceQueryForm::from_query(&Query::parse(query)?).map(|TraceQueryForm(query)| query)
    }

    #[test]
    fn everything_that_is_not_said_is_wanted() {
        let query = read("").unwrap();
        assert_eq!((query.from, query.to), (Timestamp(0), Timestamp(u64::MAX)));
        assert_eq!(query.count_max, LIMIT_DEFAULT);
        let query = read("trace=createQueue&user=alice&from=5&to=7&limit=200").unwrap();
        assert_eq!(query.name, Some(TraceName::CreateQueue));
        assert_eq!(query.user.as_deref(), Some("alice"));
        assert_eq!((query.from, query.to), (Timestamp(5), Timestamp(7)));
        assert_eq!(query.count_max, 200);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for query in [
            "limit=0",
            "limit=201",
            "from=-1",
            "to=soon",
            "trace=sendMessage",
            "project_id=none",
            "marker=5",
        ] {
            let code = read(query).unwrap_err().code();
            assert_eq!(code, code::BAD_PARAMETER, "{query}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_query_or_refused(text in "\\PC{0,20}") {
            for key in ["project_id", "user", "trace", "from", "to", "limit", "marker"] {
                let _ = read(&format!("{key}={text}"));
            }
        }
    }
}
