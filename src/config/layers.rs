//! The values of all settings, laid over each other: defaults < file < environment < flags.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Error;
use super::entries::shown;
use crate::http::Setting;

/// The lowest layer, which is also the list of all keys and the type of each.
pub(super) const DEFAULTS: &str = include_str!("../../config/rohrpost.toml");

const ENVIRONMENT_PREFIX: &str = "ROHRPOST__";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The program itself.
    Default,
    /// This file.
    File(PathBuf),
    /// This variable of the environment.
    Environment(String),
    /// This flag of the command line.
    Flag(&'static str),
}

/// Every setting's value, by `section.key`, with its origin. Values are not checked yet.
#[derive(Debug, Clone)]
pub struct Layers {
    settings: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    /// The defaults alone.
    #[must_use]
    #[expect(clippy::missing_panics_doc, reason = "the built-in file never changes")]
    pub fn new() -> Self {
        let defaults: Table = DEFAULTS.parse().expect("tests parse the built-in file");
        let settings = flatten(defaults).into_iter();
        let settings = settings.map(|(key, value)| (key, (value, Origin::Default)));
        Self {
            settings: settings.collect(),
        }
    }

    /// Lays the file over what is there.
    ///
    /// # Errors
    /// If the file cannot be read, is not TOML, or has a key that does not exist.
    pub fn lay_file(&mut self, path: &Path) -> Result<(), Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let table: Table = text
            .parse()
            .map_err(|error| Error::syntax(path, &text, &error))?;
        flatten(table)
            .into_iter()
            .try_for_each(|(key, value)| self.lay(&key, value, Origin::File(path.to_owned())))
    }

    /// Lays the variables named `ROHRPOST__SECTION__KEY` over what is there.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] if a variable of this prefix is no setting.
    pub fn lay_environment(
        &mut self,
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<(), Error> {
        for (name, value) in variables {
            let name = name.to_string_lossy();
            if let Some(key) = name.strip_prefix(ENVIRONMENT_PREFIX) {
                let key = key.replace("__", ".").to_lowercase();
                let origin = Origin::Environment(name.to_string());
                self.lay_text(&key, &value.to_string_lossy(), origin)?;
            }
        }
        Ok(())
    }

    /// Lays a value from the command line over what is there.
    ///
    /// # Errors
    /// [`Error::UnknownKey`] if there is no such setting.
    pub fn lay_flag(&mut self, flag: &'static str, key: &str, text: &str) -> Result<(), Error> {
        self.lay_text(key, text, Origin::Flag(flag))
    }

    /// A text means what the default's type makes of it. One that cannot be of that type stays a text, for the
    /// check of its range to refuse; but for a list, which may have had secrets in it.
    fn lay_text(&mut self, key: &str, text: &str, origin: Origin) -> Result<(), Error> {
        let value = match self.settings.get(key) {
            Some((Value::Integer(_), _)) => text.parse().ok().map(Value::Integer),
            Some((Value::Boolean(_), _)) => text.parse().ok().map(Value::Boolean),
            Some((Value::Float(_), _)) => text.parse().ok().map(Value::Float),
            Some((Value::Array(_), _)) => text.parse().ok().or(Some(Value::Boolean(false))),
            _ => None,
        };
        self.lay(key, value.unwrap_or_else(|| text.into()), origin)
    }

    fn lay(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), Error> {
        if let Some(setting) = self.settings.get_mut(key) {
            *setting = (value, origin);
            return Ok(());
        }
        Err(Error::UnknownKey {
            key: key.to_owned(),
            origin,
            allowed: self.known_beside(key),
        })
    }

    /// The keys that exist in the section of `key`, or the sections, if there is no such section.
    fn known_beside(&self, key: &str) -> String {
        let split = || self.settings.keys().filter_map(|key| key.rsplit_once('.'));
        let section = key.rsplit_once('.').map_or(key, |(section, _)| section);
        let keys: Vec<_> = split()
            .filter_map(|(known, key)| (known == section).then_some(key))
            .collect();
        if self.settings.contains_key(section) && section != key {
            format!("{section} is a list, and each of its entries begins with [[{section}]]")
        } else if keys.is_empty() {
            let sections: BTreeSet<_> = split().map(|(section, _)| section).collect();
            let sections: Vec<_> = sections.into_iter().collect();
            format!("the sections are {}", sections.join(", "))
        } else {
            format!("the keys of [{section}] are {}", keys.join(", "))
        }
    }

    /// The whole number at `key`.
    pub(super) fn number<N>(&self, key: &str, range: RangeInclusive<N>) -> Result<N, Error>
    where
        N: TryFrom<i64> + PartialOrd + fmt::Display,
    {
        let (value, _) = self.setting(key);
        let number = value.as_integer().and_then(|number| number.try_into().ok());
        number
            .filter(|number| range.contains(number))
            .ok_or_else(|| {
                let (min, max) = (range.start(), range.end());
                self.refuse(key, format!("a whole number from {min} to {max}"))
            })
    }

    /// The part of a whole at `key`.
    pub(super) fn part(&self, key: &str) -> Result<f64, Error> {
        let (value, _) = self.setting(key);
        let whole = value.as_integer().filter(|number| (0..=1).contains(number));
        let part = whole.map_or_else(|| value.as_float(), |number| Some(f64::from(number == 1)));
        part.filter(|part| (0.0..=1.0).contains(part))
            .ok_or_else(|| self.refuse(key, "a number from 0.0 to 1.0"))
    }

    /// What `parse` makes of the text at `key`, or the refusal that says what it would take.
    pub(super) fn text<T, Allowed: Into<String>>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Allowed>,
    ) -> Result<T, Error> {
        let (value, _) = self.setting(key);
        let text = value.as_str();
        let text = text.ok_or_else(|| self.refuse(key, "a text in quotation marks"))?;
        parse(text).map_err(|allowed| self.refuse(key, allowed))
    }

    /// The true or false at `key`.
    pub(super) fn truth(&self, key: &str) -> Result<bool, Error> {
        let (value, _) = self.setting(key);
        value
            .as_bool()
            .ok_or_else(|| self.refuse(key, "true or false"))
    }

    pub(super) fn setting(&self, key: &str) -> &(Value, Origin) {
        let setting = self.settings.get(key);
        setting.expect("every key that is asked for stands in the built-in file, as a test shows")
    }

    /// Where the value at `key` came from.
    pub(super) fn origin(&self, key: &str) -> Origin {
        self.setting(key).1.clone()
    }

    /// The refusal of the value at `key`, of which only this is allowed.
    pub(super) fn refuse(&self, key: &str, allowed: impl Into<String>) -> Error {
        let (value, origin) = self.setting(key);
        Error::BadValue {
            key: key.to_owned(),
            value: shown(key, value).to_string(),
            origin: origin.clone(),
            allowed: allowed.into(),
        }
    }
}

