//! What a pickle may hold and name: the closed list behind [`pickle`](crate::pickle).
//!
//! Source: `torch/_utils.py` and `torch/storage.py` of PyTorch 2, for what `torch.save` names.

use crate::dtype::SourceType;

/// Number of a value.
pub(crate) type Id = usize;

/// Numbers of a tensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    Real(SourceType),
    /// Real and imaginary part, one after the other.
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

/// Bytes that tensors are views of.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Storage {
    /// The file it is in.
    pub(crate) key: String,
    /// Its numbers; where it has none, those of the tensor.
    pub(crate) numbers: Option<Numbers>,
}

/// A view of a storage: offset, lengths and strides in numbers, not bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct View {
    pub(crate) storage: Storage,
    pub(crate) numbers: Numbers,
    pub(crate) offset: u64,
    pub(crate) shape: Vec<u64>,
    pub(crate) strides: Vec<u64>,
}

/// What a pickle makes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Something that is no tensor and holds none.
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

/// What may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Function {
    OrderedDict,
    Tensor,
    /// With the type of its numbers as the last argument.
    TypedTensor,
    Parameter,
    Size,
    /// A place to compute, which does not matter.
    Device,
}

impl Value {
    /// In words, for messages.
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

/// What a name stands for, if state dicts need it.
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

/// The numbers of a type of PyTorch's, by the name of a storage or of a dtype.
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
