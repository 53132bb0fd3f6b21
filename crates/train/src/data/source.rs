//! An opened source before its values are read: its fields, its patches and their box.

use karhunen_formats::{
    Address, FieldSource as _, FormatError, ReadOptions, StackedFields, is_remote,
};

use crate::TrainError;
use crate::config::data::join;
use crate::config::missing::MissingValues;
use crate::config::sources::Sources;
use crate::config::{DataConfig, parse_points};
use crate::data::origin::Origin;
use crate::data::stock::Stock;

/// Opens a source. Fields are read into memory. They stay in their files if patches are cut from
/// them, or if they are more than memory shall hold, and their format allows it. None for built-in
/// data.
///
/// # Errors
/// Errors while reading.
pub fn open(config: &DataConfig) -> Result<Option<StackedFields>, TrainError> {
    if config.source.builtin().is_some() {
        return Ok(None);
    }
    open_files(config, &config.beside()).map(Some)
}

/// Sets the lengths of the box from the source's spacing, unless the configuration gives them. The
/// change is reported.
///
/// # Errors
/// [`TrainError::Data`] for a spacing with another number of axes.
pub fn boxed(
    config: &mut DataConfig,
    fields: &StackedFields,
) -> Result<Option<String>, TrainError> {
    let dim = fields.points().len();
    if let Some(own) = config.spacing.as_ref().filter(|own| own.len() != dim) {
        return Err(TrainError::Data {
            source_name: config.source.to_string(),
            message: format!("data.spacing = {own:?}: its fields have {dim} axes"),
        });
    }
    let patch = patch(config)?;
    let origin = Origin::of(config, fields, patch.as_deref());
    if config.lengths.is_some() || origin.cells.len() != dim {
        return Ok(None);
    }
    config.lengths = origin.proportions(config.spacing.is_some());
    Ok(config.lengths.as_ref().map(|_| origin.described()))
}

pub(crate) fn open_files(
    config: &DataConfig,
    source: &Sources,
) -> Result<StackedFields, TrainError> {
    let missing = MissingValues::reading(config.missing);
    let open = |dim: Option<usize>| {
        let options = ReadOptions {
            channels: config.channels,
            channels_last: config.channels_last,
            dim,
            missing,
            ..Default::default()
        };
        match config.patch {
            Some(_) => StackedFields::open(&source.names(), &options),
            None => match larger_than_memory(source, &options)? {
                Some(fields) => Ok(fields),
                None => StackedFields::read(&source.names(), &options),
            },
        }
    };
    let fields = open(config.dim)?;
    // without other information, the dimension of the patch is that of the fields
    let own = fields.points().len();
    match patch(config)?.map(|points| points.len()) {
        Some(dim) if config.dim.is_none() && (own + 1..=3).contains(&dim) => {
            Ok(open(Some(dim)).unwrap_or(fields))
        }
        _ => Ok(fields),
    }
}

/// Fields that stay in their files, since as a whole they are more than memory shall hold, where their format allows it.
fn larger_than_memory(
    source: &Sources,
    options: &ReadOptions,
) -> Result<Option<StackedFields>, FormatError> {
    let bytes = |name: &String| {
        let path = Address::of(name).path;
        match is_remote(&path) {
            // how long an object is costs a journey, and opening it the same one
            true => f64::INFINITY,
            false => std::fs::metadata(path).map_or(0.0, |kind| kind.len() as f64),
        }
    };
    let too_many = |bytes: f64| bytes > options.limit_bytes as f64 || !Stock::fits(bytes);
    // a byte becomes four at most
    if !too_many(4.0 * source.names().iter().map(bytes).sum::<f64>()) {
        return Ok(None);
    }
    let fields = StackedFields::open(&source.names(), options)?;
    let values = fields.points().iter().product::<usize>() as f64;
    let values = values * (fields.channels() * fields.count()) as f64;
    Ok(too_many(size_of::<f32>() as f64 * values).then_some(fields))
}

/// Cells of a patch along each axis; none if fields are used whole.
pub(crate) fn patch(config: &DataConfig) -> Result<Option<Vec<usize>>, TrainError> {
    let parse = |text: &String| {
        parse_points(text)
            .map_err(|message| TrainError::Config { place: "data.patch".into(), message })
    };
    config.patch.as_ref().map(parse).transpose()
}

/// Refuses patches that are larger than the fields.
///
/// # Errors
/// [`TrainError::Data`].
pub(crate) fn fits(
    config: &DataConfig,
    patch: Option<&[usize]>,
    fields: &StackedFields,
) -> Result<(), TrainError> {
    let whole = fields.points();
    let inside = |points: &[usize]| {
        points.len() == whole.len() && points.iter().zip(whole).all(|(p, w)| p <= w)
    };
    match patch.filter(|points| !inside(points)) {
        None => Ok(()),
        Some(points) => Err(TrainError::Patch {
            source_name: config.source.to_string(),
            message: format!(
                "no patch of {} can be cut from fields of {}; it is read as {} field(s) of {} channel(s), data.dim and data.channels (--dim, --channels) read it otherwise",
                join(points),
                join(whole),
                fields.count(),
                fields.channels()
            ),
        }),
    }
}
