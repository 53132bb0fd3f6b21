//! What is told on standard error: plain lines for people, one JSON object a line for machines.
//!
//! Commands speak through `tracing`, and this is its only subscriber. Library crates tell nothing
//! by themselves: a run speaks through its observer ([`crate::progress`]). A closed standard error
//! ends nothing: whoever closed it did not want to read.
//!
//! Not here: results. They go to standard output ([`crate::report::print_line`]).

use std::fmt::{Debug, Write as _};
use std::io::Write as _;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::args::{LogArgs, LogFormat};
use crate::failure::Failure;
use crate::job;
use crate::progress;

static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Takes up the options; `RUST_LOG` counts where neither `-q` nor `-v` is given.
///
/// # Errors
/// A `RUST_LOG` that names no level.
pub fn start(args: &LogArgs) -> Result<(), Failure> {
    // a failure below is already told in the format asked for
    let format = *FORMAT.get_or_init(|| args.log_format);
    let filter = match (args.quiet, args.verbose, std::env::var("RUST_LOG")) {
        (true, ..) => only(LevelFilter::WARN),
        (_, 1, _) => only(LevelFilter::DEBUG),
        (_, 2.., _) => only(LevelFilter::TRACE),
        (_, 0, Ok(text)) if !text.trim().is_empty() => text.parse::<Targets>().map_err(|e| {
            Failure::usage(format!("RUST_LOG={text}: {e}"))
                .help("write a level, RUST_LOG=debug, or one a module, RUST_LOG=karhunen=debug")
        })?,
        (_, 0, _) => only(LevelFilter::INFO),
    };
    if !job::is_first() {
        // the first rank of a job tells for all
        progress::show_bars(false);
        return Ok(());
    }
    progress::show_bars(!args.quiet && format == LogFormat::Text);
    let subscriber = tracing_subscriber::registry().with(filter).with(Lines { format });
    // the first one stays; there is no second in this process
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

fn only(level: LevelFilter) -> Targets {
    Targets::new().with_default(level)
}

/// Tells how the command failed, whatever the filter lets through.
pub fn failure(message: &str, help: Option<&str>, code: u8) {
    let format = FORMAT.get().copied().unwrap_or_default();
    let mut told = Told { message: message.into(), fields: Map::new() };
    if let Some(help) = help {
        told.fields.insert("help".into(), help.into());
    }
    if format == LogFormat::Json {
        told.fields.insert("code".into(), code.into());
    }
    write(&told.line(Level::ERROR, format));
}

/// Writes every event as one line.
struct Lines {
    format: LogFormat,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut told = Told { message: String::new(), fields: Map::new() };
        event.record(&mut told);
        write(&told.line(*event.metadata().level(), self.format));
    }
}

fn write(line: &str) {
    progress::above_bars(|| {
        let _ = std::io::stderr().lock().write_all(line.as_bytes());
    });
}

/// A message and what belongs to it.
struct Told {
    message: String,
    fields: Map<String, Value>,
}

impl Told {
    fn line(self, level: Level, format: LogFormat) -> String {
        match format {
            LogFormat::Text => self.text(level),
            LogFormat::Json => self.json(level),
        }
    }

    /// People read messages; fields are for those who asked for more, and the help of a failure.
    fn text(self, level: Level) -> String {
        let mut line = match level {
            Level::INFO => self.message,
            Level::WARN => format!("warning: {}", self.message),
            Level::ERROR => format!("error: {}", self.message),
            _ => {
                let mut line = format!("debug: {}", self.message);
                for (name, value) in &self.fields {
                    let _ = write!(line, " {name}={value}");
                }
                line
            }
        };
        if let (Level::ERROR, Some(help)) = (level, self.fields.get("help").and_then(Value::as_str))
        {
            let _ = write!(line, "\nhelp: {help}");
        }
        line.push('\n');
        line
    }

    fn json(self, level: Level) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut object = Map::new();
        // milliseconds are what a reader can use
        object.insert("time".into(), (now.as_millis() as f64 / 1e3).into());
        object.insert("severity".into(), level.as_str().to_ascii_lowercase().into());
        object.insert("message".into(), self.message.into());
        object.extend(self.fields);
        format!("{}\n", Value::Object(object))
    }
}

impl Told {
    fn put(&mut self, field: &Field, value: Value) {
        match field.name() {
            "message" => self.message = value.as_str().unwrap_or_default().to_string(),
            name => {
                self.fields.insert(name.into(), value);
            }
        }
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        let fields = [("step".to_string(), 3.into()), ("loss".to_string(), 0.5.into())];
        Told { message: "one \"step\"".into(), fields: fields.into_iter().collect() }
    }

    #[test]
    fn people_see_messages_and_fields_when_they_ask_for_more() {
        assert_eq!(told().text(Level::INFO), "one \"step\"\n");
        assert_eq!(told().text(Level::WARN), "warning: one \"step\"\n");
        let more = told().text(Level::DEBUG);
        assert!(more.starts_with("debug: one") && more.contains(" step=3"), "{more}");
    }

    #[test]
    fn machines_see_one_object_a_line() {
        let line = told().json(Level::INFO);
        let object: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(line.matches('\n').count(), 1);
        assert_eq!(object["severity"], "info");
        assert_eq!(object["message"], "one \"step\"");
        assert_eq!((object["step"].as_u64(), object["loss"].as_f64()), (Some(3), Some(0.5)));
        assert!(object["time"].as_f64().is_some_and(|t| t > 1.7e9));
    }
}
