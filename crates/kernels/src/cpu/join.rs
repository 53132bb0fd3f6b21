//! Joins the channels of two fields, and separates them again.

use crate::cpu::buffer::{Buffer, Fresh};
use crate::cpu::share::for_each;

/// Number of points of a task.
const TASK: usize = 1024;

/// `[point, of a + of b]` from `a` and `b`, each `[point, its own channels]`.
pub(crate) fn join(a: &[f32], b: &[f32], [of_a, of_b]: [usize; 2]) -> Buffer {
    let (points, both) = (a.len() / of_a, of_a + of_b);
    assert!(a.len() == points * of_a && b.len() == points * of_b, "as many points of both");
    let mut y = Fresh::new(points * both);
    let to = y.shared();
    for_each(points.div_ceil(TASK), true, |task| {
        for point in task * TASK..points.min((task + 1) * TASK) {
            // SAFETY: each task has its own points; the operands have their lengths
            unsafe {
                let y = to.at(point * both, both);
                y.copy_from_nonoverlapping(a[point * of_a..][..of_a].as_ptr(), of_a);
                y.add(of_a).copy_from_nonoverlapping(b[point * of_b..][..of_b].as_ptr(), of_b);
            }
        }
    });
    // SAFETY: the tasks cover all points
    unsafe { y.finish() }
}

/// Channels `first .. first + count` of `both` at every point of `y`.
pub(crate) fn take(y: &[f32], both: usize, first: usize, count: usize) -> Buffer {
    let points = y.len() / both;
    assert!(y.len() == points * both && first + count <= both, "channels there are");
    let mut part = Fresh::new(points * count);
    let to = part.shared();
    for_each(points.div_ceil(TASK), true, |task| {
        for point in task * TASK..points.min((task + 1) * TASK) {
            let y = &y[point * both + first..][..count];
            // SAFETY: each task has its own points
            unsafe { to.at(point * count, count).copy_from_nonoverlapping(y.as_ptr(), count) };
        }
    });
    // SAFETY: the tasks cover all points
    unsafe { part.finish() }
}

#[cfg(test)]
mod tests {
    use super::{join, take};

    #[test]
    fn what_is_joined_comes_apart_again() {
        for (points, of) in [(1, [1, 1]), (7, [3, 2]), (1500, [1, 5]), (2048, [4, 4])] {
            let values = |n: usize, from: usize| -> Vec<f32> {
                (from..from + n).map(|v| v as f32).collect()
            };
            let (a, b) = (values(points * of[0], 0), values(points * of[1], 100_000));
            let y = join(&a, &b, of);
            let both = of[0] + of[1];
            let element = |at: usize| match (at / both, at % both) {
                (p, c) if c < of[0] => a[p * of[0] + c],
                (p, c) => b[p * of[1] + c - of[0]],
            };
            assert!((0..points * both).all(|at| y[at] == element(at)));
            assert!(take(&y, both, 0, of[0])[..] == a && take(&y, both, of[0], of[1])[..] == b);
        }
    }
}
