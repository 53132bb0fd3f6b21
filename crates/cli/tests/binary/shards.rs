//! Shards of a sampling, and the file that is made of them: byte for byte that of one process.

use std::fs;

use crate::sandbox::Sandbox;

const LINE: [&str; 10] =
    ["sample", "--model", "run", "--count", "7", "--index", "3", "--evaluations", "2", "--out"];

fn sample(sandbox: &Sandbox, out: &str, more: &[&str]) {
    sandbox.run(&[&LINE[..], &[out], more].concat()).works();
}

#[test]
fn merged_shards_are_the_file_of_one_process() {
    let sandbox = Sandbox::with_run("shards");
    for ending in ["npy", "npz", "vti", "tif", "h5", "raw", "png"] {
        let (one, all) = (format!("one.{ending}"), format!("all.{ending}"));
        sample(&sandbox, &one, &[]);
        for shard in ["2/3", "1/3", "3/3"] {
            sample(&sandbox, &all, &["--shard", shard]);
        }
        sandbox.run(&["merge", &all]).works();
        let read = |name: &str| fs::read(sandbox.file(name)).unwrap();
        assert!(read(&one) == read(&all), "{ending}");
        if ending == "raw" {
            assert!(read("one.raw.toml") == read("all.raw.toml"));
        }
    }
    assert!(sandbox.names(".").contains(&"all.tif.shard-2-of-3".to_string()));
    // again, and the shards go
    sandbox.run(&["merge", "all.npy"]).refuses(2, &["all.npy: exists already"]);
    sandbox.run(&["merge", "all.npy", "--force", "--remove"]).works();
    assert!(sandbox.names(".").iter().all(|name| !name.starts_with("all.npy.shard")));
    // without shards there is nothing to merge, and what is there stays
    sandbox.run(&["merge", "all.npy", "--force"]).refuses(2, &["no shard of it is there"]);
    assert!(sandbox.file("all.npy").exists());
}

#[test]
fn a_file_a_field_needs_no_merge() {
    let sandbox = Sandbox::with_run("shards-numbered");
    sample(&sandbox, "one-{index}.npy", &[]);
    sample(&sandbox, "all-{index}.npy", &["--shard", "1/2"]);
    sample(&sandbox, "all-{index}.npy", &["--shard", "2/2"]);
    for index in 3..10 {
        let read = |name: &str| fs::read(sandbox.file(&format!("{name}-{index}.npy"))).unwrap();
        assert!(read("one") == read("all"), "{index}");
    }
    // a shard says what it would replace
    let again = [&LINE[..], &["all-{index}.npy", "--shard", "2/2"]].concat();
    sandbox.run(&again).refuses(2, &["all-6.npy: exists already"]);
}

#[test]
fn shards_that_do_not_belong_together_are_named() {
    let sandbox = Sandbox::with_run("shards-differ");
    sample(&sandbox, "all.npy", &["--shard", "1/2"]);
    let missing = sandbox.run(&["merge", "all.npy"]);
    missing.refuses(2, &["1 of 2 shards are not there, all.npy.shard-2-of-2 the first"]);
    sample(&sandbox, "all.npy", &["--shard", "2/2", "--seed", "4"]);
    sandbox.run(&["merge", "all.npy"]).refuses(2, &["another seed than", "4, not 0"]);
    sample(&sandbox, "all.npy", &["--shard", "2/2", "--sampler", "ddim", "--force"]);
    sandbox.run(&["merge", "all.npy"]).refuses(2, &["another set of options than"]);
    sample(&sandbox, "all.npy", &["--shard", "2/2", "--force"]);
    let shard = sandbox.file("all.npy.shard-1-of-2");
    let bytes = fs::read(&shard).unwrap();
    // cut short, another one, none at all
    fs::write(&shard, &bytes[..bytes.len() - 8]).unwrap();
    sandbox.run(&["merge", "all.npy"]).refuses(2, &["all.npy.shard-1-of-2: not a shard"]);
    fs::copy(sandbox.file("all.npy.shard-2-of-2"), &shard).unwrap();
    sandbox.run(&["merge", "all.npy"]).refuses(2, &["its name says another one"]);
    fs::write(&shard, &bytes).unwrap();
    sample(&sandbox, "all.npy", &["--shard", "1/3"]);
    sandbox.run(&["merge", "all.npy"]).refuses(2, &["shards of 2 and of 3"]);
    assert!(!sandbox.file("all.npy").exists());
}

