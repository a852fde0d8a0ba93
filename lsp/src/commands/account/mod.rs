//! `nexus account`: who the person is on this machine. An account holds the encrypted history and what servers want to
//! hear.

mod create;
mod list;
mod login;
mod logout;
mod passwd;
mod recovery;
mod remove;
mod restore;
mod show;

use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::Result;
use opencode_nexus::auth::KdfParameters;

pub(crate) use self::recovery::RecoveryArguments;

/// Accounts on this machine: make one, log in and out, change the passphrase.
#[derive(clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct AccountCommand {
    #[command(subcommand)]
    what: What,
    /// Results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
A passphrase is asked for on the terminal or read from a descriptor (--passphrase-fd); it is never an argument. After
`login` the keyring of the system remembers it, and commands open the account without a question.

Examples:
  nexus account create                  an account; its recovery key is shown once
  nexus account login                   open it for this and later commands
  nexus account logout                  commands ask for the passphrase again
  nexus account passwd                  another passphrase
  nexus account create ci --passphrase-fd 3 --recovery-file key.txt 3< secret.txt";

#[derive(Subcommand)]
enum What {
    /// Make an account, and log in.
    Create(create::Create),
    /// Log in: the keyring remembers it, and the account is the one that is used.
    Login(login::Login),
    /// Log out: the keyring forgets it.
    Logout(logout::Logout),
    /// Change the passphrase.
    Passwd(passwd::Passwd),
    /// List the accounts.
    List(list::List),
    /// Show one account: what opens it, how large it is, failed attempts.
    Show(show::Show),
    /// Destroy an account with everything in it.
    Remove(remove::Remove),
    /// Put a backup of `nexus history backup` back, as an account of that name.
    Restore(restore::Restore),
}

impl AccountCommand {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let json = self.json;
        match self.what {
            What::Create(create) => create.run(json).await,
            What::Login(login) => login.run(json).await,
            What::Logout(logout) => logout.run(json).await,
            What::Passwd(passwd) => passwd.run(json).await,
            What::List(list) => list.run(json).await,
            What::Show(show) => show.run(json).await,
            What::Remove(remove) => remove.run(json).await,
            What::Restore(restore) => restore.run(json).await,
        }
        .map(|()| ExitCode::SUCCESS)
    }
}

/// What guessing a passphrase shall cost.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct KdfArguments {
    /// Memory that one guess at the passphrase costs, in MiB: 19 to 1024.
    #[arg(long, value_name = "MIB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(19..=1024))]
    kdf_memory: u32,
    /// Passes over that memory: 2 to 16.
    #[arg(long, value_name = "COUNT", default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=16))]
    kdf_passes: u32,
}

impl KdfArguments {
    pub(crate) fn parameters(self) -> KdfParameters {
        KdfParameters { memory: self.kdf_memory * 1_024, passes: self.kdf_passes, ..KdfParameters::default() }
    }
}
