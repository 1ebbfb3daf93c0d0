//! The users of this server: opened behind the broker, brought in line with the configuration, and on the first start
//! made.

use std::path::Path;

use anyhow::{Context, Result};

use crate::broker::{self, Broker};
use crate::config::LocalAuth;
use crate::identity::{
    self, Commit, DeclaredProject, DeclaredUser, Identity, Password, ProjectName, Role,
    Uncommitted, UserName,
};
use crate::store::{Store, folder};
use crate::types::ProjectId;

/// The file in the data folder that keeps the first user's password, as lines that a shell can read.
pub const PASSWORD_FILE: &str = "admin-password";
const FIRST_USER: &str = "admin";
const FIRST_PROJECT: &str = "demo";

/// The user that the first start made. This is the only time that the password is told.
pub struct FirstUser {
    /// The password.
    pub password: Password,
    /// The project that the user administers.
    pub project: ProjectId,
}

/// Opens the users of this server, and makes one if there is none.
///
/// # Errors
/// If the store cannot be read or written, or what is declared cannot be brought about.
pub async fn open(
    store: &dyn Store,
    broker: &Broker,
    data: &Path,
    auth: LocalAuth,
) -> Result<(Identity, Option<FirstUser>)> {
    let settings = identity::Settings {
        domain_name: auth.domain_name.clone(),
        token_lifetime: auth.token_lifetime,
        signature_skew: auth.signature_skew,
        key: identity::identity_key(data)?,
    };
    let identity = Identity::open(store, settings, commit(broker.clone()))?;
    auth.check_projects(|name| identity.project_named(name).is_some())?;
    let declared = identity.ensure_declared(auth.projects, auth.users, broker.now());
    declared
        .await
        .context("the declared users and projects cannot be brought about")?;
    let first = if is_first_start(&identity) {
        let made = make_first_user(&identity, broker, data).await;
        Some(made.context("the first user cannot be made")?)
    } else {
        None
    };
    Ok((identity, first))
}

/// The way of identity's changes to the store: identity is no second writer.
fn commit(broker: Broker) -> Commit {
    Box::new(move |batch| {
        let broker = broker.clone();
        Box::pin(async move {
            let written = broker.write_entries(batch).await;
            written.map_err(|error| match error {
                broker::Error::NoRoom => Uncommitted::NoRoom,
                _ => Uncommitted::Stopped,
            })
        })
    })
}

/// Whether nobody is anything here. A first start that was cut short may have left a user, but one without a role.
fn is_first_start(identity: &Identity) -> bool {
    identity.assignments(None).is_empty()
}

/// Makes the first project, keeps the password, and then makes the user, so that nobody is made whose password is lost.
async fn make_first_user(identity: &Identity, broker: &Broker, data: &Path) -> Result<FirstUser> {
    let now = broker.now();
    let project = ProjectName::parse(FIRST_PROJECT).expect("it is a name");
    let declared = DeclaredProject {
        id: None,
        name: project.clone(),
    };
    identity
        .ensure_declared(vec![declared], vec![], now)
        .await?;
    let made = identity.project_named(&project);
    let id = made.context("the project is gone")?.id;

    let password = Password::random();
    let kept = format!(
        "user={FIRST_USER}\npassword={}\nproject={FIRST_PROJECT}\nproject_id={id}\n",
        password.expose()
    );
    folder::write_secret(data, PASSWORD_FILE, kept.as_bytes())?;
    let user = DeclaredUser {
        name: UserName::parse(FIRST_USER).expect("it is a name"),
        password: password.clone(),
        project,
        role: Role::Admin,
        key: None,
    };
    identity.ensure_declared(vec![], vec![user], now).await?;
    Ok(FirstUser {
        password,
        project: id,
    })
}
