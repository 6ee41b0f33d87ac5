//! `[today] litellm = "config.yaml"`: what serves now is what a proxy calls.

use std::path::Path;

use anyhow::{Context, anyhow};

use crate::catalog::Catalog;
use crate::catalog::source::proxy::{self, ProxyConfig};
use crate::cli::{Failure, console, refused};
use crate::plan::Config;

/// The most bytes of a proxy's configuration: one of a thousand models has a few hundred thousand.
const MOST_BYTES: u64 = 4 << 20;

/// A configuration whose `[today]` names an endpoint, wherever it was said.
pub fn with_proxy(mut config: Config) -> Result<Config, Failure> {
    let Some(today) = config.today_proxy.clone() else { return Ok(config) };
    let path = today.path.display().to_string();
    let proxy = read(&today.path, std::slice::from_ref(&config.catalog))?;
    let serving = proxy
        .serving(today.alias.as_deref(), &path)
        .map_err(|error| refused(anyhow!("[today] {error}")))?;
    for said in &serving.conflicts {
        console::say(&format!("{path}: {}: {said}", serving.endpoint.id));
    }
    config.take_today(serving.endpoint.clone());
    Ok(config)
}

/// Reads a proxy's configuration; addresses in variables are looked up, keys never.
pub fn read(path: &Path, lists: &[Catalog]) -> Result<ProxyConfig, Failure> {
    let shown = path.display().to_string();
    let size = std::fs::metadata(path).with_context(|| shown.clone()).map_err(refused)?.len();
    if size > MOST_BYTES {
        return Err(refused(anyhow!("{shown} has {size} bytes; no configuration of a proxy has")));
    }
    let text = std::fs::read_to_string(path).with_context(|| shown.clone()).map_err(refused)?;
    let variable = |name: &str| std::env::var(name).ok();
    proxy::read(&text, &shown, &variable, lists).map_err(refused)
}
