//! Options of `karhunen serve`.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::Args;
use karhunen_serve::{Limits, ServeError, ServeOptions, Token};

use super::shared::DeviceArgs;

/// The variable that holds a token, so that it stands in no list of processes.
const TOKEN: &str = "KARHUNEN_TOKEN";

/// `karhunen serve`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  karhunen serve
  karhunen serve --model runs/x --model builtin:shapes
  karhunen serve --model models/ --only --port 0
  KARHUNEN_TOKEN=$(openssl rand -hex 16) karhunen serve --model runs/x --address 0.0.0.0")]
pub struct ServeArgs {
    /// A run directory, a checkpoint, an exported model, a builtin: name, or a folder that holds models; may be
    /// repeated. The models that come with the program are shown too.
    #[arg(long, value_name = "PATH")]
    pub model: Vec<PathBuf>,
    /// Show the models of --model alone.
    #[arg(long, requires = "model")]
    pub only: bool,
    /// Where to listen. Other machines reach none but this machine's own address, 127.0.0.1; any other needs a
    /// token.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    pub address: IpAddr,
    /// The port; 0 takes any that is free. The address is printed.
    #[arg(long, default_value_t = ServeOptions::default().port)]
    pub port: u16,
    /// A secret that a browser must be told, of 16 characters or more. The variable KARHUNEN_TOKEN does the same, and
    /// stands in no list of processes.
    #[arg(long, value_name = "SECRET")]
    pub token: Option<String>,
    /// Cells of one field at most; all fields of one request have four times as many together at most.
    #[arg(long, value_name = "N", default_value_t = Limits::default().cells)]
    pub max_cells: usize,
    /// Fields of one request at most.
    #[arg(long, value_name = "N", default_value_t = Limits::default().count)]
    pub max_count: u64,
    /// Network evaluations a field at most.
    #[arg(long, value_name = "N", default_value_t = Limits::default().evaluations)]
    pub max_evaluations: usize,
    /// Requests that wait while one is worked on; more are refused.
    #[arg(long, value_name = "N", default_value_t = Limits::default().queue)]
    pub queue: usize,
    #[command(flatten)]
    pub device: DeviceArgs,
}

impl ServeArgs {
    /// What was typed, as the library takes it.
    pub fn options(&self) -> Result<ServeOptions, ServeError> {
        let from_variable = || std::env::var(TOKEN).ok().filter(|text| !text.is_empty());
        let token = self.token.clone().or_else(from_variable).map(Token::new).transpose()?;
        Ok(ServeOptions {
            models: self.model.clone(),
            builtin: !self.only,
            address: self.address,
            port: self.port,
            token,
            device: self.device.device,
            limits: Limits {
                cells: self.max_cells,
                count: self.max_count,
                evaluations: self.max_evaluations,
                queue: self.queue,
                ..Limits::default()
            },
        })
    }
}
