//! Escapes text for HTML.

/// The text with `&`, `<`, `>` and both quotes written as entities: safe between tags and in quoted
/// attributes.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn no_text_becomes_a_tag() {
        let text = escape("<img src=\"x\" onerror='y'> & more");
        assert_eq!(text, "&lt;img src=&quot;x&quot; onerror=&#39;y&#39;&gt; &amp; more");
    }
}
