//! Who may ask: the mode of authentication, and the users and projects that the operator declares.

use std::collections::HashSet;
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use super::entries::Entry;
use super::{Error, Layers, Origin, keystone};
use crate::identity::{
    self, AccessKeyId, DeclaredProject, DeclaredUser, DomainName, Password, ProjectName, Role,
    SecretKey, UserName,
};
use crate::types::ProjectId;

const USERS: &str = "auth.users";
const USER_KEYS: [&str; 7] = [
    "name",
    "password",
    "password_file",
    "project",
    "role",
    "access_key",
    "secret_key",
];
const PROJECTS: &str = "auth.projects";
const PROJECT_KEYS: [&str; 2] = ["name", "id"];

/// Who may ask, and for what.
#[derive(Debug)]
pub enum AuthMode {
    /// Everybody, for any project.
    None,
    /// The users of this server.
    Local(LocalAuth),
    /// Who shows a token of this Keystone.
    Keystone(Box<identity::keystone::Settings>),
}

/// What the server's own users are kept by.
#[derive(Debug, Clone)]
pub struct LocalAuth {
    /// What the one domain is called.
    pub domain_name: DomainName,
    /// How long a token may be used.
    pub token_lifetime: Duration,
    /// How far a signature's date may be from now, either way.
    pub signature_skew: Duration,
    /// Projects that there shall be.
    pub projects: Vec<DeclaredProject>,
    /// Users that there shall be.
    pub users: Vec<DeclaredUser>,
    /// Where the users are declared.
    origin: Origin,
}

impl LocalAuth {
    /// Checks that every declared user's project is declared, too, or exists already.
    ///
    /// # Errors
    /// [`Error::BadValue`] for the first one whose project is neither.
    pub fn check_projects(&self, exists: impl Fn(&ProjectName) -> bool) -> Result<(), Error> {
        let is_known = |name: &ProjectName| {
            exists(name) || self.projects.iter().any(|declared| declared.name == *name)
        };
        let lost = self.users.iter().find(|user| !is_known(&user.project));
        lost.map_or(Ok(()), |user| {
            Err(Error::BadValue {
                key: format!("{USERS}[{}].project", user.name),
                value: format!("{:?}", user.project.as_str()),
                origin: self.origin.clone(),
                allowed: format!("the name of a project in {PROJECTS}, or of one that exists"),
            })
        })
    }
}

/// The mode, and all that it takes.
pub(super) fn auth(layers: &Layers, listen: SocketAddr) -> Result<AuthMode, Error> {
    let allow_insecure = layers.truth("auth.allow_insecure")?;
    // Checked in every mode: nobody should believe to have users who are none.
    let local = local(layers)?;
    let mode = layers.text("auth.mode", |text| match text {
        "local" => Ok(Mode::Local),
        "keystone" => Ok(Mode::Keystone),
        "none" if listen.ip().is_loopback() || allow_insecure => Ok(Mode::None),
        "none" => Err(format!(
            "\"none\" on a loopback address only (http.listen is {listen}), or with auth.allow_insecure = true, \
             as it accepts every request for any project"
        )),
        _ => Err(r#""local", "keystone" or "none""#.to_owned()),
    })?;
    Ok(match mode {
        Mode::None => AuthMode::None,
        Mode::Local => AuthMode::Local(local),
        Mode::Keystone => AuthMode::Keystone(Box::new(keystone::settings(layers)?)),
    })
}

/// The name of an [`AuthMode`], before its own settings are read.
enum Mode {
    None,
    Local,
    Keystone,
}

fn local(layers: &Layers) -> Result<LocalAuth, Error> {
    Ok(LocalAuth {
        domain_name: layers.text("auth.domain_name", |text| {
            DomainName::parse(text).map_err(|error| error.to_string())
        })?,
        token_lifetime: layers.seconds("auth.token_lifetime_s", 60..=31_536_000)?,
        signature_skew: layers.seconds("auth.signature_skew_s", 1..=86_400)?,
        projects: projects(layers)?,
        users: users(layers)?,
        origin: layers.origin(USERS),
    })
}

fn projects(layers: &Layers) -> Result<Vec<DeclaredProject>, Error> {
    let (mut names, mut ids) = (Names::default(), Names::default());
    let entries = layers.entries(PROJECTS, &PROJECT_KEYS)?;
    let projects = entries.iter().map(|entry| {
        let project = DeclaredProject {
            name: entry.required("name", ProjectName::parse)?,
            id: entry.optional("id", str::parse::<ProjectId>)?,
        };
        names.note(entry, "name", Some(&project.name))?;
        ids.note(entry, "id", project.id.as_ref())?;
        Ok(project)
    });
    projects.collect()
}

fn users(layers: &Layers) -> Result<Vec<DeclaredUser>, Error> {
    let (mut names, mut keys) = (Names::default(), Names::default());
    let entries = layers.entries(USERS, &USER_KEYS)?;
    let users = entries.iter().map(|entry| {
        let user = user(entry)?;
        names.note(entry, "name", Some(&user.name))?;
        let key = user.key.as_ref().map(|(id, _)| id);
        keys.note(entry, "access_key", key)?;
        Ok(user)
    });
    users.collect()
}

fn user(entry: &Entry<'_>) -> Result<DeclaredUser, Error> {
    let password = entry.secret("password", Password::parse)?;
    let role = |text: &str| Role::from_name(text).ok_or(r#""admin", "member" or "reader""#);
    let key = (
        entry.optional("access_key", AccessKeyId::parse)?,
        entry.optional("secret_key", SecretKey::parse)?,
    );
    Ok(DeclaredUser {
        name: entry.required("name", UserName::parse)?,
        password: password.ok_or_else(|| entry.missing("password"))?,
        project: entry.required("project", ProjectName::parse)?,
        role: entry.required("role", role)?,
        key: match key {
            (None, None) => None,
            (Some(id), Some(secret)) => Some((id, secret)),
            (Some(_), None) => return Err(entry.missing("secret_key")),
            (None, Some(_)) => return Err(entry.missing("access_key")),
        },
    })
}

/// What earlier entries are called.
struct Names<T>(HashSet<T>);

impl<T> Default for Names<T> {
    fn default() -> Self {
        Self(HashSet::new())
    }
}

impl<T: Clone + Eq + Hash> Names<T> {
    /// Notes what an entry is called, which no earlier one may be.
    fn note(&mut self, entry: &Entry<'_>, key: &str, name: Option<&T>) -> Result<(), Error> {
        match name {
            Some(name) if !self.0.insert(name.clone()) => {
                Err(entry.refuse(key, &"one that no entry before it has"))
            }
            _ => Ok(()),
        }
    }
}
