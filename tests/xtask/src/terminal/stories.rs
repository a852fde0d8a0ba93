//! The stories, in the order in which they are played.

use super::play::{CTRL_C, DOWN, ENTER, Outcome, Play, WIDE};

/// One story; `second` says whether OpenCode 2 plays it too.
pub struct Story {
    pub name: &'static str,
    pub second: bool,
    pub run: fn(&mut Play) -> Outcome,
}

const fn story(name: &'static str, second: bool, run: fn(&mut Play) -> Outcome) -> Story {
    Story { name, second, run }
}

pub const STORIES: &[Story] = &[
    story("streamed answer", true, streamed),
    story("permission allowed", true, allowed),
    story("permission denied", true, denied),
    story("question answered", true, question),
    story("stopped and going on", true, stopped),
    story("resumed", true, resumed),
    story("edit with todos", false, edit),
    story("sub-agent asks", false, child),
    story("narrow window", true, narrow),
    story("wide window", false, wide),
    story("resize in mid-answer", true, resized),
    story("no colour", false, no_colour),
    story("non-UTF-8 locale", false, ascii),
    story("pasted megabyte", false, pasted),
    story("file completion", false, file),
    story("command completion", false, command),
    story("hostile model", true, hostile),
    story("signal", false, signal),
    story("server killed and started again", true, killed),
];

fn streamed(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.shot("at the start");
    play.say("STREAM show me a sort")?;
    play.window().wait_for("fn sort")?;
    play.shot("while the answer comes");
    play.done("the book")?;
    play.shot("the answer");
    if !play.window().has_colours() {
        return Err("nothing has a colour".to_owned());
    }
    play.check()
}

fn allowed(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("ALLOW read the file")?;
    play.window().wait_for("Allow once")?;
    play.shot("what is asked");
    play.answer(1)?;
    play.done("The file says hello.")?;
    // Unfolded the output is there, folded it is not.
    play.window().press("\x0f")?;
    play.window().wait_for("│ hello")?;
    play.shot("the tool unfolded");
    play.window().press("\x0f")?;
    play.window().wait_without("│ hello")?;
    play.shot("the end");
    play.check()
}

fn denied(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("DENY remove everything")?;
    play.window().wait_for("rm -rf everything")?;
    // With a message the agent goes on, on both lines.
    play.answer(4)?;
    play.window().wait_for("Enter answers")?;
    play.window().press("never do that")?;
    play.window().wait_for("never do that")?;
    play.shot("saying why not");
    play.window().press(ENTER)?;
    play.done("Then I leave it.")?;
    play.shot("the end");
    play.check()
}

fn question(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("QUESTION ask me")?;
    play.window().wait_for("Which colour do you like?")?;
    play.shot("the question");
    play.window().press(DOWN)?;
    play.window().wait_for("❯ 1 Blue")?;
    play.answer(2)?;
    play.done("A fine colour.")?;
    play.shot("the end");
    play.check()?;
    let session = play.session()?;
    match play.messages(&session)?.to_string().contains("Red") {
        true => Ok(()),
        false => Err("the server has another answer".to_owned()),
    }
}

fn stopped(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("STOP me")?;
    play.window().wait_for("on until")?;
    play.shot("before Ctrl-C");
    play.window().press(CTRL_C)?;
    play.window().wait("idle", |rows| rows.last().is_some_and(|row| row.contains("idle")))?;
    play.shot("after Ctrl-C");
    play.say("and now something else")?;
    play.done("Heard.")?;
    play.check()
}

fn resumed(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("remember this")?;
    play.done("Heard.")?;
    let session = play.session()?;
    play.close()?;
    play.open(WIDE, &["--session", session.as_str()], &[])?;
    play.done("Heard.")?;
    play.shot("resumed");
    play.check()?;
    play.say("and this")?;
    play.window()
        .wait("two answers", |rows| rows.iter().filter(|row| row.contains("Heard.")).count() == 2)?;
    play.done("Heard.")?;
    play.check()?;
    play.close()?;
    play.open(WIDE, &["--continue"], &[])?;
    play.done("and this")?;
    play.check()
}

