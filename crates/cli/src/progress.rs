//! Progress on standard error: bars on a terminal, lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use karhunen::status::span;
use karhunen::{Event, Observer, Progress, Task};
use tracing::{debug, info, trace, warn};

/// All bars on the terminal, so that lines can be written above them.
static BARS: LazyLock<MultiProgress> = LazyLock::new(MultiProgress::new);
static SHOWN: AtomicBool = AtomicBool::new(true);
/// Steps told to those who ask for more, about.
const STEPS_TOLD: usize = 100;

/// Whether bars are drawn on a terminal at all.
pub fn show_bars(yes: bool) {
    SHOWN.store(yes, Ordering::Relaxed);
}

/// Writes with the bars out of the way.
pub fn above_bars(write: impl FnOnce()) {
    BARS.suspend(write);
}

/// A bar for `total` units of work; silent where standard error is no terminal.
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    if !(SHOWN.load(Ordering::Relaxed) && std::io::stderr().is_terminal()) {
        return ProgressBar::hidden();
    }
    let bar = BARS.add(ProgressBar::new(total));
    let style = ProgressStyle::with_template("{prefix:>10} [{bar:32}] {pos}/{len} {elapsed} {msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_prefix(what);
    // the clock goes on while one unit of work takes long
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Shows work that takes long, one task after another.
#[derive(Debug, Default)]
pub struct Bars(Mutex<Option<(Task, ProgressBar)>>);

impl Progress for Bars {
    fn at(&self, task: Task, done: u64, of: u64, what: &str) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shown.as_ref().is_none_or(|(of_task, _)| *of_task != task) {
            *shown = Some((task, bar(task.name(), of)));
        }
        if let Some((_, bar)) = &*shown {
            bar.set_length(of);
            bar.set_position(done);
            if !what.is_empty() {
                bar.set_message(what.to_string());
            }
        }
    }

    fn over(&self, _task: Task) {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((_, bar)) = shown {
            bar.finish_and_clear();
        }
    }

    fn note(&self, text: &str) {
        info!("{text}");
    }

    fn numbers(&self, text: &str, numbers: &[(&'static str, f64)]) {
        // the names of a line's fields are fixed where it is written
        match numbers {
            [("effective", effective), ("smallest", smallest)] => {
                info!(effective, smallest, "{text}")
            }
            _ => info!("{text}"),
        }
    }

    fn warning(&self, text: &str) {
        warn!("{text}");
    }
}

/// Time between lines of a training that is not watched on a terminal.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// Shows a training run.
pub struct Training {
    bar: Option<ProgressBar>,
    told: Instant,
    /// Loss of the steps since then: their sum and number.
    losses: (f64, usize),
}

impl Training {
    /// Waits for the first step.
    pub fn new() -> Self {
        Self { bar: None, told: Instant::now(), losses: (0.0, 0) }
    }

    /// The training is over: its bar goes.
    pub fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Training {
    fn note(&mut self, text: &str) {
        info!("{text}");
    }

    fn warning(&mut self, text: &str) {
        warn!("{text}");
    }

    fn step(&mut self, event: &Event, total: usize) {
        let bar = self.bar.get_or_insert_with(|| bar("training", total as u64));
        bar.set_position(event.step as u64);
        bar.set_message(format!(
            "{} loss {:.4}, {} left",
            event.grid,
            event.loss,
            span(event.left)
        ));
        let bar_hidden = bar.is_hidden();
        self.losses = (self.losses.0 + event.loss, self.losses.1 + 1);
        if bar_hidden && self.told.elapsed() >= LINE_EVERY {
            let mean = self.losses.0 / self.losses.1 as f64;
            info!(
                "step {:>6} of {total}, grid {}: loss {mean:.4}, about {} left",
                event.step,
                event.grid,
                span(event.left)
            );
            (self.told, self.losses) = (Instant::now(), (0.0, 0));
        }
        let Event { step, level, grid, seconds, loss, rate, .. } = event;
        // a level of a message is fixed where it is written, hence two of them
        if step.is_multiple_of((total / STEPS_TOLD).max(1)) {
            debug!(step, level, grid, seconds, loss, rate, total, "step");
        } else {
            trace!(step, level, grid, seconds, loss, rate, total, "step");
        }
    }

    fn milestone(&mut self, event: &Event) {
        let Event { step, level, grid, seconds, loss, rate, .. } = event;
        match (&event.message, event.validation_loss) {
            (Some(message), _) => warn!(step, level, grid, seconds, loss, rate, "{message}"),
            (None, Some(validation)) => {
                // of the same weights and grid; the last batch's may be of a coarser level
                let training = event.training_loss.unwrap_or(*loss);
                info!(
                    step,
                    level,
                    grid,
                    seconds,
                    loss,
                    training,
                    validation,
                    rate,
                    "step {step:>6}  {seconds:>7.1} s  grid {grid:<8} loss {loss:.4}  training {training:.4}  validation {validation:.4}"
                );
            }
            (None, None) => (),
        }
    }
}
