//! The instruction set that runs: detected once, or selected by an environment variable.

use std::ffi::OsStr;
use std::fmt;
use std::sync::OnceLock;

use crate::KernelError;

/// Environment variable that selects the level.
const VARIABLE: &str = "KARHUNEN_SIMD";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Set {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

/// An instruction set that this CPU has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level(Set);

impl Level {
    /// Every level of this CPU, the fastest first. The portable one is always available.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                sets.push(Set::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                sets.push(Set::Avx2);
            }
        }
        #[cfg(target_arch = "aarch64")]
        if std::arch::is_aarch64_feature_detected!("neon") {
            sets.push(Set::Neon);
        }
        sets.push(Set::Portable);
        sets.into_iter().map(Self).collect()
    }

    /// The level that operators run at. It is the fastest one, unless the environment variable
    /// `KARHUNEN_SIMD` names another (`avx512`, `avx2`, `neon`, `portable`).
    ///
    /// The variable is read once. Results are bit-identical on one level only, so set it to compare
    /// machines.
    ///
    /// # Errors
    /// [`KernelError::Level`] for a name that is unknown or whose instructions this CPU lacks. The
    /// operators then return the same error.
    pub fn current() -> Result<Self, KernelError> {
        static CURRENT: OnceLock<Result<Level, KernelError>> = OnceLock::new();
        CURRENT.get_or_init(|| Self::asked(std::env::var_os(VARIABLE).as_deref())).clone()
    }

    /// The target's own instructions.
    pub(crate) const PORTABLE: Self = Self(Set::Portable);

    /// The level with this name, or the fastest if there is no name.
    pub(crate) fn asked(name: Option<&OsStr>) -> Result<Self, KernelError> {
        let available = Self::available();
        let Some(name) = name else { return Ok(available[0]) };
        let found = available.iter().find(|level| name == level.to_string().as_str());
        found.copied().ok_or_else(|| KernelError::Level {
            asked: name.to_string_lossy().into_owned(),
            available: available.iter().map(Self::to_string).collect::<Vec<_>>().join(", "),
        })
    }

    /// The level of the operators, whose entry points have already checked it.
    pub(crate) fn checked() -> Self {
        Self::current().expect("operators refuse what there is not")
    }

    pub(crate) fn set(self) -> Set {
        self.0
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(target_arch = "x86_64")]
            Set::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Set::Avx2 => "avx2",
            #[cfg(target_arch = "aarch64")]
            Set::Neon => "neon",
            Set::Portable => "portable",
        })
    }
}
