//! The denoiser of a larger box, composed from windows of the trained box.

use std::sync::Arc;

use super::Enlarged;
use super::partition::Partition;
use crate::law::OnGrid;
use crate::resample::copied_modes;
use crate::{Denoiser, Ensemble, FieldError, Grid, Scalar, Transform};

/// Number of cells of windows that are evaluated together. It bounds the memory of a call.
const CELLS_TOGETHER: usize = 1 << 18;

/// The denoiser of the trained box, evaluated on windows.
pub trait WindowDenoiser: Sync {
    /// The grid of the trained box on which windows of this grid are evaluated, where it can be
    /// chosen. By default it is the same grid.
    fn answers_on(&self, window: &Grid) -> Grid {
        *window
    }

    /// D_Ω(x, t) for windows of several larger fields; `fields` gives the field of the batch for
    /// each window.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    fn denoise(&self, windows: &Ensemble, t: f64, fields: &[usize])
    -> Result<Ensemble, FieldError>;

    /// ∂D_Ω(x, t)* w for windows; `None` where there is no derivative.
    ///
    /// # Errors
    /// As [`Denoiser::pullback`].
    fn pullback(
        &self,
        _windows: &Ensemble,
        _t: f64,
        _w: &Ensemble,
        _fields: &[usize],
    ) -> Result<Option<Ensemble>, FieldError> {
        Ok(None)
    }
}

/// D(x, t) = W(x, t) + P* Σ_w χ_w (D_Ω − W_Ω)(P x|_w, t) on a larger box: see [`super`].
///
/// P is the restriction to the cells on which windows are evaluated. Modes of finer grids are left
/// to the Wiener filter. The result in the band of the windows is therefore the same on every grid.
/// As many windows as 2¹⁸ cells hold are evaluated together.
///
/// **Cost** a field and time: 1/(1 − overlap)^d times the windows that would tile the box, each
/// with two transforms of its own, and four transforms of the larger grid. **Memory** three numbers
/// for each cell of the batch.
pub struct Windowed<'a> {
    known: &'a Enlarged,
    small: &'a dyn WindowDenoiser,
}

/// Tables of one grid of the larger box.
#[derive(Debug)]
pub(super) struct Plan<S> {
    fine: Arc<OnGrid<S>>,
    /// The larger box with the cells of windows.
    band: Transform,
    /// Law and noise on a window, and the mean as point values.
    window: OnGrid,
    mean: Vec<f64>,
    windows: Partition,
}

impl<S: Scalar> Plan<S> {
    fn new(
        known: &Enlarged,
        small: &dyn WindowDenoiser,
        fine: Arc<OnGrid<S>>,
    ) -> Result<Self, FieldError> {
        let grid = *fine.transform.grid();
        if !known.large.holds(&grid) {
            return Err(FieldError::GridMismatch {
                what: "denoising on another box than the larger one",
                left: grid,
                right: known.large.grid(&grid.points())?,
            });
        }
        let window = small.answers_on(&known.large.window(&grid));
        let band = known.large.like(&window)?;
        if !known.prior().is_nested() && band != grid {
            let what = "white noise per cell on another grid than that of the windows";
            return Err(FieldError::GridMismatch { what, left: grid, right: band });
        }
        let (law, prior) = &known.small;
        let window = OnGrid::new(window, law, prior.as_ref());
        Ok(Self {
            fine,
            mean: window.transform.synthesise_channels(&window.mean),
            windows: Partition::new(&known.large, &band, window.transform.grid(), known.overlap),
            band: Transform::new(band),
            window,
        })
    }

    /// Values of modes of the larger grid on the cells of windows.
    fn restricted(&self, modes: &[S]) -> Vec<S> {
        let (fine, band) = (self.fine.transform.grid(), self.band.grid());
        self.band.into_values(copied_modes(fine, modes, band))
    }

