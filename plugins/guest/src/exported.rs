//! Stands between the host's calls, which know no `self`, and the one plugin of this component.

use std::any::Any;
use std::cell::RefCell;
use std::marker::PhantomData;

use crate::bindings::command::exports::nexus::plugin::command_guest as command;
use crate::bindings::context::exports::nexus::plugin::context_guest as context;
use crate::bindings::frontend::exports::nexus::plugin::frontend_guest as frontend;
use crate::bindings::hook::exports::nexus::plugin::hook_guest as hook;
use crate::bindings::lifecycle::exports::nexus::plugin::lifecycle;
use crate::error::Result;
use crate::plugin::{Command, Context, Event, Frontend, Hook, Input, Part, Plugin};

thread_local! {
    static PLUGIN: RefCell<Option<Box<dyn Any>>> = const { RefCell::new(None) };
}

/// The calls of the host for a plugin of this type.
#[doc(hidden)]
pub struct Exported<P>(PhantomData<P>);

/// Calls the plugin; the first call makes it.
fn with<P: Plugin, R>(call: impl FnOnce(&mut P) -> R) -> R {
    PLUGIN.with_borrow_mut(|held| {
        let held = held.get_or_insert_with(|| {
            panics_are_logged();
            Box::new(P::default())
        });
        match held.downcast_mut() {
            Some(plugin) => call(plugin),
            // `plugin!` has been called with one type.
            None => call(&mut P::default()),
        }
    })
}

/// A panic ends the instance without a word; the log says where it was.
fn panics_are_logged() {
    std::panic::set_hook(Box::new(|panic| crate::log::write(crate::log::Level::Error, &panic.to_string())));
}

impl<P: Plugin> lifecycle::Guest for Exported<P> {
    fn start(state: Option<Vec<u8>>) -> Result<()> {
        with::<P, _>(|plugin| plugin.start(state))
    }

    fn stop(reason: lifecycle::StopReason) -> Option<Vec<u8>> {
        with::<P, _>(|plugin| plugin.stop(reason))
    }
}

impl<P: Context> context::Guest for Exported<P> {
    fn describe() -> Vec<context::Provider> {
        with(P::describe)
    }

    fn suggest(provider: String, typed: String, limit: u32) -> Result<Vec<context::Suggestion>> {
        with::<P, _>(|plugin| plugin.suggest(&provider, &typed, limit))
    }

    fn provide(request: context::Request) -> Result<Vec<context::Item>> {
        with::<P, _>(|plugin| plugin.provide(request))
    }
}

impl<P: Command> command::Guest for Exported<P> {
    fn commands() -> Vec<command::Spec> {
        with(P::commands)
    }

    fn complete(name: String, arguments: String) -> Vec<String> {
        with::<P, _>(|plugin| plugin.complete(&name, &arguments))
    }

    fn run(name: String, arguments: String, session: Option<String>) -> Result<command::Outcome> {
        with::<P, _>(|plugin| plugin.run(&name, &arguments, session.as_deref()))
    }
}

impl<P: Hook> hook::Guest for Exported<P> {
    fn before_send(session: String, parts: Vec<Part>) -> Result<hook::Verdict> {
        with::<P, _>(|plugin| plugin.before_send(&session, parts))
    }

    fn after_message(session: String, message: String, parts: Vec<Part>) {
        with::<P, _>(|plugin| plugin.after_message(&session, &message, parts));
    }
}

impl<P: Frontend> frontend::Guest for Exported<P> {
    fn on_events(batch: Vec<Event>) {
        with::<P, _>(|plugin| plugin.on_events(batch));
    }

    fn on_input(input: Input) {
        with::<P, _>(|plugin| plugin.on_input(input));
    }

    fn on_timer(token: u32) {
        with::<P, _>(|plugin| plugin.on_timer(token));
    }

    fn on_web(request: frontend::WebRequest) -> frontend::WebResponse {
        with::<P, _>(|plugin| plugin.on_web(request))
    }
}

/// Makes a type the plugin of this component, for the worlds that are named: `context`, `command`, `hook`, `frontend`.
///
/// ```
/// # use opencode_nexus_plugin::*;
/// #[derive(Default)]
/// struct Greeting;
///
/// impl Plugin for Greeting {}
///
/// impl Command for Greeting {
///     fn commands(&mut self) -> Vec<Spec> {
///         vec![Spec::new("greet", "Says hello").with_hint("[name]")]
///     }
///
///     fn run(&mut self, _name: &str, arguments: &str, _session: Option<&str>) -> Result<Outcome> {
///         Ok(Outcome::Show(format!("Hello, {arguments}!")))
///     }
/// }
///
/// plugin!(Greeting: command);
/// ```
#[macro_export]
macro_rules! plugin {
    ($plugin:ty: $($world:ident),+ $(,)?) => {
        const _: () = {
            #[allow(dead_code)]
            type NexusPlugin = $crate::exported::Exported<$plugin>;
            $crate::export_world!(lifecycle NexusPlugin);
            $($crate::export_world!($world NexusPlugin);)+
        };
    };
}

/// Exports one interface; natively it only checks that the plugin has what the world needs.
#[doc(hidden)]
#[macro_export]
macro_rules! export_world {
    (lifecycle $exported:ident) => { $crate::export_interface!(lifecycle::lifecycle $exported); };
    (context $exported:ident) => { $crate::export_interface!(context::context_guest $exported); };
    (command $exported:ident) => { $crate::export_interface!(command::command_guest $exported); };
    (hook $exported:ident) => { $crate::export_interface!(hook::hook_guest $exported); };
    (frontend $exported:ident) => { $crate::export_interface!(frontend::frontend_guest $exported); };
    ($other:ident $exported:ident) => {
        ::std::compile_error!("a plugin is one or more of: context, command, hook, frontend");
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! export_interface {
    ($module:ident::$interface:ident $exported:ident) => {
        #[cfg(target_family = "wasm")]
        $crate::bindings::$module::export!($exported with_types_in $crate::bindings::$module);
        #[cfg(not(target_family = "wasm"))]
        const _: fn() = || {
            fn implements<T: $crate::bindings::$module::exports::nexus::plugin::$interface::Guest>() {}
            implements::<$exported>();
        };
    };
}
