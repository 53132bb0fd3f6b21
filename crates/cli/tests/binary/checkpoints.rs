//! Checkpoints that a crash or a disk has damaged, or that belong to another run.

use std::fs;

use crate::sandbox::{Sandbox, sample, train};

/// The newest checkpoint and the one before, of the short run.
const NEWEST: &str = "run/checkpoints/00000006";
const BEFORE: &str = "run/checkpoints/00000004";

fn cut(sandbox: &Sandbox, name: &str, bytes: usize) {
    let path = sandbox.file(name);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..bytes]).unwrap();
}

#[test]
fn a_damaged_checkpoint_is_skipped_for_the_one_before_and_told() {
    let damages: [(&str, &str, &str); 4] = [
        ("cut", "ema.safetensors", "1000 bytes, the manifest says "),
        ("half", "manifest.json", "not a manifest: EOF while parsing"),
        ("gone", "weights.safetensors", "cannot be read: No such file"),
        ("header", "optimizer.safetensors", "optimizer.safetensors: "),
    ];
    for (how, file, said) in damages {
        let sandbox = Sandbox::with_run(&format!("damaged-{how}"));
        assert_eq!(sandbox.names("run/checkpoints"), ["00000004", "00000006"]);
        let name = format!("{NEWEST}/{file}");
        match how {
            "gone" => fs::remove_file(sandbox.file(&name)).unwrap(),
            "header" => {
                // a header longer than the file
                let mut bytes = fs::read(sandbox.file(&name)).unwrap();
                bytes[..8].copy_from_slice(&u64::MAX.to_le_bytes());
                fs::write(sandbox.file(&name), bytes).unwrap();
            }
            "half" => cut(&sandbox, &name, 100),
            _ => cut(&sandbox, &name, 1000),
        }
        let sampled = sandbox.run(&sample("run", "x.npy"));
        let warning = sampled.works().err.lines().next().unwrap();
        assert!(warning.starts_with("warning: skipped: ") && warning.contains(&name), "{warning}");
        assert!(warning.contains(said), "{warning}");
        let resumed = sandbox.run(&train("run"));
        assert!(resumed.works().err.contains("warning: skipped: "), "{}", resumed.err);
        assert!(resumed.err.contains("resuming at step 4"), "{}", resumed.err);
        let whole = sandbox.run(&sample("run", "y.npy"));
        assert!(!whole.works().err.contains("skipped"), "{}", whole.err);
    }
}

#[test]
fn where_no_checkpoint_is_whole_every_one_is_named() {
    let sandbox = Sandbox::with_run("both-damaged");
    for checkpoint in [NEWEST, BEFORE] {
        cut(&sandbox, &format!("{checkpoint}/ema.safetensors"), 0);
    }
    let parts = [NEWEST, BEFORE, "0 bytes, the manifest says "];
    sandbox.run(&sample("run", "x.npy")).refuses(2, &parts);
    sandbox.run(&train("run")).refuses(2, &parts);
    assert!(!sandbox.file("x.npy").exists());
}

#[test]
fn a_checkpoint_of_another_run_is_not_gone_on_with() {
    let sandbox = Sandbox::with_run("other-run");
    let mut other = train("other");
    other.extend(["--set", "network.width=5"].map(String::from));
    sandbox.run(&other).works();
    fs::remove_dir_all(sandbox.file("run/checkpoints")).unwrap();
    fs::rename(sandbox.file("other/checkpoints"), sandbox.file("run/checkpoints")).unwrap();
    sandbox.run(&train("run")).refuses(2, &["run", "width = 5"]);
}

#[test]
fn an_unreadable_folder_of_checkpoints_is_not_an_empty_one() {
    let sandbox = Sandbox::with_run("no-folder");
    fs::remove_dir_all(sandbox.file("run/checkpoints")).unwrap();
    fs::write(sandbox.file("run/checkpoints"), "a file").unwrap();
    sandbox.run(&train("run")).refuses(2, &["run/checkpoints: cannot be read"]);
    sandbox.run(&sample("run", "x.npy")).refuses(2, &["run/checkpoints: cannot be read"]);
}
