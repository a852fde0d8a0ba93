//! How a thread of JavaScript and the runtime speak with each other.
//!
//! JavaScript calls with a number; the answer comes with that number, by one threadsafe function for the whole thread, which
//! holds no event loop (JavaScript knows itself whether anybody waits). When the thread ends, whatever it has begun ends: what
//! waits is dropped, turns are stopped, servers are closed.

use std::collections::HashMap;
use std::future::Future;
use std::mem::take;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use napi::bindgen_prelude::{FnArgs, Function, Unknown};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Status};
use napi_derive::napi;
use opencode_nexus::Result;
use opencode_nexus::chat::TurnHandle;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinHandle};

use crate::answer::Answer;
use crate::{accounts, failure, nexus, runtime};

/// What JavaScript is called with: the number, the error as JSON or `null`, the answer.
type Arguments = FnArgs<(u32, Option<String>, Option<Answer>)>;
type Callback = ThreadsafeFunction<Told, Unknown<'static>, Arguments, Status, false, true>;

/// An answer under way.
pub struct Told {
    number: u32,
    answer: Result<Answer, String>,
}

/// What functions of JavaScript answer: JSON, or the text of an error.
pub type Reply = Result<String, String>;

/// The way between one thread of JavaScript and the runtime.
#[napi]
pub struct Port {
    shared: Arc<Shared>,
}

/// What everything of that thread holds.
pub struct Shared {
    callback: Callback,
    runtime: Handle,
    next: AtomicU64,
    open: Mutex<Open>,
}

/// What is under way.
#[derive(Default)]
struct Open {
    ended: bool,
    tasks: HashMap<u32, AbortHandle>,
    /// Prompts on their way: nobody knows whether the server has them, so they are waited for.
    beginnings: HashMap<u32, JoinHandle<()>>,
    turns: HashMap<u64, TurnHandle>,
    servers: HashMap<u64, opencode_nexus::Nexus>,
    calls: HashMap<u32, oneshot::Sender<Reply>>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that nothing of this thread has had.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Does something, and answers with that number when it is done.
    pub fn perform<F>(self: &Arc<Self>, number: u32, work: F)
    where
        F: Future<Output = Result<Answer>> + Send + 'static,
    {
        let shared = self.clone();
        let mut open = self.open();
        if open.ended {
            return;
        }
        let task = self.runtime.spawn(async move {
            let answer = work.await;
            shared.open().tasks.remove(&number);
            shared.tell(number, answer);
        });
        // The lock is held since before the task began, so it cannot have removed itself already.
        open.tasks.insert(number, task.abort_handle());
    }

    /// The same for what begins a turn, which is not given up: it is stopped once it has begun.
    pub fn begin<F>(self: &Arc<Self>, number: u32, work: F)
    where
        F: Future<Output = Result<Answer>> + Send + 'static,
    {
        let shared = self.clone();
        let mut open = self.open();
        if open.ended {
            return;
        }
        let task = self.runtime.spawn(async move {
            let answer = work.await;
            shared.open().beginnings.remove(&number);
            shared.tell(number, answer);
        });
        open.beginnings.insert(number, task);
    }

    /// Tells JavaScript something under a number that stays. Nobody hears it when the thread has ended.
    pub fn tell(&self, number: u32, answer: Result<Answer>) {
        let answer = answer.map_err(|error| failure::to_json(&error));
        self.callback.call(Told { number, answer }, ThreadsafeFunctionCallMode::NonBlocking);
    }

