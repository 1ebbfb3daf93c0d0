//! The section `[auth.keystone]`, which is read in that mode only.

use super::file::SetFile;
use super::{Error, Layers};
use crate::identity::Password;
use crate::identity::keystone::{RoleNames, ServiceUser, Settings};

const PASSWORD: &str = "auth.keystone.password";
const PASSWORD_FILE: &str = "auth.keystone.password_file";
const NO_PASSWORD: &str = "a password of 1 to 1024 bytes";

/// How to reach the Keystone, and what to make of its answers.
pub(super) fn settings(layers: &Layers) -> Result<Settings, Error> {
    let cache_s: u64 = layers.number("auth.keystone.cache_s", 0..=3_600)?;
    let ca_file = SetFile::at(layers, "auth.keystone.ca_file")?;
    Ok(Settings {
        url: layers.text("auth.keystone.url", str::parse)?,
        service_user: ServiceUser {
            name: name(layers, "auth.keystone.username")?,
            domain: name(layers, "auth.keystone.user_domain")?,
            password: password(layers)?,
            project: name(layers, "auth.keystone.project")?,
            project_domain: name(layers, "auth.keystone.project_domain")?,
        },
        roles: RoleNames {
            admin: names(layers, "auth.keystone.admin_roles")?,
            member: names(layers, "auth.keystone.member_roles")?,
            reader: names(layers, "auth.keystone.reader_roles")?,
        },
        cache_ms: cache_s * 1_000,
        cache_entries: layers.number("auth.keystone.cache_entries", 1..=1_000_000)?,
        timeout: layers.seconds("auth.keystone.timeout_s", 1..=60)?,
        ca_pem: ca_file.map(|file| file.read()).transpose()?,
    })
}

fn name(layers: &Layers, key: &str) -> Result<String, Error> {
    layers.text(key, |text| match text.trim() {
        "" => Err("a name"),
        name => Ok(name.to_owned()),
    })
}

fn names(layers: &Layers, key: &str) -> Result<Vec<String>, Error> {
    layers.text(key, |text| {
        let names = text.split(',').map(str::trim);
        let names = names.filter(|name| !name.is_empty());
        Ok::<_, &str>(names.map(str::to_owned).collect())
    })
}

fn password(layers: &Layers) -> Result<Password, Error> {
    let Some(file) = SetFile::at(layers, PASSWORD_FILE)? else {
        return layers.text(PASSWORD, |text| {
            Password::parse(text).map_err(|_| format!("{NO_PASSWORD}, here or in {PASSWORD_FILE}"))
        });
    };
    layers.text(PASSWORD, |text| match text {
        "" => Ok(()),
        _ => Err(format!("nothing, as {PASSWORD_FILE} is set")),
    })?;
    let text = String::from_utf8(file.read()?).map_err(|_| file.refuse(&"it is not UTF-8"))?;
    let first_line = text.lines().next().unwrap_or_default();
    Password::parse(first_line).map_err(|_| file.refuse(&format!("it should have {NO_PASSWORD}")))
}
