//! Numbers in file names: natural order, and stacks of numbered slices.

use std::cmp::Ordering;
use std::path::Path;

/// The last part of a path, for names of fields.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// Compares names in natural order: runs of digits by their number, other characters one by one.
pub(crate) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let (x, rest_left) = head(left);
        let (y, rest_right) = head(right);
        let order = match (x.as_bytes()[0].is_ascii_digit(), y.as_bytes()[0].is_ascii_digit()) {
            (true, true) => {
                let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
            _ => x.cmp(y),
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest_left, rest_right);
    }
    // names that differ only in leading zeros also need an order
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// Splits a name after its first run of digits, or after its first other character.
fn head(name: &str) -> (&str, &str) {
    let digits = name.len() - name.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let letter = name.chars().next().map_or(0, char::len_utf8);
    name.split_at(if digits > 0 { digits } else { letter })
}

/// The last number in a name without its extension, with the characters before and after it.
fn number(name: &str) -> Option<(&str, u64, &str)> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let end = stem.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = stem[..end].trim_end_matches(|c: char| c.is_ascii_digit()).len();
    Some((&stem[..start], stem[start..end].parse().ok()?, &stem[end..]))
}

/// The slice number of each name, if the names form a stack: most have a number, these differ only
/// in the number, and no number occurs twice. A name without a number gets `None`.
pub(crate) fn stack(names: &[String]) -> Option<Vec<Option<u64>>> {
    let numbers: Vec<_> = names.iter().map(|name| number(name)).collect();
    let found: Vec<_> = numbers.iter().flatten().collect();
    let (prefix, _, suffix) = *found.first()?;
    let alike = found.iter().all(|(p, _, s)| p == prefix && s == suffix);
    let mut slices: Vec<u64> = found.iter().map(|(_, n, _)| *n).collect();
    slices.sort_unstable();
    let distinct = slices.windows(2).all(|w| w[0] < w[1]);
    let most = found.len() >= 2 && 2 * found.len() > names.len();
    (alike && distinct && most).then(|| numbers.iter().map(|n| n.map(|(_, n, _)| n)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn natural_order_counts() {
        // names with equal numbers are ordered by their characters
        let expected =
            ["a", "a01", "a1", "a2b", "a2b3", "a10", "a99999999999999999999999", "b0", "é"];
        let mut shuffled = expected.to_vec();
        shuffled.reverse();
        shuffled.sort_by(|a, b| natural(a, b));
        assert_eq!(shuffled, expected);
    }

    #[test]
    fn the_last_number_of_the_stem_counts() {
        assert_eq!(number("scan2024_slice007b.png"), Some(("scan2024_slice", 7, "b")));
        assert_eq!(number("12"), Some(("", 12, "")));
        assert_eq!(number("cat.jp2"), None);
        assert_eq!(number("99999999999999999999999.png"), None);
    }

    #[test]
    fn stacks_are_alike_but_for_their_number() {
        assert_eq!(
            stack(&names(&["img001.png", "img067.png", "img_val.png"])),
            Some(vec![Some(1), Some(67), None])
        );
        assert_eq!(stack(&names(&["1.png", "dog2.png", "cat.png"])), None);
        assert_eq!(stack(&names(&["a1.png", "a01.png"])), None);
        assert_eq!(stack(&names(&["a1.png", "b.png", "c.png"])), None);
        assert_eq!(stack(&names(&["a.png", "b.png"])), None);
    }
}
