//! Metadata of a Zarr array: `.zarray` (Zarr 2) or `zarr.json` (Zarr 3), parsed and checked.
//!
//! Both versions give the same information: a shape divided into chunks, the order of axes in a
//! chunk, the number type, and bytes-to-bytes codecs. A shard is a chunk that is a file of smaller
//! chunks with a table of their offsets. Source: the Zarr storage specification, version 2, and the
//! Zarr core specification, version 3.1, with the registered codecs.

use serde_json::{Map, Value};

use crate::codec::Codec;
use crate::dtype::{Endian, SourceType};
use crate::format::npy::header;
use crate::format::zarr::chain::{Chain, Shards, unknown_codec};
use crate::format::zarr::lists::lengths;

/// Largest accepted number of axes.
const AXES_AT_MOST: usize = 32;

/// The metadata of one array.
#[derive(Debug, Clone)]
pub(crate) struct ArrayMeta {
    /// Lengths of the axes.
    pub(crate) shape: Vec<u64>,
    /// Lengths of a chunk's axes; with shards, those of a chunk in a shard.
    pub(crate) chunk: Vec<u64>,
    /// The array's axes in the order in which a chunk stores them, slowest first.
    pub(crate) order: Vec<usize>,
    pub(crate) dtype: SourceType,
    pub(crate) endian: Endian,
    /// Value of points whose chunk does not exist.
    pub(crate) fill: f64,
    /// Whether there is a fill value that xarray treats as missing.
    pub(crate) fill_is_missing: bool,
    /// Codecs from a chunk's bytes to those in the file, in the order of encoding.
    pub(crate) codecs: Vec<Codec>,
    pub(crate) keys: Keys,
    pub(crate) shards: Option<Shards>,
    /// Names of the axes, where given.
    pub(crate) dimensions: Vec<Option<String>>,
    pub(crate) attributes: Map<String, Value>,
}

/// The naming scheme of chunk files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    /// Whether names begin with `c`.
    prefixed: bool,
    separator: char,
}

impl Keys {
    /// The same scheme with nested folders, if the scheme is flat.
    pub(crate) fn nested(self) -> Option<Self> {
        (self.separator == '.').then_some(Self { separator: '/', ..self })
    }

    /// The name of the chunk (or shard) at a position of the grid.
    pub(crate) fn name(self, place: &[u64]) -> String {
        let mut words: Vec<String> = place.iter().map(u64::to_string).collect();
        if self.prefixed {
            words.insert(0, "c".into());
        } else if words.is_empty() {
            words.push("0".into());
        }
        words.join(&String::from(self.separator))
    }
}

/// Parses JSON. Python writes NaN and infinities, which JSON does not allow; they are read as null.
pub(crate) fn json(bytes: &[u8]) -> Result<Value, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let strict = serde_json::from_str(text);
    let Err(error) = strict else { return Ok(strict.expect("just seen")) };
    let mut lenient = String::with_capacity(text.len());
    for (i, part) in text.split('"').enumerate() {
        if i > 0 {
            lenient.push('"');
        }
        // only outside of strings, found by quotes without escapes; a mistake makes the parser fail
        match i % 2 {
            0 => {
                let part = part.replace("-Infinity", "null");
                lenient += &part.replace("Infinity", "null").replace("NaN", "null");
            }
            _ => lenient += part,
        }
    }
    serde_json::from_str(&lenient).map_err(|_| error.to_string())
}

