//! A real OpenCode with a scripted model, a home and a project of its own; as many at once as wanted.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use opencode_nexus::server::{FindOptions, Home, InstallOptions, LocalServer, PINNED, ServerOptions, ensure};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::scripted::{Behaviour, ScriptedModel, server_config};

mod isolation;
mod second;

#[cfg(target_os = "linux")]
pub use isolation::ran_in_a_namespace;
pub use isolation::{isolated, isolated_test};
pub use second::{PASSWORD, SECOND, is_second, package};

/// What kind of server a test wants.
#[derive(Clone, Debug)]
pub struct TestServerOptions {
    /// The version of OpenCode, installed when it is missing. Default [`PINNED`].
    pub version: String,
    /// The binary to run instead of that version. Default none.
    pub binary: Option<PathBuf>,
    /// What the model does. Default: it echoes.
    pub behaviour: Behaviour,
    /// OpenCode's `permission` setting. Default: `bash` and `edit` ask.
    pub permission: Value,
    /// Password of the server; default none.
    pub password: Option<String>,
    /// Laid over the configuration, key by key at the top level. Default empty.
    pub config: serde_json::Map<String, Value>,
    /// Whether the server holds on to us by its stdin; only OpenCode 2 knows that. Default false.
    pub stdio: bool,
    /// The port; default a free one.
    pub port: Option<u16>,
    /// More environment variables.
    pub environment: Vec<(String, String)>,
    /// Whether the server takes snapshots of the project (undo needs them; they cost time in every turn).
    /// Default true, as OpenCode has it.
    pub snapshot: bool,
    /// Whether the server knows the public catalogue of providers and models, which the binary carries. Default
    /// false: the first turn of 1.18 is then twice as fast, and the server takes 200 MB less memory.
    pub catalogue: bool,
    /// Whether the home outlives a server that is killed, so that it can be started again with its sessions
    /// ([`TestServer::kill_and_restart`]). Default false; that of OpenCode 2 always does.
    pub lasting_home: bool,
}

impl Default for TestServerOptions {
    fn default() -> Self {
        Self {
            version: PINNED.to_owned(),
            binary: None,
            behaviour: Behaviour::default(),
            permission: json!({"bash": "ask", "edit": "ask"}),
            password: None,
            stdio: false,
            config: serde_json::Map::new(),
            port: None,
            environment: Vec::new(),
            snapshot: true,
            catalogue: false,
            lasting_home: false,
        }
    }
}

impl TestServerOptions {
    /// The default options with this behaviour.
    pub fn with(behaviour: Behaviour) -> Self {
        Self { behaviour, ..Self::default() }
    }
}

/// A running server with all that belongs to it. Dropping it ends and removes everything.
pub struct TestServer {
    /// Base URL of the server; for one of OpenCode 2 with its credentials.
    pub url: String,
    /// The project: a git repository with `hello.txt`, which holds `hello\n`.
    pub directory: PathBuf,
    /// The server. Declared before the model: it must end first.
    pub server: LocalServer,
    /// Its model.
    pub model: ScriptedModel,
    options: ServerOptions,
    credentials: Option<String>,
    _project: tempfile::TempDir,
}

