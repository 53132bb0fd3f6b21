//! What a person types and sees: every transcript is run as written, `[..]` standing for numbers
//! that are the clock's. They double as documentation; every documented error is in one.

#[test]
fn commands_print_what_their_transcripts_say() {
    trycmd::TestCases::new().case("tests/transcripts/*.md");
}
