//! The password: from a file, standard input, the environment or a prompt, never from an argument, never stored.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::PathBuf;

use zeroize::{Zeroize, Zeroizing};

use super::args::PasswordArgs;

/// The variable that may hold it.
const VARIABLE: &str = "SMBREPLAY_PASSWORD";

/// No password.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// The file cannot be read.
    #[error("cannot read the password from {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Standard input or the terminal cannot be read.
    #[error("cannot read the password from {from}")]
    Input {
        /// What was read.
        from: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The variable is not text.
    #[error("{VARIABLE} is not UTF-8 text")]
    NotText,
    /// None was given, and there is no terminal to ask on.
    #[error("no password for {user}: give it with --password-file FILE, --password-stdin or {VARIABLE}")]
    None {
        /// Whose.
        user: String,
    },
}

/// The password of a user.
pub fn read_password(args: &PasswordArgs, user: &str) -> Result<Zeroizing<String>, PasswordError> {
    if let Some(path) = &args.password_file {
        return first_line_of(path);
    }
    if args.password_stdin {
        return first_line(io::stdin().lock())
            .map_err(|source| PasswordError::Input { from: "standard input", source });
    }
    match std::env::var(VARIABLE) {
        Ok(password) => return Ok(Zeroizing::new(password)),
        Err(std::env::VarError::NotPresent) => {}
        Err(std::env::VarError::NotUnicode(_)) => return Err(PasswordError::NotText),
    }
    if !io::stdin().is_terminal() {
        return Err(PasswordError::None { user: user.to_owned() });
    }
    let password = rpassword::prompt_password(format!("Password of {user}: "));
    password.map(Zeroizing::new).map_err(|source| PasswordError::Input { from: "the terminal", source })
}

/// The first line of a file, as a secret.
pub(super) fn first_line_of(path: &std::path::Path) -> Result<Zeroizing<String>, PasswordError> {
    let failed = |source| PasswordError::File { path: path.to_owned(), source };
    first_line(BufReader::new(File::open(path).map_err(failed)?)).map_err(failed)
}

fn first_line(mut reader: impl BufRead) -> io::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::with_capacity(1024));
    reader.read_line(&mut line)?;
    let length = line.trim_end_matches(['\r', '\n']).len();
    if length < line.len() {
        let mut rest = line.split_off(length);
        rest.zeroize();
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_end_is_taken_off() {
        for (text, expected) in [("pw\n", "pw"), ("pw", "pw"), (" p w \r\nsecond\n", " p w "), ("\n", "")] {
            assert_eq!(first_line(text.as_bytes()).expect("a line").as_str(), expected);
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let args = PasswordArgs { password_file: Some("/nowhere/pw".into()), password_stdin: false };
        let error = read_password(&args, "testuser").expect_err("no file");
        assert!(error.to_string().contains("/nowhere/pw"), "{error}");
    }
}