impl ArrayMeta {
    /// The metadata from `.zarray` and `.zattrs`. The error says what is wrong or not supported.
    pub(crate) fn version_2(zarray: &Value, zattrs: &Value) -> Result<Self, String> {
        let descr = zarray.get("dtype").and_then(Value::as_str).ok_or("its dtype is no text")?;
        let (dtype, endian) = header::number_type(descr)?;
        let shape = lengths(zarray, "shape")?;
        let mut order: Vec<usize> = (0..shape.len()).collect();
        match zarray.get("order").and_then(Value::as_str) {
            Some("C") => {}
            Some("F") => order.reverse(),
            other => return Err(format!("order is {other:?}, not \"C\" or \"F\"")),
        }
        let separator = match zarray.get("dimension_separator") {
            None => '.',
            Some(given) => separator(given)?,
        };
        let filters = zarray.get("filters").and_then(Value::as_array);
        let compressor = zarray.get("compressor").filter(|c| !c.is_null());
        let codec = |settings: &Value| {
            let name = settings.get("id").and_then(Value::as_str).unwrap_or_default();
            Codec::named(name, settings).ok_or_else(|| unknown_codec(name))
        };
        let codecs: Result<Vec<Codec>, String> =
            filters.into_iter().flatten().chain(compressor).map(codec).collect();
        let names = zattrs.get("_ARRAY_DIMENSIONS");
        Self {
            chunk: lengths(zarray, "chunks")?,
            fill: fill(zarray.get("fill_value"), dtype)?,
            // axis names in the attributes come from xarray, which also treats the fill value as
            // missing
            fill_is_missing: names.is_some()
                && zarray.get("fill_value").is_some_and(|v| !v.is_null()),
            keys: Keys { prefixed: false, separator },
            codecs: codecs?,
            dimensions: dimensions(names),
            attributes: zattrs.as_object().cloned().unwrap_or_default(),
            shards: None,
            shape,
            order,
            dtype,
            endian,
        }
        .checked()
    }

    /// The metadata from `zarr.json`.
    pub(crate) fn version_3(meta: &Value) -> Result<Self, String> {
        let name = meta.get("data_type").and_then(Value::as_str).unwrap_or_default();
        let Some(dtype) = SourceType::named(name) else {
            let given = meta.get("data_type").map(Value::to_string).unwrap_or_default();
            return Err(format!(
                "values of type {given} are no fields; known are bool, uint8 to uint64, int8 to \
                 int64, float16, bfloat16, float32, float64"
            ));
        };
        let shape = lengths(meta, "shape")?;
        let settings = |part: &Value| part.get("configuration").cloned().unwrap_or_default();
        let named = |key: &str| {
            let part = meta.get(key).cloned().unwrap_or_default();
            let name = part.as_str().or(part.get("name").and_then(Value::as_str));
            (name.unwrap_or_default().to_string(), settings(&part))
        };
        let (grid, grid_settings) = named("chunk_grid");
        if grid != "regular" {
            return Err(format!("its chunks lie on a grid {grid:?}; only \"regular\" is read"));
        }
        let (keys, key_settings) = named("chunk_key_encoding");
        let prefixed = match keys.as_str() {
            "default" => true,
            "v2" => false,
            _ => return Err(format!("names of chunks {keys:?}; known are default, v2")),
        };
        let separator = match key_settings.get("separator") {
            None => {
                if prefixed {
                    '/'
                } else {
                    '.'
                }
            }
            Some(given) => separator(given)?,
        };
        let outer = lengths(&grid_settings, "chunk_shape")?;
        let codecs = meta.get("codecs").and_then(Value::as_array).ok_or("it has no codecs")?;
        let mut chain = Chain::read(codecs, shape.len(), dtype, true)?;
        let shards = chain.shards.take();
        let chunk = match &shards {
            None => outer.clone(),
            Some((inner, _)) => inner.clone(),
        };
        let shards = match shards {
            None => None,
            Some((inner, mut shards)) => {
                let whole = inner.len() == outer.len()
                    && inner
                        .iter()
                        .zip(&outer)
                        .all(|(i, o)| *i > 0 && *o > 0 && o.is_multiple_of(*i));
                if !whole {
                    return Err(format!(
                        "shards of {outer:?} are not cut into chunks of {inner:?}"
                    ));
                }
                shards.chunks = inner.iter().zip(&outer).map(|(i, o)| o / i).collect();
                Some(shards)
            }
        };
        let attributes = meta.get("attributes").and_then(Value::as_object).cloned();
        Self {
            fill: fill(meta.get("fill_value"), dtype)?,
            fill_is_missing: false,
            keys: Keys { prefixed, separator },
            dimensions: dimensions(meta.get("dimension_names")),
            attributes: attributes.unwrap_or_default(),
            order: chain.order,
            endian: chain.endian,
            codecs: chain.codecs,
            shape,
            chunk,
            dtype,
            shards,
        }
        .checked()
    }

