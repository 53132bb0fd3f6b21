//! Models.

use std::path::PathBuf;

use karhunen::field::level_set::{Ends, Mesh};
use karhunen::field::observation::Residual;
use karhunen::formats::write_mesh;
use karhunen::give::{self, ExportOptions};
use karhunen::overview::{PageOptions, write_page};
use karhunen::{
    Band, Error, LargerBox, ModelOptions, Progress, Rung, SampleOptions, VolumeFraction, pictures,
};
use numpy::{PyArray1, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::arrays;
use crate::errors::Problem;
use crate::work::compute;

/// Sides of a larger box, their unit, the axes that it closes along, the overlap of its windows.
type LargerSides = (Vec<f64>, Option<String>, Vec<String>, Option<f64>);

/// A model that is open.
#[pyclass(frozen, module = "karhunen._core")]
pub struct Model {
    /// The library's.
    pub inner: karhunen::Model,
}

#[pymethods]
impl Model {
    /// Opens a run directory, a checkpoint or an exported model.
    #[new]
    #[pyo3(signature = (path, *, average=None, derivatives=false, device="cpu", listener=None))]
    fn new(
        py: Python<'_>,
        path: PathBuf,
        average: Option<f64>,
        derivatives: bool,
        device: &str,
        listener: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let inner = compute(py, listener.as_ref(), |link| {
            let device = device.parse().map_err(Error::Device)?;
            let options = ModelOptions { device, average, derivatives };
            Ok(karhunen::Model::open_with(&path, &options, link)?)
        })?;
        Ok(Self { inner })
    }

    #[getter]
    fn path(&self) -> PathBuf {
        self.inner.trained().path.clone()
    }

    #[getter]
    fn steps(&self) -> usize {
        self.inner.trained().steps
    }

    #[getter]
    fn grid(&self) -> Vec<usize> {
        self.inner.grid().points()
    }

    #[getter]
    fn lengths(&self) -> Vec<f64> {
        self.inner.grid().axes().iter().map(|axis| axis.length).collect()
    }

    #[getter]
    fn boundary(&self) -> String {
        self.inner.grid().boundaries().to_string()
    }

    #[getter]
    fn channels(&self) -> usize {
        self.inner.channels()
    }

    #[getter]
    fn classes(&self) -> Vec<u64> {
        self.inner.classes().to_vec()
    }

    #[getter]
    fn phases(&self) -> Vec<String> {
        self.inner.phases()
    }

    fn levels(&self, py: Python<'_>) -> PyResult<Vec<Vec<usize>>> {
        compute(py, None, |_| Ok(self.inner.levels()?.iter().map(karhunen::Grid::points).collect()))
    }

    /// The configuration as TOML, every default filled in.
    fn config(&self) -> String {
        self.inner.trained().config.to_toml()
    }

    /// Fields `[field, channel, axis0, …]` or labels `[field, axis0, …]`, and what is known of them.
    #[pyo3(signature = (*, count, grid, seed, first, sampler, evaluations, tolerance, refine, calibration, band, sharpness, classes, attributes, condition, larger, guidance, observe, guidance_order, particles, summary, surrogate, volume_fraction, clip, precision, raw, surface, report, four_bytes, listener))]
    #[expect(clippy::too_many_arguments, reason = "one a keyword")]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        count: u64,
        grid: Option<Vec<usize>>,
        seed: u64,
        first: u64,
        sampler: Option<String>,
        evaluations: Option<usize>,
        tolerance: Option<f64>,
        refine: Vec<(Vec<usize>, f64)>,
        calibration: Option<String>,
        band: Option<String>,
        sharpness: Option<f64>,
        classes: Vec<u32>,
        attributes: Vec<(String, f64)>,
        condition: Option<PathBuf>,
        larger: Option<LargerSides>,
        guidance: f64,
        observe: Vec<PathBuf>,
        guidance_order: u8,
        particles: Option<usize>,
        summary: bool,
        surrogate: bool,
        volume_fraction: Option<(Option<String>, f64)>,
        clip: Option<(f64, f64)>,
        precision: &str,
        raw: bool,
        surface: Option<(Option<String>, bool)>,
        report: Option<PathBuf>,
        four_bytes: bool,
        listener: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let (samples, meshes) = compute(py, listener.as_ref(), |link| {
            let options = SampleOptions {
                count,
                grid,
                seed,
                index: first,
                sampler: sampler.map(|name| name.parse()).transpose()?,
                evaluations,
                tolerance,
                refine: refine.into_iter().map(|(cells, until)| Rung { cells, until }).collect(),
                calibration: calibration
                    .map(|kind| kind.parse().map_err(|e: String| Problem::usage(e, CALIBRATIONS)))
                    .transpose()?,
                band: band.as_deref().map(band_of).transpose()?,
                sharpness,
                classes,
                attributes,
                condition,
                larger: larger.map(|(sides, unit, periodic, overlap)| {
                    let own = LargerBox::times(&sides);
                    LargerBox { unit, periodic, overlap: overlap.unwrap_or(own.overlap), ..own }
                }),
                guidance,
                observe,
                guidance_order,
                particles,
                summary,
                surrogate,
                volume_fraction: volume_fraction
                    .map(|(phase, value)| VolumeFraction { phase, value }),
                clip,
                precision: precision.parse()?,
                ..SampleOptions::default()
            };
            let model = &self.inner;
            let phase = surface
                .as_ref()
                .map(|(phase, open)| {
                    Ok::<_, Problem>((model.phase(phase.as_deref(), "phase")?, *open))
                })
                .transpose()?;
            model.announce(&options, link)?;
            let sampling = model.sampling(&options, link)?;
            let mut samples = sampling.run(link)?;
            if !samples.has_phases() {
                samples.beyond().iter().for_each(|note| link.note(note));
            }
            if let (Some(folder), Some(observed)) = (&report, sampling.observations()) {
                pictures::posterior::write(&samples.fields, observed, folder)?;
            }
            samples.shift(link)?;
            let mut meshes = Vec::new();
            if let Some((phase, open)) = phase {
                let ends = if open { Ends::Open } else { Ends::Capped };
                for field in 0..samples.fields.count() {
                    meshes.push(samples.surface(field, phase, ends)?);
                }
            }
            Ok((samples, meshes))
        })?;
        let found = PyDict::new(py);
        found.set_item("evaluations", samples.evaluations)?;
        found.set_item("unit", samples.unit.as_deref())?;
        let lengths = samples.measured.axes().iter();
        let spacing: Vec<f64> = lengths.map(|axis| axis.length / axis.points as f64).collect();
        found.set_item("spacing", spacing)?;
        found.set_item("classes", PyArray1::from_slice(py, &samples.classes))?;
        let residuals: Vec<_> = samples.residuals.iter().map(numbers).collect();
        found.set_item("residuals", residuals)?;
        let meshes: PyResult<Vec<_>> = meshes.iter().map(|mesh| mesh_out(py, mesh)).collect();
        found.set_item("meshes", meshes?)?;
        match samples.labels() {
            Some(labels) if !raw && !summary => {
                found.set_item("labels", arrays::labels_out(py, &labels)?)?;
            }
            _ => found.set_item("values", arrays::out(py, samples.fields, four_bytes)?)?,
        }
        Ok(found)
    }

    /// The model card, as Markdown.
    #[pyo3(signature = (*, average, name, licence, metrics))]
    fn card(
        &self,
        py: Python<'_>,
        average: Option<f64>,
        name: Option<String>,
        licence: Option<String>,
        metrics: Vec<PathBuf>,
    ) -> PyResult<String> {
        let options = ExportOptions { average, name, licence, metrics, replace: false };
        compute(py, None, |_| Ok(give::card(&self.inner.trained().path, &options)?))
    }

    /// Writes a folder to give away.
    #[pyo3(signature = (out, *, average, name, licence, metrics, overwrite, listener))]
    #[expect(clippy::too_many_arguments, reason = "one a keyword")]
    fn export(
        &self,
        py: Python<'_>,
        out: PathBuf,
        average: Option<f64>,
        name: Option<String>,
        licence: Option<String>,
        metrics: Vec<PathBuf>,
        overwrite: bool,
        listener: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let options = ExportOptions { average, name, licence, metrics, replace: overwrite };
        compute(py, listener.as_ref(), |link| {
            give::export(&self.inner.trained().path, &out, &options, link)?;
            Ok(())
        })
    }

    /// Writes one page of HTML about the model.
    #[pyo3(signature = (out, *, reference, count, seed, distinguish, overwrite, listener))]
    #[expect(clippy::too_many_arguments, reason = "one a keyword")]
    fn report(
        &self,
        py: Python<'_>,
        out: PathBuf,
        reference: Option<String>,
        count: u64,
        seed: u64,
        distinguish: bool,
        overwrite: bool,
        listener: Option<Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let options = PageOptions { reference, count, seed, distinguish };
        compute(py, listener.as_ref(), |link| {
            if out.exists() && !overwrite {
                return Err(Error::Exists(out.clone()).into());
            }
            Ok(write_page(&self.inner, &out, &options, link)?)
        })
    }
}

