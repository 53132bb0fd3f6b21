//! Tables of measurements: a CSV file with a header, or an array with the same columns.

use std::path::Path;

use karhunen_formats::{ReadOptions, read_arrays};

use super::{ObserveError, Remedy, refused};
use crate::Error;

/// Named columns of numbers, and the line number of each row in the file.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(String, Vec<f64>)>,
    /// Line of each row; empty for arrays.
    pub lines: Vec<usize>,
}

impl Table {
    /// Reads a table whose columns are among `known`. The columns `needed` are required. The
    /// columns of an array are the needed ones in order, then the others of `known` as far as they
    /// go.
    pub fn read(path: &Path, needed: &[&str], known: &[&str]) -> Result<Self, Error> {
        let array = path.to_string_lossy();
        let is_array = [".npy", ".npz"].iter().any(|end| array.contains(end));
        if is_array { Self::array(path, needed, known) } else { Self::text(path, needed, known) }
    }

    /// A column; none if the table lacks it.
    pub fn column(&self, name: &str) -> Option<&[f64]> {
        self.columns.iter().find(|(n, _)| n == name).map(|(_, values)| &values[..])
    }

    fn text(path: &Path, needed: &[&str], known: &[&str]) -> Result<Self, Error> {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|source| ObserveError::Read { path: path.into(), source })?;
        let columns = || Remedy::Columns { needed: needed.join(","), known: known.join(", ") };
        // the byte order mark that spreadsheets write
        let text = text.trim_start_matches('\u{feff}');
        let mut rows = text.lines().enumerate().map(|(i, line)| (i + 1, line.trim()));
        let mut rows = rows.by_ref().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let Some((_, header)) = rows.next() else {
            return refused(format!("{shown}: an empty table"), columns());
        };
        let names: Vec<&str> = header.split(',').map(str::trim).collect();
        if let Some(odd) = names.iter().find(|n| !needed.contains(n) && !known.contains(n)) {
            let message = format!("{shown}: line 1: no column is called {odd:?} here");
            return refused(message, columns());
        }
        if let Some(twice) = names.iter().enumerate().find(|(i, n)| names[..*i].contains(n)) {
            let message = format!("{shown}: line 1: two columns are called {:?}", twice.1);
            return refused(message, columns());
        }
        if let Some(missing) = needed.iter().find(|n| !names.contains(n)) {
            let message = format!("{shown}: line 1: no column {missing}");
            return refused(message, columns());
        }
        let mut table = Self {
            columns: names.iter().map(|n| (n.to_string(), Vec::new())).collect(),
            lines: Vec::new(),
        };
        for (line, row) in rows {
            let cells: Vec<&str> = row.split(',').map(str::trim).collect();
            if cells.len() != names.len() {
                let message = format!(
                    "{shown}: line {line}: {} cells for {} columns",
                    cells.len(),
                    names.len()
                );
                return refused(message, Remedy::Cells);
            }
            for ((name, values), cell) in table.columns.iter_mut().zip(cells) {
                let Ok(value) = cell.parse() else {
                    let message =
                        format!("{shown}: line {line}: {cell:?} in column {name} is no number");
                    return refused(message, Remedy::Numbers);
                };
                values.push(value);
            }
            table.lines.push(line);
        }
        match table.lines.is_empty() {
            true => refused(format!("{shown}: a header and no row"), columns()),
            false => Ok(table),
        }
    }

    fn array(path: &Path, needed: &[&str], known: &[&str]) -> Result<Self, Error> {
        let arrays = read_arrays(path, &ReadOptions::default())?;
        let [array] = &arrays[..] else {
            let message = format!("{}: {} arrays", path.display(), arrays.len());
            return refused(message, Remedy::NameOne("run.npz:wells"));
        };
        let order: Vec<&str> = needed.iter().chain(known).copied().collect();
        match array.shape[..] {
            [rows, columns] if (needed.len()..=order.len()).contains(&columns) && rows > 0 => {
                let column = |j: usize| {
                    (
                        order[j].to_string(),
                        array.values.iter().skip(j).step_by(columns).copied().collect(),
                    )
                };
                Ok(Self { columns: (0..columns).map(column).collect(), lines: Vec::new() })
            }
            _ => {
                let message = format!("{}: an array of shape {:?}", path.display(), array.shape);
                refused(message, Remedy::Rows(order.join(", ")))
            }
        }
    }
}
