//! `cargo xtask faults`: every scripted conversation on a real server, through a proxy that breaks the event stream at
//! every frame boundary and at random bytes, and loses answers of requests. What the person saw must be what the
//! server has.

mod through;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use opencode_nexus::chat::{Conversation, ConversationOptions, OutcomeKind};
use opencode_nexus::dialect::Line;
use opencode_nexus::transport::{BackoffPolicy, Timeouts, TransportConfig};
use opencode_nexus::{Client, Error};
use opencode_nexus_testkit::fault_proxy::{
    Answer, At, Cut, End, Fault, FaultPlan, FaultProxy, LineEnds, Split,
};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions, is_second, isolated};
use opencode_nexus_testkit::stories::{Difference, Played, Settled, Story, behaviour, play, settle, stories};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use through::{Player, PlayerProgram, Through};

#[derive(clap::Args, Clone)]
pub struct Arguments {
    /// At least so many faults.
    #[arg(long, default_value_t = 500)]
    faults: usize,
    /// Seed of everything random; printed, so that a run can be repeated.
    #[arg(long)]
    seed: Option<u64>,
    /// Version of the server.
    #[arg(long, default_value = opencode_nexus::server::PINNED)]
    version: String,
    /// Servers at once.
    #[arg(long, default_value_t = 3)]
    servers: usize,
    /// Only this story.
    #[arg(long)]
    story: Option<String>,
    /// Of the places where a first connection can break only each such one is played, another half (third, …) in each run.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// Who follows the conversations: the SDK itself, or a program in another language that stands on it.
    #[arg(long, value_enum, default_value_t = Through::Rust)]
    through: Through,
    /// Stop after so many seconds of broken connections, whatever was reached; installing and starting the servers and
    /// playing every story once unbroken come before.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
}

/// One conversation to be played: which story, and after which frame its first connection breaks.
#[derive(Clone)]
struct Job {
    number: usize,
    story: Story,
    first_cut: u64,
    seed: u64,
}

#[derive(Default)]
struct Totals {
    conversations: AtomicUsize,
    different: AtomicUsize,
    lost: AtomicUsize,
    duplicated: AtomicUsize,
    not_ended: AtomicUsize,
    wrong_end: AtomicUsize,
    replaced: AtomicUsize,
    late: AtomicUsize,
    faults: AtomicUsize,
}

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let player = PlayerProgram::prepare(root, arguments.through)?;
    let attacked = {
        let arguments = arguments.clone();
        move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            Ok(runtime.block_on(attack(&arguments, player)))
        }
    };
    let version = &arguments.version;
    let done = if is_second(version) { isolated(version, attacked) } else { attacked() };
    done.map_err(|error| format!("{error:?}"))?
}

