//! Which embedded engine keeps a store.
//!
//! Owns their names, and how the engine of a folder is told by what is in it. Refuses to know how they are used.

use std::fmt;
use std::fs;
use std::path::Path;
use std::str::FromStr;

use super::Error;

/// An embedded engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Engine {
    /// sled 0.34, whose files stand in the store's folder itself.
    #[default]
    Sled,
    /// fjall 3, whose files stand in a folder of their own in it.
    Fjall,
}

impl Engine {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::Sled, Self::Fjall];

    /// What tells that a store is this engine's: this name in its folder.
    #[must_use]
    pub const fn mark(self) -> &'static str {
        match self {
            Self::Sled => "db",
            Self::Fjall => "fjall",
        }
    }

    /// The engine of the store in `folder`; nothing, if there is no store.
    ///
    /// # Errors
    /// [`Error::File`] if that cannot be told.
    pub fn of(folder: &Path) -> Result<Option<Self>, Error> {
        for engine in Self::ALL {
            let path = folder.join(engine.mark());
            match fs::exists(&path) {
                Ok(true) => return Ok(Some(engine)),
                Ok(false) => {}
                Err(source) => return Err(Error::File { path, source }),
            }
        }
        Ok(None)
    }

    /// Makes sure that the store in `folder`, if there is one, is this engine's. To be called only by who keeps other
    /// processes out of it.
    ///
    /// # Errors
    /// [`Error::OtherEngine`] if it is not, [`Error::File`] if that cannot be told.
    pub fn check(self, folder: &Path) -> Result<(), Error> {
        match Self::of(folder)? {
            Some(found) if found != self => Err(Error::OtherEngine {
                found,
                wanted: self,
            }),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sled => "sled",
            Self::Fjall => "fjall",
        })
    }
}

impl FromStr for Engine {
    /// What is allowed.
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let named = all.find(|engine| engine.to_string() == text);
        named.ok_or(r#""sled" or "fjall""#)
    }
}
