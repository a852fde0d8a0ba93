//! Watched servers with injected time: what is seen of one, what is decided, and that no order of news confuses it.

use proptest::prelude::*;

use super::*;

fn at(seconds: f64) -> Now {
    let now = Duration::from_secs_f64(seconds);
    Now { monotonic: now, wall: now }
}

fn started() -> Input {
    Input::Started { version: "1.18.33".to_owned() }
}

fn healthy() -> Probed {
    Probed::Healthy { version: "1.18.33".to_owned() }
}

fn silent() -> Probed {
    Probed::Silent("nothing came".to_owned())
}

fn running() -> Machine {
    let mut machine = Machine::starting(WatchPolicy::default());
    assert!(machine.on(at(0.0), started()).is_empty());
    assert_eq!(*machine.health(), Health::Ready);
    machine
}

/// One question and its answer, `took` seconds later.
fn ask(machine: &mut Machine, begin: f64, took: f64, answer: Probed) -> Vec<Action> {
    match machine.on(at(begin), Input::Woke)[..] {
        [Action::Probe(number)] => machine.on(at(begin + took), Input::Probed(number, answer)),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_hangs_is_degraded_then_ended_and_started_again() {
    let mut machine = running();
    assert!(ask(&mut machine, 2.0, 2.0, silent()).is_empty());
    assert_eq!(machine.health().word(), "degraded");
    assert!(ask(&mut machine, 6.0, 2.0, silent()).is_empty());
    let actions = ask(&mut machine, 10.0, 2.0, silent());
    assert!(matches!(&actions[..], [Action::Report(reason), Action::End { politely: false }]
        if reason.contains("3 times in a row")));
    assert_eq!(machine.health().word(), "unreachable");
    assert!(machine.on(at(12.5), Input::Ended).is_empty());
    assert!(machine.on(at(12.6), Input::Woke).is_empty(), "the pause is not over");
    assert_eq!(machine.on(at(12.8), Input::Woke), [Action::Start]);
    assert_eq!((machine.health(), machine.restarts()), (&Health::Starting, 1));
    machine.on(at(14.0), started());
    assert_eq!(*machine.health(), Health::Ready);
}

#[test]
fn one_answer_makes_up_for_misses() {
    let mut machine = running();
    for round in 0..20 {
        let begin = f64::from(round) * 20.0 + 10.0;
        assert!(ask(&mut machine, begin, 2.0, silent()).is_empty());
        assert!(ask(&mut machine, begin + 5.0, 2.0, silent()).is_empty());
        ask(&mut machine, begin + 10.0, 0.1, healthy());
        assert_eq!(*machine.health(), Health::Ready);
    }
}

#[test]
fn a_question_that_was_open_while_the_machine_slept_is_not_counted() {
    for answer in [silent(), Probed::Foreign("x".to_owned())] {
        let mut machine = running();
        for round in 0..10 {
            // The process was stopped for an hour, and its own bound with it.
            let begin = f64::from(round) * 4000.0 + 2.0;
            assert!(ask(&mut machine, begin, 3600.0, answer.clone()).is_empty());
            assert_eq!(*machine.health(), Health::Ready);
            assert_eq!(machine.wake(), Some(at(begin + 3600.0).monotonic), "and it is asked again at once");
        }
    }
}

#[test]
fn jumps_of_the_clock_on_the_wall_are_survived_in_both_directions() {
    for jump in [3600.0, -3600.0, 1e9] {
        let mut machine = running();
        for round in 0..10 {
            let begin = f64::from(round) * 5.0 + 2.0;
            let wall = |now: f64| Duration::from_secs_f64(2e9 + now);
            let before = Now { wall: wall(begin), ..at(begin) };
            let [Action::Probe(number)] = machine.on(before, Input::Woke)[..] else { panic!("{round}") };
            let after = Now { wall: wall(begin + 2.0 + jump), ..at(begin + 2.0) };
            assert!(machine.on(after, Input::Probed(number, silent())).is_empty());
            assert_eq!(*machine.health(), Health::Ready, "{jump}");
        }
    }
}

#[test]
fn crashes_in_a_row_are_answered_with_longer_pauses_and_then_given_up() {
    let mut machine = running();
    let mut now = 1.0;
    let mut pauses = Vec::new();
    loop {
        machine.on(at(now), Input::Exited("it ended".to_owned()));
        let Some(wake) = machine.wake() else { break };
        pauses.push((wake - at(now).monotonic).as_millis());
        now = wake.as_secs_f64() + 0.001;
        assert_eq!(machine.on(at(now), Input::Woke), [Action::Start]);
        machine.on(at(now), started());
    }
    assert_eq!(pauses, [200, 400, 800, 1600]);
    let Health::Failed { reason } = machine.health() else { panic!("{}", machine.health()) };
    assert!(reason.starts_with("5 crashes within 60 s; the last one: it ended"), "{reason}");
    assert!(machine.is_over());
}

#[test]
fn rare_crashes_are_never_given_up_and_pauses_become_short_again() {
    let mut machine = running();
    for round in 1..100 {
        let now = f64::from(round) * 100.0;
        machine.on(at(now), Input::Exited("it ended".to_owned()));
        assert_eq!(machine.wake(), Some(at(now + 0.2).monotonic));
        machine.on(at(now + 0.2), Input::Woke);
        machine.on(at(now + 0.3), started());
    }
    assert_eq!(machine.restarts(), 99);
}

#[test]
fn the_first_start_is_tried_once_and_later_ones_count_as_crashes() {
    let mut machine = Machine::starting(WatchPolicy::default());
    machine.on(at(0.0), Input::StartFailed("no such file".to_owned()));
    assert_eq!(*machine.health(), Health::Failed { reason: "no such file".to_owned() });
    let mut machine = running();
    machine.on(at(1.0), Input::Exited("it ended".to_owned()));
    machine.on(at(2.0), Input::Woke);
    assert!(matches!(machine.on(at(3.0), Input::StartFailed("cut".to_owned()))[..], [Action::Report(_)]));
    assert!(machine.wake().is_some());
}

#[test]
fn another_version_than_the_wanted_one_is_ended_and_not_started_again() {
    let policy = WatchPolicy { version: Some("1.18.34".to_owned()), ..WatchPolicy::default() };
    let mut machine = Machine::starting(policy);
    assert_eq!(machine.on(at(0.0), started()), [Action::End { politely: true }]);
    machine.on(at(1.0), Input::Ended);
    let (found, wanted) = ("1.18.33".to_owned(), "1.18.34".to_owned());
    assert_eq!(*machine.health(), Health::Incompatible { found, wanted });
    assert!(machine.is_over());
}

#[test]
fn limits_degrade_and_start_again_only_when_that_is_wanted() {
    let over = Input::Measured(Usage { memory: 300 << 20, cpu: 0.0 });
    let below = Input::Measured(Usage { memory: 100 << 20, cpu: 0.0 });
    for restart_over_limit in [false, true] {
        let policy =
            WatchPolicy { memory_limit: Some(200 << 20), restart_over_limit, ..WatchPolicy::default() };
        let mut machine = Machine::starting(policy);
        machine.on(at(0.0), started());
        machine.on(at(1.0), below.clone());
        assert_eq!(*machine.health(), Health::Ready);
        let actions = machine.on(at(2.0), over.clone());
        assert_eq!(actions.contains(&Action::End { politely: true }), restart_over_limit);
        assert!(machine.health().to_string().contains("300 MB of memory"), "{}", machine.health());
        if !restart_over_limit {
            machine.on(at(3.0), below.clone());
            assert_eq!(*machine.health(), Health::Ready);
        }
    }
}

#[test]
fn an_adopted_server_is_only_looked_at() {
    let mut machine = Machine::adopting(WatchPolicy::default(), at(0.0));
    assert_eq!(*machine.health(), Health::Starting);
    for round in 0..10 {
        assert!(ask(&mut machine, f64::from(round) * 5.0, 2.0, silent()).is_empty());
    }
    assert_eq!(machine.health().word(), "unreachable");
    ask(&mut machine, 60.0, 0.0, healthy());
    assert_eq!(*machine.health(), Health::Ready);
    ask(&mut machine, 70.0, 0.0, Probed::Foreign("a web server".to_owned()));
    assert_eq!(machine.health().word(), "incompatible");
    let newer = Probed::Healthy { version: "1.99.0".to_owned() };
    assert!(matches!(ask(&mut machine, 80.0, 0.0, newer.clone())[..], [Action::Warn(_)]));
    assert!(ask(&mut machine, 90.0, 0.0, newer).is_empty(), "it is warned of once");
    assert!(machine.on(at(95.0), Input::Stop).is_empty());
    assert!(machine.is_over());
}

/// What the world did, as the machine was told.
#[derive(Default)]
struct World {
    is_starting: bool,
    runs: bool,
    is_ending: bool,
    question: Option<u64>,
}

impl World {
    fn apply(&mut self, actions: &[Action]) -> Result<(), TestCaseError> {
        for action in actions {
            match action {
                Action::Start => {
                    prop_assert!(!self.is_starting && !self.runs && !self.is_ending, "two at once");
                    self.is_starting = true;
                }
                Action::Probe(number) => {
                    prop_assert!(self.runs && !self.is_ending, "nobody is there to be asked");
                    self.question = Some(*number);
                }
                Action::End { .. } => {
                    prop_assert!(!self.is_ending, "ended twice");
                    (self.is_ending, self.question) = (true, None);
                }
                Action::Report(_) | Action::Warn(_) => {}
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn whatever_happens_there_is_one_server_at_most_and_a_stop_is_the_end(
        steps in prop::collection::vec((0u8..8, 1u64..8000), 1..200)
    ) {
        let mut machine = Machine::starting(WatchPolicy::default());
        let mut world = World { is_starting: true, ..World::default() };
        let (mut now, mut ever_ready) = (Now::default(), false);
        for (what, millis) in steps.into_iter().chain([(100, 1), (101, 1)]) {
            now = Now { monotonic: now.monotonic + Duration::from_millis(millis), wall: now.wall };
            // Most of the time the two clocks agree.
            now.wall = if millis % 97 == 0 { Duration::ZERO } else { now.wall + Duration::from_millis(millis) };
            let input = match what {
                0 | 1 if world.is_starting && !world.is_ending => {
                    (world.is_starting, world.runs) = (false, what == 0 || !ever_ready);
                    ever_ready |= world.runs;
                    if world.runs { started() } else { Input::StartFailed("x".to_owned()) }
                }
                2 if world.runs && !world.is_ending => {
                    (world.runs, world.question) = (false, None);
                    Input::Exited("x".to_owned())
                }
                3..=5 if world.question.is_some() => {
                    let answer = if what == 3 { healthy() } else { silent() };
                    Input::Probed(world.question.take().unwrap_or_default(), answer)
                }
                // News of a server that is not there any more.
                6 => Input::Probed(u64::MAX, silent()),
                7 | 101 if world.is_ending => {
                    world = World::default();
                    Input::Ended
                }
                100 => Input::Stop,
                _ => Input::Woke,
            };
            let actions = machine.on(now, input);
            world.apply(&actions)?;
            prop_assert!(!machine.is_over() || actions.iter().all(|a| matches!(a, Action::Report(_))));
            // Never without something to wait for.
            prop_assert!(
                machine.is_over() || machine.wake().is_some() || world.is_starting || world.is_ending
                    || world.question.is_some()
            );
            prop_assert_eq!(machine.is_over(), machine.is_over() && !world.runs && !world.is_starting);
        }
        prop_assert!(machine.is_over(), "{}", machine.health());
    }
}
