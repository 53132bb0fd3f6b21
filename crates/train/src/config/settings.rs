//! Puts settings from the command line into a table, and turns serde's errors into one helpful
//! line.

use crate::TrainError;

/// Puts one `a.b.c=value` into a table. A value that does not parse as TOML is a string.
pub(crate) fn apply(table: &mut toml::Table, setting: &str) -> Result<(), TrainError> {
    let fail = |message: &str| TrainError::Config {
        place: format!("--set {setting}"),
        message: message.to_string(),
    };
    let (key, value) = setting.split_once('=').ok_or_else(|| fail("write key=value"))?;
    let parsed: Option<toml::Value> =
        format!("value = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("value"));
    let value = parsed.unwrap_or_else(|| toml::Value::String(value.to_string()));
    let mut parts: Vec<&str> = key.trim().split('.').collect();
    let last = parts.pop().filter(|p| !p.is_empty()).ok_or_else(|| fail("the key is empty"))?;
    let mut here = table;
    for part in parts {
        here = here
            .entry(part)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| fail("a part of the key is a value, not a table"))?;
    }
    here.insert(last.to_string(), value);
    Ok(())
}

/// Parses TOML. The error is one line that begins with the place in the text.
pub(crate) fn parse(text: &str, place: &str) -> Result<toml::Table, TrainError> {
    text.parse().map_err(|e: toml::de::Error| {
        let before = e.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let (line, column) = match before.rsplit_once('\n') {
            Some((lines, last)) => (lines.matches('\n').count() + 2, last.chars().count() + 1),
            None => (1, before.chars().count() + 1),
        };
        let what = e.message().trim().replace('\n', ", ");
        TrainError::Config {
            place: place.to_string(),
            message: format!("line {line}, column {column}: {what}"),
        }
    })
}

/// serde's message as one line: the key first, and the nearest known name for an unknown one.
pub fn explain(message: &str) -> String {
    let (message, place) = match message.trim_end().split_once("\nin `") {
        Some((message, place)) => (message, place.trim_end_matches('`')),
        None => (message.trim_end(), ""),
    };
    let unknown = ["field", "variant"].into_iter().find_map(|what| {
        let (before, rest) = message.split_once(&format!("unknown {what} `"))?;
        let mut names = rest.split('`').step_by(2);
        let name = names.next()?;
        Some((what, before, name, names.collect::<Vec<_>>()))
    });
    let Some((what, before, name, known)) = unknown else {
        // a rule of several keys names the one at fault itself
        let named = place.is_empty() || message.starts_with(&format!("{place}."));
        return if named { message.to_string() } else { format!("{place}: {message}") };
    };
    let key = match (what, place) {
        ("field", "") => format!("{before}unknown key `{name}`"),
        ("field", _) => format!("{before}unknown key `{place}.{name}`"),
        (_, "") => format!("{before}unknown name `{name}`"),
        (_, _) => format!("{before}{place} = `{name}`: unknown name"),
    };
    let nearest = known
        .iter()
        .map(|k| (strsim::jaro_winkler(k, name), k))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > ALIKE);
    match nearest {
        Some((_, known)) => format!("{key}; did you mean `{known}`?"),
        None => format!("{key}; there are {}", known.join(", ")),
    }
}

/// Jaro–Winkler similarity above which a name is suggested as a correction.
const ALIKE: f64 = 0.75;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_toml_is_told_by_line_and_column() {
        let said = |text: &str| parse(text, "run.toml").unwrap_err().to_string();
        assert!(said("[training").starts_with("run.toml: line 1, column 10: "));
        assert!(said("seed = 1\nseed = 2\n").starts_with("run.toml: line 2, column 1: "));
        assert!(said("a = 1\n\n  b = \n").starts_with("run.toml: line 3, column "));
        assert!(!said("[[levels]\ngrid = 3").contains('\n'));
    }

    #[test]
    fn complaints_name_the_key_and_the_nearest_name() {
        let cases = [
            (
                "unknown field `sed`, expected one of `seed`, `data`",
                "unknown key `sed`; did you mean `seed`?",
            ),
            (
                "unknown field `qqq`, expected `seed` or `data`\nin `training`\n",
                "unknown key `training.qqq`; there are seed, data",
            ),
            (
                "unknown variant `mattern`, expected one of `bessel`, `matern`\nin `prior.kind`",
                "prior.kind = `mattern`: unknown name; did you mean `matern`?",
            ),
            (
                "invalid type: string \"x\", expected usize\nin `training.steps`",
                "training.steps: invalid type: string \"x\", expected usize",
            ),
            ("training.steps = 0: at least 1\nin `training`\n", "training.steps = 0: at least 1"),
            ("missing field `length`", "missing field `length`"),
        ];
        for (complaint, line) in cases {
            assert_eq!(explain(complaint), line);
        }
    }
}