fn edit(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("EDIT change the greeting")?;
    play.window().wait_for("May the agent use edit?")?;
    play.window().wait_for("+good morning")?;
    play.shot("the change is asked for");
    play.answer(1)?;
    play.done("Changed.")?;
    play.shot("the end, with what is left to do");
    play.window().wait_for("To do  1 of 3")?;
    play.window().wait_for("-hello")
}

fn child(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("TASK send somebody")?;
    play.window().wait_for("asked by a sub-agent")?;
    play.shot("a sub-agent asks");
    play.answer(1)?;
    play.done("It has looked.")?;
    play.window().wait_for("$ ls hello.txt")?;
    play.shot("the end");
    play.window().wait_for("I found one file.")
}

fn narrow(play: &mut Play) -> Outcome {
    play.open((20, 12), &[], &[])?;
    play.say("ALLOW it")?;
    play.window().wait_for("Allow once")?;
    // Nobody may be asked for something that is not seen.
    play.window().wait("what is asked for", |rows| {
        rows.iter().any(|row| row.starts_with('┃') && row.contains("cat hello"))
    })?;
    play.shot("what is asked, in 20 columns");
    play.window().press("1")?;
    play.window().wait_for("❯ 1")?;
    play.window().press(ENTER)?;
    play.done("hello.")?;
    play.say("STREAM")?;
    play.window().wait("the end of the answer", |rows| {
        rows.last().is_some_and(|row| row.contains("idle")) && rows.iter().any(|row| row.contains("book"))
    })?;
    play.shot("an answer in 20 columns");
    play.check()
}

fn wide(play: &mut Play) -> Outcome {
    play.open((220, 50), &[], &[])?;
    play.say("STREAM in a wide window")?;
    play.done("the book")?;
    play.shot("in 220 columns");
    play.check()
}

fn resized(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("LONG answer please")?;
    for (size, word) in
        [((40, 20), "word20"), ((120, 40), "word60"), ((25, 10), "word100"), ((80, 24), "word130")]
    {
        play.window().wait_for(word)?;
        play.window().resize(size)?;
    }
    play.done("word160")?;
    play.shot("after four sizes");
    play.check()?;
    play.window().resize((30, 15))?;
    play.done("word160")?;
    play.check()
}

fn no_colour(play: &mut Play) -> Outcome {
    for (arguments, environment) in
        [(&["--no-color"][..], &[][..]), (&[], &[("NO_COLOR", "1")]), (&[], &[("TERM", "dumb")])]
    {
        play.open(WIDE, arguments, environment)?;
        play.say("STREAM without colours")?;
        play.done("the book")?;
        if play.window().has_colours() {
            return Err(format!("there are colours with {arguments:?} {environment:?}"));
        }
        play.shot("without colours");
        play.close()?;
    }
    play.open(WIDE, &["--continue", "--no-color"], &[])?;
    play.done("the book")
}

fn ascii(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[("LANG", "C"), ("LC_ALL", "C")])?;
    play.say("WIDE letters")?;
    play.window().wait_for("stand here;")?;
    play.done("too.")?;
    play.shot("ASCII only");
    if let Some(row) = play.window().rows().iter().find(|row| !row.is_ascii()) {
        return Err(format!("not ASCII: {row}"));
    }
    play.check()?;
    play.close()?;
    play.open(WIDE, &["--continue"], &[])?;
    play.done("Żółw, 日本語 and 😀 stand here; é too.")?;
    play.shot("the same with UTF-8");
    play.check()
}

fn pasted(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    let big: String = (0..34_000).map(|n| format!("line {n} with some more words\n")).collect();
    play.window().press("look at ")?;
    play.window().paste(&big)?;
    play.window().wait_for("[pasted 1.1 MB, 34,000 lines]")?;
    play.shot("a megabyte in the input");
    play.window().press(ENTER)?;
    play.done("Heard.")?;
    play.shot("a megabyte in the conversation");
    let session = play.session()?;
    let server = play.messages(&session)?;
    let has = server[0]["parts"][0]["text"].as_str().unwrap_or_default();
    if has != format!("look at {big}") {
        return Err(format!("the server has {} bytes of {}", has.len(), big.len() + 8));
    }
    play.check()
}

