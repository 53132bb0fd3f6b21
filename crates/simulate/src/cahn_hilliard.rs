//! The Cahn–Hilliard equation in the modes of a grid, by stabilised semi-implicit steps.
//!
//! Phase separation of a mixture with concentration u ∈ [−1, 1]:
//!
//! > ∂u/∂t = Δμ,  μ = W′(u) − ε²Δu,  W(u) = ¼(1 − u²)²,
//!
//! the gradient flow, conserving ∫u, of the Ginzburg–Landau energy
//! E(u) = (1/|Ω|) ∫ W(u) + ½ε²|∇u|² dx. The Laplacian is diagonal in the modes, W′ is evaluated at
//! the cell centres. Here are single steps; how long they are and where the first one starts is
//! the business of [`crate::spinodal`].
//!
//! **Source** J. W. Cahn, J. E. Hilliard, J. Chem. Phys. 28, 258 (1958); D. J. Eyre, MRS Proc. 529,
//! 39 (1998); J. Shen, X. Yang, Discrete Contin. Dyn. Syst. 28, 1669 (2010), for the bound on c.

use karhunen_field::{Grid, Transform};

/// The constant c of the splitting W = ½c u² + (W − ½c u²) into an implicit and an explicit part.
/// Larger is safer and slower; 3/2 covers |u| ≤ 1.15, and solutions stay below 1.06.
const SPLITTING: f64 = 1.5;

/// A solver for one grid and interface width ε.
///
/// **Choosing** interfaces have the profile tanh(x / √2ε); one cell or more per ε resolves them.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::CahnHilliard;
/// let grid = Grid::unit(&[48], Boundary::Neumann)?;
/// let mut solver = CahnHilliard::new(grid, 0.04);
/// let mut modes = vec![0.0; 48];
/// modes[4] = 0.01; // grows: ω²(1 − ε²ω²) > 0 for ω = 4π
/// let before = solver.energy(&modes);
/// solver.step(&mut modes, 0.01);
/// assert!(modes[4] > 0.01 && solver.energy(&modes) < before);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CahnHilliard {
    transform: Transform,
    epsilon: f64,
    laplacian: Vec<f64>,
    values: Vec<f64>,
    force: Vec<f64>,
    half: Vec<f64>,
}

impl CahnHilliard {
    /// A solver for functions on this grid with interface width `epsilon`, the ε above.
    pub fn new(grid: Grid, epsilon: f64) -> Self {
        Self {
            transform: Transform::new(grid),
            epsilon,
            laplacian: grid.modes().map(|mode| mode.laplacian()).collect(),
            values: vec![0.0; grid.len()],
            force: vec![0.0; grid.mode_count()],
            half: vec![0.0; grid.mode_count()],
        }
    }

    /// Moves the coefficients of u one step of length τ = `tau` on, to first order:
    ///
    /// > u⁺ = u + τ Δ( W′(u) + c (u⁺ − u) − ε²Δu⁺ ),  c = 3/2,
    ///
    /// a scalar division per mode. For **any** τ the energy does not rise while c ≥ ½ max W″, that
    /// is |u| ≤ 2/√3. Long steps do not blow up, they lag behind. The mean is untouched.
    ///
    /// **Cost** one transform each way.
    ///
    /// # Panics
    /// Unless there is one coefficient for every mode of the grid.
    pub fn step(&mut self, modes: &mut [f64], tau: f64) {
        self.evaluate(modes);
        for ((u, f), k2) in modes.iter_mut().zip(&self.force).zip(&self.laplacian) {
            *u = advance(*u, *f, *k2, self.epsilon, tau);
        }
    }

    /// One step of length τ to second order: twice the result of two halves of [`Self::step`]
    /// minus that of a whole one (Richardson).
    ///
    /// The lag of the first-order step cancels, the guarantee of falling energy becomes one for
    /// small enough τ.
    ///
    /// **Cost** two transforms each way.
    ///
    /// # Panics
    /// As [`CahnHilliard::step`].
    pub fn step_extrapolated(&mut self, modes: &mut [f64], tau: f64) {
        self.evaluate(modes);
        let mut half = std::mem::take(&mut self.half);
        for (((u, h), f), k2) in
            modes.iter_mut().zip(&mut half).zip(&self.force).zip(&self.laplacian)
        {
            *h = advance(*u, *f, *k2, self.epsilon, 0.5 * tau);
            *u = advance(*u, *f, *k2, self.epsilon, tau);
        }
        self.evaluate(&half);
        for (((u, h), f), k2) in modes.iter_mut().zip(&half).zip(&self.force).zip(&self.laplacian) {
            *u = 2.0 * advance(*h, *f, *k2, self.epsilon, 0.5 * tau) - *u;
        }
        self.half = half;
    }

    /// The Ginzburg–Landau energy per volume, E(u) above.
    ///
    /// # Panics
    /// As [`CahnHilliard::step`].
    pub fn energy(&mut self, modes: &[f64]) -> f64 {
        self.transform.synthesise(modes, &mut self.values);
        let wells: f64 = self.values.iter().map(|u| (1.0 - u * u).powi(2)).sum();
        let slopes: f64 = modes.iter().zip(&self.laplacian).map(|(u, k2)| k2 * u * u).sum();
        wells / (4.0 * self.values.len() as f64) + 0.5 * self.epsilon * self.epsilon * slopes
    }

    /// Planned transforms of the grid.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// The modes of W′(u) − c u, the explicit part.
    fn evaluate(&mut self, modes: &[f64]) {
        self.transform.synthesise(modes, &mut self.values);
        for u in &mut self.values {
            *u *= *u * *u - (1.0 + SPLITTING);
        }
        self.transform.analyse(&self.values, &mut self.force);
    }
}

/// One mode of the first-order step, solved for u⁺.
fn advance(u: f64, force: f64, k2: f64, epsilon: f64, tau: f64) -> f64 {
    (u - tau * k2 * force) / (1.0 + tau * k2 * (SPLITTING + epsilon * epsilon * k2))
}
