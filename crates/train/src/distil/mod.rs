//! Distillation: a model of a few evaluations, learned from the trajectories of a model of many.
//!
//! The probability flow takes every noise x(T) to one field x(0). A sampler of N evaluations follows it in N small
//! steps. A distilled model, the *student*, goes from each of its own K times to the next one at once:
//!
//! 1. The *teacher* follows the flow from some hundred noises in N evaluations. At the K times t₁ = T > t₂ > … its
//!    states x(t_j) are kept, and the clean field in the end.
//! 2. The student has the teacher's network and starts from its weights. It learns to answer x(t_j) by that D for which
//!    one step of DDIM ends at x(t_{j+1}): D = (x(t_{j+1}) − (b'/b) x(t_j)) / (a' − a b'/b). The last answer is the clean
//!    field itself.
//! 3. Its affine part is the whole flow of the data's Gaussian law between these times
//!    ([`karhunen_field::law::OnGrid::jump`]). On Gaussian data it is therefore exact before it has learned anything.
//!
//! Both ends of a trajectory are known, so the student learns by plain regression. No data are needed. Field i of a seed
//! is nearly the same function as the teacher's field i: [`Distillation::difference`] tells how nearly.
//!
//! **Source** the pairs of noise and field are those of Luhman & Luhman, arXiv 2101.02388, with the segments of Heek,
//! Hoogeboom & Salimans, arXiv 2403.06807. The affine part is our own.

mod plan;
mod run;
mod trajectories;

pub use plan::DistilOptions;
pub use run::Distillation;