async fn attack(arguments: &Arguments, player: Option<PlayerProgram>) -> Result<(), String> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}, OpenCode {}", arguments.version);
    let line = if is_second(&arguments.version) { Line::V2 } else { Line::V1 };
    let chosen: Vec<Story> = stories(line)
        .into_iter()
        .filter(|s| arguments.story.as_ref().is_none_or(|name| s.name == name))
        .collect();
    if chosen.is_empty() {
        return Err(format!("there is no such story; there are {}", names(line)));
    }
    let mut servers = Vec::new();
    for _ in 0..arguments.servers.max(1) {
        let options = TestServerOptions {
            version: arguments.version.clone(),
            snapshot: false,
            ..TestServerOptions::with(behaviour(line))
        };
        servers.push(Arc::new(TestServer::start(options).await.map_err(|e| format!("{e:?}"))?));
    }
    let lengths = measure(&servers, &chosen).await?;
    let jobs = jobs(&chosen, &lengths, arguments, seed);
    println!("{} stories, {} conversations, {} servers", chosen.len(), jobs.len(), servers.len());
    let totals = Arc::new(Totals::default());
    let next = Arc::new(AtomicUsize::new(0));
    let jobs = Arc::new(jobs);
    let (started, bound) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let workers: Vec<_> = (servers.iter().cloned())
        .map(|server| {
            let (jobs, next, totals) = (jobs.clone(), next.clone(), totals.clone());
            let program = player.clone();
            tokio::spawn(async move {
                let mut player = None;
                while started.elapsed() < bound {
                    let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) else { break };
                    player = perform(&server, job, &totals, program.as_ref(), player).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.map_err(|e| e.to_string())?;
    }
    report(&totals, arguments.faults, started.elapsed())
}

fn names(line: Line) -> String {
    stories(line).iter().map(|s| s.name).collect::<Vec<_>>().join(", ")
}

/// How many frames each story has when nothing goes wrong; that run must be right as well. Each server plays one story
/// at a time: 1.14.48 takes 1.6 s for each.
async fn measure(servers: &[Arc<TestServer>], stories: &[Story]) -> Result<Vec<u64>, String> {
    let shares = servers.iter().enumerate().map(|(first, server)| async move {
        let mut lengths = Vec::new();
        for (number, story) in stories.iter().enumerate().skip(first).step_by(servers.len()) {
            let totals = Totals::default();
            let job = Job { number: 1_000_000 + number, story: story.clone(), first_cut: u64::MAX, seed: 0 };
            let (client, played) = one(server, &job, FaultPlan::none(), &totals)
                .await
                .map_err(|e| format!("{}: {e:?}", story.name))?;
            drop(client);
            lengths.push((number, played.screen.events as u64 + 8));
        }
        Ok::<_, String>(lengths)
    });
    let mut lengths = futures_util::future::try_join_all(shares).await?.concat();
    lengths.sort_unstable();
    Ok(lengths.into_iter().map(|(_, length)| length).collect())
}

/// A job for every frame boundary of every story (a long one is sampled), and more at random until there are enough.
fn jobs(stories: &[Story], lengths: &[u64], arguments: &Arguments, seed: u64) -> Vec<Job> {
    const EVERY: u64 = 40;
    let mut random = StdRng::seed_from_u64(seed);
    let mut jobs = Vec::new();
    for (story, length) in stories.iter().zip(lengths) {
        let offset = random.random_range(0..arguments.every);
        let mut cuts: Vec<u64> = match *length {
            short if short <= EVERY => (1..=short).collect(),
            long => {
                (1..=EVERY / 2).chain((0..EVERY / 2).map(|_| random.random_range(EVERY / 2..long))).collect()
            }
        };
        cuts.retain(|cut| cut % arguments.every == offset);
        jobs.extend(cuts.into_iter().map(|first_cut| Job {
            number: 0,
            story: story.clone(),
            first_cut,
            seed: 0,
        }));
    }
    while jobs.len() < arguments.faults / 3 {
        let story = stories[random.random_range(0..stories.len())].clone();
        jobs.push(Job { number: 0, story, first_cut: random.random_range(1..20), seed: 0 });
    }
    // In a random order, so that a run that is cut short has seen something of everything.
    for at in (1..jobs.len()).rev() {
        jobs.swap(at, random.random_range(0..=at));
    }
    for (number, job) in jobs.iter_mut().enumerate() {
        (job.number, job.seed) = (number, random.random());
    }
    jobs
}

/// The plan of one conversation: the first stream breaks after a given frame, the next ones somewhere, the later ones
/// no more; now and then an answer to a request is lost.
fn plan(job: &Job) -> FaultPlan {
    let (first, seed) = (job.first_cut, job.seed);
    FaultPlan::new(move |info| {
        let mut random = StdRng::seed_from_u64(seed ^ (info.index as u64 + 1).wrapping_mul(0x9E37_79B9));
        if !info.is_event_stream {
            let health = info.path.starts_with("/global/health") || info.path.starts_with("/api/info");
            return match random.random_range(0..24) {
                _ if health || info.nth > 40 => Fault::none(),
                0 => Fault::answer(Answer::Lose(End::Reset)),
                1 => Fault::answer(Answer::Status(503)),
                2 => Fault::answer(Answer::Refuse),
                _ => Fault::none(),
            };
        }
        let end = match random.random_range(0..8) {
            0 | 1 => End::CleanEof,
            2 | 3 => End::Reset,
            4 => End::Stall(Some(Duration::from_millis(random.random_range(1..300)))),
            _ => End::Fin,
        };
        let at = match info.nth {
            0 => At::Frame(first),
            1..=3 if random.random_bool(0.5) => At::Byte(random.random_range(0..6000)),
            1..=3 => At::Frame(random.random_range(0..12)),
            _ => return Fault::none(),
        };
        let split = match random.random_range(0..4) {
            0 => Split::Random { max: random.random_range(1..200), seed: random.random() },
            1 => Split::Every(random.random_range(1..40)),
            _ => Split::Keep,
        };
        let line_ends = match random.random_range(0..6) {
            0 => LineEnds::CrLf,
            1 => LineEnds::Cr,
            _ => LineEnds::Keep,
        };
        let duplicate_every = random.random_bool(0.15).then(|| random.random_range(1..4));
        Fault { split, line_ends, duplicate_every, cut: Some(Cut { at, end }), ..Fault::none() }
    })
}

/// Plays a job; gives back the program that followed it, if there is one and it is well.
async fn perform(
    server: &TestServer,
    job: &Job,
    totals: &Totals,
    program: Option<&PlayerProgram>,
    player: Option<Player>,
) -> Option<Player> {
    let Some(program) = program else {
        judge(
            job,
            totals,
            one(server, job, plan(job), totals).await.map(|(_client, played)| played.outcome.kind),
        );
        return None;
    };
    let mut player = match player.map_or_else(|| program.start(), Ok) {
        Ok(player) => player,
        Err(error) => {
            judge(job, totals, Err(error));
            return None;
        }
    };
    let played = through::one(server, job, plan(job), totals, &mut player).await;
    let is_well = played.is_ok();
    judge(job, totals, played);
    is_well.then_some(player)
}

fn judge(job: &Job, totals: &Totals, played: Result<OutcomeKind, Error>) {
    totals.conversations.fetch_add(1, Ordering::Relaxed);
    let name = job.story.name;
    match played {
        Ok(kind) if kind != job.story.outcome => {
            totals.wrong_end.fetch_add(1, Ordering::Relaxed);
            println!("WRONG END {name} #{} cut {} seed {}: {kind:?}", job.number, job.first_cut, job.seed);
        }
        Ok(_) => {}
        Err(error) => {
            totals.not_ended.fetch_add(1, Ordering::Relaxed);
            println!("NOT ENDED {name} #{} cut {} seed {}: {error:?}", job.number, job.first_cut, job.seed);
        }
    }
}

/// Plays one conversation through a proxy of its own and compares; the client is kept until that is done.
async fn one(
    server: &TestServer,
    job: &Job,
    plan: FaultPlan,
    totals: &Totals,
) -> Result<(Client, Played), Error> {
    let proxy = FaultProxy::start(server.server.url(), plan).await?;
    let config = TransportConfig {
        retry: BackoffPolicy {
            base: Duration::from_millis(5),
            cap: Duration::from_millis(200),
            attempts: Some(8),
        },
        timeouts: Timeouts {
            stream_idle: Duration::from_secs(12),
            head: Duration::from_secs(15),
            ..Timeouts::default()
        },
        ..TransportConfig::default()
    };
    let directory = server.directory.to_string_lossy();
    let client = Client::builder(server.url_through(&proxy.url()))
        .directory(&*directory)
        .transport(config)
        .connect()
        .await?;
    let direct = Client::builder(&server.url).directory(&*directory).connect().await?;
    let conversation = created(&client, &direct).await?;
    let played = play(&conversation, &job.story, job.number).await;
    totals.faults.fetch_add(usize::try_from(proxy.injected_total()).unwrap_or(0), Ordering::Relaxed);
    let played = played?;
    let Settled { difference, late } = settle(&conversation, &direct, || played.screen.clone()).await?;
    totals.count(job, &difference, late, played.screen.replaced);
    Ok((client, played))
}

impl Totals {
    /// What came of comparing.
    fn count(&self, job: &Job, difference: &Difference, late: bool, replaced: usize) {
        if !difference.is_none() {
            println!(
                "DIFFERENT {} #{} cut {} seed {}: {difference:?}",
                job.story.name, job.number, job.first_cut, job.seed
            );
        }
        self.late.fetch_add(usize::from(late), Ordering::Relaxed);
        self.different.fetch_add(usize::from(difference.transcript.is_some()), Ordering::Relaxed);
        self.lost.fetch_add(difference.lost, Ordering::Relaxed);
        self.duplicated.fetch_add(difference.duplicated, Ordering::Relaxed);
        self.replaced.fetch_add(replaced, Ordering::Relaxed);
    }
}

/// The session is made past the faults: making one is not safe to repeat, and so not what is tested.
async fn created(client: &Client, direct: &Client) -> Result<Conversation, Error> {
    let session = direct.create(None).await?.session_id().clone();
    client.open(session, ConversationOptions::default()).await
}

fn report(totals: &Totals, wanted: usize, took: Duration) -> Result<(), String> {
    let get = |n: &AtomicUsize| n.load(Ordering::Relaxed);
    println!(
        "faults {}, texts replaced {}, equal only after a rest {}, wrong ends {}, {} s",
        get(&totals.faults),
        get(&totals.replaced),
        get(&totals.late),
        get(&totals.wrong_end),
        took.as_secs()
    );
    println!(
        "conversations {}, transcripts different from the server {}, deltas lost {}, duplicated {}, turns not ended {}",
        get(&totals.conversations),
        get(&totals.different),
        get(&totals.lost),
        get(&totals.duplicated),
        get(&totals.not_ended)
    );
    let bad = [&totals.different, &totals.lost, &totals.duplicated, &totals.not_ended, &totals.wrong_end];
    if bad.into_iter().any(|n| get(n) > 0) {
        return Err("faults: what was seen is not what the server has".into());
    }
    if get(&totals.faults) < wanted {
        return Err(format!("faults: only {} of {wanted} faults were reached in time", get(&totals.faults)));
    }
    Ok(())
}
