#![no_main]
//! PyTorch's files: the pickle is fuzzed, the archive around it is whole.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;

libfuzzer_sys::fuzz_target!(|pickle: &[u8]| {
    let mut bytes = Cursor::new(Vec::new());
    let mut zip = zip::ZipWriter::new(&mut bytes);
    for (name, content) in [("m/data.pkl", pickle), ("m/data/0", &[7; 96])] {
        zip.start_file(name, SimpleFileOptions::default()).expect("a member");
        zip.write_all(content).expect("a content");
    }
    zip.finish().expect("an archive");
    karhunen_fuzz::exercise(bytes.get_ref(), &[], &["", ":x"]);
    karhunen_fuzz::visit_state_dict(&karhunen_fuzz::folder().join("f"));
});