    fn checked(self) -> Result<Self, String> {
        let axes = self.shape.len();
        if axes > AXES_AT_MOST {
            return Err(format!("{axes} axes; at most {AXES_AT_MOST} are read"));
        }
        if self.chunk.len() != axes || self.chunk.contains(&0) {
            return Err(format!("chunks of {:?} for a shape of {:?}", self.chunk, self.shape));
        }
        Ok(self)
    }

    /// Bytes of an unpacked chunk. It is a `u128`, because metadata may claim any size.
    pub(crate) fn chunk_bytes(&self) -> u128 {
        let points = self.chunk.iter().fold(1u128, |n, c| n.saturating_mul(u128::from(*c)));
        points.saturating_mul(self.dtype.size() as u128)
    }
}

fn separator(given: &Value) -> Result<char, String> {
    match given.as_str() {
        Some("/") => Ok('/'),
        Some(".") => Ok('.'),
        _ => Err(format!("names of chunks are separated by {given}, not \"/\" or \".\"")),
    }
}

fn dimensions(names: Option<&Value>) -> Vec<Option<String>> {
    let name = |value: &Value| value.as_str().map(String::from);
    names.and_then(Value::as_array).into_iter().flatten().map(name).collect()
}

/// The fill value: a number, a name such as NaN, or its bits.
fn fill(value: Option<&Value>, dtype: SourceType) -> Result<f64, String> {
    let wrong = |value: &Value| format!("fill_value {value} is no number of type {dtype}");
    Ok(match value {
        None | Some(Value::Null) => 0.0,
        Some(Value::Bool(on)) => f64::from(u8::from(*on)),
        Some(value @ Value::Number(number)) => number.as_f64().ok_or_else(|| wrong(value))?,
        Some(value @ Value::String(text)) => match text.as_str() {
            "NaN" => f64::NAN,
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            bits => {
                let bits = bits.strip_prefix("0x").ok_or_else(|| wrong(value))?;
                let bits = u64::from_str_radix(bits, 16).map_err(|_| wrong(value))?;
                dtype.decode_wide(&bits.to_le_bytes()[..dtype.size()], Endian::Little)[0]
            }
        },
        Some(value) => return Err(wrong(value)),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn three(codecs: Value) -> Result<ArrayMeta, String> {
        ArrayMeta::version_3(&json!({
            "shape": [4, 6, 8], "data_type": "float32", "fill_value": "0x3f800000",
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 6, 4]}},
            "chunk_key_encoding": {"name": "default"}, "codecs": codecs,
        }))
    }

    #[test]
    fn transposes_follow_one_another() {
        let order = |o: [usize; 3]| json!({"name": "transpose", "configuration": {"order": o}});
        let bytes = json!({"name": "bytes", "configuration": {"endian": "big"}});
        let meta = three(json!([order([1, 2, 0]), order([0, 2, 1]), bytes])).unwrap();
        assert_eq!((meta.order, meta.endian, meta.fill), (vec![1, 0, 2], Endian::Big, 1.0));
        assert_eq!(meta.keys.name(&[0, 2, 11]), "c/0/2/11");
        let error = three(json!([order([0, 0, 1]), bytes])).unwrap_err();
        assert!(error.contains("no order of 3 axes"), "{error}");
    }

    #[test]
    fn what_is_not_read_is_named() {
        let bytes = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let shard = |inner: Value| {
            json!({"name": "sharding_indexed", "configuration": {
                "chunk_shape": inner, "codecs": ["bytes"], "index_codecs": [{"name": "bytes"}],
            }})
        };
        for (codecs, part) in [
            (json!([bytes, {"name": "lzma"}]), "codec \"lzma\" is not read here; known are blosc"),
            (json!([{"name": "gzip"}]), "codec \"gzip\""),
            (json!([]), "into bytes"),
            (json!([{"name": "bytes"}]), "endian is None"),
            (json!([shard(json!([2, 4, 4]))]), "endian is None"),
            (json!([bytes, shard(json!([2, 6, 4]))]), "among other codecs"),
        ] {
            let error = three(codecs).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn what_python_writes_is_read() {
        let value = json(br#"{"a": NaN, "b NaN": [-Infinity, Infinity], "c": "NaN"}"#).unwrap();
        assert_eq!(value, json!({"a": null, "b NaN": [null, null], "c": "NaN"}));
        assert!(json(br#"{"a": NaNo}"#).is_err() && json(b"\xff").is_err());
    }
}
