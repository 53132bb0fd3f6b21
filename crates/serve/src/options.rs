//! Where to listen, what to show, and how much may be asked for.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use karhunen::DeviceChoice;

use crate::ServeError;

/// Characters that a token has at least.
const SHORTEST: usize = 16;

/// How to serve.
///
/// # Example
/// ```
/// use karhunen_serve::ServeOptions;
/// let options = ServeOptions::default();
/// assert!(options.address.is_loopback() && options.builtin && options.token.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Models to show: runs, checkpoints, exported models, `builtin:` names, folders of models.
    pub models: Vec<PathBuf>,
    /// Whether the models that come with the program are shown too.
    pub builtin: bool,
    /// Where to listen. Any address but those of this machine needs a token.
    pub address: IpAddr,
    /// The port; 0 takes any that is free.
    pub port: u16,
    /// What a browser must know to be answered.
    pub token: Option<Token>,
    /// Where networks compute.
    pub device: DeviceChoice,
    /// How much may be asked for.
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

/// How much may be asked for. Whoever asks for more is told so, and what the limit is.
///
/// # Example
/// ```
/// use karhunen_serve::Limits;
/// // one field of 512 × 512, or of 64 × 64 × 64
/// assert_eq!(Limits::default().cells, 512 * 512);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Cells of one field.
    pub cells: usize,
    /// Fields of one request. All fields of a request together have four times the cells of one at most.
    pub count: u64,
    /// Evaluations of the network for one field.
    pub evaluations: usize,
    /// Values that may be observed.
    pub observed: usize,
    /// Requests that wait while one is worked on.
    pub queue: usize,
    /// Bytes of a request.
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
    /// Cells of all fields of one request together.
    pub fn all_cells(&self) -> usize {
        self.cells.saturating_mul(4)
    }
}

/// A secret that a browser must know. It is never shown: not in messages, not in addresses.
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
    /// A token of 16 characters or more.
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

    /// A secret that nobody can guess.
    ///
    /// # Errors
    /// [`ServeError::Random`].
    pub(crate) fn random() -> Result<Self, ServeError> {
        let mut bytes = [0u8; 32];
        getrandom::fill(&mut bytes).map_err(|e| ServeError::Random(e.to_string()))?;
        Ok(Self(bytes.iter().map(|b| format!("{b:02x}")).collect()))
    }

    /// Whether a text is this token. The time it takes tells the text's length alone.
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
        // as often as it fits is not enough
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
