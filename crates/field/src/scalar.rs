//! The numbers in which samplers keep large fields: double precision, or single to halve the memory.
//!
//! Single precision is a form of *storage*. Every sum, product and transform is computed in `f64`; only what is
//! kept between two of them is rounded. A rounding moves a value by at most 6·10⁻⁸ of itself.

use std::borrow::Cow;
use std::fmt::Debug;
use std::str::FromStr;

use rustfft::num_complex::Complex;
use serde::{Deserialize, Serialize};

use crate::{Denoiser, Ensemble, FieldError};

/// The precision in which a sampler keeps its fields, tables and buffers.
///
/// # Example
/// ```
/// use karhunen_field::sampler::Precision;
/// assert_eq!("f32".parse::<Precision>()?, Precision::Single);
/// assert_eq!(Precision::default().to_string(), "f64");
/// # Ok::<(), karhunen_field::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum Precision {
    /// `f64`: 8 bytes a number.
    #[default]
    Double,
    /// `f32`: 4 bytes a number.
    Single,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 2] = [Self::Double, Self::Single];

    /// The name on command lines.
    pub fn name(self) -> &'static str {
        match self {
            Self::Double => "f64",
            Self::Single => "f32",
        }
    }

    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::Double => size_of::<f64>(),
            Self::Single => size_of::<f32>(),
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Precision {
    type Err = FieldError;

    fn from_str(name: &str) -> Result<Self, FieldError> {
        Self::ALL.into_iter().find(|p| p.name() == name).ok_or_else(|| FieldError::UnknownName {
            what: "precision",
            name: name.to_owned(),
            known: Self::ALL.map(Self::name).join(", "),
        })
    }
}

impl TryFrom<String> for Precision {
    type Error = FieldError;
    fn try_from(name: String) -> Result<Self, FieldError> {
        name.parse()
    }
}

impl From<Precision> for &'static str {
    fn from(precision: Precision) -> Self {
        precision.name()
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// A number in which fields are kept: `f64` or `f32`. Arithmetic is always in `f64`.
pub trait Scalar:
    Copy + Default + PartialEq + Debug + Send + Sync + sealed::Sealed + 'static
{
    /// The nearest number of this kind; infinite where there is none.
    fn of(value: f64) -> Self;

    /// The same number in `f64`.
    fn double(self) -> f64;

    /// Fields of this kind from fields in `f64`.
    fn narrowed(fields: Ensemble) -> Ensemble<Self>;

    /// The same fields in `f64`.
    fn widened(fields: Ensemble<Self>) -> Ensemble;

    /// The same fields in `f64`, copied only where they are of another kind.
    fn wide(fields: &Ensemble<Self>) -> Cow<'_, Ensemble>;

    /// D(x, t) by whichever method of a denoiser takes fields of this kind.
    ///
    /// # Errors
    /// Those of the denoiser.
    fn denoise(
        denoiser: &dyn Denoiser,
        x: &Ensemble<Self>,
        t: f64,
    ) -> Result<Ensemble<Self>, FieldError>;

    /// Calls `work` on a run of numbers in `f64`. `buffer` is room for a copy.
    #[doc(hidden)]
    fn in_double(line: &mut [Self], buffer: &mut Vec<f64>, work: &mut dyn FnMut(&mut [f64]));

    /// The same of complex numbers.
    #[doc(hidden)]
    fn in_complex(
        line: &mut [Complex<Self>],
        buffer: &mut Vec<Complex<f64>>,
        work: &mut dyn FnMut(&mut [Complex<f64>]),
    );
}

impl Scalar for f64 {
    #[inline]
    fn of(value: f64) -> Self {
        value
    }

    #[inline]
    fn double(self) -> f64 {
        self
    }

    fn narrowed(fields: Ensemble) -> Ensemble {
        fields
    }

    fn widened(fields: Ensemble) -> Ensemble {
        fields
    }

    fn wide(fields: &Ensemble) -> Cow<'_, Ensemble> {
        Cow::Borrowed(fields)
    }

    fn denoise(denoiser: &dyn Denoiser, x: &Ensemble, t: f64) -> Result<Ensemble, FieldError> {
        denoiser.denoise(x, t)
    }

    fn in_double(line: &mut [f64], _: &mut Vec<f64>, work: &mut dyn FnMut(&mut [f64])) {
        work(line);
    }

    fn in_complex(
        line: &mut [Complex<f64>],
        _: &mut Vec<Complex<f64>>,
        work: &mut dyn FnMut(&mut [Complex<f64>]),
    ) {
        work(line);
    }
}

impl Scalar for f32 {
    #[inline]
    fn of(value: f64) -> Self {
        value as f32
    }

    #[inline]
    fn double(self) -> f64 {
        f64::from(self)
    }

    fn narrowed(fields: Ensemble) -> Ensemble<f32> {
        let values = fields.values.iter().map(|v| *v as f32).collect();
        Ensemble { grid: fields.grid, channels: fields.channels, values }
    }

    fn widened(fields: Ensemble<f32>) -> Ensemble {
        let values = fields.values.iter().map(|v| f64::from(*v)).collect();
        Ensemble { grid: fields.grid, channels: fields.channels, values }
    }

    fn wide(fields: &Ensemble<f32>) -> Cow<'_, Ensemble> {
        let values = fields.values.iter().map(|v| f64::from(*v)).collect();
        Cow::Owned(Ensemble { grid: fields.grid, channels: fields.channels, values })
    }

    fn denoise(
        denoiser: &dyn Denoiser,
        x: &Ensemble<f32>,
        t: f64,
    ) -> Result<Ensemble<f32>, FieldError> {
        denoiser.denoise_single(x, t)
    }

    fn in_double(line: &mut [f32], buffer: &mut Vec<f64>, work: &mut dyn FnMut(&mut [f64])) {
        buffer.clear();
        buffer.extend(line.iter().map(|v| f64::from(*v)));
        work(buffer);
        line.iter_mut().zip(buffer.iter()).for_each(|(v, wide)| *v = *wide as f32);
    }

    fn in_complex(
        line: &mut [Complex<f32>],
        buffer: &mut Vec<Complex<f64>>,
        work: &mut dyn FnMut(&mut [Complex<f64>]),
    ) {
        buffer.clear();
        buffer.extend(line.iter().map(|v| Complex::new(f64::from(v.re), f64::from(v.im))));
        work(buffer);
        for (v, wide) in line.iter_mut().zip(buffer.iter()) {
            *v = Complex::new(wide.re as f32, wide.im as f32);
        }
    }
}

/// Numbers of one kind from numbers in `f64`.
pub(crate) fn narrow<S: Scalar>(values: Vec<f64>) -> Vec<S> {
    // the same vector where nothing changes
    values.into_iter().map(S::of).collect()
}
