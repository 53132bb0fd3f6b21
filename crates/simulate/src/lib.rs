//! Small spectral solvers that make data.
