//! Labels are written as bytes: every format holds the labels themselves, and h5py reads DREAM.3D's
//! layout.

use std::process::Command;

use karhunen_field::{Boundary, Ensemble, Grid};
use karhunen_formats::{FormatError, Precision, ReadOptions, WriteOptions, read, write};

use crate::folder;

fn labels(count: usize) -> Ensemble {
    let grid = Grid::unit(&[2, 3, 4], Boundary::Neumann).unwrap();
    let values = (0..24 * count).map(|i| f64::from([0u8, 255, 7][i * 7 % 3])).collect();
    Ensemble::new(grid, 1, values).unwrap()
}

fn bytes() -> WriteOptions {
    WriteOptions { precision: Precision::U8, ..WriteOptions::default() }
}

#[test]
fn labels_are_the_same_in_every_format() {
    let (folder, fields) = (folder(), labels(1));
    for ending in ["npy", "npz", "vti", "tif", "raw"] {
        let path = folder.path().join(format!("labels.{ending}"));
        write(&path, &fields, &bytes()).unwrap();
        let options = ReadOptions { dim: Some(3), ..ReadOptions::default() };
        let back = read(&path, &options).unwrap();
        let found: Vec<f64> = back.values.iter().map(|v| f64::from(*v)).collect();
        assert_eq!(found, fields.values, "{ending}");
        assert_eq!(back.dtype.to_string(), "u8", "{ending}");
        assert!(std::fs::metadata(&path).unwrap().len() < 2000, "{ending}");
    }
}

#[test]
fn what_is_no_byte_is_refused() {
    let folder = folder();
    for wrong in [0.5, -1.0, 256.0, f64::NAN] {
        let mut fields = labels(1);
        fields.values[5] = wrong;
        let path = folder.path().join("labels.npy");
        let refused = write(&path, &fields, &bytes());
        assert!(matches!(refused, Err(FormatError::Parameter { .. })), "{wrong}");
        assert!(!path.exists());
    }
}

#[cfg(feature = "hdf5")]
#[test]
fn volumes_in_the_layout_of_dream3d_read_back() {
    let (folder, fields) = (folder(), labels(2));
    for (precision, dtype) in
        [(Precision::U8, "u8"), (Precision::F32, "f32"), (Precision::F64, "f64")]
    {
        let path = folder.path().join(format!("{dtype}.dream3d"));
        write(&path, &fields, &WriteOptions { precision, ..WriteOptions::default() }).unwrap();
        for (i, field) in fields.fields().enumerate() {
            let part = format!("/DataContainers/ImageDataContainer/CellData/field{i}");
            let options = ReadOptions { dim: Some(3), ..ReadOptions::default() };
            let back = read(format!("{}:{part}", path.display()), &options).unwrap();
            let found: Vec<f64> = back.values.iter().map(|v| f64::from(*v)).collect();
            assert_eq!(found, field, "{dtype} {i}");
            assert_eq!(back.dtype.to_string(), dtype);
        }
    }
}

#[test]
fn h5py_sees_the_geometry_and_the_labels() {
    let (folder, fields) = (folder(), labels(2));
    let path = folder.path().join("labels.h5");
    write(&path, &fields, &bytes()).unwrap();
    let script = "import h5py, sys; c = h5py.File(sys.argv[1])['DataContainers/ImageDataContainer']
g = c['_SIMPL_GEOMETRY']; d = c['CellData/field1']
print(g['DIMENSIONS'][...].tolist(), g['SPACING'][...].tolist(), d.dtype, d.shape, d[...].ravel().tolist())
print(d.attrs['ObjectType'].decode(), c['CellData'].attrs['TupleDimensions'].tolist())";
    let python = std::env::var("PYTHON").unwrap_or("python3".into());
    let ran = Command::new(&python).args(["-c", script]).arg(&path).output();
    let Some(output) = ran.ok().filter(|output| output.status.success()) else {
        println!("skipped: {python} with h5py is not there");
        return;
    };
    let expected: Vec<String> =
        fields.values[24..].iter().map(|v| format!("{}", *v as u8)).collect();
    let text = format!(
        "[4, 3, 2] [0.5, 0.5, 0.5] uint8 (2, 3, 4, 1) [{}]\nDataArray<uint8_t> [4, 3, 2]\n",
        expected.join(", ")
    );
    assert_eq!(String::from_utf8_lossy(&output.stdout), text);
}
