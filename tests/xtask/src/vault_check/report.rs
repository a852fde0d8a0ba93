//! What was checked and how it went.

use std::time::Instant;

/// Result of a check; the text says what is wrong.
pub type Checked = Result<(), String>;

/// Counts, and tells a person about each check as it ends.
#[derive(Default)]
pub struct Report {
    pub checks: usize,
    pub failed: usize,
    /// Writes that were acknowledged and are not there.
    pub lost: usize,
    /// Places where a word was found that nobody may find without a key.
    pub hits: usize,
}

impl Report {
    /// One check.
    pub fn check(&mut self, name: &str, check: impl FnOnce() -> Checked) {
        let started = Instant::now();
        let done = check();
        self.ended(name, format!(", {:.1} s", started.elapsed().as_secs_f64()), done);
    }

    /// One check that counts lost writes or hits by itself.
    pub fn check_with(&mut self, name: &str, check: impl FnOnce(&mut Self) -> Checked) {
        let started = Instant::now();
        let done = check(self);
        self.ended(name, format!(", {:.1} s", started.elapsed().as_secs_f64()), done);
    }

    /// A check that somebody else has made.
    pub fn told(&mut self, name: &str, done: Checked) {
        self.ended(name, String::new(), done);
    }

    fn ended(&mut self, name: &str, took: String, done: Checked) {
        self.checks += 1;
        match done {
            Ok(()) => println!("ok      {name}{took}"),
            Err(why) => {
                self.failed += 1;
                println!("FAILED  {name}{took}: {why}");
            }
        }
    }
}

/// Says of what an error is.
pub fn because<E: std::fmt::Display>(what: &str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

/// An error of this kind, with a hint, on one line.
pub fn is_kind<T>(result: nexus_vault::Result<T>, kind: nexus_vault::ErrorKind) -> Checked {
    match result {
        Ok(_) => Err(format!("it worked, and should have been {kind:?}")),
        Err(error) if error.kind() != kind => {
            Err(format!("{:?} in place of {kind:?}: {error}", error.kind()))
        }
        Err(error) if error.to_string().lines().count() != 1 => Err(format!("more than one line: {error}")),
        Err(error) if error.hint().is_none() => Err(format!("no hint: {error}")),
        Err(_) => Ok(()),
    }
}
