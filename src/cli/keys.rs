//! Keys of sealed traffic, from the files that the options name.

use zeroize::Zeroizing;

use super::args::KeyArgs;
use super::failure::Failure;
use super::password::{PasswordError, first_line_of};
use crate::app::{Keys, SessionKey};

/// Reads the keys.
pub fn read_keys(args: &KeyArgs) -> Result<Keys, Failure> {
    let nt_password = args.nt_password_file.as_deref().map(first_line_of).transpose()?;
    let mut session_keys = Vec::new();
    for text in &args.session_key {
        session_keys.push(text.parse::<SessionKey>()?);
    }
    if let Some(path) = &args.session_key_file {
        let text = std::fs::read_to_string(path).map(Zeroizing::new);
        let text = text.map_err(|source| PasswordError::File { path: path.clone(), source })?;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            session_keys.push(line.parse::<SessionKey>()?);
        }
    }
    Ok(Keys { nt_password, keytab: args.keytab.clone(), session_keys })
}
