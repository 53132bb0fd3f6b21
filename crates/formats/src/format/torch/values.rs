//! The values and names that a pickle may contain: the closed list of [`pickle`](crate::format::torch::pickle).
//!
//! Source of the names that `torch.save` uses: `torch/_utils.py` and `torch/storage.py` of PyTorch
//! 2.

use crate::dtype::SourceType;

/// Index of a value.
pub(crate) type Id = usize;

/// Number type of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    Real(SourceType),
    /// Complex: real part, then imaginary part.
    Complex(SourceType),
}

impl Numbers {
    /// Bytes of one number.
    pub(crate) fn size(self) -> usize {
        match self {
            Numbers::Real(part) => part.size(),
            Numbers::Complex(part) => 2 * part.size(),
        }
    }
}

/// The bytes behind one or more tensors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Storage {
    /// Name of its file in the archive.
    pub(crate) key: String,
    /// Its number type; none if the tensor gives it.
    pub(crate) numbers: Option<Numbers>,
}

/// A view of a storage: offset, lengths and strides, counted in numbers instead of bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) storage: Storage,
    pub(crate) numbers: Numbers,
    pub(crate) offset: u64,
    pub(crate) shape: Vec<u64>,
    pub(crate) strides: Vec<u64>,
}

/// A value of the machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// A value that is no tensor and holds none.
    Other,
    Int(i64),
    Text(String),
    List(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    Function(Function),
    Type(Option<Numbers>),
    Storage(Storage),
    Tensor(View),
}

/// A function that may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    OrderedDict,
    Tensor,
    /// A tensor whose number type is the last argument.
    TypedTensor,
    Parameter,
    Size,
    /// A device, which is ignored.
    Device,
}

impl Value {
    /// The function in words, for messages.
    pub(crate) fn described(&self) -> &'static str {
        match self {
            Value::Other => "something else",
            Value::Int(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Dict(_) => "a dictionary",
            Value::Function(_) => "a function",
            Value::Type(_) => "a type",
            Value::Storage(_) => "a storage",
            Value::Tensor(_) => "a tensor",
        }
    }
}

/// The value of a global name, if state dicts need it.
pub(crate) fn global(module: &str, name: &str) -> Result<Value, String> {
    let function = match (module, name) {
        ("collections", "OrderedDict") => Some(Function::OrderedDict),
        ("torch._utils", "_rebuild_tensor_v2") => Some(Function::Tensor),
        ("torch._utils", "_rebuild_tensor_v3") => Some(Function::TypedTensor),
        ("torch._utils", "_rebuild_parameter") => Some(Function::Parameter),
        ("torch", "Size") => Some(Function::Size),
        ("torch", "device") => Some(Function::Device),
        _ => None,
    };
    let numbers = match (module, name) {
        ("torch.storage", "UntypedStorage") => Some(None),
        ("torch", name) => numbers(name).map(Some),
        _ => None,
    };
    match (function, numbers) {
        (Some(function), _) => Ok(Value::Function(function)),
        (None, Some(numbers)) => Ok(Value::Type(numbers)),
        (None, None) => {
            let shown: String = format!("{module}.{name}").chars().take(80).collect();
            Err(format!(
                "it names {shown}, which is not run: only tensors in dictionaries are read; save \
                 model.state_dict()"
            ))
        }
    }
}

/// The number type for the name of a PyTorch storage or dtype.
fn numbers(name: &str) -> Option<Numbers> {
    use SourceType::{Bf16, Bool, F16, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
    Some(match name {
        "ComplexFloatStorage" | "complex64" => Numbers::Complex(F32),
        "ComplexDoubleStorage" | "complex128" => Numbers::Complex(F64),
        _ => Numbers::Real(match name {
            "DoubleStorage" | "float64" => F64,
            "FloatStorage" | "float32" => F32,
            "HalfStorage" | "float16" => F16,
            "BFloat16Storage" | "bfloat16" => Bf16,
            "LongStorage" | "int64" => I64,
            "IntStorage" | "int32" => I32,
            "ShortStorage" | "int16" => I16,
            "CharStorage" | "int8" => I8,
            "ByteStorage" | "uint8" => U8,
            "BoolStorage" | "bool" => Bool,
            "uint16" => U16,
            "uint32" => U32,
            "uint64" => U64,
            _ => return None,
        }),
    })
}
