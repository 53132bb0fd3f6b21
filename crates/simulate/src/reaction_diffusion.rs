//! The FitzHugh–Nagumo equations in the modes of a grid, by Strang splitting of exact flows.
//!
//! An activator u that makes more of itself and an inhibitor v that follows it:
//!
//! > ∂u/∂t = D_u Δu + u − u³ − k − v,  ∂v/∂t = D_v Δv + u − v.
//!
//! All but −u³ is linear and couples u and v mode by mode: a 2×2 matrix, whose exponential is
//! known. What is left, u̇ = −u³ at every point, is known as well. A step is half of the one flow, the
//! whole of the other, half of the first again: nothing is expanded but their commutator. How long
//! steps are and where the first one starts is the business of [`crate::fitzhugh_nagumo`].
//!
//! **Source** R. FitzHugh, Biophys. J. 1, 445 (1961); J. Nagumo, S. Arimoto, S. Yoshizawa, Proc. IRE
//! 50, 2061 (1962); with diffusion of both, A. M. Turing, Phil. Trans. R. Soc. B 237, 37 (1952); the
//! splitting, G. Strang, SIAM J. Numer. Anal. 5, 506 (1968).

use karhunen_field::{Grid, Transform};

/// Below this |hs| the exponentials of the two eigenvalues cancel, and sinh(hs)/s is a series.
const CLOSE: f64 = 1e-3;

/// A solver for one grid and one set of constants.
///
/// **Choosing** fronts of u have the profile tanh(x / √(2 D_u)); one cell or more per √D_u
/// resolves them.
///
/// # Example
/// ```
/// use karhunen_field::{Boundary, Grid};
/// use karhunen_simulate::ReactionDiffusion;
/// // the diffusion of u and v, and k: u = v = −k^⅓ is at rest
/// let mut solver = ReactionDiffusion::new(Grid::unit(&[48], Boundary::Neumann)?, 1e-3, 5e-3, 0.001);
/// let (mut u, mut v) = (vec![0.0; 48], vec![0.0; 48]);
/// (u[0], v[0]) = (-0.1, -0.1);
/// solver.advance(&mut u, &mut v, 1.0, 1000);
/// assert!((u[0] + 0.1).abs() < 1e-7 && (v[0] + 0.1).abs() < 1e-7);
/// # Ok::<(), karhunen_simulate::SimulateError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ReactionDiffusion {
    transform: Transform,
    activator: f64,
    inhibitor: f64,
    offset: f64,
    laplacian: Vec<f64>,
    values: Vec<f64>,
}

impl ReactionDiffusion {
    /// A solver on this grid: D_u is `activator`, D_v `inhibitor`, k `offset`.
    ///
    /// # Panics
    /// On a box without constants ([`Grid::holds_constants`]): k drives the mean.
    pub fn new(grid: Grid, activator: f64, inhibitor: f64, offset: f64) -> Self {
        assert!(grid.holds_constants(), "a box whose functions may be constant");
        Self {
            transform: Transform::new(grid),
            activator,
            inhibitor,
            offset,
            laplacian: grid.modes().map(|mode| mode.laplacian()).collect(),
            values: vec![0.0; grid.len()],
        }
    }

    /// Moves the coefficients of `u` and `v` by `time` in `steps` equal steps, of second order.
    ///
    /// With C the flow of the cubic and L the linear one, a step of length τ is C(τ/2) L(τ) C(τ/2); the
    /// halves of neighbouring steps are one. Steps of any length are stable, the cubic only ever
    /// brings u nearer to 0; long ones are wrong.
    ///
    /// **Cost** one transform each way of u a step and one more; v is never transformed.
    ///
    /// # Panics
    /// Unless there is one coefficient of each for every mode of the grid, and at least one step.
    pub fn advance(&mut self, u: &mut [f64], v: &mut [f64], time: f64, steps: usize) {
        assert!(steps > 0, "at least one step");
        let tau = time / steps as f64;
        let flow: Vec<Flow> = self.laplacian.iter().map(|k2| self.flow(*k2, tau)).collect();
        self.saturate(u, 0.5 * tau);
        for step in 1..=steps {
            for ((u, v), flow) in u.iter_mut().zip(v.iter_mut()).zip(&flow) {
                (*u, *v) = flow.apply(*u, *v);
            }
            // the exponential of the constant mode ends after its second term
            u[0] -= self.offset * (tau + 0.5 * tau * tau);
            v[0] -= self.offset * 0.5 * tau * tau;
            self.saturate(u, if step == steps { 0.5 * tau } else { tau });
        }
    }

    /// Planned transforms of the grid.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// u̇ = −u³ for a time τ: u / √(1 + 2τu²) at every cell.
    fn saturate(&mut self, modes: &mut [f64], tau: f64) {
        self.transform.synthesise(modes, &mut self.values);
        for u in &mut self.values {
            *u /= (1.0 + 2.0 * tau * *u * *u).sqrt();
        }
        self.transform.analyse(&self.values, modes);
    }

    /// exp(τA) of a mode with |ω|² = `k2`, A = ((1 − D_u k2, −1), (1, −1 − D_v k2)).
    ///
    /// With m = ½ tr A and δ half the difference of its diagonal, (A − m)² = (δ² − 1) = s², so
    /// exp(τA) = e^{mτ} (cosh sτ + (sinh sτ / s)(A − m)).
    fn flow(&self, k2: f64, tau: f64) -> Flow {
        let (p, q) = (1.0 - self.activator * k2, -1.0 - self.inhibitor * k2);
        let (m, delta) = (0.5 * (p + q), 0.5 * (p - q));
        let s2 = delta * delta - 1.0;
        let (s, decay) = (s2.abs().sqrt(), libm::exp(m * tau));
        let (even, odd) = if s * tau < CLOSE {
            let x = s2 * tau * tau;
            (decay * (1.0 + 0.5 * x), decay * tau * (1.0 + x / 6.0))
        } else if s2 > 0.0 {
            // cosh alone would leave the range of numbers where its product with e^{mτ} does not
            let (up, down) = (libm::exp((m + s) * tau), libm::exp((m - s) * tau));
            (0.5 * (up + down), 0.5 * (up - down) / s)
        } else {
            (decay * libm::cos(s * tau), decay * libm::sin(s * tau) / s)
        };
        Flow { uu: even + odd * delta, vv: even - odd * delta, mixed: odd }
    }
}

/// The linear flow of one mode.
#[derive(Debug, Clone, Copy)]
struct Flow {
    uu: f64,
    vv: f64,
    /// What v gets of u, and u loses to v.
    mixed: f64,
}

impl Flow {
    fn apply(self, u: f64, v: f64) -> (f64, f64) {
        (self.uu * u - self.mixed * v, self.mixed * u + self.vv * v)
    }
}