/// Classes of later fields would otherwise become those of earlier ones.
#[test]
fn a_shard_without_its_classes_or_values_is_damaged() {
    let sandbox = Sandbox::new("shards-classes");
    let line = "sample --model builtin:shapes --grid 8x8 --count 4 --evaluations 2 --out all.npy";
    for shard in ["1/2", "2/2"] {
        sandbox
            .run(&[&line.split(' ').collect::<Vec<_>>()[..], &["--shard", shard]].concat())
            .works();
    }
    for number in [1, 2] {
        let shard = sandbox.file(&format!("all.npy.shard-{number}-of-2"));
        let bytes = fs::read(&shard).unwrap();
        // names and numbers of the header, of the same length
        for (from, to) in
            [("\"classes\":", "\"klasses\":"), ("\\\"channels\\\":1", "\\\"channels\\\":7")]
        {
            let at = bytes.windows(from.len()).position(|part| part == from.as_bytes());
            let at = at.unwrap_or_else(|| panic!("{from} in the header"));
            let mut other = bytes.clone();
            other[at..at + from.len()].copy_from_slice(to.as_bytes());
            fs::write(&shard, other).unwrap();
            sandbox.run(&["merge", "all.npy"]).refuses(2, &["its fields are not all there"]);
        }
        fs::write(&shard, bytes).unwrap();
    }
    sandbox.run(&["merge", "all.npy"]).works();
}

/// A whole is written field by field: memory for one is enough, but for a picture, which shows all of them.
#[test]
fn a_whole_needs_memory_for_one_field() {
    let sandbox = Sandbox::with_run("shards-memory");
    for out in ["all.npy", "all.zarr", "all.png"] {
        for shard in ["1/2", "2/2"] {
            sample(&sandbox, out, &["--grid", "160x160", "--shard", shard]);
        }
    }
    // 7 fields of 0.2 MB
    for out in ["all.npy", "all.zarr"] {
        sandbox.run(&["merge", out, "--memory", "1.1MB"]).works();
    }
    sandbox.run(&["merge", "all.png", "--memory", "1.1MB"]).refuses(2, &["7 fields at 160x160"]);
    sandbox.run(&["merge", "all.png"]).works();
}

/// Heads of files that are no shards, whatever lengths they tell.
#[test]
fn heads_of_shards_are_not_trusted() {
    let sandbox = Sandbox::with_run("shards-heads");
    sample(&sandbox, "all.npy", &["--shard", "1/1"]);
    let shard = sandbox.file("all.npy.shard-1-of-1");
    let whole = fs::read(&shard).unwrap();
    let mut long = whole.clone();
    long[..8].copy_from_slice(&u64::MAX.to_le_bytes());
    let mut more = whole.clone();
    more.extend([0; 8]);
    for other in [&[][..], &[0; 7], &[0; 8], &whole[..200], &long, &more] {
        fs::write(&shard, other).unwrap();
        sandbox.run(&["merge", "all.npy"]).refuses(2, &["all.npy.shard-1-of-1: not a shard"]);
    }
    fs::write(&shard, &whole).unwrap();
    sandbox.run(&["merge", "all.npy"]).works();
}

/// Without MPI each rank would do all of the work.
#[cfg(not(feature = "mpi"))]
#[test]
fn ranks_of_a_program_without_mpi_are_told_once() {
    let sandbox = Sandbox::new("ranks-without-mpi");
    let rank = |rank: &str| -> crate::sandbox::Ended {
        let mut command = sandbox.command(&["train", "--config", "tiny.toml", "--out", "run"]);
        command.env("OMPI_COMM_WORLD_SIZE", "2").env("OMPI_COMM_WORLD_RANK", rank);
        command.output().unwrap().into()
    };
    rank("0").refuses(2, &["started as 2 ranks, and this program was built without MPI"]);
    let other = rank("1");
    assert_eq!((other.code, other.err.as_str()), (Some(2), ""));
    assert!(!sandbox.file("run").exists());
}
