//! What the points and values of fields are, as far as a file says.

/// Physical meaning of points and values, as far as a file says.
///
/// Nothing is computed with it here: it travels from reader to writer, through patches and
/// selections.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Units {
    /// Distance of neighbouring points along each axis, slowest axis first, in units of `length`.
    pub spacing: Option<Vec<f64>>,
    /// Unit of `spacing`, as the file writes it (`um`, `m`, `degrees_north`).
    pub length: Option<String>,
    /// Unit of the values.
    pub value: Option<String>,
}

impl Units {
    /// The same for the last `dim` axes.
    pub(crate) fn last(mut self, dim: usize) -> Self {
        self.spacing = self.spacing.and_then(|h| Some(h[h.len().checked_sub(dim)?..].to_vec()));
        self
    }
}

/// Whether fields that follow each other are neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Series {
    /// They are numbered one after the other, as slices of a stack and pictures of a film are.
    Stack,
    /// Nothing puts them in a row: pictures without numbers.
    Apart,
    /// The file does not say: the first axis of an array.
    #[default]
    Unknown,
}
