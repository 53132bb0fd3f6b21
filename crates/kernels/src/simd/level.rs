//! Which instruction set runs: found once, or asked for.

use std::fmt;
use std::sync::OnceLock;

/// Environment variable that names the level to run at: `avx512`, `avx2`, `neon` or `portable`.
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
    /// Every level of this CPU, the fastest first; the portable one is always there.
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

    /// The level that operators run at: the fastest, or the one that `KARHUNEN_SIMD` names.
    ///
    /// Read once. A name that is unknown or that this CPU lacks leaves the fastest, and says so on
    /// standard error.
    pub fn current() -> Self {
        static CURRENT: OnceLock<Level> = OnceLock::new();
        *CURRENT.get_or_init(|| {
            let available = Self::available();
            let Ok(asked) = std::env::var(VARIABLE) else { return available[0] };
            available.iter().copied().find(|level| level.to_string() == asked).unwrap_or_else(
                || {
                    let names: Vec<String> = available.iter().map(Self::to_string).collect();
                    let names = names.join(", ");
                    eprintln!("{VARIABLE}={asked}: this CPU has {names}; using {}", available[0]);
                    available[0]
                },
            )
        })
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
