//! Tasks that the ranks of a job share: each is one rank's, and all have every result.

use karhunen_distributed::Group;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Results of so many tasks, by number. A result that JSON cannot hold, such as a NaN, is made by every rank.
///
/// # Errors
/// Those of this rank's tasks; another rank's error is known to that rank alone.
pub(crate) fn shared<T: Serialize + DeserializeOwned, E>(
    group: &Group,
    count: usize,
    mut make: impl FnMut(usize) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    if !group.is_shared() {
        return (0..count).map(make).collect();
    }
    let mut texts: Vec<String> = Vec::new();
    for task in (group.rank()..count).step_by(group.size()) {
        // floats are written so that they read back as they were
        texts.push(serde_json::to_string(&make(task)?).unwrap_or_default());
    }
    let all = group.gather(texts.join("\n").into_bytes());
    let all: Vec<String> =
        all.into_iter().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
    let of = |task: usize| all[task % group.size()].lines().nth(task / group.size());
    let read = |task: usize| serde_json::from_str(of(task)?).ok();
    (0..count).map(|task| read(task).map_or_else(|| make(task), Ok)).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use karhunen_distributed::Threads;

    use super::*;

    #[test]
    fn every_rank_has_all_results_in_order_and_made_its_own() {
        let expected = vec![vec![0.1], vec![1.1], vec![f64::NAN], vec![3.1], vec![4.1]];
        let made: Vec<(String, Vec<usize>)> = std::thread::scope(|scope| {
            let ranks = Threads::new(3).into_iter().map(|rank| {
                scope.spawn(move || {
                    let mut own = Vec::new();
                    let all = shared(&Group::of(Arc::new(rank)), 5, |task| {
                        own.push(task);
                        let value = if task == 2 { f64::NAN } else { task as f64 + 0.1 };
                        Ok::<_, ()>(vec![value])
                    });
                    (format!("{:?}", all.unwrap()), own)
                })
            });
            ranks.collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).collect()
        });
        assert!(made.iter().all(|(all, _)| *all == format!("{expected:?}")), "{made:?}");
        // what JSON does not hold is made by all
        let own: Vec<Vec<usize>> = made.into_iter().map(|(_, own)| own).collect();
        assert_eq!(own, [vec![0, 3, 2], vec![1, 4, 2], vec![2, 2]]);
    }
}
