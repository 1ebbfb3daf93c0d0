//! What the server prints when it serves: where, for whom, and what to type next. It is for people, and may hold a
//! password: so it goes to the standard error, away from the log.

use std::fmt;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{self, Path, PathBuf};

use super::accounts::{FirstUser, PASSWORD_FILE};

const README: &str = include_str!("../../README.md");
/// What the README's lines have where each server has something of its own.
const README_ORIGIN: &str = "http://127.0.0.1:8080";
const README_PASSWORD_FILE: &str = ". data/admin-password";

/// What there is to say. Written out, it holds the password of a first user who was just made.
pub struct Welcome {
    /// The server's URL.
    origin: String,
    /// The certificate chain, which a client may have to be told to trust.
    certificate: Option<PathBuf>,
    users: Users,
}

/// Who may log in, as far as it matters for what to type.
pub enum Users {
    /// Nobody has to.
    Everybody,
    /// Users of this server.
    Local {
        /// Where the first one's password stands, unless others were declared.
        password_file: Option<PathBuf>,
        /// The first one, if just made.
        first: Option<FirstUser>,
    },
    /// Users of another identity service.
    Foreign,
}

impl Users {
    /// Those of a server with this data folder, where the first one may just have been made.
    pub fn local(data: &Path, first: Option<FirstUser>) -> Self {
        let file = data.join(PASSWORD_FILE);
        // The other terminal may be in another folder.
        let file = path::absolute(&file).unwrap_or(file);
        Self::Local {
            password_file: file.exists().then_some(file),
            first,
        }
    }
}

impl Welcome {
    /// The words for a server at `address`, with this certificate if it has one.
    pub fn new(address: SocketAddr, certificate: Option<&Path>, users: Users) -> Self {
        let scheme = certificate.map_or("http", |_| "https");
        Self {
            origin: format!("{scheme}://{address}"),
            certificate: certificate.and_then(|path| path::absolute(path).ok()),
            users,
        }
    }

    /// Prints all.
    pub fn print(&self) {
        // Nobody may be reading, and that is no reason not to serve.
        let _ = io::stderr().write_all(self.to_string().as_bytes());
    }

    /// The lines by which a client logs in, or says that it need not.
    fn login(&self) -> Option<String> {
        let credentials = match &self.users {
            Users::Foreign => return None,
            Users::Everybody => {
                let api = format!("api={} json='Content-Type: application/json'", self.origin);
                let id = "0123456789abcdef0123456789abcdef";
                return Some(format!("{api}\ntoken=any project_id={id}\n"));
            }
            Users::Local {
                password_file: Some(file),
                ..
            } => format!(". '{}'", file.display()),
            Users::Local { .. } => "user=NAME password=PASSWORD project_id=ID".to_owned(),
        };
        let lines = readme("log-in.sh").replace(README_PASSWORD_FILE, &credentials);
        Some(lines.replace(README_ORIGIN, &self.origin))
    }
}

impl fmt::Display for Welcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Rohrpost serves on {} (Ctrl-C stops it).", self.origin)?;
        if let Users::Local {
            password_file: Some(file),
            first: Some(FirstUser { password, project }),
        } = &self.users
        {
            let (password, file) = (password.expose(), file.display());
            writeln!(
                f,
                "This is the first start: the user admin with the password {password} administers the project demo \
                 ({project}).\nThe password stands in {file}, and is not printed again."
            )?;
        }
        let Some(login) = self.login() else {
            return writeln!(f, "How to use it: Quick start in README.md.");
        };
        writeln!(f, "What to type next, in another terminal:\n")?;
        if let Some(path) = &self.certificate {
            writeln!(f, "export CURL_CA_BUNDLE='{}'", path.display())?;
        }
        writeln!(f, "{login}{}", readme("quick-start.sh"))?;
        writeln!(
            f,
            "The same with the otcextensions SDK is a script of ten lines: Quick start in README.md."
        )
    }
}

/// The fenced lines behind this marker of the README, which a test runs.
fn readme(marker: &str) -> &'static str {
    let (_, after) = README
        .split_once(&format!("<!-- {marker} -->\n```bash\n"))
        .expect("a test finds the lines");
    let (lines, _) = after.split_once("```").expect("a test finds the lines");
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(certificate: Option<&str>, users: Users) -> String {
        let address = "127.0.0.1:4711".parse().unwrap();
        Welcome::new(address, certificate.map(Path::new), users).to_string()
    }

    #[test]
    fn the_next_steps_are_those_of_the_readme_for_the_address_and_folder_in_use() {
        let file = PathBuf::from("/var/lib/rohrpost/admin-password");
        let users = Users::Local {
            password_file: Some(file),
            first: None,
        };
        let steps = said(None, users);
        assert!(steps.contains("\napi=http://127.0.0.1:4711 "), "{steps}");
        assert!(
            steps.contains("\n. '/var/lib/rohrpost/admin-password' "),
            "{steps}"
        );
        assert!(steps.contains(readme("quick-start.sh")), "{steps}");
        assert!(
            !steps.contains("8080") && !steps.contains("data/"),
            "{steps}"
        );
        assert!(steps.lines().count() < 20, "{steps}");
    }

    #[test]
    fn the_certificate_comes_first() {
        let users = Users::local(Path::new("/no/such/folder"), None);
        let steps = said(Some("/etc/cert.pem"), users);
        assert!(
            steps.contains("export CURL_CA_BUNDLE='/etc/cert.pem'\nuser=NAME "),
            "{steps}"
        );
        assert!(steps.contains("\napi=https://127.0.0.1:4711 "), "{steps}");
    }

    #[test]
    fn who_need_not_log_in_is_not_told_how() {
        let steps = said(None, Users::Everybody);
        assert!(
            steps.contains("token=any project_id=0123") && !steps.contains("password"),
            "{steps}"
        );
        let steps = said(None, Users::Foreign);
        assert!(
            steps.contains("README.md") && !steps.contains("token"),
            "{steps}"
        );
    }
}
