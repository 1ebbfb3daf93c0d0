//! The console's files, built into the program.
//!
//! They are served as they stand in `assets/`: plain modules and style sheets that browsers understand, so that there
//! is no build step, and what a browser shows in its inspector is what stands here.

use std::sync::LazyLock;

use axum::http::HeaderValue;

/// A file of the console.
pub struct Asset {
    name: &'static str,
    /// What it holds.
    pub content: &'static [u8],
    /// What that is.
    pub kind: Kind,
    /// The tag of this very content.
    pub etag: HeaderValue,
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A page.
    Html,
    /// A module.
    Script,
    /// A style sheet.
    Style,
    /// A drawing.
    Svg,
}

impl Kind {
    /// How HTTP calls it.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Html => "text/html; charset=utf-8",
            Self::Script => "text/javascript; charset=utf-8",
            Self::Style => "text/css; charset=utf-8",
            Self::Svg => "image/svg+xml",
        }
    }
}

impl Asset {
    fn new(name: &'static str, content: &'static [u8], kind: Kind) -> Self {
        let hash = blake3::hash(content).to_hex();
        let etag = format!("\"{}\"", &hash[..32]);
        Self {
            name,
            content,
            kind,
            etag: HeaderValue::try_from(etag).expect("hex digits in quotation marks make a header"),
        }
    }
}

/// The file of this name.
pub fn find(name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name)
}

macro_rules! assets {
    ($($kind:ident $($name:literal)+;)+) => {
        static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| vec![
            $($(Asset::new($name, include_bytes!(concat!("assets/", $name)), Kind::$kind),)+)+
        ]);
    };
}

assets! {
    Html "index.html";
    Svg "icon.svg";
    Style "style/base.css" "style/frame.css" "style/messages.css" "style/parts.css"
        "style/table.css" "style/tokens.css";
    Script "api.js" "door.js" "frame.js" "main.js" "router.js" "routes.js" "session.js" "theme.js"
        "calls/audit.js" "calls/people.js" "calls/queues.js" "kit/chart.js" "kit/dialog.js" "kit/dom.js"
        "kit/form.js" "kit/format.js" "kit/live.js" "kit/parts.js" "kit/rules.js" "kit/table.js"
        "kit/toast.js" "pages/account.js" "pages/audit.js" "pages/consume.js" "pages/groups.js"
        "pages/keys.js" "pages/message.js" "pages/messages.js" "pages/policy.js" "pages/project.js"
        "pages/projects.js" "pages/queue-overview.js" "pages/queue-settings.js" "pages/queue.js"
        "pages/queues.js" "pages/quota.js" "pages/send.js" "pages/server.js" "pages/try.js"
        "pages/user.js" "pages/users.js";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Every file below this folder, by its path from `root`.
    fn files(folder: &Path, root: &Path) -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .flat_map(|path| {
                if path.is_dir() {
                    return files(&path, root);
                }
                let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                BTreeSet::from([name.to_owned()])
            })
            .collect()
    }

    #[test]
    fn every_file_of_the_folder_is_served_and_nothing_else() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http/console/assets");
        let listed: BTreeSet<_> = ASSETS.iter().map(|asset| asset.name.to_owned()).collect();
        assert_eq!(listed, files(&root, &root));
    }

    #[test]
    fn every_file_is_what_its_name_says() {
        for asset in ASSETS.iter() {
            let (_, extension) = asset.name.rsplit_once('.').unwrap();
            let kind = match extension {
                "html" => Kind::Html,
                "js" => Kind::Script,
                "css" => Kind::Style,
                "svg" => Kind::Svg,
                other => panic!("{other}"),
            };
            assert_eq!(asset.kind, kind, "{}", asset.name);
        }
    }

    #[test]
    fn no_file_has_400_lines() {
        for asset in ASSETS.iter() {
            let lines = asset.content.split(|byte| *byte == b'\n').count();
            assert!(lines < 400, "{} has {lines}", asset.name);
        }
    }

    #[test]
    fn texts_never_become_markup() {
        for asset in ASSETS.iter().filter(|asset| asset.kind == Kind::Script) {
            let text = std::str::from_utf8(asset.content).unwrap();
            for forbidden in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
            ] {
                assert!(!text.contains(forbidden), "{} has {forbidden}", asset.name);
            }
        }
    }
}
