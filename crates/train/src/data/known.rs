//! Compares data with those of a model: which part the model was trained on, and which part is a
//! fair reference for its samples.
//!
//! Data are recognised by their values ([`crate::data::identity`]), never by a path.

use karhunen_field::Grid;
use karhunen_formats::{FieldSource as _, StackedFields};

use crate::TrainError;
use crate::config::DataConfig;
use crate::config::hold_out::HoldOut;
use crate::data::Loaded;
use crate::data::division::{Division, Side};
use crate::data::identity::{Identity, Role, Standing, standing};
use crate::data::origin::Origin;
use crate::data::parts::load_division;

/// What a model knows about other data, part by part.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    standing: Standing,
    /// The axis whose slices are the parts; none if the parts are whole fields.
    axis: Option<usize>,
    /// Number of parts of one field.
    slices: usize,
    /// Cells of a field: of the data, and of the model's own data.
    points: (Vec<usize>, Vec<usize>),
}

impl Known {
    /// Compares data with the identity that a model stores; none if it stores none.
    ///
    /// # Errors
    /// Errors while reading.
    pub fn of(origin: Option<&Origin>, fields: &StackedFields) -> Result<Option<Self>, TrainError> {
        let known = origin.map(|origin| &origin.sources[..]).unwrap_or_default();
        let mut best: Option<Self> = None;
        let mut axes: Vec<Option<usize>> = Vec::new();
        for own in known {
            if axes.contains(&own.axis) || own.points.len() != fields.points().len() {
                continue;
            }
            axes.push(own.axis);
            let other = Identity::of(fields, own.axis)?;
            let found = Self {
                standing: standing(known, &other),
                axis: own.axis,
                slices: other.slices(),
                points: (other.points, own.points.clone()),
            };
            if best.as_ref().is_none_or(|best| found.rank() > best.rank()) {
                best = Some(found);
            }
        }
        Ok(best.or_else(|| {
            let own = known.first()?;
            let points = (fields.points().to_vec(), own.points.clone());
            Some(Self { standing: Standing::Untold, axis: None, slices: 1, points })
        }))
    }

    fn rank(&self) -> u8 {
        match self.standing {
            Standing::Untold => 0,
            Standing::Other => 1,
            Standing::Partly(_) => 2,
            Standing::Own(_) => 3,
        }
    }

    /// Whether these are the data of the model.
    pub fn is_own(&self) -> bool {
        matches!(&self.standing, Standing::Own(roles) if roles.contains(&Role::Training))
    }

    /// Whether some part of them is known to the model.
    pub fn is_met(&self) -> bool {
        matches!(self.standing, Standing::Own(_) | Standing::Partly(_))
    }

    /// Whether these are the model's own data and all of them were trained on. The held-out data
    /// then lie in other files.
    pub fn is_all_trained(&self) -> bool {
        matches!(&self.standing, Standing::Own(roles) if roles.iter().all(|r| *r == Role::Training))
    }

    fn roles(&self) -> Vec<Option<Role>> {
        match &self.standing {
            Standing::Own(roles) => roles.iter().map(|role| Some(*role)).collect(),
            Standing::Partly(roles) => roles.clone(),
            _ => vec![],
        }
    }

    /// Which part is used and why, in one line.
    pub fn described(&self) -> String {
        let roles = self.roles();
        let count = |role: Option<Role>| roles.iter().filter(|r| **r == role).count();
        let (trained, held) = (count(Some(Role::Training)), count(Some(Role::HeldOut)));
        let what = if self.axis.is_some() { "slices" } else { "fields" };
        match &self.standing {
            Standing::Own(_) if trained == 0 => {
                "the reference is what the model's run held out, known by its values: all of it is used".into()
            }
            Standing::Own(_) => format!(
                "the reference is the model's own source, known by its values: only its held-out part is used, {held} of {} {what}",
                roles.len()
            ),
            Standing::Partly(_) => format!(
                "{trained} of the reference's {} {what} were trained on and are left out; used are {held} that were held out and {} that the model never met, as far as they are no neighbours of those",
                roles.len(),
                count(None)
            ),
            Standing::Other => {
                "the model was trained on none of the reference's fields: all are used".into()
            }
            Standing::Untold => format!(
                "whether the model was trained on parts of the reference cannot be told: its fields have {:?} points, the model's data {:?}; all are used",
                self.points.0, self.points.1
            ),
        }
    }

    /// Loads the part that was trained on, and the part that is a fair reference.
    ///
    /// # Errors
    /// [`TrainError::Data`] if nothing is left that was not trained on; errors while reading.
    pub fn load(
        &self,
        config: &DataConfig,
        fields: &StackedFields,
        grid: Grid,
        seed: u64,
    ) -> Result<Loaded, TrainError> {
        let roles = self.roles();
        let trained: Vec<bool> = roles.iter().map(|r| *r == Some(Role::Training)).collect();
        let series = matches!(&config.hold_out, Some(HoldOut::Blocks(b)) if b.axis.is_none())
            || (matches!(config.hold_out, Some(HoldOut::TwoBlocks))
                && config.patch.is_some()
                && self.axis.is_none()
                && fields.points().len() == 2);
        let place = |part: usize| match self.axis {
            Some(_) => (part / self.slices, (part % self.slices) as u64),
            None => (0, fields.position(part)),
        };
        let mut places: Vec<(usize, u64)> =
            (0..roles.len()).filter(|p| trained[*p]).map(place).collect();
        places.sort_unstable();
        let gap = if self.axis.is_some() || series { config.gap as u64 } else { 0 };
        let near = |part: usize| {
            let (item, at) = place(part);
            let from = places.partition_point(|p| *p < (item, at.saturating_sub(gap)));
            places.get(from).is_some_and(|p| *p <= (item, at.saturating_add(gap)))
        };
        // the stored roles of the model's own data already contain gaps
        let fair: Vec<bool> = (0..roles.len())
            .map(|part| match roles[part] {
                Some(Role::HeldOut) => true,
                None => gap == 0 || !near(part),
                _ => false,
            })
            .collect();
        if !fair.contains(&true) {
            return Err(TrainError::Data {
                source_name: config.source.to_string(),
                message: "the model was trained on all of it, or on its neighbours".into(),
            });
        }
        let side = |wanted: &[bool]| Side::of_parts(self.axis, self.slices, wanted);
        let division = Division {
            keep: side(&trained),
            hold: side(&fair),
            rule: HoldOut::Shuffled,
            notes: vec![],
        };
        load_division(config, fields, division, grid, seed)
    }
}
