//! The options of a server: its address, its models and its limits.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use karhunen::DeviceChoice;

use crate::ServeError;

/// Smallest number of characters of a token.
const SHORTEST: usize = 16;

/// The options of a server.
///
/// # Example
/// ```
/// use karhunen_serve::ServeOptions;
/// let options = ServeOptions::default();
/// assert!(options.address.is_loopback() && options.builtin && options.token.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// The models: runs, checkpoints, exported models, `builtin:` names, folders of models.
    pub models: Vec<PathBuf>,
    /// Whether the built-in models are shown too.
    pub builtin: bool,
    /// The address to listen on. Every address except those of this machine needs a token.
    pub address: IpAddr,
    /// The port; 0 takes any free port.
    pub port: u16,
    /// The secret that a browser must send.
    pub token: Option<Token>,
    /// The device of the networks.
    pub device: DeviceChoice,
    /// The limits of requests.
    pub limits: Limits,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            models: Vec::new(),
            builtin: true,
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8765,
            token: None,
            device: DeviceChoice::default(),
            limits: Limits::default(),
        }
    }
}

/// The limits of requests. A request above a limit is refused with a message that names the limit.
///
/// # Example
/// ```
/// use karhunen_serve::Limits;
/// // one field of 512 × 512 or of 64 × 64 × 64 cells
/// assert_eq!(Limits::default().cells, 512 * 512);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Number of cells of one field.
    pub cells: usize,
    /// Number of fields of one request. All fields together have at most four times the cells of
    /// one.
    pub count: u64,
    /// Number of network evaluations for one field.
    pub evaluations: usize,
    /// Number of observed values.
    pub observed: usize,
    /// Number of requests that wait while one is processed.
    pub queue: usize,
    /// Bytes of one request.
    pub body: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cells: 512 * 512,
            count: 16,
            evaluations: 200,
            observed: 512,
            queue: 16,
            body: 256 * 1024,
        }
    }
}

impl Limits {
    /// Number of cells of all fields of one request together.
    pub fn all_cells(&self) -> usize {
        self.cells.saturating_mul(4)
    }
}

/// A secret that a browser must send. It never appears in messages or addresses.
///
/// # Example
/// ```
/// use karhunen_serve::Token;
/// let token = Token::new("correct horse battery staple")?;
/// assert!(token.is("correct horse battery staple") && !token.is("correct"));
/// assert!(Token::new("short").is_err());
/// # Ok::<(), karhunen_serve::ServeError>(())
/// ```
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A token of at least 16 characters.
    ///
    /// # Errors
    /// [`ServeError::ShortToken`].
    pub fn new(text: impl Into<String>) -> Result<Self, ServeError> {
        let text = text.into();
        match text.chars().count() {
            length if length < SHORTEST => Err(ServeError::ShortToken { length, least: SHORTEST }),
            _ => Ok(Self(text)),
        }
    }

    /// A random secret.
    ///
    /// # Errors
    /// [`ServeError::Random`].
    pub(crate) fn random() -> Result<Self, ServeError> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|e| ServeError::Random(e.to_string()))?;
        Ok(Self(bytes.iter().map(|b| format!("{b:02x}")).collect()))
    }

    /// Whether a text is this token. The comparison time depends only on the text's length.
    pub fn is(&self, text: &str) -> bool {
        let own = self.0.as_bytes();
        let mut differs = u8::from(own.len() != text.len());
        for (i, byte) in text.bytes().enumerate() {
            differs |= black_box(byte ^ own[i % own.len()]);
        }
        black_box(differs) == 0
    }

    /// The text, for a cookie.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_itself_alone_and_is_not_shown() {
        let token = Token::new("0123456789abcdef").unwrap();
        assert!(token.is("0123456789abcdef"));
        for other in ["", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0"] {
            assert!(!token.is(other), "{other}");
        }
        // a repeated token is not the token
        assert!(!token.is("0123456789abcdef0123456789abcdef"));
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert!(matches!(
            Token::new("äääääääääääääää"),
            Err(ServeError::ShortToken { length: 15, least: 16 })
        ));
        let (a, b) = (Token::random().unwrap(), Token::random().unwrap());
        assert!(a.text().len() == 64 && !a.is(b.text()));
    }
}
