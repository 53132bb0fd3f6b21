//! Progress on standard error: bars on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;

use indicatif::{ProgressBar, ProgressStyle};
use karhunen_train::events::{Event, Observer};

/// A bar for `total` units of work; silent where standard error is no terminal.
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total);
    let style = ProgressStyle::with_template("{prefix:>10} [{bar:32}] {pos}/{len} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    bar
}

/// Shows a training run.
pub struct Training {
    bar: Option<ProgressBar>,
}

impl Training {
    /// Waits for the first step.
    pub fn new() -> Self {
        Self { bar: None }
    }

    fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) if !bar.is_hidden() => bar.println(text),
            _ => eprintln!("{text}"),
        }
    }
}

impl Observer for Training {
    fn note(&mut self, text: &str) {
        self.say(text);
    }

    fn step(&mut self, event: &Event, total: usize) {
        let bar = self.bar.get_or_insert_with(|| bar("training", total as u64));
        bar.set_position(event.step as u64);
        bar.set_message(format!("{} loss {:.4}", event.grid, event.loss));
    }

    fn milestone(&mut self, event: &Event) {
        let text = match (&event.message, event.validation_loss) {
            (Some(message), _) => message.clone(),
            (None, Some(loss)) => format!(
                "step {:>6}  {:>7.1} s  grid {:<8} loss {:.4}  validation {loss:.4}",
                event.step, event.seconds, event.grid, event.loss
            ),
            (None, None) => return,
        };
        self.say(&text);
    }
}
