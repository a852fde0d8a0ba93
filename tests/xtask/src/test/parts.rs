//! The parts of `cargo xtask test`, in the order in which they run: what is quick and often wrong comes first.

use std::path::Path;
use std::process::Command;

use opencode_nexus_testkit::server::SECOND;

use crate::cargo::{cargo, this_program};

use super::tools::{
    CHROMIUM, CLIPPY, CXX, DBUS, DEBOOTSTRAP, DPKG, GDBUS, GIT, IP, KEYRING, NODE, NPM, PYTHON, RUSTFMT,
    STRIP, UNSHARE,
};
use super::{Counts, Part, checks, process};

pub const PARTS: &[Part] = &[
    Part { name: "fmt", about: "the code is formatted", tools: &[RUSTFMT], run: fmt },
    Part { name: "api", about: "generated code is what the interface document gives", tools: &[], run: api },
    Part { name: "clippy", about: "lints", tools: &[CLIPPY, CXX], run: clippy },
    Part {
        name: "docs",
        about: "documentation builds, and every link in it leads somewhere",
        tools: &[CXX],
        run: docs,
    },
    Part {
        name: "tests",
        about: "unit, property and integration tests",
        tools: &[GIT, NODE, NPM, PYTHON, CXX],
        run: tests,
    },
    Part {
        name: "coverage",
        about: "every operation and event of both lines is known",
        tools: &[GIT, NODE, NPM],
        run: coverage,
    },
    Part {
        name: "demo",
        about: "a whole conversation with a real server",
        tools: &[GIT, NODE, NPM],
        run: checks::demo,
    },
    Part {
        name: "replay",
        about: "recorded streams fold to what the server said",
        tools: &[],
        run: checks::replay,
    },
    Part {
        name: "terminal",
        about: "the screen of `nexus chat` is what the server has",
        tools: &[GIT, NODE, NPM],
        run: terminal,
    },
    Part {
        name: "editors",
        about: "real editors show what the server has",
        tools: &[GIT, NODE, NPM, PYTHON, CHROMIUM],
        run: editors,
    },
    Part {
        name: "plugins",
        about: "plugins in three languages are built and used, hostile ones are contained, the pages for authors hold",
        tools: &[GIT, NODE, NPM, PYTHON, CHROMIUM],
        run: plugins,
    },
    Part {
        name: "python",
        about: "the Python package has the types that it says, survives what happens to it on real servers, and installs",
        tools: &[GIT, NODE, NPM, PYTHON, CXX],
        run: python,
    },
    Part {
        name: "node",
        about: "the npm package keeps its promises on real servers, and works as it is packed",
        tools: &[GIT, NODE, NPM, STRIP],
        run: node,
    },
    Part {
        name: "faults",
        about: "transcripts equal the server under broken connections, in every language",
        tools: &[GIT, NODE, NPM, PYTHON],
        run: faults,
    },
    Part {
        name: "server-faults",
        about: "a local server survives what can happen to it, or says why not",
        tools: &[NODE, NPM],
        run: server_faults,
    },
    Part {
        name: "vault-check",
        about: "the encrypted store keeps its promises in front of kills, full disks and hung keyrings",
        tools: &[CXX, DBUS, GDBUS, KEYRING],
        run: vault_check,
    },
    Part {
        name: "package",
        about: "the packages install, play the demo and go away again in a bare Debian",
        tools: &[GIT, NPM, DEBOOTSTRAP, DPKG, UNSHARE, IP],
        run: package,
    },
    Part { name: "fuzz", about: "no bytes make a parser panic or lie", tools: &[CXX], run: fuzz },
];

/// Another subcommand of this program; `name` is that of its log.
fn own(root: &Path, name: &str, arguments: &[&str]) -> Counts {
    match this_program() {
        Ok(program) => one(root, name, Command::new(program).args(arguments)),
        Err(error) => {
            println!("   {error}");
            Counts::one(false)
        }
    }
}

fn one(root: &Path, name: &str, command: &mut Command) -> Counts {
    Counts::one(process::run(root, name, command).success)
}

fn fmt(root: &Path) -> Counts {
    one(root, "fmt", cargo().args(["fmt", "--all", "--check"]))
}

fn api(root: &Path) -> Counts {
    own(root, "api", &["api", "--check"])
}

