//! A bar on the terminal for work that is counted. Elsewhere nothing is shown: logs want results.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often something moves while nothing can be counted.
const TICK: Duration = Duration::from_millis(120);

/// What is shown until it is dropped. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Bar(Option<Arc<Shown>>);

struct Shown(ProgressBar);

impl Drop for Shown {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

impl Bar {
    /// Shows what is being done, unless `quiet`.
    pub(crate) fn new(what: &str, quiet: bool) -> Self {
        if quiet || !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("  {spinner} {prefix} {elapsed} {msg}"));
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(TICK);
        Self(Some(Arc::new(Shown(bar))))
    }

    /// How far it is.
    pub(crate) fn at(&self, done: u64, total: u64) {
        let Some(shown) = &self.0 else { return };
        if total > 0 && shown.0.length() != Some(total) {
            shown.0.disable_steady_tick();
            shown.0.set_length(total);
            shown.0.set_style(style("  {prefix} {wide_bar} {pos}/{len} {eta} {msg}"));
        }
        shown.0.set_position(done);
    }

    /// What is being looked at.
    pub(crate) fn about(&self, text: &str) {
        if let Some(shown) = &self.0 {
            let short: String = super::clean(text).chars().filter(|c| !c.is_control()).take(30).collect();
            shown.0.set_message(short);
        }
    }

    /// The same as a function that is told how far it is.
    pub(crate) fn counter(&self) -> impl FnMut(u64, u64) + Send + 'static {
        let bar = self.clone();
        move |done, total| bar.at(done, total)
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; one that cannot be read shows the bar that is usual.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
