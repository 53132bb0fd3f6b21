//! Pickles that are read, and pickles that are refused.

use super::*;
use crate::dtype::SourceType;

#[test]
fn a_tensor_in_a_dictionary_is_found() {
    let program = b"\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storage\
                    ctorch\nHalfStorage\nX\x01\0\0\x007X\x03\0\0\0cpuK\x06tQK\x01K\x02K\x02\x86\
                    K\x01K\x02\x86\x89ccollections\nOrderedDict\n)RtRs.";
    let (values, root) = run(program).unwrap();
    let Value::Dict(items) = &values[root] else { panic!("{:?}", values[root]) };
    let [(key, value)] = items[..] else { panic!("{items:?}") };
    assert_eq!(values[key], Value::Text("w".into()));
    let numbers = Numbers::Real(SourceType::F16);
    let storage = Storage { key: "7".into(), numbers: Some(numbers) };
    let (shape, strides) = (vec![2, 2], vec![1, 2]);
    assert_eq!(values[value], Value::Tensor(View { storage, numbers, offset: 1, shape, strides }));
}

#[test]
fn nothing_is_run() {
    for (program, part) in [
        (&b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R."[..], "at byte 2: it names os.system"),
        (b"\x80\x02c__builtin__\neval\n.", "__builtin__.eval"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "posix.system"),
        (b"\x80\x02]\x81.", "opcode 0x81"),
        (b"\x80\x02X\xff\xff\xff\xffab", "cut short"),
        (b"\x80\x02X\x02\0\0\0\xff\xfe.", "no UTF-8"),
        (b"\x80\x02h\x07.", "nothing remembered as 7"),
        (b"\x80\x02.", "nothing on the stack"),
        (b"\x80\x02(.", "nothing on the stack"),
        (b"\x80\x02e.", "no mark"),
        (b"\x80\x02K\x01(K\x02e.", "appended to a number"),
        (b"\x80\x02}(K\x02u.", "1 items set in a dictionary"),
        (b"\x80\x02K\x01)R.", "a call of a number"),
        (b"\x80\x02ctorch\nSize\n)R.", "Size of 0 arguments"),
        (b"\x80\x02X\x01\0\0\0aQ.", "a tuple is needed"),
        (b"\x80\x02)Q.", "no storage"),
        (b"\x80\x09", "protocol 9"),
        (b"cos", "a line without end"),
    ] {
        let error = run(program).unwrap_err();
        assert!(error.contains(part), "{part} in {error}");
    }
}