    /// Does something that nobody waits for.
    pub fn detached(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Calls a function of JavaScript, and waits for what it answers. Dropping the future forgets the call.
    ///
    /// # Errors
    /// The text of what the function has thrown.
    pub async fn call(self: &Arc<Self>, function: u32, json: String) -> Reply {
        /// Forgets the call when nobody waits for it any more.
        struct Waiting<'a>(&'a Shared, u32);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.open().calls.remove(&self.1);
            }
        }
        // More than four thousand million calls at once there are not.
        let call = u32::try_from(self.number() & u64::from(u32::MAX)).unwrap_or_default();
        let (reply, answered) = oneshot::channel();
        self.open().calls.insert(call, reply);
        let _waiting = Waiting(self, call);
        self.tell(function, Ok(Answer::Call(call, json)));
        answered.await.unwrap_or_else(|_| Err("the thread has ended".to_owned()))
    }

    /// From now on a turn is stopped when the thread ends.
    pub fn turn_begins(&self, handle: TurnHandle) -> u64 {
        let number = self.number();
        self.open().turns.insert(number, handle);
        number
    }

    /// It is over, or nobody wants to see it.
    pub fn turn_ends(&self, number: u64) {
        self.open().turns.remove(&number);
    }

    /// From now on a server that was started is ended when the thread ends.
    pub fn server_opens(&self, nexus: opencode_nexus::Nexus) -> u64 {
        let number = self.number();
        self.open().servers.insert(number, nexus);
        number
    }

    /// It was closed.
    pub fn server_closes(&self, number: u64) {
        self.open().servers.remove(&number);
    }

    /// Lets go of something that belongs to the runtime, from whatever thread: turns that are dropped send a request.
    pub fn let_go<T: Send + 'static>(&self, thing: T) {
        let _inside = self.runtime.enter();
        drop(thing);
    }

    /// Ends everything; what is given back does it when it is awaited.
    fn end(self: &Arc<Self>) -> impl Future<Output = ()> + Send + 'static {
        let shared = self.clone();
        let mut open = self.open();
        open.ended = true;
        let beginnings = take(&mut open.beginnings);
        drop(open);
        async move {
            join_all(beginnings.into_values()).await;
            let (turns, tasks, servers, calls) = {
                let mut open = shared.open();
                let Open { turns, tasks, servers, calls, .. } = &mut *open;
                (take(turns), take(tasks), take(servers), take(calls))
            };
            drop(calls);
            // First the turns: what waits for them would stop them as well, and not say when it is done.
            let stopped = join_all(turns.values().map(TurnHandle::stop)).await;
            for failed in stopped.into_iter().filter_map(Result::err) {
                failure::unheard("a turn could not be stopped", &failed);
            }
            tasks.values().for_each(AbortHandle::abort);
            let closed = join_all(servers.values().map(|nexus| nexus.close())).await;
            for failed in closed.into_iter().filter_map(Result::err) {
                failure::unheard("a server could not be closed", &failed);
            }
        }
    }
}

#[napi]
impl Port {
    /// `told` is called with a number, the JSON of an error or `null`, and the answer.
    #[napi(constructor)]
    pub fn new(env: Env, told: Function<'_, Arguments, Unknown<'static>>) -> napi::Result<Self> {
        let callback = told
            .build_threadsafe_function::<Told>()
            .weak::<true>()
            .callee_handled::<false>()
            .build_callback(|call| {
                let Told { number, answer } = call.value;
                Ok(FnArgs::from(match answer {
                    Ok(answer) => (number, None, Some(answer)),
                    Err(error) => (number, Some(error), None),
                }))
            })?;
        let runtime = runtime::handle()?;
        let shared = Arc::new(Shared { callback, runtime, next: AtomicU64::new(1), open: Mutex::default() });
        // A worker that is terminated runs no JavaScript any more.
        env.add_env_cleanup_hook(shared.clone(), |shared| {
            let ending = shared.end();
            shared.runtime.spawn(ending);
        })?;
        Ok(Self { shared })
    }

    /// Opens a server; the answer is a `Nexus`.
    #[napi]
    pub fn open(&self, number: u32, options: String) {
        let shared = self.shared.clone();
        self.shared.perform(number, async move { nexus::open(shared, &options).await });
    }

    /// Asks something of the accounts of this machine; the answer is JSON, or a `History`.
    #[napi]
    pub fn accounts(&self, number: u32, ask: String) {
        let shared = self.shared.clone();
        self.shared.perform(number, async move { accounts::answer(shared, &ask).await });
    }

    /// What a function of JavaScript has answered: JSON, or the text of what it has thrown.
    #[napi]
    pub fn reply(&self, call: u32, json: Option<String>, thrown: Option<String>) {
        let waiting = self.shared.open().calls.remove(&call);
        if let Some(waiting) = waiting {
            // Who called may have gone away.
            let _ = waiting.send(match (json, thrown) {
                (Some(json), None) => Ok(json),
                (_, thrown) => Err(thrown.unwrap_or_default()),
            });
        }
    }

    /// Nobody waits for this answer any more.
    #[napi]
    pub fn cancel(&self, number: u32) {
        let task = self.shared.open().tasks.remove(&number);
        if let Some(task) = task {
            task.abort();
        }
    }

    /// The process is about to end: stops turns and closes servers, and waits for it so many milliseconds at most.
    #[napi]
    pub fn end(&self, milliseconds: u32) {
        let is_idle = {
            let open = self.shared.open();
            open.turns.is_empty() && open.servers.is_empty() && open.beginnings.is_empty()
        };
        let ending = self.shared.end();
        let bound = Duration::from_millis(u64::from(milliseconds));
        if is_idle {
            self.shared.runtime.spawn(ending);
        } else {
            let ending = async move { tokio::time::timeout(bound, ending).await };
            // Who is slower is ended by its guardian.
            let _ = self.shared.runtime.block_on(ending);
        }
    }
}
