//! Sums of all ranks have the bits of one rank.

use std::sync::Arc;

use karhunen_distributed::{Alone, Collective, Group, Partials, Threads, part};

/// Values that differ by piece and place, of sizes whose sum depends on the order.
fn piece(number: usize, len: usize) -> Vec<f32> {
    let value = |i: usize| {
        let x = ((number * 7919 + i * 104_729) % 10_007) as f32 - 5000.0;
        x * 10f32.powi((number % 7) as i32 - 3)
    };
    (0..len).map(value).collect()
}

fn own(ranks: &dyn Collective, pieces: usize, len: usize) -> Partials {
    let mut sum = Partials::of(pieces);
    part(pieces, ranks.rank(), ranks.size()).for_each(|p| sum.push(p, piece(p, len)));
    sum
}

/// Runs every rank of a group of threads.
fn on_all<T: Send>(size: usize, act: impl Fn(Group) -> T + Sync) -> Vec<T> {
    std::thread::scope(|scope| {
        let act = &act;
        let threads: Vec<_> = (Threads::new(size).into_iter())
            .map(|rank| scope.spawn(move || act(Group::of(Arc::new(rank)))))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn any_number_of_ranks_gives_the_bits_of_one() {
    for (pieces, len) in [(1, 5), (2, 3), (7, 11), (8, 64), (12, 1), (5, 0)] {
        let alone = Alone.all_reduce(own(&Alone, pieces, len), len);
        assert_eq!(alone.len(), len);
        for size in [1, 2, 3, 4, 7, 16] {
            for sum in on_all(size, |group| group.all_reduce(own(group.ranks(), pieces, len), len))
            {
                let same = sum.iter().zip(&alone).all(|(a, b)| a.to_bits() == b.to_bits());
                assert!(same && sum.len() == len, "{pieces} pieces on {size} ranks");
            }
        }
        // the order matters: another one gives other bits
        if pieces == 7 {
            let plain = (0..pieces).fold(vec![0.0; len], |sum, p| {
                sum.iter().zip(piece(p, len)).map(|(a, b): (&f32, f32)| a + b).collect()
            });
            assert_ne!(plain, alone);
        }
    }
}

#[test]
fn bytes_are_counted_and_are_the_least() {
    let len = 1 << 12;
    for traffic in on_all(4, |group| {
        group.all_reduce(own(group.ranks(), 8, len), len);
        group.traffic()
    }) {
        // 2 (1 - 1/4) of 4 bytes a value
        assert_eq!((traffic.bytes, traffic.sums), (6 * len as u64, 1));
    }
}

#[test]
fn numbers_come_to_all_or_to_the_first() {
    let all = on_all(3, |group| {
        let own = vec![group.rank() as f64; group.rank() + 1];
        (
            group.gather_numbers(&own),
            group.collect_numbers(own),
            group.of_first(group.rank() as f64 + 4.0),
        )
    });
    let expected = vec![0.0, 1.0, 1.0, 2.0, 2.0, 2.0];
    for (rank, (gathered, collected, first)) in all.into_iter().enumerate() {
        assert_eq!((&gathered, first), (&expected, 4.0));
        assert_eq!(collected, if rank == 0 { expected.clone() } else { Vec::new() });
    }
}

#[test]
fn who_differs_is_told_to_all() {
    let all = on_all(3, |group| {
        let seen = if group.rank() == 2 { "16" } else { "32" };
        let odd = group.same(&[("seed", "1".into()), ("batch", seen.into())]);
        let same = group.same(&[("seed", "1".into())]);
        let own = if group.rank() == 1 { Err(10) } else { Ok(group.rank()) };
        assert_eq!(
            group.agreed(own, |rank| rank),
            if group.rank() == 1 { Err(10) } else { Err(1) }
        );
        assert_eq!(group.agreed(Ok(5), |rank| rank), Ok(5));
        assert_eq!((group.largest(group.rank()), group.first_says(group.rank() == 0)), (2, true));
        (odd, same, group.first_unwell(group.rank() == 0), group.first_unwell(true))
    });
    for (odd, same, unwell, well) in all {
        let text = odd.unwrap_err().to_string();
        assert!(
            text.starts_with("rank 2 on")
                && text.ends_with("another batch than rank 0: 16, not 32"),
            "{text}"
        );
        assert_eq!((same, unwell, well), (Ok(()), Some(1), None));
    }
}

#[test]
fn shares_of_indices_are_all_of_them() {
    let shares = on_all(4, |group| group.share(10..17));
    assert_eq!(shares, [10..11, 11..13, 13..15, 15..17]);
}
