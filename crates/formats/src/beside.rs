//! What lies beside fields: labels, attributes, arrays of numbers, the arrays of a network.

pub(crate) mod attributes;
pub(crate) mod labels;
pub(crate) mod numbers;
pub(crate) mod state_dict;
