//! Division of fields into tiles: every point occurs once, both in the work and in the prefetched
//! runs.

use crate::SpectralPlan;
use crate::cpu::tiles::Tiles;

#[test]
fn tiles_cover_every_point_and_fetch_every_other_tile_once() {
    let sizes: [&[usize]; 12] = [
        &[1],
        &[7],
        &[256],
        &[257],
        &[600],
        &[4099],
        &[1, 300],
        &[5, 28],
        &[3, 271],
        &[31, 5],
        &[2, 3, 5],
        &[2, 2, 513],
    ];
    for points in sizes {
        let (ones, periods) = (vec![1; points.len()], vec![1.0; points.len()]);
        let plan = SpectralPlan::new(points, &ones, &periods).unwrap();
        let (tiles, n) = (Tiles::of(&plan), plan.last.n);
        let (mut work, mut fetched) = (vec![0; plan.points()], vec![0; plan.points()]);
        for i in 0..tiles.count {
            let tile = tiles.tile(i);
            tile.runs().into_iter().flatten().for_each(|point| work[point] += 1);
            for row in tile.rows.clone() {
                tiles.ahead(i, row).into_iter().flatten().for_each(|point| fetched[point] += 1);
            }
        }
        assert!(work.iter().all(|count| *count == 1), "{points:?}");
        // the first part was not prefetched by anything before it
        let mut expected = vec![1; plan.points()];
        if tiles.parts == 1 {
            expected[..n].fill(0);
        } else {
            tiles.tile(0).runs().into_iter().flatten().for_each(|point| expected[point] = 0);
        }
        assert!(fetched == expected, "{points:?}");
    }
}
