//! State dicts written by PyTorch and safetensors, and files that only resemble them.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use karhunen_formats::{
    ArrayValues, FormatError, NamedArray, ReadOptions, StoredFields, read, read_state_dict,
};
use zip::write::SimpleFileOptions;

use crate::{data, file, folder};

const SMALL: ReadOptions = ReadOptions { limit_bytes: 1 << 16, ..ReadOptions::DEFAULT };

fn place(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

fn arrays(path: &Path) -> BTreeMap<String, NamedArray> {
    let arrays = read_state_dict(path, &SMALL).unwrap();
    arrays.into_iter().map(|array| (array.name.clone(), array)).collect()
}

fn assert_real(array: &NamedArray, shape: &[usize], values: &[f32]) {
    assert_eq!(
        (&array.shape[..], &array.values),
        (shape, &ArrayValues::Real(values.into())),
        "{}",
        array.name
    );
}

/// The array n = [[0, ¼, ½], [¾, 1, 1¼]] of golden/formats.py.
const N: [f32; 6] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.25];

#[test]
fn every_kind_of_tensor_has_its_values() {
    for name in ["state.pt", "state.safetensors"] {
        let all = arrays(&place(name));
        for real in ["plain", "half", "brain", "double"] {
            assert_real(&all[real], &[2, 3], &N);
        }
        assert_real(&all["count"], &[], &[7.0]);
        assert_real(&all["flags"], &[2, 3], &[0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
        assert_real(&all["empty"], &[0, 3], &[]);
        let parts: Vec<[f32; 2]> = N.iter().map(|v| [*v, -*v]).collect();
        assert_eq!(all["spectrum"].values, ArrayValues::Complex(parts));
        assert_eq!(all.len(), if name == "state.pt" { 18 } else { 8 }, "{:?}", all.keys());
    }
    let all = arrays(&place("state.pt"));
    assert_real(&all["turned"], &[3, 2], &[0.0, 0.75, 0.25, 1.0, 0.5, 1.25]);
    assert_real(&all["every_other"], &[2, 2], &[0.0, 0.5, 0.75, 1.25]);
    assert_real(&all["repeated"], &[4, 3], &[N[0], N[1], N[2]].repeat(4));
    for same in ["shared", "parameter", "list.0"] {
        assert_real(&all[same], &[2, 3], &N);
    }
    assert_real(&all["list.1.0"], &[2, 3], &N.map(|v| v + 1.0));
    assert_real(&all["unsigned"], &[2, 3], &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    assert_eq!(all["model.weight"].shape, [2, 1]);
    assert_eq!(all["model.bias"].shape, [2]);
}

#[test]
fn tensors_that_repeat_values_are_fields() {
    let address = format!("{}:repeated", place("state.pt").display());
    let fields = read(&address, &SMALL).unwrap();
    assert_eq!((fields.count(), &fields.points[..]), (4, &[3][..]));
    assert_eq!(fields.values, [N[0], N[1], N[2]].repeat(4));
    let complex = read(format!("{}:spectrum", place("state.pt").display()), &SMALL).unwrap_err();
    assert!(complex.to_string().contains("complex numbers are no fields"), "{complex}");
}

#[test]
fn what_is_no_dictionary_of_tensors_is_refused_by_name() {
    for (name, part) in [
        ("refused/old.pt", "PyTorch before 1.6"),
        ("refused/module.pt", "it names torch.nn.modules.linear.Linear, which is not run"),
        ("one.npz", "no state dict"),
        ("u8.tif", "no state dict"),
    ] {
        let error = read_state_dict(place(name), &SMALL).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(name), "{error}");
    }
    for name in ["refused/old.pt", "refused/module.pt"] {
        assert!(matches!(read(place(name), &SMALL), Err(FormatError::Unsupported { .. })));
        assert!(matches!(
            StoredFields::open(place(name), &SMALL),
            Err(FormatError::Unsupported { .. })
        ));
    }
}

/// A PyTorch archive with the given pickle and one storage of four floats.
fn torch(pickle: &[u8]) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    let values: Vec<u8> = [1.0f32, 2.0, 3.0, 4.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    for (name, content) in [("m/data.pkl", pickle), ("m/data/0", &values)] {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    bytes.into_inner()
}

/// The pickle of a tensor of one axis; offset, length and stride have at most four bytes each.
fn tensor([offset, length, stride]: [i32; 3]) -> Vec<u8> {
    let mut program =
        b"ctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n\
                        X\x01\0\0\x000X\x03\0\0\0cpuK\x04tQ"
            .to_vec();
    for (n, after) in [(offset, &b""[..]), (length, b"\x85"), (stride, b"\x85")] {
        program.push(b'J');
        program.extend(n.to_le_bytes());
        program.extend(after);
    }
    program.extend(b"\x89NtR");
    program
}

fn dictionary(value: &[u8]) -> Vec<u8> {
    [b"\x80\x02}X\x01\0\0\0w", value, b"s."].concat()
}

fn refusal(pickle: &[u8]) -> FormatError {
    let folder = folder();
    read_state_dict(file(&folder, "m.pt", &torch(pickle)), &SMALL).unwrap_err()
}

#[test]
fn tensors_lie_within_their_storage() {
    let folder = folder();
    let good = file(&folder, "m.pt", &torch(&dictionary(&tensor([1, 2, 2]))));
    assert_real(&arrays(&good)["w"], &[2], &[2.0, 4.0]);
    for beyond in [[1, 2, 3], [4, 1, 1], [i32::MAX, 1, 1], [0, i32::MAX, i32::MAX]] {
        let error = refusal(&dictionary(&tensor(beyond)));
        let is_limit = matches!(error, FormatError::Truncated { .. });
        assert!(is_limit, "{beyond:?}: {error}");
    }
    for (wrong, part) in [([-1, 1, 1], "an offset of -1"), ([0, -1, 1], "a length of -1")] {
        let text = refusal(&dictionary(&tensor(wrong))).to_string();
        assert!(text.contains("m/data.pkl: at byte") && text.contains(part), "{text}");
    }
    // the same number two thousand million times
    let error = refusal(&dictionary(&tensor([0, i32::MAX, 0])));
    assert!(matches!(error, FormatError::TooLarge { .. }), "{error}");
}

#[test]
fn dictionaries_in_circles_end() {
    // a dictionary that contains itself
    let circle = refusal(b"\x80\x02}q\x00X\x01\0\0\0ah\x00s.");
    assert!(circle.to_string().contains("64 dictionaries within one another"), "{circle}");
    // forty dictionaries, each containing the previous one twice
    let mut program = b"\x80\x02}q\x00".to_vec();
    for level in 0..40 {
        program.extend([
            b'}',
            b'(',
            b'K',
            1,
            b'h',
            level,
            b'K',
            2,
            b'h',
            level,
            b'u',
            b'q',
            level + 1,
        ]);
    }
    program.push(b'.');
    let doubled = refusal(&program);
    assert!(doubled.to_string().contains("1048576 values"), "{doubled}");
}

#[test]
fn headers_of_safetensors_are_held_against_the_file() {
    let made = |header: &str, values: &[u8]| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        bytes.extend(values);
        bytes
    };
    let of = |bytes: &[u8]| {
        let folder = folder();
        read_state_dict(file(&folder, "m", bytes), &SMALL)
    };
    let entry = |dtype: &str, shape: &str, places: &str| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{places}}}}}"#)
    };
    let good = made(&entry("U8", "[2]", "[1,3]"), &[9, 1, 2]);
    assert_real(&of(&good).unwrap()[0], &[2], &[1.0, 2.0]);
    for (header, part) in [
        (entry("F4", "[2]", "[0,1]"), "w: numbers of type F4 are not read"),
        (entry("U8", "[2]", "[0,3]"), "shape [2] takes 2 bytes, not 0 to 3"),
        (entry("U8", "[2]", "[3,1]"), "not 3 to 1"),
        (entry("U8", "[4]", "[0,4]"), "cut short"),
        (entry("F64", "[4294967296,4294967296]", "[0,8]"), "takes 147573952589676412928 bytes"),
        (entry("U8", "[2]", "[18446744073709551610,18446744073709551612]"), "beyond any file"),
        (entry("U8", "[-1]", "[0,1]"), "invalid value"),
        ("{\"w\":1}".into(), "w: invalid type"),
        ("{".into(), "EOF"),
    ] {
        let error = of(&made(&header, &[0; 3])).unwrap_err().to_string();
        assert!(error.contains(part), "{part} in {error}");
    }
    let mut long = good.clone();
    long[2] = 1;
    assert!(matches!(of(&long), Err(FormatError::Truncated { .. })));
    let nan = made(&entry("F32", "[1]", "[0,4]"), &f32::NAN.to_le_bytes());
    let error = of(&nan).unwrap_err();
    assert!(matches!(error, FormatError::NonFinite { index: 0, .. }), "{error}");
    assert!(error.to_string().contains(":w: value 0"), "{error}");
}

#[test]
fn the_darcy_and_burgers_sets_are_read_out_of_their_pickles() {
    for (set, part, dim) in [
        ("darcy/darcy_train_16", "x", 2),
        ("darcy/darcy_test_32", "y", 2),
        ("burgers/burgers_test_16", "y", 2),
    ] {
        let Some(torch) = data::find(&format!("pde/{set}.pt")) else { return };
        let options = ReadOptions { dim: Some(dim), ..ReadOptions::default() };
        let numpy = read(
            torch.with_file_name(format!("{}_{part}.npy", set.split_once('/').unwrap().1)),
            &options,
        );
        let address = format!("{}:{part}", torch.display());
        let (torch, numpy) = (read(&address, &options).unwrap(), numpy.unwrap());
        assert_eq!((torch.points, torch.values), (numpy.points, numpy.values), "{address}");
        assert!(StoredFields::open(&address, &options).is_ok());
    }
}
