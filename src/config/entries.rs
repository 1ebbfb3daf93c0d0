//! Lists of tables, such as `[[auth.users]]`: each entry's keys and values, with refusals that name the entry.
//!
//! Also what is shown of a value: never a secret.

use std::fs;

use toml::{Table, Value};

use super::{Error, Layers, Origin};

/// Keys whose values are told nobody, wherever they stand.
const SECRETS: [&str; 3] = ["password", "secret_key", "token"];
const MASKED: &str = "***";

/// One table of a list.
pub(super) struct Entry<'a> {
    /// The list, and which of its entries this is.
    place: String,
    table: &'a Table,
    origin: &'a Origin,
}

impl Layers {
    /// The entries of the list at `list`, which may have these keys.
    pub(super) fn entries(&self, list: &str, known: &[&str]) -> Result<Vec<Entry<'_>>, Error> {
        let (value, origin) = self.setting(list);
        let tables = value.as_array().and_then(|entries| {
            let tables = entries.iter().map(Value::as_table);
            tables.collect::<Option<Vec<_>>>()
        });
        let tables = tables.ok_or_else(|| {
            self.refuse(
                list,
                format!("tables, each of which begins with [[{list}]]"),
            )
        })?;
        let entries = tables.into_iter().enumerate().map(|(at, table)| {
            let name = table.get("name").and_then(Value::as_str);
            let name = name.map_or_else(|| format!("number {}", at + 1), ToOwned::to_owned);
            let place = format!("{list}[{name}]");
            Entry {
                place,
                table,
                origin,
            }
        });
        let entries: Vec<_> = entries.collect();
        entries
            .iter()
            .try_for_each(|entry| entry.check_keys(known))?;
        Ok(entries)
    }
}

impl Entry<'_> {
    fn check_keys(&self, known: &[&str]) -> Result<(), Error> {
        let unknown = self.table.keys().find(|key| !known.contains(&key.as_str()));
        unknown.map_or(Ok(()), |key| {
            Err(Error::UnknownKey {
                key: self.key(key),
                origin: self.origin.clone(),
                allowed: format!("the keys of an entry are {}", known.join(", ")),
            })
        })
    }

    /// What `parse` makes of the text at `key`, which must be there.
    pub(super) fn required<T, Allowed: ToString>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Allowed>,
    ) -> Result<T, Error> {
        let found = self.optional(key, parse)?;
        found.ok_or_else(|| self.missing(key))
    }

    /// What `parse` makes of the text at `key`, if it is there.
    pub(super) fn optional<T, Allowed: ToString>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Allowed>,
    ) -> Result<Option<T>, Error> {
        let Some(value) = self.table.get(key) else {
            return Ok(None);
        };
        let text = value.as_str();
        let text = text.ok_or_else(|| self.refuse(key, &"a text in quotation marks"))?;
        let parsed = parse(text).map_err(|allowed| self.refuse(key, &allowed));
        parsed.map(Some)
    }

    /// What `parse` makes of the secret at `key`, or of the first line of the file that `key` with `_file` names.
    pub(super) fn secret<T, Allowed: ToString>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Allowed>,
    ) -> Result<Option<T>, Error> {
        let file_key = format!("{key}_file");
        let Some(path) = self.optional(&file_key, |text| Ok::<_, &str>(text.to_owned()))? else {
            return self.optional(key, parse);
        };
        if self.table.contains_key(key) {
            return Err(self.refuse(&file_key, &format!("only one of {key} and {file_key}")));
        }
        let refuse = |reason: String| Error::BadFile {
            key: self.key(&file_key),
            path: path.clone().into(),
            origin: self.origin.clone(),
            reason,
        };
        let text = fs::read_to_string(&path).map_err(|error| refuse(error.to_string()))?;
        let line = text.lines().next().unwrap_or_default();
        let parsed = parse(line).map_err(|allowed| refuse(allowed.to_string()))?;
        Ok(Some(parsed))
    }

    /// The refusal of the value at `key`.
    pub(super) fn refuse(&self, key: &str, allowed: &dyn ToString) -> Error {
        let value = self.table.get(key).map(|value| shown(key, value));
        Error::BadValue {
            key: self.key(key),
            value: value.map_or_else(String::new, |value| value.to_string()),
            origin: self.origin.clone(),
            allowed: allowed.to_string(),
        }
    }

    /// The refusal of an entry that has no `key`.
    pub(super) fn missing(&self, key: &str) -> Error {
        Error::Missing {
            key: self.key(key),
            origin: self.origin.clone(),
        }
    }

    fn key(&self, key: &str) -> String {
        format!("{}.{key}", self.place)
    }
}

/// What may be shown of the value of the setting `key`: secrets are masked, also in the entries of lists, and so is what
/// stands before the host of a URL.
pub(super) fn shown(key: &str, value: &Value) -> Value {
    let name = key.rsplit('.').next().unwrap_or(key);
    match value {
        Value::String(text) if text.is_empty() => value.clone(),
        _ if SECRETS.contains(&name) => MASKED.into(),
        Value::String(text) => without_user(text).into(),
        Value::Array(entries) => {
            let masked = entries.iter().map(|entry| shown(key, entry));
            Value::Array(masked.collect())
        }
        Value::Table(keys) => {
            let masked = keys
                .iter()
                .map(|(key, value)| (key.clone(), shown(key, value)));
            Value::Table(masked.collect())
        }
        other => other.clone(),
    }
}

/// The text; if it is a URL, without the user and password in it.
fn without_user(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..authority].rfind('@') {
        Some(at) => format!("{scheme}://{MASKED}{}", &rest[at..]),
        None => text.to_owned(),
    }
}
