//! A network's parameters as named arrays on the host.
//!
//! Optimizer, moving averages and checkpoints work on these arrays, and the network's tensors are
//! set from them. On the CPU this needs no copy: a network and its optimizer share the same
//! weights. Names are paths such as `layers.0.spectral.real`, so that files remain readable by
//! other programs.

use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Device, Gradients, Tensor};
use karhunen_field::ModeNoise;
use karhunen_field::noise::stream;
use karhunen_kernels::Values;

use crate::NetError;

/// One named array.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Path of the parameter in the network.
    pub name: String,
    /// Shape, last axis fastest.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Values,
}

/// All parameters of a network, in alphabetical order of their names. The order is the same whether
/// they come from a network or from a file. Weights, gradients, moments and averages can therefore
/// be traversed together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameters {
    /// The arrays.
    pub arrays: Vec<Named>,
}

impl Parameters {
    /// Sorts arrays into their order.
    pub fn from_arrays(mut arrays: Vec<Named>) -> Self {
        arrays.sort_by(|a, b| a.name.cmp(&b.name));
        Self { arrays }
    }

    /// Reads every float parameter of a module.
    ///
    /// # Errors
    /// [`NetError::Compute`] if the device does not return them.
    pub fn of<M: Module>(module: &M) -> Result<Self, NetError> {
        Self::read(module, Source::Values)
    }

    /// Reads the gradient of every parameter; zero where there is none.
    ///
    /// # Errors
    /// [`NetError::Compute`] if the device does not return them.
    pub fn gradients_of<M: Module>(module: &M, gradients: &Gradients) -> Result<Self, NetError> {
        Self::read(module, Source::Gradients(gradients))
    }

    /// Removes the gradients and returns them. On the CPU these are the arrays that the backward
    /// pass wrote.
    ///
    /// # Errors
    /// As [`Parameters::gradients_of`].
    pub fn taken_gradients<M: Module>(
        module: &M,
        mut gradients: Gradients,
    ) -> Result<Self, NetError> {
        Self::read(module, Source::Taken(&mut gradients))
    }

    fn read<M: Module>(module: &M, source: Source) -> Result<Self, NetError> {
        let mut visitor = Read { path: vec![], arrays: vec![], source, failure: None };
        module.visit(&mut visitor);
        match visitor.failure {
            Some(failure) => Err(NetError::Compute(failure)),
            None => Ok(Self::from_arrays(visitor.arrays)),
        }
    }

    /// Writes the values into a module of the same architecture. Its tensors become leaves that
    /// require gradients where the device tracks them. On the CPU they share these arrays. Before
    /// an array can change in place, [`released`] must be called.
    ///
    /// # Errors
    /// [`NetError::Parameter`] where a name is missing or a shape differs.
    pub fn assign<M: Module>(&self, module: M, device: &Device) -> Result<M, NetError> {
        let mut mapper =
            Write { path: vec![], parameters: self, device: device.clone(), failure: None };
        let module = module.map(&mut mapper);
        match mapper.failure {
            Some(failure) => Err(failure),
            None => Ok(module),
        }
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.arrays.iter().map(|a| a.values.len()).sum()
    }

    /// The same names and shapes with all values 0.
    pub fn zeros_like(&self) -> Self {
        let zero = |a: &Named| Named {
            name: a.name.clone(),
            shape: a.shape.clone(),
            values: Values::zeros(a.values.len()),
        };
        Self { arrays: self.arrays.iter().map(zero).collect() }
    }

    /// The same parameters, with seeded initial values for those whose names contain `part`, as in
    /// [`Parameters::initialise`].
    pub fn with_started(mut self, part: &str, seed: u64) -> Self {
        let mut started = self.clone();
        started.initialise(seed);
        for (own, started) in self.arrays.iter_mut().zip(started.arrays) {
            if own.name.contains(part) {
                *own = started;
            }
        }
        self
    }