fn clippy(root: &Path) -> Counts {
    one(root, "clippy", cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
}

fn docs(root: &Path) -> Counts {
    one(root, "docs", cargo().args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn tests(root: &Path) -> Counts {
    let finished = process::run(root, "tests", cargo().args(["test", "--workspace", "--no-fail-fast"]));
    let mut counts = results(&finished.output);
    if !finished.success && counts.failed == 0 {
        // Something did not compile or did not end.
        counts.failed = 1;
    }
    counts
}

/// Sums the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`. An ignored test has not shown anything.
fn results(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let Some((_, numbers)) = line.split_once("test result: ") else { continue };
        let number = |word: &str| {
            numbers
                .split([';', '.'])
                .find_map(|piece| piece.trim().strip_suffix(word)?.trim().parse::<usize>().ok())
        };
        counts.passed += number("passed").unwrap_or_default();
        counts.failed += number("failed").unwrap_or_default() + number("ignored").unwrap_or_default();
    }
    counts
}

fn coverage(root: &Path) -> Counts {
    own(root, "coverage", &["coverage"])
}

fn terminal(root: &Path) -> Counts {
    own(root, "terminal", &["terminal"])
}

fn editors(root: &Path) -> Counts {
    own(root, "editors", &["editors"])
}

fn plugins(root: &Path) -> Counts {
    own(root, "plugins", &["plugins"])
}

fn python(root: &Path) -> Counts {
    own(root, "python", &["python"])
}

fn node(root: &Path) -> Counts {
    own(root, "node", &["node"])
}

fn faults(root: &Path) -> Counts {
    // Every story at every fourth frame on the newest of each line, each run at other ones; older ones for 45 s.
    let mut counts = own(root, "faults", &["faults", "--every", "4"]);
    println!("   OpenCode {SECOND}");
    counts.add(own(root, "faults-2", &["faults", "--every", "4", "--version", SECOND]));
    for version in ["1.17.19", "1.14.48"] {
        println!("   OpenCode {version}, for 45 s");
        // 1.14.48 manages some 160 faults in this time.
        let arguments = ["faults", "--version", version, "--faults", "30", "--seconds", "45"];
        counts.add(own(root, &format!("faults-{version}"), &arguments));
    }
    for language in ["python", "node"] {
        println!("   seen from {language}, for 45 s");
        let arguments = ["faults", "--through", language, "--faults", "50", "--seconds", "45"];
        counts.add(own(root, &format!("faults-{language}"), &arguments));
    }
    counts
}

fn server_faults(root: &Path) -> Counts {
    own(root, "server-faults", &["server-faults"])
}

fn vault_check(root: &Path) -> Counts {
    own(root, "vault-check", &["vault-check"])
}

fn package(root: &Path) -> Counts {
    // The build of the tests: that the optimised one runs as well is what the release workflow shows.
    let dist = root.join("target/dist-dev").to_string_lossy().into_owned();
    own(root, "package", &["package", "--profile", "dev", "--to", &dist, "--check"])
}

fn fuzz(root: &Path) -> Counts {
    let mut counts = Counts::default();
    for target in crate::fuzz::TARGETS {
        println!("   target {target}");
        counts.add(own(root, &format!("fuzz-{target}"), &["fuzz", target, "--seconds", "15"]));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed_and_an_ignored_test_is_a_failure() {
        let output = "\nrunning 3 tests\ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s\n\
                      test result: FAILED. 2 passed; 1 failed; 4 ignored; 0 measured; 0 filtered out; finished in 1.01s\n";
        assert_eq!(results(output), Counts { passed: 5, failed: 5 });
    }

    #[test]
    fn every_part_that_is_a_subcommand_of_ours_exists() {
        use clap::Parser as _;
        let subcommands: &[&[&str]] = &[
            &["api", "--check"],
            &["coverage"],
            &["terminal"],
            &["plugins"],
            &["node"],
            &["python"],
            &["faults", "--every", "4"],
            &["faults", "--every", "4", "--version", SECOND],
            &["faults", "--through", "python", "--faults", "50", "--seconds", "45"],
            &["faults", "--version", "1.17.19", "--faults", "30", "--seconds", "45"],
            &["server-faults"],
            &["vault-check"],
            &["package", "--profile", "dev", "--to", "target/dist-dev", "--check"],
            &["fuzz", "sse", "--seconds", "15"],
        ];
        for arguments in subcommands {
            let all = std::iter::once(&"xtask").chain(arguments.iter());
            if let Err(error) = crate::Arguments::try_parse_from(all) {
                panic!("{arguments:?}: {error}");
            }
        }
    }
}
