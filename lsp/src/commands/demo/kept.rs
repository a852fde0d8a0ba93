//! The demo's own history: an account in a folder that goes with the demo, and no keyring.

use std::path::Path;
use std::time::Duration;

use opencode_nexus::auth::{
    Account, AccountName, Accounts, Backend, KdfParameters, Keyring, NewAccount, SecretString, Unlock,
};
use opencode_nexus::chat::Conversation;
use opencode_nexus::history::{History, HistoryQuery};
use opencode_nexus::transport::Secret;
use opencode_nexus::{Error, ErrorKind, Result};

/// Words of the last answer.
pub(super) const WORDS: &str = "text, thought, a tool and a question";

/// What guessing costs at least: nobody will guess a random passphrase that lives for seconds.
const CHEAP: KdfParameters = KdfParameters { memory: 19 * 1024, passes: 2, lanes: 1 };
/// How long writing may take.
const FLUSH_WITHIN: Duration = Duration::from_secs(15);
/// Shorter words could stand in a file by chance.
const SHORTEST: usize = 7;

/// A throw-away account.
pub(super) struct Keeper {
    accounts: Accounts,
    account: Account,
    passphrase: SecretString,
    folder: tempfile::TempDir,
}

/// What came of it.
pub(super) struct Kept {
    pub found: bool,
    pub plaintext_hits: usize,
    pub pieces: usize,
    pub files: usize,
    pub bytes: usize,
}

impl Keeper {
    /// Makes the account.
    ///
    /// # Errors
    /// Those of files and of making an account.
    pub(super) async fn new() -> Result<Self> {
        crate::core_dumps::forbid();
        let folder = tempfile::Builder::new().prefix("nexus-demo-").tempdir()?;
        let accounts = Accounts::at(folder.path(), Keyring::new(Backend::None, "nexus-demo"));
        let passphrase = SecretString::from(Secret::random().expose().to_owned());
        let new = NewAccount {
            name: AccountName::new("demo")?,
            passphrase: passphrase.clone(),
            kdf: CHEAP,
            both: false,
            remember: false,
        };
        let account = accounts.create(new).await?.account;
        Ok(Self { accounts, account, passphrase, folder })
    }

    pub(super) fn history(&self) -> History {
        self.account.history()
    }

    /// Waits until all is written, looks for what was said in the files, locks, opens again and searches.
    ///
    /// # Errors
    /// When it cannot be written or opened again.
    pub(super) async fn look(&self, conversation: &Conversation) -> Result<Kept> {
        conversation.flush_history(FLUSH_WITHIN).await?;
        let said = said(conversation);
        let pieces = pieces(&said);
        let open = Files::of(self.folder.path())?;
        self.account.lock();
        let locked = Files::of(self.folder.path())?;
        // A search that finds nothing in what is no secret would find nothing anywhere.
        if hits(said.as_bytes(), &pieces) != pieces.len() || open.bytes == 0 {
            return Err(Error::new(ErrorKind::Internal, "the demo cannot tell clear text when it sees it"));
        }
        let again = self.accounts.unlock(None, Unlock::Passphrase(self.passphrase.clone())).await?;
        let query = HistoryQuery { text: format!("\"{WORDS}\""), ..HistoryQuery::default() };
        let found = again.history().search(&query).await?;
        let found = found.messages.iter().any(|hit| hit.session.session.id == *conversation.session_id());
        again.lock();
        let plaintext_hits = open.hits(&pieces).max(locked.hits(&pieces));
        Ok(Kept {
            found,
            plaintext_hits,
            pieces: pieces.len(),
            files: open.contents.len(),
            bytes: open.bytes,
        })
    }
}

/// Everything that was said, thought, asked of tools and given by them, and where.
fn said(conversation: &Conversation) -> String {
    conversation.with_transcript(|transcript| {
        let mut said = String::new();
        if let Some(session) = transcript.session() {
            said += &format!("{}\n{}\n", session.title, session.directory);
        }
        for part in transcript.messages().iter().flat_map(|message| &message.parts) {
            said += part.text().unwrap_or_default();
            said.push('\n');
            if let Some(call) = part.tool() {
                let output = call.output.as_deref().unwrap_or_default();
                said += &format!("{}\n{output}\n", call.input);
            }
        }
        said
    })
}

/// The words of a conversation that are long enough to stand nowhere by chance.
fn pieces(said: &str) -> Vec<String> {
    let mut words: Vec<String> = said
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= SHORTEST)
        .map(str::to_owned)
        .collect();
    words.sort();
    words.dedup();
    words
}

fn hits(bytes: &[u8], pieces: &[String]) -> usize {
    pieces.iter().filter(|piece| bytes.windows(piece.len()).any(|at| at == piece.as_bytes())).count()
}

/// All files of the account with what stands in them.
struct Files {
    contents: Vec<Vec<u8>>,
    bytes: usize,
}

impl Files {
    fn of(folder: &Path) -> Result<Self> {
        let mut contents = Vec::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let path = entry?.path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    match std::fs::read(&path) {
                        Ok(read) => contents.push(read),
                        // The log of a database that is being closed goes away.
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        let bytes = contents.iter().map(Vec::len).sum();
        Ok(Self { contents, bytes })
    }

    fn hits(&self, pieces: &[String]) -> usize {
        self.contents.iter().map(|file| hits(file, pieces)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_stands_in_a_file_is_a_hit() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/file"), b"\x00\xffsomething\x01").unwrap();
        std::fs::write(folder.path().join("other"), b"nothing here").unwrap();
        let files = Files::of(folder.path()).unwrap();
        assert_eq!(files.contents.len(), 2);
        let words = pieces("I will plan, read a file and ask you something: something else");
        assert_eq!(words, ["something"]);
        assert_eq!(files.hits(&words), 1);
        assert_eq!(files.hits(&pieces("whatever unrelated")), 0);
    }
}
