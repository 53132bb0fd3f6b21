//! Reads the tensors of a state dict from a Python pickle without running any code.
//!
//! A pickle is a program for a stack machine, whose `REDUCE` calls any function that the pickle
//! names. This machine accepts a closed list of names: those that `torch.save` writes for
//! dictionaries of tensors. It refuses other functions and other opcodes, naming them. Memory is
//! bounded by the length of the pickle: values live in one list and refer to each other by index,
//! so sharing and cycles take no memory.
//!
//! This file is long: it holds the whole machine and its tests. Source: Python's `pickletools`,
//! protocols 2 to 5; `torch/_utils.py`.

use std::collections::HashMap;

use crate::format::torch::values::{Function, Id, Numbers, Storage, Value, View, global};

/// Runs the machine. Returns all values and the index of the result.
pub(crate) fn run(bytes: &[u8]) -> Result<(Vec<Value>, Id), String> {
    let mut machine = Machine { bytes, ..Machine::default() };
    loop {
        let at = machine.at;
        match machine.step() {
            Ok(None) => {}
            Ok(Some(result)) => return Ok((machine.values, result)),
            Err(what) => return Err(format!("at byte {at}: {what}")),
        }
    }
}

#[derive(Default)]
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    values: Vec<Value>,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u64, Id>,
}

