//! Attributes: a few numbers a field (a porosity, a depth), in a table beside the fields.
//!
//! Not here: what a model makes of them.

use std::collections::HashMap;
use std::path::Path;

use crate::FormatError;
use crate::container::plain::existing;

/// Most attributes of one table.
pub const MOST_ATTRIBUTES: usize = 64;
/// Heads of a column of names.
const NAMES: [&str; 4] = ["name", "file", "field", "path"];

/// A table of attributes.
#[derive(Debug, Clone, PartialEq)]
pub struct Attributes {
    /// Their names.
    pub names: Vec<String>,
    /// `[field][attribute]`.
    pub rows: Vec<Vec<f64>>,
}

/// The attributes of fields, from a table (CSV) with a line of names first.
///
/// Columns are separated by commas, tabs or semicolons. Every further line has the numbers of one field, in
/// the order of the fields. A first column headed `name`, `file`, `field` or `path` names the field instead,
/// with or without the folders before it; the order of the lines does not matter then.
///
/// # Errors
/// [`FormatError::Read`]; [`FormatError::Table`] with the line for a table without names, a name given
/// twice, a line of another length, a value that is no finite number, a field that has no line or two, or
/// another number of lines than fields.
///
/// # Example
/// ```
/// let path = std::env::temp_dir().join(format!("attributes-{}.csv", std::process::id()));
/// std::fs::write(&path, "name,porosity\nb.png,0.3\na.png,0.1\n")?;
/// let table = karhunen_formats::read_attributes(&path, &[Some("a.png"), Some("b.png")])?;
/// assert_eq!((table.names, table.rows), (vec!["porosity".to_string()], vec![vec![0.1], vec![0.3]]));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_attributes(
    path: impl AsRef<Path>,
    fields: &[Option<&str>],
) -> Result<Attributes, FormatError> {
    let path = path.as_ref();
    existing(path)?;
    let text = std::fs::read_to_string(path)
        .map_err(|source| FormatError::Read { path: path.into(), source })?;
    let wrong = |line: usize, what: String| Err(bad(path, format!("line {line}: {what}")));
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(index, line)| (index + 1, line))
        .filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let Some((first, head)) = lines.next() else {
        return Err(bad(path, "is empty; a line of names and one a field are meant".into()));
    };
    let mut names = cells(head);
    if names.iter().any(|name| name.is_empty() || name.parse::<f64>().is_ok()) {
        return wrong(first, "the names of the columns are meant, such as name,porosity".into());
    }
    let named = NAMES.contains(&names[0].to_ascii_lowercase().as_str());
    if named {
        names.remove(0);
    }
    if names.is_empty() || names.len() > MOST_ATTRIBUTES {
        return wrong(first, format!("{} attributes; from 1 to {MOST_ATTRIBUTES}", names.len()));
    }
    if let Some(twice) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        return wrong(first, format!("two columns are called {}", twice.1));
    }
    let (mut rows, mut places) = (Vec::new(), HashMap::new());
    for (line, text) in lines {
        let mut own = cells(text);
        let expected = names.len() + usize::from(named);
        if own.len() != expected {
            return wrong(line, format!("{} columns, the names are {expected}", own.len()));
        }
        if named {
            let field = own.remove(0);
            let field = field.rsplit(['/', '\\']).next().unwrap_or_default().to_string();
            if places.insert(field.clone(), rows.len()).is_some() {
                return wrong(line, format!("{field} has a line before"));
            }
        }
        let mut row = Vec::with_capacity(own.len());
        for (value, name) in own.iter().zip(&names) {
            match value.parse::<f64>() {
                Ok(number) if (number as f32).is_finite() => row.push(number),
                _ => return wrong(line, format!("{name} = {value:?}: a finite number is meant")),
            }
        }
        rows.push(row);
    }
    if !named {
        if rows.len() != fields.len() {
            let what = format!("has {} lines of numbers for {} fields", rows.len(), fields.len());
            return Err(bad(path, what));
        }
        return Ok(Attributes { names, rows });
    }
    let found = fields.iter().enumerate().map(|(index, field)| match field {
        None => {
            let what = format!("field {index} has no name to be found by; leave the names out");
            Err(bad(path, what))
        }
        Some(field) => match places.get(*field) {
            Some(place) => Ok(rows[*place].clone()),
            None => Err(bad(path, format!("no line for {field}"))),
        },
    });
    let rows = found.collect::<Result<_, FormatError>>()?;
    Ok(Attributes { names, rows })
}

fn cells(line: &str) -> Vec<String> {
    line.split([',', '\t', ';']).map(|cell| cell.trim().trim_matches('"').to_string()).collect()
}

fn bad(path: &Path, what: String) -> FormatError {
    FormatError::Table { path: path.into(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, fields: &[Option<&str>]) -> Result<Attributes, String> {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default().replace("::", "-");
        let path = std::env::temp_dir().join(format!("{name}-{}.csv", std::process::id()));
        std::fs::write(&path, text).unwrap();
        let found = read_attributes(&path, fields).map_err(|e| e.to_string());
        std::fs::remove_file(&path).unwrap();
        found
    }

    #[test]
    fn lines_are_found_by_order_or_by_name() {
        let by_order =
            read("porosity;depth\n0.1;3\n# a note\n\n0.2;-4e1\n", &[None, None]).unwrap();
        assert_eq!(by_order.names, ["porosity", "depth"]);
        assert_eq!(by_order.rows, [[0.1, 3.0], [0.2, -40.0]]);
        let text = "File\tporosity\nscan/b.png\t0.2\na.png\t0.1\nc.png\t9\n";
        let by_name = read(text, &[Some("a.png"), Some("b.png")]).unwrap();
        assert_eq!(by_name.rows, [[0.1], [0.2]]);
    }

    #[test]
    fn what_is_no_table_is_refused_with_its_line() {
        let said = |text: &str| read(text, &[Some("a"), Some("b")]).unwrap_err();
        assert!(said("").contains("is empty"));
        assert!(said("0.1\n0.2\n").contains("line 1: the names"));
        assert!(said("x,x\n1,2\n3,4\n").contains("line 1: two columns are called x"));
        assert!(said("x\n1\n2,3\n").contains("line 3: 2 columns, the names are 1"));
        assert!(said("x\n1\nnan\n").contains("line 3: x = \"nan\""));
        assert!(said("x\n1\n1e39\n").contains("finite"));
        assert!(said("x\n1\n").contains("1 lines of numbers for 2 fields"));
        assert!(said("name,x\na,1\na,2\n").contains("line 3: a has a line before"));
        assert!(said("name,x\na,1\n").contains("no line for b"));
        assert!(read("name,x\na,1\n", &[None]).unwrap_err().contains("field 0 has no name"));
    }
}