    /// Adds values on the cells of windows to modes on the larger grid.
    fn extended(&self, values: Vec<S>, modes: &mut [S]) {
        let (fine, band) = (self.fine.transform.grid(), self.band.grid());
        let own = self.band.into_modes(values);
        let all: Vec<S> = match fine == band {
            true => own,
            false => copied_modes(band, &own, fine),
        };
        for (m, v) in modes.iter_mut().zip(&all) {
            *m = S::of(m.double() + v.double());
        }
    }
}

/// The windows of one call, and the fields they belong to.
struct Group<'a, S> {
    plan: &'a Plan<S>,
    /// Values on the cells of windows, `[field; channel, cell]`.
    x: &'a [S],
    channels: usize,
    /// (field, window) of each.
    members: &'a [(usize, usize)],
}

impl<S: Scalar> Group<'_, S> {
    /// Extracts the values of the windows, each times `factor(weight)`.
    fn cut(&self, values: &[S], factor: impl Fn(f64) -> f64) -> Result<Ensemble, FieldError> {
        let (cells, own) = (self.plan.band.grid().len(), *self.plan.window.transform.grid());
        let mut out = Ensemble::zeros(own, self.channels, self.members.len());
        for (&(field, window), out) in self.members.iter().zip(out.fields_mut()) {
            for channel in 0..self.channels {
                let from = &values[(field * self.channels + channel) * cells..][..cells];
                let to = &mut out[channel * own.len()..][..own.len()];
                self.plan.windows.visit(window, |cell, own, weight| {
                    to[own] = factor(weight) * from[cell].double();
                });
            }
        }
        Ok(out)
    }

    /// Adds the values of windows to sums over the larger grid, each value times `factor(weight)`.
    fn put(&self, windows: &Ensemble, sums: &mut [S], factor: impl Fn(f64) -> f64) {
        let (cells, own) = (self.plan.band.grid().len(), windows.grid.len());
        for (&(field, window), values) in self.members.iter().zip(windows.fields()) {
            for channel in 0..self.channels {
                let to = &mut sums[(field * self.channels + channel) * cells..][..cells];
                let from = &values[channel * own..][..own];
                self.plan.windows.visit(window, |cell, own, weight| {
                    to[cell] = S::of(to[cell].double() + factor(weight) * from[own]);
                });
            }
        }
    }

    /// Converts windows to fields of the trained box: deviations from its own mean, in its own
    /// modes. A window of a larger ring may hold a part that no mode of the trained box represents.
    fn about_means(&self, mut deviations: Ensemble, a: f64) -> Ensemble {
        for field in deviations.fields_mut() {
            self.plan.window.transform.project(field);
            field.iter_mut().zip(&self.plan.mean).for_each(|(x, m)| *x += a * m);
        }
        deviations
    }

    /// The field of the batch that each window belongs to.
    fn fields(&self) -> Vec<usize> {
        self.members.iter().map(|(field, _)| *field).collect()
    }
}

impl<'a> Windowed<'a> {
    /// The denoiser of the larger box, from its known quantities and the denoiser of the trained
    /// box.
    pub fn new(known: &'a Enlarged, small: &'a dyn WindowDenoiser) -> Self {
        Self { known, small }
    }

    /// The larger box with the cells on which windows of a grid are evaluated.
    ///
    /// # Errors
    /// [`FieldError::LargeBox`] where their number is not whole; [`FieldError::GridMismatch`] for
    /// another box.
    pub fn answers_on(&self, grid: &Grid) -> Result<Grid, FieldError> {
        Ok(*self.plan::<f64>(grid)?.band.grid())
    }

