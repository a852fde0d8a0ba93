//! Shows on standard error what an installation does: a bar on a terminal, a line for each step elsewhere.

use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use opencode_nexus::server::{Progress, Step};

/// How often something moves while nothing can be counted.
const TICK: Duration = Duration::from_millis(120);

/// Shows every progress until it is dropped.
pub(crate) fn install_progress() -> Arc<dyn Fn(Progress) + Send + Sync> {
    if !std::io::stderr().is_terminal() {
        return Arc::new(|progress| {
            if progress.done == 0 && progress.step != Step::Done {
                eprintln!("  {} {}", words(progress.step), progress.package);
            }
        });
    }
    let shown = Mutex::new(Shown { bar: None });
    Arc::new(move |progress| {
        if let Ok(mut shown) = shown.lock() {
            shown.show(&progress);
        }
    })
}

/// The bar of the step that is being done.
struct Shown {
    bar: Option<ProgressBar>,
}

impl Shown {
    fn show(&mut self, progress: &Progress) {
        if progress.done == 0 {
            self.clear();
            if progress.step != Step::Done {
                self.bar = Some(spinner(progress));
            }
            return;
        }
        let Some(bar) = &self.bar else { return };
        if let Some(total) = progress.total
            && bar.length() != Some(total)
        {
            bar.disable_steady_tick();
            bar.set_length(total);
            bar.set_style(style("  {msg} {wide_bar} {bytes}/{total_bytes} {eta}"));
        }
        bar.set_position(progress.done);
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.clear();
    }
}

fn spinner(progress: &Progress) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(style("  {spinner} {msg} {elapsed}"));
    bar.set_message(format!("{} {}", words(progress.step), progress.package));
    bar.enable_steady_tick(TICK);
    bar
}

fn style(template: &str) -> ProgressStyle {
    // The templates are ours; one that cannot be read shows the bar that is usual.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn words(step: Step) -> &'static str {
    match step {
        Step::Waiting => "waiting for another installation of",
        Step::Resolving => "asking the registry for",
        Step::Downloading => "downloading",
        Step::Verifying => "verifying",
        Step::Unpacking => "unpacking",
        Step::Checking => "asking for its version:",
        Step::Trial => "trying",
        _ => "working on",
    }
}
