//! The keys of providers: from the environment, or from a command.

use secrecy::SecretString;

use crate::app::error::{AppError, refused};
use crate::app::key_command;
use crate::catalog::Provider;
use crate::dispatch::{Key, Keys};
use crate::plan::Plan;

/// The keys of the plan's providers. A key command runs once.
pub(crate) fn of_plan(plan: &Plan) -> Result<Keys, AppError> {
    let mut keys = Keys::new();
    for provider in plan.endpoints.iter().map(|endpoint| &endpoint.provider) {
        if !keys.contains_key(&provider.name)
            && let Some(key) = of_provider(provider)?
        {
            keys.insert(provider.name.clone(), Key::new(key));
        }
    }
    Ok(keys)
}

/// A provider's key; `None`: it takes none.
pub(crate) fn of_provider(provider: &Provider) -> Result<Option<SecretString>, AppError> {
    match (&provider.api_key_cmd, &provider.api_key_env) {
        (Some(command), _) => key_command::run(command).map(Some).map_err(|e| {
            refused(format!("provider {:?} takes its key from a command: {e}", provider.name))
        }),
        (None, Some(variable)) => in_environment(&provider.name, variable).map(Some),
        (None, None) => Ok(None),
    }
}

fn in_environment(provider: &str, variable: &str) -> Result<SecretString, AppError> {
    match std::env::var(variable) {
        Ok(key) if !key.trim().is_empty() => Ok(SecretString::from(key.trim().to_owned())),
        _ => Err(refused(format!(
            "provider {provider:?} takes its key from {variable}, which is not set: \
             export {variable}=…"
        ))),
    }
}
