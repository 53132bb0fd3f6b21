//! Lists of whole numbers in Zarr's metadata.

use serde_json::Value;

/// A list of integers.
pub(crate) fn list(value: &Value) -> Option<Vec<u64>> {
    value.as_array()?.iter().map(Value::as_u64).collect()
}

/// The list of integers at a key.
pub(crate) fn lengths(of: &Value, key: &str) -> Result<Vec<u64>, String> {
    of.get(key).and_then(list).ok_or_else(|| format!("its {key} is no list of lengths"))
}