/// Corners, triangles, area, volume and Euler number.
type MeshOut<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, f64, f64, i64);

fn mesh_out<'py>(py: Python<'py>, mesh: &Mesh) -> PyResult<MeshOut<'py>> {
    let corners = PyArray1::from_vec(py, mesh.vertices.concat());
    let triangles = PyArray1::from_vec(py, mesh.triangles.concat());
    Ok((
        corners.reshape([mesh.vertices.len(), 3])?.into_any(),
        triangles.reshape([mesh.triangles.len(), 3])?.into_any(),
        mesh.area(),
        mesh.volume(),
        mesh.euler_number(),
    ))
}

/// Writes a surface by the ending of the name.
#[pyfunction]
#[pyo3(name = "write_mesh", signature = (corners, triangles, path, *, overwrite))]
pub fn mesh_written(
    py: Python<'_>,
    corners: PyReadonlyArray2<'_, f64>,
    triangles: PyReadonlyArray2<'_, u32>,
    path: PathBuf,
    overwrite: bool,
) -> PyResult<()> {
    let known = corners.shape()[0];
    let (corners, _) = corners.as_slice()?.as_chunks::<3>();
    let (triangles, _) = triangles.as_slice()?.as_chunks::<3>();
    let mesh = Mesh { vertices: corners.to_vec(), triangles: triangles.to_vec() };
    compute(py, None, move |_| {
        let wrong = mesh.triangles.iter().flatten().find(|corner| **corner as usize >= known);
        if let Some(corner) = wrong {
            let message = format!("triangles: corner {corner}, where there are {known}");
            return Err(Problem::usage(message, "number corners from 0"));
        }
        Ok(write_mesh(&path, &mesh, overwrite)?)
    })
}

const CALIBRATIONS: &str = "give \"spectrum\" or \"none\"";

fn numbers(residual: &Residual) -> (&'static str, usize, f64, f64) {
    (residual.kind, residual.count, residual.relative, residual.exact)
}

fn band_of(name: &str) -> Result<Band, Problem> {
    match name {
        "grid" => Ok(Band::Grid),
        "trained" => Ok(Band::Trained),
        _ => Err(Problem::usage(
            format!("band {name}: there are grid and trained"),
            "leave it out for the model's own",
        )),
    }
}
