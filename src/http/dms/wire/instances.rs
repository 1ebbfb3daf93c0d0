//! Instances on the wire, as far as a broker without any needs them (reference §18).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::code;
use crate::http::error::{Error, Result, quoted};
use crate::http::json::Few;

/// Instances that one action may name.
const INSTANCES_MAX: usize = 50;

/// The body of a create: any object, since nothing comes of it.
#[derive(Debug, Deserialize)]
pub struct CreateForm {}

/// The body of an action on several instances.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = InstanceAction)]
pub struct ActionForm {
    #[schema(value_type = String, pattern = "^(restart|delete)$")]
    action: Option<String>,
    #[schema(value_type = Vec<String>, min_items = 1, max_items = 50)]
    instances: Option<Few<String, INSTANCES_MAX>>,
    #[serde(rename = "allFailure")]
    all_failure: Option<String>,
}

/// What became of each instance.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstanceResults)]
pub struct ResultsForm {
    results: Vec<ResultForm>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = InstanceResult)]
struct ResultForm {
    result: &'static str,
    instance: String,
}

impl ActionForm {
    /// The failure of every named instance, or nothing if all failed creations were meant (there are none).
    ///
    /// # Errors
    /// Another action than restart and delete, no instances, or too many.
    pub fn parse(self) -> Result<Option<ResultsForm>> {
        let action = self.action.unwrap_or_default();
        if !matches!(&*action, "restart" | "delete") {
            let text = format!("action must be restart or delete, not {}", quoted(&action));
            return Err(Error::new(code::BAD_INSTANCE_ACTION, text));
        }
        if self.all_failure.is_some() && action == "delete" {
            return Ok(None);
        }
        let instances = self.instances.map_or_else(|| Some(Vec::new()), Few::all);
        let instances = instances.ok_or_else(|| {
            let text = format!("an action may name {INSTANCES_MAX} instances");
            Error::new(code::TOO_MANY_INSTANCES_NAMED, text)
        })?;
        if instances.is_empty() {
            let text = "the action names no instances";
            return Err(Error::new(code::NO_INSTANCES_NAMED, text));
        }
        let failed = |instance| ResultForm {
            result: "failed",
            instance,
        };
        let results = instances.into_iter().map(failed).collect();
        Ok(Some(ResultsForm { results }))
    }
}

/// The one zone, where this broker runs. The region's key is spelled in both generations' ways (§18.6).
pub const ZONES: &str = r#"{"regionId":"local","region_id":"local","available_zones":[{"id":"00000000000000000000000000000001","name":"local-01","code":"local-01","port":"8002","resource_availability":"true"}]}"#;

/// The six windows; the second is the default (§18.8).
pub const WINDOWS: &str = r#"{"maintain_windows":[{"seq":1,"begin":"22","end":"02","default":false},{"seq":2,"begin":"02","end":"06","default":true},{"seq":3,"begin":"06","end":"10","default":false},{"seq":4,"begin":"10","end":"14","default":false},{"seq":5,"begin":"14","end":"18","default":false},{"seq":6,"begin":"18","end":"22","default":false}]}"#;

macro_rules! product {
    ($id:literal, $spec:literal, $tps:literal, $storage:literal, $partitions:literal, $bandwidth:literal) => {
        concat!(
            r#"{"tps":""#, $tps, r#"","storage":""#, $storage, r#"","partition_num":""#, $partitions,
            r#"","product_id":""#, $id, r#"","spec_code":"dms.instance.kafka.cluster.c3."#, $spec,
            r#"","bandwidth":""#, $bandwidth, r#"","ecs_flavor_id":"c4.large.2","arch_type":"X86","#,
            r#""available_zones":["00000000000000000000000000000001"],"unavailable_zones":[],"#,
            r#""io":[{"io_type":"ultra","storage_spec_code":"dms.physical.storage.ultra","volume_type":"SSD","#,
            r#""available_zones":["00000000000000000000000000000001"],"unavailable_zones":[]}]}"#
        )
    };
}

/// The four products (§18.7). Clients walk every key at the top as a list, so there is none but `Hourly`.
pub const PRODUCTS: &str = concat!(
    r#"{"Hourly":[{"name":"kafka","version":"2.3.0","values":[{"name":"cluster","#,
    r#""available_zones":["00000000000000000000000000000001"],"unavailable_zones":[],"detail":["#,
    product!("00300-30308-0--0", "mini", "50000", "600", "300", "100MB"),
    ",",
    product!(
        "00300-30310-0--0",
        "small.2",
        "100000",
        "1200",
        "900",
        "300MB"
    ),
    ",",
    product!(
        "00300-30312-0--0",
        "middle.2",
        "200000",
        "2400",
        "1800",
        "600MB"
    ),
    ",",
    product!(
        "00300-30314-0--0",
        "high.2",
        "300000",
        "4800",
        "1800",
        "1200MB"
    ),
    "]}]}]}"
);

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_offers_are_json_of_the_documented_shape() {
        let zones: Value = serde_json::from_str(ZONES).unwrap();
        assert_eq!(zones["available_zones"][0]["resource_availability"], "true");
        let windows: Value = serde_json::from_str(WINDOWS).unwrap();
        assert_eq!(windows["maintain_windows"].as_array().unwrap().len(), 6);
        let products: Value = serde_json::from_str(PRODUCTS).unwrap();
        assert!(products.as_object().unwrap().values().all(Value::is_array));
        let details = &products["Hourly"][0]["values"][0]["detail"];
        assert_eq!(details.as_array().unwrap().len(), 4);
        assert_eq!(details[3]["bandwidth"], "1200MB");
    }

    fn parse(body: &str) -> Result<Option<ResultsForm>> {
        serde_json::from_str::<ActionForm>(body).unwrap().parse()
    }

    #[test]
    fn every_named_instance_fails() {
        let results = parse(r#"{"action":"delete","instances":["a","b"]}"#).unwrap();
        assert_eq!(
            serde_json::to_value(results).unwrap()["results"][1],
            serde_json::json!({"result": "failed", "instance": "b"})
        );
        assert!(
            parse(r#"{"action":"delete","allFailure":"kafka"}"#)
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn every_refusal_has_its_code() {
        let many = vec!["\"a\""; 51].join(",");
        let many = format!(r#"{{"action":"restart","instances":[{many}]}}"#);
        for (body, code) in [
            ("{}", "DMS.00400064"),
            (r#"{"action":"stop","instances":["a"]}"#, "DMS.00400064"),
            (r#"{"action":"restart","instances":[]}"#, "DMS.00400065"),
            (
                r#"{"action":"restart","allFailure":"kafka"}"#,
                "DMS.00400065",
            ),
            (&many, "DMS.00400100"),
        ] {
            assert_eq!(parse(body).unwrap_err().code().text, code, "{body}");
        }
    }
}
