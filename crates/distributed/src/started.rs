//! How this process was started, as far as its environment tells.

/// Who started this process as one of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Launcher {
    /// Ranks of the job.
    pub size: usize,
    /// This process among them.
    pub rank: usize,
}

/// Variables in which launchers tell the number of ranks.
const SIZES: [&str; 4] =
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MPI_LOCALNRANKS", "MV2_COMM_WORLD_SIZE"];
/// Variables in which they tell a rank's number.
const RANKS: [&str; 4] = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_RANK"];
/// Variables in which they tell a rank's number on its machine.
const LOCAL: [&str; 5] = [
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "MV2_COMM_WORLD_LOCAL_RANK",
    "PALS_LOCAL_RANKID",
    "SLURM_LOCALID",
];
/// Set by launchers that tell the rest when they are asked.
const ASKED: [&str; 1] = ["PMIX_RANK"];

/// The launcher of an MPI job, if there is one.
pub fn launcher() -> Option<Launcher> {
    let asked = || ASKED.iter().any(|name| std::env::var_os(name).is_some());
    let told = SIZES.iter().find_map(|name| number(name));
    let size = told.or_else(|| asked().then(|| number("SLURM_NTASKS").unwrap_or(1)))?;
    let rank = RANKS.iter().find_map(|name| number(name)).unwrap_or(0);
    Some(Launcher { size, rank })
}

/// Number of this process among those that were started together on its machine; none where nobody tells.
pub fn local_rank() -> Option<usize> {
    LOCAL.iter().find_map(|name| number(name))
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.trim().parse().ok()
}
