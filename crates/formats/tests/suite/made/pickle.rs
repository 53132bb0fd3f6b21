//! Pickles as sequences of operations: those that PyTorch's files use, those that make Python run something, and marks,
//! memos and names that do not fit.

use super::Choices;

/// Names that are asked for: what state dicts need, and what would run.
const GLOBALS: [&str; 16] = [
    "torch._utils\n_rebuild_tensor_v2\n",
    "torch._utils\n_rebuild_tensor\n",
    "torch._utils\n_rebuild_parameter\n",
    "torch\nFloatStorage\n",
    "torch\nDoubleStorage\n",
    "torch\nBFloat16Storage\n",
    "torch.storage\nUntypedStorage\n",
    "collections\nOrderedDict\n",
    "torch\nSize\n",
    "torch\ndevice\n",
    "os\nsystem\n",
    "posix\nsystem\n",
    "builtins\neval\n",
    "__builtin__\nexec\n",
    "subprocess\nPopen\n",
    "\n\n",
];
const TEXTS: [&str; 8] =
    ["x", "storage", "0", "cpu", "state_dict", "weight", "touch /tmp/owned", "../../0"];

fn text(to: &mut Vec<u8>, text: &str) {
    to.push(b'X');
    to.extend((text.len() as u32).to_le_bytes());
    to.extend(text.as_bytes());
}

/// A tensor as `torch.save` writes it, or nearly.
fn tensor(to: &mut Vec<u8>, choices: &mut Choices) {
    to.push(b'c');
    to.extend(GLOBALS[*choices.of(&[0, 0, 0, 0, 1, 2])].bytes());
    to.push(b'(');
    to.push(b'(');
    text(to, if choices.rarely(9) { "stored" } else { "storage" });
    to.push(b'c');
    to.extend(choices.of(&GLOBALS[3..7]).bytes());
    text(to, if choices.rarely(9) { "../0" } else { "0" });
    text(to, "cpu");
    integer(to, choices.mostly(24));
    to.extend(b"tQ");
    integer(to, choices.mostly(0));
    let axes = 1 + choices.below(3) as u64;
    for _ in 0..2 {
        to.push(b'(');
        for _ in 0..choices.mostly(axes).min(9) {
            integer(to, choices.count(3));
        }
        to.push(b't');
    }
    to.push(0x89);
    to.push(b'c');
    to.extend(GLOBALS[7].bytes());
    to.extend(b")RtR");
}

fn integer(to: &mut Vec<u8>, value: u64) {
    match value {
        0..=0xff => to.extend([b'K', value as u8]),
        0x100..=0xffff => to.extend([&[b'M'][..], &(value as u16).to_le_bytes()].concat()),
        _ => to.extend([&[0x8a, 8][..], &value.to_le_bytes()].concat()),
    }
}

/// A pickle; what it does is up to the choices.
pub fn make(choices: &mut Choices) -> Vec<u8> {
    let mut to = vec![0x80, choices.mostly(2) as u8];
    if !choices.rarely(3) {
        to.push(b'}');
        to.push(b'(');
    }
    let most = if choices.rarely(4) { 40 } else { 5 };
    for _ in 0..1 + choices.below(most) {
        if choices.spent() {
            break;
        }
        // most of it is what state dicts hold, or hardly anything would be read to its end
        match choices.below(96).saturating_sub(72) {
            0..=4 => {
                text(&mut to, choices.of::<&str>(&TEXTS));
                tensor(&mut to, choices);
            }
            5 => {
                to.push(b'c');
                to.extend(choices.of(&GLOBALS).bytes());
            }
            6 => to.push(b'('),
            7 => to.push(b't'),
            8 => to.push(b'R'),
            9 => to.extend([b'q', choices.byte() % 4]),
            10 => to.extend([b'h', choices.byte() % 5]),
            11 => to.extend([0x94, 0x93]),
            12 => to.push(*choices.of(b"aesubd0N])}Q")),
            13 => integer(&mut to, choices.count(9)),
            14 => text(&mut to, choices.of::<&str>(&TEXTS)),
            15 => {
                to.push(*choices.of(b"BXrj"));
                to.extend((choices.count(9) as u32).to_le_bytes());
            }
            16 => to.extend([&[0x8d][..], &choices.count(9).to_le_bytes()].concat()),
            17 => to.extend([&[0x95][..], &choices.count(9).to_le_bytes()].concat()),
            18 => to.extend([0x8a, choices.byte() % 12]),
            // built with a state, an instance, an object: what runs code elsewhere
            19 => to.push(*choices.of(b"bio\x81\x92")),
            20 => to.push(*choices.of(&[0x85, 0x86, 0x87])),
            _ => to.push(choices.byte()),
        }
    }
    if !choices.rarely(6) {
        to.push(b'u');
    }
    to.push(b'.');
    to
}
