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

/// What a run would refuse: each provider whose key is not in the environment. Key commands are not
/// run.
pub(crate) fn unset(plan: &Plan) -> Vec<String> {
    let providers = plan.endpoints.iter().map(|endpoint| &endpoint.provider);
    let from_environment = providers.filter(|provider| provider.api_key_cmd.is_none());
    let mut unset: Vec<String> = from_environment
        .filter_map(|provider| {
            let variable = provider.api_key_env.as_ref()?;
            let is_unset = from_variable(variable).is_none();
            is_unset.then(|| no_key(&provider.name, variable))
        })
        .collect();
    unset.sort();
    unset.dedup();
    unset
}

fn in_environment(provider: &str, variable: &str) -> Result<SecretString, AppError> {
    from_variable(variable).ok_or_else(|| refused(no_key(provider, variable)))
}

fn from_variable(variable: &str) -> Option<SecretString> {
    let key = std::env::var(variable).ok()?;
    let key = key.trim();
    (!key.is_empty()).then(|| SecretString::from(key.to_owned()))
}

fn no_key(provider: &str, variable: &str) -> String {
    format!(
        "provider {provider:?} takes its key from {variable}, which is not set: \
         export {variable}=…"
    )
}
