//! What a person types and sees: every transcript is run as written, `[..]` standing for numbers
//! that are the clock's. They double as documentation; every documented error is in one. What a build
//! without GPUs, or without buckets, says is compared in such a build alone.

#[test]
fn commands_print_what_their_transcripts_say() {
    let cases = trycmd::TestCases::new();
    cases.case("tests/transcripts/*.md");
    if cfg!(feature = "cloud") {
        cases.skip("tests/transcripts/buckets.md");
    }
    if cfg!(any(feature = "wgpu", feature = "cuda")) {
        cases.skip("tests/transcripts/device.md");
    }
}