    /// Disagreement of windows where they overlap, at fields `x` of time t. It is the root of the
    /// mean of Σ_w χ_w (r_w − r)², in standard deviations of the data. Here r_w = D_Ω − W_Ω of a
    /// window and r = Σ χ_w r_w.
    ///
    /// It is small for a denoiser whose answer does not depend on the place in the window. For data
    /// that are not stationary, such as digits centred in their box, it is as large as the answer
    /// itself.
    ///
    /// # Errors
    /// As [`Denoiser::denoise`].
    pub fn disagreement(&self, x: &Ensemble, t: f64) -> Result<f64, FieldError> {
        let plan = self.plan_of::<f64>(x)?;
        let (values, _) = self.apart(&plan, x, t);
        let mut first = vec![0.0; values.len()];
        let mut second = vec![0.0; values.len()];
        self.each(&plan, &values, x.channels, &mut |group| {
            let mut windows = self.added(group, t)?;
            group.put(&windows, &mut first, |weight| weight);
            windows.values.iter_mut().for_each(|r| *r *= *r);
            group.put(&windows, &mut second, |weight| weight);
            Ok(())
        })?;
        let spread: f64 = second.iter().zip(&first).map(|(s, r)| (s - r * r).max(0.0)).sum();
        let data = plan.window.variances.iter().sum::<f64>() / x.channels as f64;
        Ok((spread / values.len() as f64 / data).sqrt())
    }

    fn plan<S: Scalar>(&self, grid: &Grid) -> Result<Arc<Plan<S>>, FieldError> {
        self.known.plan(grid, |fine| Plan::new(self.known, self.small, fine))
    }

    fn plan_of<S: Scalar>(&self, x: &Ensemble<S>) -> Result<Arc<Plan<S>>, FieldError> {
        let channels = self.known.law().channels();
        if x.channels != channels {
            return Err(FieldError::Length { values: x.field_len(), channels, grid: x.grid });
        }
        self.plan(&x.grid)
    }

    /// x − a m on the cells of windows, one field after another, and the coefficients of the Wiener
    /// filter's answer.
    fn apart<S: Scalar>(&self, plan: &Plan<S>, x: &Ensemble<S>, t: f64) -> (Vec<S>, Vec<Vec<S>>) {
        let (a, mean) = (self.known.path.signal(t), &plan.fine.mean);
        let (mut band, mut answers) = (Vec::new(), Vec::new());
        for field in x.fields() {
            let mut modes = plan.fine.transform.into_modes(field.to_vec());
            for (x, m) in modes.iter_mut().zip(mean) {
                *x = S::of(x.double() - a * m.double());
            }
            let restricted = plan.restricted(&modes);
            match band.is_empty() {
                true => band = restricted,
                false => band.extend(restricted),
            }
            let weights = plan.fine.weights(self.known.path.as_ref(), t, 0..mean.len());
            for ((x, w), m) in modes.iter_mut().zip(weights).zip(mean) {
                *x = S::of(m.double() + w * x.double());
            }
            answers.push(modes);
        }
        (band, answers)
    }