impl<'a> Machine<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or("cut short")?;
        let part = &self.bytes[self.at..end];
        self.at = end;
        Ok(part)
    }

    /// An unsigned little-endian number of `count` bytes.
    fn number(&mut self, count: usize) -> Result<u64, String> {
        Ok(self.take(count)?.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    fn length(&mut self, count: usize) -> Result<usize, String> {
        usize::try_from(self.number(count)?).map_err(|_| "a length beyond memory".into())
    }

    fn text(&mut self, count: usize) -> Result<&'a str, String> {
        std::str::from_utf8(self.take(count)?).map_err(|_| "text that is no UTF-8".into())
    }

    fn line(&mut self) -> Result<&'a str, String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n').ok_or("a line without end")?;
        let line = self.text(end)?;
        self.at += 1;
        Ok(line)
    }

    fn push(&mut self, value: Value) {
        self.stack.push(self.values.len());
        self.values.push(value);
    }

    fn pop(&mut self) -> Result<Id, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        if self.stack.len() <= floor {
            return Err("nothing on the stack".into());
        }
        Ok(self.stack.pop().expect("just counted"))
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "nothing on the stack".into())
    }

    fn since_mark(&mut self) -> Result<Vec<Id>, String> {
        let mark = self.marks.pop().ok_or("no mark on the stack")?;
        Ok(self.stack.split_off(mark))
    }

    fn list(&mut self, count: usize) -> Result<(), String> {
        let mut items = Vec::with_capacity(count);
        for _ in 0..count {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::List(items));
        Ok(())
    }

    fn remember(&mut self, key: u64) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, key: u64) -> Result<(), String> {
        let id = self.memo.get(&key).ok_or_else(|| format!("nothing remembered as {key}"))?;
        self.stack.push(*id);
        Ok(())
    }

    fn set(&mut self, items: Vec<Id>) -> Result<(), String> {
        let top = self.top()?;
        let (pairs, rest) = items.as_chunks();
        match &mut self.values[top] {
            Value::Dict(dict) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|[key, value]| (*key, *value)));
                Ok(())
            }
            other => Err(format!("{} items set in {}", items.len(), other.described())),
        }
    }

    fn append(&mut self, items: Vec<Id>) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.values[top] {
            Value::List(list) => {
                list.extend(items);
                Ok(())
            }
            other => Err(format!("something appended to {}", other.described())),
        }
    }

    /// Executes one opcode. Returns the result at the end.
    fn step(&mut self) -> Result<Option<Id>, String> {
        match self.take(1)?[0] {
            // PROTO, FRAME
            0x80 => match self.number(1)? {
                2..=5 => {}
                other => return Err(format!("protocol {other}; 2 to 5 are read")),
            },
            0x95 => drop(self.number(8)?),
            b'.' => {
                let result = self.pop()?;
                return Ok(Some(result));
            }
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            // NONE, NEWTRUE, NEWFALSE, EMPTY_SET, BINFLOAT
            b'N' | 0x88 | 0x89 | 0x8f => self.push(Value::Other),
            b'G' => {
                self.take(8)?;
                self.push(Value::Other);
            }
            b'K' => self.integer(1)?,
            b'M' => self.integer(2)?,
            b'J' => {
                let n = self.number(4)? as u32 as i32;
                self.push(Value::Int(n.into()));
            }
            // LONG1: any length, two's complement; integers of more than 8 bytes are not needed
            0x8a => {
                let count = self.length(1)?;
                let bytes = self.take(count)?;
                let fill = if bytes.last().is_some_and(|b| b & 0x80 != 0) { -1 } else { 0 };
                let n = bytes.iter().rev().fold(fill, |n: i64, b| n << 8 | i64::from(*b));
                self.push(if count <= 8 { Value::Int(n) } else { Value::Other });
            }
            // BINUNICODE and its shorter and longer form
            b'X' => self.string(4)?,
            0x8c => self.string(1)?,
            0x8d => self.string(8)?,
            // BINBYTES and its forms
            b'B' => self.binary(4)?,
            b'C' => self.binary(1)?,
            0x8e => self.binary(8)?,
            b']' | b')' => self.push(Value::List(Vec::new())),
            b'}' => self.push(Value::Dict(Vec::new())),
            b't' | b'l' => {
                let items = self.since_mark()?;
                self.push(Value::List(items));
            }
            b'd' => {
                let items = self.since_mark()?;
                self.push(Value::Dict(Vec::new()));
                self.set(items)?;
            }
            0x85 => self.list(1)?,
            0x86 => self.list(2)?,
            0x87 => self.list(3)?,
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.since_mark()?;
                self.set(items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.since_mark()?;
                self.append(items)?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => {
                let key = self.number(1)?;
                self.remember(key)?;
            }
            b'r' => {
                let key = self.number(4)?;
                self.remember(key)?;
            }
            0x94 => self.remember(self.memo.len() as u64)?,
            b'h' => {
                let key = self.number(1)?;
                self.recall(key)?;
            }
            b'j' => {
                let key = self.number(4)?;
                self.recall(key)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(global(module, name)?);
            }
            // STACK_GLOBAL
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) =
                    (&self.values[module], &self.values[name])
                else {
                    return Err("a name that is no text".into());
                };
                let value = global(module, name)?;
                self.push(value);
            }
            b'Q' => {
                let id = self.pop()?;
                let storage = self.storage(id)?;
                self.push(Value::Storage(storage));
            }
            b'R' => {
                let (arguments, function) = (self.pop()?, self.pop()?);
                let made = self.call(function, arguments)?;
                self.stack.push(made);
            }
            // BUILD: the state beside the items of a dictionary, which contains no tensors
            b'b' => {
                self.pop()?;
                let top = self.top()?;
                match &self.values[top] {
                    Value::Dict(_) => {}
                    other => return Err(format!("a state given to {}", other.described())),
                }
            }
            other => {
                return Err(format!(
                    "opcode {other:#04x}, which no state dict needs; save model.state_dict()"
                ));
            }
        }
        Ok(None)
    }

    fn integer(&mut self, count: usize) -> Result<(), String> {
        let n = self.number(count)?;
        self.push(Value::Int(n as i64));
        Ok(())
    }

    fn string(&mut self, count: usize) -> Result<(), String> {
        let length = self.length(count)?;
        let text = self.text(length)?;
        self.push(Value::Text(text.into()));
        Ok(())
    }

    fn binary(&mut self, count: usize) -> Result<(), String> {
        let length = self.length(count)?;
        self.take(length)?;
        self.push(Value::Other);
        Ok(())
    }

    fn items(&self, id: Id) -> Result<&[Id], String> {
        match &self.values[id] {
            Value::List(items) => Ok(items),
            other => Err(format!("a tuple is needed, not {}", other.described())),
        }
    }

    /// A storage: `("storage", type, key, location, length)`.
    fn storage(&self, id: Id) -> Result<Storage, String> {
        let values: Vec<&Value> = self.items(id)?.iter().map(|i| &self.values[*i]).collect();
        match values[..] {
            [Value::Text(tag), Value::Type(numbers), Value::Text(key), _, Value::Int(_)]
                if tag == "storage" =>
            {
                Ok(Storage { key: key.clone(), numbers: *numbers })
            }
            _ => Err("a reference that is no storage".into()),
        }
    }

    fn lengths(&self, id: Id) -> Result<Vec<u64>, String> {
        let length = |i: &Id| match self.values[*i] {
            Value::Int(n) => u64::try_from(n).map_err(|_| format!("a length of {n}")),
            ref other => Err(format!("a length is needed, not {}", other.described())),
        };
        self.items(id)?.iter().map(length).collect()
    }

    fn call(&mut self, function: Id, arguments: Id) -> Result<Id, String> {
        let Value::Function(function) = self.values[function] else {
            return Err(format!("a call of {}", self.values[function].described()));
        };
        let given = self.items(arguments)?;
        let value = match (function, given) {
            (Function::OrderedDict, []) => Value::Dict(Vec::new()),
            (Function::OrderedDict, [pairs]) => {
                let pair = |id: &Id| match self.items(*id)? {
                    [key, value] => Ok((*key, *value)),
                    other => Err(format!("a pair of {} items", other.len())),
                };
                Value::Dict(self.items(*pairs)?.iter().map(pair).collect::<Result<_, String>>()?)
            }
            (Function::Size, [lengths]) => Value::List(self.items(*lengths)?.to_vec()),
            (Function::Device, _) => Value::Other,
            (Function::Parameter, [tensor, ..]) => return Ok(*tensor),
            (Function::Tensor, [storage, offset, shape, strides, ..]) => {
                self.tensor([*storage, *offset, *shape, *strides], None)?
            }
            (Function::TypedTensor, [storage, offset, shape, strides, _, _, numbers, ..]) => {
                let Value::Type(Some(numbers)) = self.values[*numbers] else {
                    return Err("a tensor without a type of numbers".into());
                };
                self.tensor([*storage, *offset, *shape, *strides], Some(numbers))?
            }
            (other, given) => return Err(format!("{other:?} of {} arguments", given.len())),
        };
        self.values.push(value);
        Ok(self.values.len() - 1)
    }

    fn tensor(&self, parts: [Id; 4], numbers: Option<Numbers>) -> Result<Value, String> {
        let [storage, offset, shape, strides] = parts;
        let Value::Storage(storage) = &self.values[storage] else {
            return Err("a tensor without storage".into());
        };
        let Value::Int(offset) = self.values[offset] else {
            return Err("a tensor without offset".into());
        };
        let offset = u64::try_from(offset).map_err(|_| format!("an offset of {offset}"))?;
        let (shape, strides) = (self.lengths(shape)?, self.lengths(strides)?);
        if shape.len() != strides.len() {
            return Err(format!("shape {shape:?} with strides {strides:?}"));
        }
        let numbers = numbers.or(storage.numbers).ok_or("a tensor without a type of numbers")?;
        Ok(Value::Tensor(View { storage: storage.clone(), numbers, offset, shape, strides }))
    }
}

#[cfg(test)]
mod tests;
