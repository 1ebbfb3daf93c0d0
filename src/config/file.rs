//! Files that settings name.

use std::fs;
use std::path::PathBuf;

use super::{Error, Layers, Origin};

/// A file that a setting names.
#[derive(Debug, Clone)]
pub(super) struct SetFile {
    setting: &'static str,
    /// Where it is.
    pub path: PathBuf,
    origin: Origin,
}

impl SetFile {
    /// The file that the setting names, if it names one.
    pub(super) fn at(layers: &Layers, setting: &'static str) -> Result<Option<Self>, Error> {
        let path = layers.text(setting, |text| Ok::<_, &str>(text.to_owned()))?;
        Ok((!path.is_empty()).then(|| Self {
            setting,
            path: path.into(),
            origin: layers.origin(setting),
        }))
    }

    /// What the file has now.
    pub(super) fn read(&self) -> Result<Vec<u8>, Error> {
        fs::read(&self.path).map_err(|error| self.refuse(&error))
    }

    /// The refusal of the file for this reason.
    pub(super) fn refuse(&self, reason: &dyn ToString) -> Error {
        Error::BadFile {
            key: self.setting.to_owned(),
            path: self.path.clone(),
            origin: self.origin.clone(),
            reason: reason.to_string(),
        }
    }
}
