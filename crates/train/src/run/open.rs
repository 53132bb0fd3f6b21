//! How a run is opened: everything that was asked for is prepared first, and what changes files comes after.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use karhunen_distributed::Group;
use karhunen_formats::write_whole;
use karhunen_net::Device;

use crate::TrainError;
use crate::config::RunConfig;
use crate::run::clock::{Clock, WallClock};
use crate::run::events::Observer;
use crate::run::extension::More;
use crate::store::atomic::unwritten;

use super::prepare::{Prepared, prepared};
use super::ranks::{agreed, clock_of, first_alone};
use super::{Asked, Run};

impl Run {
    /// Opens a run on the CPU: resumes the one in `directory` if it has the same configuration and `resume`
    /// is set, otherwise starts afresh (which `directory` must then be empty of a run for).
    ///
    /// # Errors
    /// [`TrainError::InUse`] if another process has the directory open;
    /// [`TrainError::OtherRun`] if the directory holds another run; [`TrainError::Memory`] before
    /// anything large is taken; those of data, network and files.
    pub fn open(
        config: &RunConfig,
        directory: &Path,
        resume: bool,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        Self::open_on(config, directory, resume, &Device::flex(), observer)
    }

    /// As [`Run::open`], computing on a device; a run may change it whenever it is resumed.
    ///
    /// # Errors
    /// As [`Run::open`].
    pub fn open_on(
        config: &RunConfig,
        directory: &Path,
        resume: bool,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let clock = Arc::new(WallClock::default());
        Self::open_by(config, directory, resume, device, clock, observer)
    }

    /// As [`Run::open_on`], with a budget in seconds counted by a clock.
    ///
    /// # Errors
    /// As [`Run::open`].
    pub fn open_by(
        config: &RunConfig,
        directory: &Path,
        resume: bool,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let asked = Asked { config, resume, more: None, group: Group::default() };
        Self::open_asked(asked, directory, device, clock, observer)
    }

    /// Opens a run that shall go on for longer once it has ended ([`crate::run::extension`]). One that has not
    /// ended yet is resumed, and goes on to its end.
    ///
    /// # Errors
    /// As [`Run::open`]; [`TrainError::NothingToExtend`].
    pub fn extend_on(
        config: &RunConfig,
        directory: &Path,
        more: More,
        device: &Device,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let clock = Arc::new(WallClock::default());
        Self::extend_by(config, directory, more, device, clock, observer)
    }

    /// As [`Run::extend_on`], by a clock.
    ///
    /// # Errors
    /// As [`Run::extend_on`].
    pub fn extend_by(
        config: &RunConfig,
        directory: &Path,
        more: More,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let asked = Asked { config, resume: true, more: Some(more), group: Group::default() };
        Self::open_asked(asked, directory, device, clock, observer)
    }

    /// Opens a run for whatever is asked, by all ranks of a job. The first one locks the directory and writes; all read
    /// the data, and the checkpoint if there is one.
    ///
    /// # Errors
    /// As [`Run::open`]; [`TrainError::Ranks`] where ranks do not see the same; [`TrainError::OtherRank`].
    pub fn open_asked(
        asked: Asked<'_>,
        directory: &Path,
        device: &Device,
        clock: Arc<dyn Clock>,
        observer: &mut dyn Observer,
    ) -> Result<Self, TrainError> {
        let group = asked.group.clone();
        let clock = clock_of(&group, clock);
        // each rank by itself up to here
        let Prepared { mut run, end, asked } =
            agreed(&group, prepared(asked, directory, device, clock, observer))?;
        run.same_on_all_ranks(observer)?;
        // nothing is written before everything that was asked for has proved possible
        first_alone(&group, || fs::create_dir_all(directory).map_err(unwritten(directory)))?;
        run.follow_plan()?;
        if let Some(end) = end {
            run.extend(end, observer)?;
        }
        // an extension that is asked for here has its checkpoint already; without this file no run goes on, so
        // that it is there at every moment, on a full disk too
        let path = directory.join("config.toml");
        let text = asked.to_toml();
        first_alone(&group, || {
            if fs::read(&path).ok().as_deref() == Some(text.as_bytes()) {
                return Ok(());
            }
            write_whole(&path, text.as_bytes()).map_err(unwritten(&path))
        })?;
        run.fit_budget(observer)?;
        run.prepare_files()?;
        Ok(run)
    }
}
