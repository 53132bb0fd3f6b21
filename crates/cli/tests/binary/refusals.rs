//! Whatever is refused is refused in the same way: one error, one help, exit code 2, nothing written.

use std::path::Path;

use crate::sandbox::{Sandbox, copy};

/// Commands that cannot be done, over the files of the transcripts; what the error must name.
const REFUSED: [(&str, &str); 37] = [
    ("inspect nowhere", "nowhere"),
    ("inspect empty.npy", "empty.npy"),
    ("inspect junk.npy", "junk.npy"),
    ("inspect none.npy", "[0, 8, 8]"),
    ("inspect nothing", "nothing"),
    ("inspect cut.npy", "1152 bytes are declared"),
    ("inspect half.npy.gz", "half.npy.gz"),
    ("inspect cut.png", "cut.png"),
    ("inspect bomb.npy.gz", "bomb.npy.gz"),
    ("inspect absurd.npy", "the limit is 8589934592"),
    ("inspect large.npy", "the limit is 8589934592"),
    ("inspect huge.png", "the limit is 8589934592"),
    ("inspect mixed", "mixed/b.png"),
    ("inspect colours", "colours/b.png"),
    ("inspect nan.npy", "value 77"),
    ("inspect inf.npy", "value 3"),
    ("inspect complex.npy", "<c8"),
    ("inspect constant.npy", "constant (0.5)"),
    ("inspect one.npy", "one.npy"),
    ("inspect column.npy", "axis 1"),
    ("inspect cell.npy", "axis 0"),
    ("inspect good.npy --patch 9x9", "9x9"),
    ("inspect good.npy --prior bessel", "gamma"),
    ("inspect good.npy --prior matern --length -1 --smoothness 1", "length = -1"),
    ("train --config nowhere.toml --out run", "nowhere.toml"),
    ("train --set data.source=nan.npy --out run", "value 77"),
    ("train --set training.lerning_rate=1 --out run", "did you mean `learning_rate`"),
    ("train --set levels=[] --out run", "levels"),
    ("train --set data.source=good.npy --set levels=[{grid=\"16x16\",share=1}] --out run", "8x8"),
    ("train --set prior.kind=bessel --set prior.gamma=1 --set prior.power=0.5 --out run", "0.5"),
    ("quickstart --data constant.npy --out run", "constant.npy"),
    ("prior matern --length 0.1 --smoothness 1.5 --grid 8x8 --count 0 --out x.npy", "--count 0"),
    ("prior matern --length 0.1 --smoothness 1.5 --grid 8x8 --out good.npy", "exists already"),
    ("prior matern --length 0.1 --smoothness 1.5 --grid 8x8 --out good.npy/x.npy", "is a file"),
    ("sample --model nothing --out x.npy", "nothing"),
    ("export --model nothing --out model", "nothing"),
    ("evaluate --reference good.npy --samples nan.npy", "value 77"),
];

#[test]
fn every_refusal_reads_alike_and_leaves_nothing() {
    let sandbox = Sandbox::new("refusals");
    let inputs = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/data.in");
    copy(&inputs, &sandbox.0);
    sandbox.run(&["--version"]).works();
    let before = sandbox.names(".");
    for (line, part) in REFUSED {
        let arguments: Vec<&str> = line.split(' ').collect();
        sandbox.run(&arguments).refuses(2, &[part]);
        assert_eq!(sandbox.names("."), before, "{line}");
    }
}
