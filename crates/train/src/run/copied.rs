//! A finished run asked whether its model repeats its training fields.

use karhunen_field::{Ensemble, Field, Grid, resample};

use crate::TrainError;
use crate::batch::LevelData;
use crate::data::restrict;
use crate::run::copies::NearCopies;

use super::Run;

/// Samples, at most and at least.
const SAMPLES: (u64, u64) = (32, 4);
/// Part of the training's operations that sampling may take.
const PART: f64 = 0.05;
/// Training fields among which samples are looked for, and held-out ones beside them.
const LOOKED_AT: (usize, usize) = (2048, 64);
/// Values of these, at most.
const VALUES: usize = 1 << 26;
/// Cells of the grid on which fields are compared, at most, where a level is as coarse.
const CELLS: usize = 1024;
/// Seed of the samples, which nobody else asks for.
const SEED: u64 = 0x434f_5049_4553;

impl Run {
    /// Samples a few fields of the model as it is now and looks for each among the training fields:
    /// [`crate::run::copies`]. `observe(done, of)` counts steps of sampling.
    ///
    /// **Cost** A twentieth of the training's operations at most, or those of four samples.
    ///
    /// # Errors
    /// Those of sampling.
    pub fn near_copies(
        &self,
        observe: &(dyn Fn(usize, usize) + Sync),
    ) -> Result<NearCopies, TrainError> {
        let trained = self.model_now()?;
        let finest = self.schedule.finest();
        let request = trained.request(finest, SEED);
        let one = request.evaluations as f64 * trained.model.network.flops(&finest);
        let training: f64 = self.progress.ledger.levels.iter().map(|level| level.flops).sum();
        let count = ((PART * training / one) as u64).clamp(SAMPLES.1, SAMPLES.0);
        let (samples, _) = trained.by_all(&request, None, 0..count, &observe)?;
        let grid = self.comparing();
        let Field { grid: of, channels, values } = self.data.statistics.mean.clone();
        let mean = resample::spectral(&Ensemble::new(of, channels, values)?, grid)?;
        let centred = |mut fields: Ensemble| {
            for field in fields.fields_mut() {
                field.iter_mut().zip(&mean.values).for_each(|(v, m)| *v -= m);
            }
            fields
        };
        let of = |data: &LevelData, most: usize| -> Result<Ensemble, TrainError> {
            let most = most.min(VALUES / data.field_len()).max(2);
            let few = restrict(&data.evenly(most), grid)?;
            let values = few.values.iter().map(|v| f64::from(*v)).collect();
            Ok(centred(Ensemble::new(grid, few.channels, values)?))
        };
        let samples = centred(resample::spectral(&samples, grid)?);
        let known = of(&self.data.training, LOOKED_AT.0)?;
        let held_out = of(&self.data.validation, LOOKED_AT.1)?;
        Ok(NearCopies::among(&known, &samples, &held_out, self.batches.shifted_axes())?)
    }

    /// The finest level of few cells, or the coarsest one.
    fn comparing(&self) -> Grid {
        let mut grids = self.schedule.levels.iter().map(|level| level.grid);
        let few = grids.clone().rev().find(|grid| grid.len() <= CELLS);
        few.or_else(|| grids.next()).unwrap_or(self.schedule.finest())
    }
}