    /// Applies a function to all windows of all fields, in groups of limited size.
    fn each<S: Scalar>(
        &self,
        plan: &Plan<S>,
        x: &[S],
        channels: usize,
        work: &mut dyn FnMut(&Group<'_, S>) -> Result<(), FieldError>,
    ) -> Result<(), FieldError> {
        let fields = x.len() / (channels * plan.band.grid().len());
        let all = (0..fields).flat_map(|f| (0..plan.windows.count()).map(move |w| (f, w)));
        let all: Vec<(usize, usize)> = all.collect();
        let together = (CELLS_TOGETHER / plan.window.transform.grid().len()).max(1);
        all.chunks(together).try_for_each(|members| work(&Group { plan, x, channels, members }))
    }

    /// r_w = D_Ω − W_Ω of the windows of a group.
    fn added<S: Scalar>(&self, group: &Group<'_, S>, t: f64) -> Result<Ensemble, FieldError> {
        let (plan, a) = (group.plan, self.known.path.signal(t));
        let deviations = group.cut(group.x, |_| 1.0)?;
        let asked = group.about_means(deviations.clone(), a);
        let mut answers = self.small.denoise(&asked, t, &group.fields())?;
        if answers.grid != asked.grid || answers.values.len() != asked.values.len() {
            let what = "windows and their denoised windows";
            return Err(FieldError::GridMismatch { what, left: asked.grid, right: answers.grid });
        }
        let weights = plan.window.wiener(self.known.path.as_ref(), t);
        for (answer, x) in answers.fields_mut().zip(deviations.fields()) {
            let affine = filtered(plan, x, &weights);
            for ((d, m), w) in answer.iter_mut().zip(&plan.mean).zip(affine) {
                *d -= m + w;
            }
        }
        Ok(answers)
    }
}

/// Filters a window's values: multiplies its modes by weights.
fn filtered<S: Scalar>(plan: &Plan<S>, x: &[f64], weights: &[f64]) -> Vec<f64> {
    let mut modes = plan.window.transform.analyse_channels(x);
    modes.iter_mut().zip(weights).for_each(|(x, w)| *x *= w);
    plan.window.transform.synthesise_channels(&modes)
}

impl Windowed<'_> {
    fn answer<S: Scalar>(&self, x: &Ensemble<S>, t: f64) -> Result<Ensemble<S>, FieldError> {
        let plan = self.plan_of(x)?;
        let (values, answers) = self.apart(&plan, x, t);
        let mut sums = vec![S::default(); values.len()];
        self.each(&plan, &values, x.channels, &mut |group| {
            group.put(&self.added(group, t)?, &mut sums, |weight| weight);
            Ok(())
        })?;
        drop(values);
        let len = x.channels * plan.band.grid().len();
        let mut out = Vec::new();
        for (field, mut modes) in answers.into_iter().enumerate() {
            let own = match sums.len() == len {
                true => std::mem::take(&mut sums),
                false => sums[field * len..(field + 1) * len].to_vec(),
            };
            plan.extended(own, &mut modes);
            let values = plan.fine.transform.into_values(modes);
            match out.is_empty() {
                true => out = values,
                false => out.extend(values),
            }
        }
        Ok(Ensemble { grid: x.grid, channels: x.channels, values: out })
    }
}

impl Denoiser for Windowed<'_> {
    fn denoise(&self, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        self.answer(x, t)
    }

    fn denoise_single(&self, x: &Ensemble<f32>, t: f64) -> Result<Ensemble<f32>, FieldError> {
        self.answer(x, t)
    }

    fn pullback(&self, x: &Ensemble, t: f64, w: &Ensemble) -> Result<Option<Ensemble>, FieldError> {
        let plan = self.plan_of::<f64>(x)?;
        let (values, _) = self.apart(&plan, x, t);
        let weights = plan.fine.wiener(self.known.path.as_ref(), t);
        let inner = plan.window.wiener(self.known.path.as_ref(), t);
        let a = self.known.path.signal(t);
        let mut modes: Vec<Vec<f64>> =
            w.fields().map(|w| plan.fine.transform.analyse_channels(w)).collect();
        let restricted: Vec<f64> = modes.iter().flat_map(|modes| plan.restricted(modes)).collect();
        let (mut sums, mut has_derivative) = (vec![0.0; values.len()], true);
        self.each(&plan, &values, x.channels, &mut |group| {
            let asked = group.about_means(group.cut(group.x, |_| 1.0)?, a);
            let weighed = group.cut(&restricted, |weight| weight)?;
            let pulled = self.small.pullback(&asked, t, &weighed, &group.fields())?;
            let Some(mut pulled) = pulled.filter(|_| has_derivative) else {
                has_derivative = false;
                return Ok(());
            };
            for (pulled, w) in pulled.fields_mut().zip(weighed.fields()) {
                plan.window.transform.project(pulled);
                pulled.iter_mut().zip(filtered(&plan, w, &inner)).for_each(|(p, w)| *p -= w);
            }
            group.put(&pulled, &mut sums, |_| 1.0);
            Ok(())
        })?;
        if !has_derivative {
            return Ok(None);
        }
        let len = x.channels * plan.band.grid().len();
        let mut out = Vec::with_capacity(x.values.len());
        for (modes, sums) in modes.iter_mut().zip(sums.chunks_exact(len)) {
            modes.iter_mut().zip(&weights).for_each(|(m, w)| *m *= w);
            plan.extended(sums.to_vec(), modes);
            out.extend(plan.fine.transform.synthesise_channels(modes));
        }
        Ensemble::new(x.grid, x.channels, out).map(Some)
    }
}