impl TestServer {
    /// Installs OpenCode when it is missing, and starts it.
    ///
    /// # Errors
    /// Those of [`ensure`] and [`LocalServer::start`]; `system.io` when git is missing or the project cannot be made.
    pub async fn start(options: TestServerOptions) -> Result<Self> {
        let model = ScriptedModel::start(options.behaviour).await?;
        let project = tempfile::Builder::new().prefix("nexus-project-").tempdir()?;
        let root = project.path().canonicalize()?;
        let directory = root.join("project");
        tokio::fs::create_dir(&directory).await?;
        make_project(&directory).await?;
        let binary = match options.binary {
            Some(binary) => binary,
            None => opencode_binary(&options.version).await?,
        };
        let mut server = ServerOptions::new(binary, &directory);
        server.password = options.password;
        server.stdio = options.stdio;
        server.port = options.port;
        server.environment.extend(options.environment);
        server.start_bound = std::time::Duration::from_secs(60);
        let credentials = if is_second(&options.version) {
            second::prepare(&mut server, &root, &model, &options.permission)?;
            server.password.as_ref().map(|password| format!("opencode:{password}@"))
        } else {
            let mut config = server_config(&model, options.permission);
            config["snapshot"] = json!(options.snapshot);
            for (key, value) in options.config {
                config[key] = value;
            }
            server.config = Some(config);
            if options.lasting_home {
                server.home = Home::At(root.join("home"));
            }
            if !options.catalogue {
                let empty = root.join("models.json");
                tokio::fs::write(&empty, "{}").await?;
                server.environment.push(("OPENCODE_MODELS_PATH".to_owned(), empty.display().to_string()));
            }
            None
        };
        let options = server;
        let server = LocalServer::start(options.clone()).await?;
        let url = with_credentials(server.url(), credentials.as_deref());
        Ok(Self { url, directory, server, model, options, credentials, _project: project })
    }

    /// Kills the server as the system does when memory is short, and starts it again at the same address. Its home must
    /// outlive it ([`TestServerOptions::lasting_home`]); that of OpenCode 2 always does.
    ///
    /// # Errors
    /// Those of [`LocalServer::start`].
    pub async fn kill_and_restart(&mut self) -> Result<()> {
        let pid = self.server.pid().map(|pid| pid.to_string()).unwrap_or_default();
        tokio::process::Command::new("kill").args(["-9", &pid]).status().await?;
        self.server.exited().await;
        self.options.port = Some(self.server.port());
        self.server = LocalServer::start(self.options.clone()).await?;
        Ok(())
    }

    /// Ends the server, and gives what it was started with, so that something else can start it: its home, its project and
    /// its model stay as long as this lives.
    ///
    /// # Errors
    /// Those of [`LocalServer::stop`].
    pub async fn hand_over(self) -> Result<(ServerOptions, HandedOver)> {
        let Self { server, options, model, _project: project, .. } = self;
        server.stop().await?;
        Ok((options, HandedOver { _model: model, _project: project }))
    }

    /// The address of something that stands before the server, with the server's credentials.
    pub fn url_through(&self, address: &str) -> String {
        with_credentials(address, self.credentials.as_deref())
    }
}

/// What a server of somebody else still needs. Dropping it removes the project and ends the model.
pub struct HandedOver {
    _model: ScriptedModel,
    _project: tempfile::TempDir,
}

fn with_credentials(address: &str, credentials: Option<&str>) -> String {
    address.replacen("://", &format!("://{}", credentials.unwrap_or_default()), 1)
}

/// The binary of a version: from our cache, else installed there by npm.
///
/// # Errors
/// Those of [`ensure`].
pub async fn opencode_binary(version: &str) -> Result<PathBuf> {
    let find = FindOptions { environment: false, version: version.to_owned(), ..FindOptions::default() };
    // An update of the person who runs the tests must not take away what they need.
    let install =
        InstallOptions { package: second::package(version), keep: true, ..InstallOptions::default() };
    Ok(ensure(&find, install).await?.path)
}

async fn make_project(directory: &Path) -> Result<()> {
    tokio::fs::write(directory.join("hello.txt"), "hello\n").await?;
    git(directory, &["init", "--quiet"]).await?;
    git(directory, &["add", "hello.txt"]).await?;
    let identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
    git(directory, &[&identity[..], &["commit", "--quiet", "--message", "Say hello"]].concat()).await
}

async fn git(directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = tokio::process::Command::new("git");
    command.args(arguments).current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    // The settings of the person who runs the tests must not count.
    command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.output().await.map_err(|e| {
        Error::new(ErrorKind::Io, format!("cannot run git: {e}")).with_hint("install git, for example by apt")
    })?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::new(ErrorKind::Io, format!("git {} failed: {stderr}", arguments.join(" "))))
}
