//! The server on the wire: what it says of itself.

use serde::Serialize;
use utoipa::ToSchema;

use crate::broker::Condition;
use crate::http::App;
use crate::http::about::{About, Setting};
use crate::identity::Gate;
use crate::machine::{self, Disk, Memory};

/// How one logs in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthMode)]
pub struct AuthForm {
    mode: &'static str,
}

impl AuthForm {
    /// The way of this gate, as `auth.mode` names it.
    pub fn of(gate: &Gate) -> Self {
        let mode = if gate.is_open() {
            "none"
        } else if gate.identity().is_some() {
            "local"
        } else {
            "keystone"
        };
        Self { mode }
    }
}

/// What there is to say of the server.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Server)]
pub struct ServerForm<'a> {
    version: &'static str,
    condition: &'static str,
    started: u64,
    uptime_s: u64,
    memory: Option<MemoryForm>,
    disk: Option<DiskForm>,
    settings: Vec<SettingForm<'a>>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Memory)]
struct MemoryForm {
    resident_bytes: u64,
    peak_bytes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Disk)]
#[expect(
    clippy::struct_field_names,
    reason = "units stand last, and are part of the wire's names"
)]
struct DiskForm {
    total_bytes: u64,
    free_bytes: u64,
    reserve_bytes: u64,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Setting)]
struct SettingForm<'a> {
    key: &'a str,
    value: &'a str,
    origin: &'a str,
}

impl<'a> ServerForm<'a> {
    /// This server, now.
    pub fn of(app: &'a App) -> Self {
        let (started, about) = (app.started().0, &app.settings().about);
        Self {
            version: env!("CARGO_PKG_VERSION"),
            condition: condition_name(app.broker().condition()),
            started,
            uptime_s: app.now().0.saturating_sub(started) / 1_000,
            memory: machine::memory().map(MemoryForm::from),
            disk: DiskForm::of(about),
            settings: about.settings.iter().map(SettingForm::from).collect(),
        }
    }
}

const fn condition_name(condition: Condition) -> &'static str {
    match condition {
        Condition::Serves => "serves",
        Condition::Full => "full",
        Condition::Stopping => "stopping",
        Condition::Failed => "failed",
    }
}

impl From<Memory> for MemoryForm {
    fn from(Memory { resident, peak }: Memory) -> Self {
        Self {
            resident_bytes: resident,
            peak_bytes: peak,
        }
    }
}

impl DiskForm {
    fn of(about: &About) -> Option<Self> {
        let Disk { total, free } = machine::disk(about.data.as_deref()?).ok()?;
        Some(Self {
            total_bytes: total,
            free_bytes: free,
            reserve_bytes: about.reserve_bytes,
        })
    }
}

impl<'a> From<&'a Setting> for SettingForm<'a> {
    fn from(Setting { key, value, origin }: &'a Setting) -> Self {
        Self { key, value, origin }
    }
}
