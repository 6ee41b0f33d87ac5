//! How a command ends.

use super::Exit;
use crate::app::AppError;

/// A failure that ends a command: the message, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    pub error: anyhow::Error,
}

/// What a command gives.
pub(super) type Outcome = Result<Exit, Failure>;

/// Bad input or a refusal: exit 2.
pub(super) fn refused(error: impl Into<anyhow::Error>) -> Failure {
    Failure { exit: Exit::Usage, error: error.into() }
}

/// An error of the application has an exit code by its kind; any other is internal.
impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        let exit = match error.downcast_ref() {
            Some(AppError::Refused(_)) => Exit::Usage,
            Some(AppError::Incomplete(_)) => Exit::Incomplete,
            Some(AppError::Internal(_)) | None => Exit::Internal,
        };
        Self { exit, error }
    }
}
