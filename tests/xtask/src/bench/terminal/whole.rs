//! A whole run: the same prompt to the same scripted model, by `nexus run` and by `opencode run`, beside a server that
//! runs and with a server of their own.

use std::path::{Path, PathBuf};

use opencode_nexus_testkit::scripted::server_config;
use opencode_nexus_testkit::server::TestServer;

use super::{ANSWER, folder, timed};

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Nexus,
    OpenCode,
    NexusAlone,
    OpenCodeAlone,
}

impl Program {
    pub(super) const ALL: [Self; 4] = [Self::Nexus, Self::OpenCode, Self::NexusAlone, Self::OpenCodeAlone];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nexus => "whole: nexus run --url",
            Self::OpenCode => "whole: opencode run --attach",
            Self::NexusAlone => "whole: nexus run, own server",
            Self::OpenCodeAlone => "whole: opencode run, own server",
        }
    }
}

/// A home that both find their configuration in, so that both start the same server with the same model.
pub(super) struct Places {
    nexus: PathBuf,
    opencode: PathBuf,
    home: PathBuf,
    _folder: tempfile::TempDir,
}

impl Places {
    pub(super) fn prepare(nexus: &Path, opencode: &Path, server: &TestServer) -> Result<Self, String> {
        let (folder, home) = folder()?;
        let text = |error: std::io::Error| error.to_string();
        let config = home.join(".config/opencode");
        std::fs::create_dir_all(&config).map_err(text)?;
        let written = server_config(&server.model, serde_json::json!({"bash": "deny", "edit": "deny"}));
        std::fs::write(config.join("opencode.json"), written.to_string()).map_err(text)?;
        Ok(Self { nexus: nexus.to_owned(), opencode: opencode.to_owned(), home, _folder: folder })
    }

    fn command(&self, program: &Path, server: &TestServer) -> tokio::process::Command {
        let mut command = tokio::process::Command::new(program);
        command.current_dir(&server.directory).env_clear().env("HOME", &self.home);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("NEXUS_OPENCODE_BIN", &self.opencode).env("NO_PROXY", "127.0.0.1,localhost");
        // What a server of ours gets, the other one gets as well.
        command.env("OPENCODE_DISABLE_AUTOUPDATE", "1").env("OPENCODE_DISABLE_MODELS_FETCH", "1");
        command.env("npm_config_offline", "true");
        command
    }
}

/// One run, in milliseconds.
pub(super) async fn once(places: &Places, server: &TestServer, program: Program) -> Result<f64, String> {
    let url = server.server.url();
    let mut command = match program {
        Program::Nexus | Program::NexusAlone => places.command(&places.nexus, server),
        Program::OpenCode | Program::OpenCodeAlone => places.command(&places.opencode, server),
    };
    command.arg("run");
    match program {
        Program::Nexus => command.args(["--url", url]),
        Program::OpenCode => command.args(["--attach", url]),
        Program::NexusAlone | Program::OpenCodeAlone => &mut command,
    };
    command.arg("Hello");
    timed(command, program.name(), ANSWER).await
}