impl Layers {
    /// Every setting that is in effect, without secrets.
    pub(super) fn shown(&self) -> Vec<Setting> {
        let settings = self.settings.iter();
        settings
            .map(|(key, (value, origin))| Setting {
                key: key.clone(),
                value: shown(key, value).to_string(),
                origin: origin.to_string(),
            })
            .collect()
    }
}

impl Default for Layers {
    fn default() -> Self {
        Self::new()
    }
}

/// The built-in file with the values that are in effect, and where they came from.
impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for line in DEFAULTS.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']');
            }
            let is_comment = line.starts_with('#');
            match line.split_once(" = ").filter(|_| !is_comment) {
                None => writeln!(f, "{line}")?,
                Some((key, _)) => match self.setting(&format!("{section}.{key}")) {
                    (value, Origin::Default) => writeln!(f, "{key} = {}", shown(key, value))?,
                    (value, origin) => writeln!(f, "{key} = {} # {origin}", shown(key, value))?,
                },
            }
        }
        Ok(())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("the default"),
            Self::File(path) => write!(f, "from {}", path.display()),
            Self::Environment(name) => write!(f, "from the environment's {name}"),
            Self::Flag(flag) => write!(f, "from the flag {flag}"),
        }
    }
}

/// The settings of all sections by `section.key`. What stands outside of any section keeps its bare key.
fn flatten(table: Table) -> Vec<(String, Value)> {
    let flat = table.into_iter().flat_map(|(section, value)| match value {
        Value::Table(keys) => flatten(keys)
            .into_iter()
            .map(|(key, value)| (format!("{section}.{key}"), value))
            .collect(),
        value => vec![(section, value)],
    });
    flat.collect()
}
