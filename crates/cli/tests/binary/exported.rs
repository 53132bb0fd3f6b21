//! Models to give away.

use std::fs;

use crate::sandbox::{Sandbox, sample};

#[test]
fn an_exported_model_samples_what_its_checkpoint_samples() {
    let sandbox = Sandbox::with_run("exported");
    sandbox.run(&["export", "--model", "run", "--out", "gift/model"]).works();
    let names = ["README.md", "config.toml", "model.json", "model.safetensors"];
    assert_eq!(sandbox.names("gift"), ["model"]);
    assert_eq!(sandbox.names("gift/model")[..4], names);
    sandbox.run(&sample("run", "a.npy")).works();
    sandbox.run(&sample("gift/model", "b.npy")).works();
    let bytes = |name: &str| fs::read(sandbox.file(name)).unwrap();
    assert!(bytes("a.npy") == bytes("b.npy"));
    let chosen = ["export", "--model", "run/checkpoints/00000004", "--out", "early"];
    sandbox.run(&chosen).works();
    sandbox.run(&sample("early", "c.npy")).works();
    assert!(bytes("a.npy") != bytes("c.npy"));
    // a model that lost a part of itself is none
    let weights = bytes("early/model.safetensors");
    fs::write(sandbox.file("early/model.safetensors"), &weights[..weights.len() / 2]).unwrap();
    let parts = ["early/model.safetensors", "the manifest says"];
    sandbox.run(&sample("early", "d.npy")).refuses(2, &parts);
}

#[test]
fn a_card_tells_what_is_known_and_what_is_not() {
    let sandbox = Sandbox::with_run("card");
    sandbox.run(&["export", "--model", "run", "--out", "plain"]).works();
    let card = fs::read_to_string(sandbox.file("plain/README.md")).unwrap();
    for part in [
        "# plain\n",
        "Not stated.",
        "Not measured.",
        "source: `builtin:spinodal`",
        "trained on 12x12",
        "trained on 24x24",
        "beyond |ω| =",
        "kind = \"flat\"",
        "kind = \"variance-preserving\"",
        "6 of 6 steps",
        "seed 1",
        "karhunen sample --model .",
        "are scaled to the training data's",
        "the network is asked about none of them",
    ] {
        assert!(card.contains(part), "no `{part}` in\n{card}");
    }
    let samples =
        ["sample", "--model", "run", "--count", "20", "--evaluations", "2", "--out", "x.npy"];
    sandbox.run(&samples).works();
    let evaluate =
        ["evaluate", "--reference", "builtin:spinodal", "--samples", "x.npy", "--model", "run"];
    let evaluated = sandbox.run(&[&evaluate[..], &["--reference-count", "40", "--json"]].concat());
    fs::write(sandbox.file("evaluation.json"), &evaluated.works().out).unwrap();
    let again = [
        "export",
        "--model",
        "run",
        "--out",
        "plain",
        "--licence",
        "CC-BY-4.0",
        "--metrics",
        "evaluation.json",
        "--name",
        "Foam",
    ];
    sandbox.run(&again).refuses(2, &["plain: exists already"]);
    sandbox.run(&[&again[..], &["--force"]].concat()).works();
    let card = fs::read_to_string(sandbox.file("plain/README.md")).unwrap();
    for part in ["# Foam\n", "CC-BY-4.0", "| samples | 24x24 | 20 |", "| gaussian surrogate |"] {
        assert!(card.contains(part), "no `{part}` in\n{card}");
    }
    sandbox.run(&sample("plain", "y.npy")).works();
}