    /// Seeded initial values. Weights are uniform on ±√(3/fan-in) · gain, biases are 0, and factors
    /// of normalisations are 1. The output layer and FiLM are 0, so that the network starts as the
    /// zero function.
    ///
    /// Spectral weights have gain ½, with a fan-in that counts both parts of a complex channel. The
    /// spectrum of a unit-variance field sums to 1 over its modes, so the layer preserves the
    /// scale. Local kernels start as the identity plus a small part of their neighbours. Random
    /// numbers are drawn by the parameter's name, so other parameters of the network do not change
    /// them.
    pub fn initialise(&mut self, seed: u64) {
        let noise = ModeNoise::new(seed);
        for array in &mut self.arrays {
            let name = array.name.as_str();
            let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
            let fan_in = match array.shape[..] {
                // convolutions are [out, in, height, width]; all others end with [in, out]
                [_, inputs, height, width] => inputs * height * width,
                ref shape => shape[shape.len().saturating_sub(2)],
            } as f64;
            let bound = match name {
                _ if array.shape.len() < 2 => 0.0,
                _ if ends(&["output.weight", "time.film.weight", "between.send.weight"]) => 0.0,
                // one row a field, so its fan-in is one
                "time.classes" | "time.attributes" => {
                    3.0f64.sqrt() * std::f64::consts::FRAC_1_SQRT_2
                }
                _ if name.ends_with("local.taps") => 0.3 * (3.0 / fan_in).sqrt(),
                _ if name.contains("spectral") => 0.5 * (3.0 / (2.0 * fan_in)).sqrt(),
                _ => (3.0 / fan_in).sqrt() * std::f64::consts::FRAC_1_SQRT_2,
            };
            let uniforms = if bound == 0.0 {
                vec![0.5; array.values.len()]
            } else {
                noise.uniforms(array.values.len(), hash(name), stream::WEIGHTS)
            };
            for (value, u) in array.values.iter_mut().zip(uniforms) {
                *value = ((2.0 * u - 1.0) * bound) as f32;
            }
            if name.ends_with("gamma") {
                array.values.fill(1.0);
            }
            if name.ends_with("local.taps") {
                let (taps, channels) = (array.shape[0], array.shape[1]);
                let centre = taps / 2 * channels;
                array.values[centre..centre + channels].iter_mut().for_each(|v| *v += 1.0);
            }
        }
    }
}

/// A module of the same architecture whose tensors are all zero and take no memory.
pub fn released<M: Module>(module: M, device: &Device) -> M {
    module.map(&mut Release(device.clone()))
}

/// FNV-1a hash of a name, the same on every machine.
fn hash(name: &str) -> u64 {
    let step = |h: u64, byte: u8| (h ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    name.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// The quantity to read for each parameter.
enum Source<'a> {
    Values,
    Gradients(&'a Gradients),
    /// Gradients that are not needed afterwards, so that their memory is not copied.
    Taken(&'a mut Gradients),
}

struct Read<'a> {
    path: Vec<String>,
    arrays: Vec<Named>,
    source: Source<'a>,
    failure: Option<String>,
}

impl ModuleVisitor for Read<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let value = param.val();
        let (name, shape) = (self.path.join("."), value.dims().to_vec());
        let count = shape.iter().product();
        let found = match &mut self.source {
            Source::Values => Some(value),
            Source::Gradients(gradients) => value.grad(gradients),
            Source::Taken(gradients) => value.grad_remove(gradients),
        };
        let values = match found.map(|t| t.without_autodiff().try_into_data()) {
            None => Ok(Values::zeros(count)),
            Some(Ok(data)) => Values::from_data(data).map_err(|e| e.to_string()),
            Some(Err(e)) => Err(e.to_string()),
        };
        match values {
            Ok(values) => self.arrays.push(Named { name, shape, values }),
            Err(failure) => self.failure = Some(failure),
        }
    }
}

struct Write<'a> {
    path: Vec<String>,
    parameters: &'a Parameters,
    device: Device,
    failure: Option<NetError>,
}

impl ModuleMapper for Write<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_string());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let (name, expected) = (self.path.join("."), value.dims().to_vec());
        let found = self.parameters.arrays.iter().find(|a| a.name == name);
        match found {
            Some(array) if array.shape == expected => {
                let data = array.values.tensor_data(value.dims());
                let mut tensor = Tensor::<D>::from_data(data, &self.device);
                if self.device.is_autodiff() {
                    tensor = tensor.require_grad();
                }
                Param::from_mapped_value(id, tensor, mapper)
            }
            other => {
                let found = other.map(|a| a.shape.clone()).unwrap_or_default();
                self.failure.get_or_insert(NetError::Parameter { name, expected, found });
                Param::from_mapped_value(id, value, mapper)
            }
        }
    }
}

/// Replaces every tensor by zeros.
struct Release(Device);

impl ModuleMapper for Release {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, value, mapper) = param.consume();
        let zero = Tensor::<D>::zeros([1; D], &self.0).expand(value.dims());
        Param::from_mapped_value(id, zero, mapper)
    }
}
