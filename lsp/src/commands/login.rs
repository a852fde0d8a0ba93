//! `nexus login`: what a server wants to hear, checked against the server and stored in the account.

use std::process::ExitCode;

use opencode_nexus::auth::{ExposeSecret as _, SecretString};
use opencode_nexus::transport::{Credentials, Secret};
use opencode_nexus::{Client, Error, ErrorKind, Result};
use serde_json::json;
use url::{Host, Url};

use crate::settings::settings;
use crate::{account, output, secret};

/// Store a server's credentials in your account, so that commands use them for this server.
#[derive(clap::Args)]
#[command(
    after_help = "They are used where the address has none, and neither the environment (OPENCODE_SERVER_PASSWORD) has any.\nWithout an address the servers are listed for which there are credentials.\n\nExamples:\n  nexus login https://opencode.example.org\n  nexus login https://opencode.example.org --user me --password-fd 3 3< secret.txt\n  nexus login\n  nexus logout https://opencode.example.org"
)]
pub(crate) struct Login {
    /// The address of the server, without credentials.
    url: Option<String>,
    /// The user's name there.
    #[arg(short, long, value_name = "NAME", default_value = "opencode")]
    user: String,
    /// Read the server's password from this open file descriptor: one line.
    #[arg(long, value_name = "N")]
    password_fd: Option<i32>,
    /// Store them without asking the server whether they are right.
    #[arg(long)]
    no_check: bool,
    /// Results as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Login {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        if let Some(number) = self.password_fd {
            secret::keep_to_ourselves(number);
        }
        match &self.url {
            Some(url) => self.store(&address(url)?).await?,
            None => self.list().await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn store(&self, url: &Url) -> Result<()> {
        if url.scheme() == "http" && !is_this_machine(url) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a password would go to that server in clear text",
            )
            .with_hint("use its https address"));
        }
        // First who it is for: a passphrase for the account, then the password for the server.
        let account = account::open().await?;
        let password = match self.password_fd {
            Some(number) => secret::line(number).await?,
            None => secret::ask(&format!("Password of {} at {url}", output::clean(&self.user))).await?,
        };
        let credentials = Credentials { user: self.user.clone(), password: taken(&password) };
        let version = match self.no_check {
            true => None,
            false => {
                let builder = Client::builder(url.as_str()).transport(settings()?.transport.clone());
                let client =
                    builder.credentials(credentials.clone()).connect().await.map_err(|error| match error
                        .kind()
                    {
                        ErrorKind::Unauthorized => {
                            error.with_hint("nothing was stored; look at user and password")
                        }
                        _ => error.with_hint(
                            "nothing was stored; --no-check stores them without asking the server",
                        ),
                    })?;
                Some(client.server().version)
            }
        };
        account.credentials().set(url.as_str(), &credentials).await?;
        if self.json {
            output::print_json(&json!({ "url": url.as_str(), "user": self.user, "server_version": version }));
            return Ok(());
        }
        let checked = match &version {
            Some(version) => format!("OpenCode {version} takes them"),
            None => "not checked".to_owned(),
        };
        output::print_line(&output::clean(&format!(
            "stored for {} in the account {} ({checked})",
            url.origin().ascii_serialization(),
            account.name().as_str()
        )));
        Ok(())
    }

    async fn list(&self) -> Result<()> {
        let stored = account::open().await?.credentials().list().await?;
        if self.json {
            output::print_json(&json!({ "credentials": stored }));
            return Ok(());
        }
        if stored.is_empty() {
            eprintln!("none are stored; nexus login URL stores some");
        }
        for one in stored {
            let line = format!("{}  {}  stored {}", one.origin, one.user, output::date(one.stored));
            output::print_line(&output::clean(&line));
        }
        Ok(())
    }
}

fn taken(password: &SecretString) -> Secret {
    Secret::new(password.expose_secret().to_owned())
}

/// An address that holds no secret.
///
/// # Errors
/// `user.invalid_input` when it is none, or has credentials in it.
pub(super) fn address(text: &str) -> Result<Url> {
    let wrong = |message: &str| {
        Error::new(ErrorKind::InvalidInput, message).with_hint("write it like https://opencode.example.org")
    };
    let url = Url::parse(text).map_err(|_| wrong("that is no address of a server"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("that is no address of a server"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            "the address has credentials in it, which others can see",
        )
        .with_hint("leave them out; the password is asked for, or read by --password-fd"));
    }
    Ok(url)
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_must_not_hold_a_secret_and_only_this_machine_may_be_told_one_in_clear_text() {
        for wrong in ["", "opencode", "ftp://host", "https://me:made-up@host", "https://me@host", "file:///x"]
        {
            assert!(address(wrong).is_err_and(|error| error.hint().is_some()), "{wrong}");
        }
        for (text, here) in [
            ("http://127.0.0.1:4096", true),
            ("http://localhost:4096/", true),
            ("http://[::1]:4096", true),
            ("http://10.0.0.1:4096", false),
            ("http://localhost.example.org", false),
        ] {
            assert_eq!(is_this_machine(&address(text).unwrap()), here, "{text}");
        }
    }
}
