//! The quota list (reference §12).

use serde::Serialize;
use utoipa::ToSchema;

use crate::broker::Usage;

/// The largest quota that a project could be given, as the documents state it.
const QUOTA_MAX: u32 = 500;

/// All quotas of a project.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quotas)]
pub struct QuotasForm {
    quotas: Resources,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QuotaResources)]
struct Resources {
    #[schema(value_type = Vec<QuotaForm>)]
    resources: [QuotaForm; 1],
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Quota)]
struct QuotaForm {
    #[schema(rename = "type")]
    r#type: &'static str,
    quota: u32,
    used: u32,
    min: u32,
    max: u32,
}

impl From<Usage> for QuotasForm {
    fn from(usage: Usage) -> Self {
        let (quota, used) = (usage.quota.queues, usage.queues);
        let queues = QuotaForm {
            r#type: "queue",
            quota,
            used,
            min: 0,
            max: quota.max(QUOTA_MAX),
        };
        let resources = [queues];
        Self {
            quotas: Resources { resources },
        }
    }
}