fn file(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.window().press("see @hlo")?;
    play.window().wait_for("❯ hello.txt")?;
    play.shot("files that fit");
    play.window().press("\t")?;
    play.window().wait_for("see @hello.txt")?;
    play.window().press("now")?;
    play.window().wait_for("see @hello.txt now")?;
    play.window().press(ENTER)?;
    play.done("Heard.")?;
    play.shot("the file is attached");
    let session = play.session()?;
    let server = play.messages(&session)?.to_string();
    if !server.contains("hello.txt") || !server.contains("\"type\":\"file\"") {
        return Err(format!("the file is not attached: {server}"));
    }
    play.check()
}

fn command(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.window().press("/")?;
    play.window().wait_for("❯ /help")?;
    play.shot("all commands");
    play.window().press("ini")?;
    play.window().wait_for("❯ /init")?;
    play.window().press("\x7f\x7f\x7fmod")?;
    play.window().wait_for("❯ /model")?;
    play.window().press(ENTER)?;
    play.window().wait_for("❯ scripted/scripted")?;
    play.shot("the models");
    play.window().press(ENTER)?;
    play.window().wait_without("❯ scripted/scripted")?;
    play.say("!echo from-the-shell")?;
    play.window().wait("the shell command", |rows| {
        rows.iter().any(|row| row.contains('✓') && row.contains("echo from-the-shell"))
    })?;
    play.done("echo from-the-shell")?;
    play.shot("after a command of the shell");
    play.say("/help")?;
    play.window().wait_for("Alt-Enter")?;
    play.shot("help");
    // Not twice within two seconds: an idle prompt.
    play.window().press(CTRL_C)?;
    play.window().wait_for("Ctrl-C again quits")?;
    play.window().wait_without("Ctrl-C again quits")
}

fn hostile(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("HOSTILE come on")?;
    play.answer(1)?;
    play.done("the end")?;
    play.window().press("\x0f")?;
    play.window().wait_for("│ $ printf")?;
    play.shot("what it tried");
    play.window().press("\x0f")?;
    play.window().wait_without("│ $ printf")?;
    // The client itself writes none of these: a title, a question, device control.
    let raw = play.window().raw();
    for sequence in ["\x1b]", "\x1b[5n", "\x1bP", "\u{9b}", "\x07", "\x08"] {
        if raw.windows(sequence.len()).any(|bytes| bytes == sequence.as_bytes()) {
            return Err(format!("the terminal was sent {sequence:?}"));
        }
    }
    play.check()
}

fn signal(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("remember me")?;
    play.done("Heard.")?;
    let pid = play.window().pid().ok_or("the program has no number")?.to_string();
    std::process::Command::new("kill").args(["-TERM", &pid]).status().map_err(|error| error.to_string())?;
    play.window().ended()?;
    if !play.window().is_given_back() {
        return Err("the terminal was not given back after SIGTERM".to_owned());
    }
    play.open(WIDE, &["--continue"], &[])?;
    play.done("Heard.")?;
    play.check()
}

fn killed(play: &mut Play) -> Outcome {
    play.open(WIDE, &[], &[])?;
    play.say("SLOW tell me much")?;
    play.window().wait_for("word40")?;
    play.kill_and_restart()?;
    play.window().wait("idle again", |rows| rows.last().is_some_and(|row| row.contains("idle")))?;
    play.shot("after the server was killed");
    // 1.x keeps an answer without a word of how it ended; that it did is ours to say.
    let note = ["the server stopped in the middle of the answer"];
    play.check_beside(&note)?;
    play.say("are you there")?;
    play.done("Heard.")?;
    play.shot("going on");
    play.check_beside(&note)
}
