//! Several entries may describe one endpoint with different prices or limits. The endpoint gets the
//! highest price and the lowest limits, and the conflict is reported.

use std::collections::BTreeMap;

use super::config::Deployment;
use super::deployment::BY_FILE;
use crate::catalog::Price;
use crate::catalog::{Endpoint, Limits};
use crate::units::Usd;

/// Price and limits of one entry.
pub(super) struct EntryTerms {
    /// The names of model and provider: variants share price and limits.
    of: (String, String),
    price: Price,
    priced_by: Option<String>,
    limits: Limits,
}

impl EntryTerms {
    pub(super) fn new(endpoint: &Endpoint, priced_by: Option<&str>) -> Self {
        Self {
            of: name(endpoint),
            price: endpoint.price.clone(),
            priced_by: priced_by.map(str::to_owned),
            limits: endpoint.limits,
        }
    }
}

fn name(endpoint: &Endpoint) -> (String, String) {
    (endpoint.model.clone(), endpoint.provider.name.clone())
}

/// Gives every deployment the highest price and the lowest limits of its entries: the bound on cost
/// then holds whichever entry is right, and no limit is exceeded.
pub(super) fn reconcile(deployments: &mut [Deployment], stated: &[EntryTerms]) {
    let mut entries: BTreeMap<&(String, String), Vec<&EntryTerms>> = BTreeMap::new();
    for one in stated {
        entries.entry(&one.of).or_default().push(one);
    }
    for deployment in deployments {
        let Some(entries) = entries.get(&name(&deployment.endpoint)) else { continue };
        if let Some((highest, differ)) = max_cost(entries) {
            deployment.endpoint.price = highest.price.clone();
            deployment.priced_by.clone_from(&highest.priced_by);
            if differ {
                let said = "its entries state different prices; the highest is used";
                deployment.conflicts.push(said.to_owned());
            }
        }
        let (limits, differ) = least(entries);
        deployment.endpoint.limits = limits;
        if differ {
            let said = "its entries state different limits; the lowest are used";
            deployment.conflicts.push(said.to_owned());
        }
    }
}

/// The highest price, and whether the entries disagree. A price of the file takes precedence over one
/// of a list.
fn max_cost<'a>(entries: &[&'a EntryTerms]) -> Option<(&'a EntryTerms, bool)> {
    let priced = || entries.iter().copied().filter(|one| one.price != Price::Unknown);
    let by_file = |one: &&EntryTerms| one.priced_by.as_deref() == Some(BY_FILE);
    let is_stated = priced().any(|one| by_file(&one));
    let counted = || priced().filter(|one| !is_stated || by_file(one));
    // Of equals the first.
    let highest = counted()
        .reduce(|a, b| if sample_costs(&b.price) > sample_costs(&a.price) { b } else { a })?;
    Some((highest, counted().any(|one| one.price != highest.price)))
}

/// Prices are compared by the cost of a common request (three prompt tokens to one of output), then
/// by that of a request long enough for every surcharge.
fn sample_costs(price: &Price) -> [Option<Usd>; 2] {
    [(3_000, 1_000), (1_000_000, 1_000_000)]
        .map(|(input, output)| price.max_cost(input, output, None))
}

/// The lowest of each limit, and whether the entries disagree.
fn least(entries: &[&EntryTerms]) -> (Limits, bool) {
    fn of<T: Ord + Copy>(
        entries: &[&EntryTerms],
        limit: fn(&Limits) -> Option<T>,
    ) -> (Option<T>, bool) {
        let stated = || entries.iter().filter_map(|one| limit(&one.limits));
        (stated().min(), stated().min() != stated().max())
    }
    let (requests_per_min, a) = of(entries, |limits| limits.requests_per_min);
    let (tokens_per_min, b) = of(entries, |limits| limits.tokens_per_min);
    let (concurrency, c) = of(entries, |limits| limits.concurrency);
    (Limits { requests_per_min, tokens_per_min, concurrency }, a || b || c)
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use crate::catalog::{Price, Rate};

    /// `entries`: parameters of entries of one model.
    fn check(entries: &[&str], expected: (&str, Option<u32>), conflicts: &[&str]) {
        let entries = entries.iter().map(|more| {
            format!("- {{model_name: a, litellm_params: {{model: openai/x{more}}}}}\n")
        });
        let text = format!("model_list:\n{}", entries.collect::<String>());
        let config = read(&text, "c.yaml", &|_| None, &[]).expect("it reads");
        for deployment in &config.deployments {
            let endpoint = &deployment.endpoint;
            let input = match &endpoint.price {
                Price::Rates(rates) => Rate::Input.written(rates.get(Rate::Input).expect("a rate")),
                other => format!("{other:?}"),
            };
            let limit = endpoint.limits.requests_per_min;
            assert_eq!((input.as_str(), limit), expected, "{text}");
            let said = &deployment.conflicts;
            assert_eq!(said.len(), conflicts.len(), "{said:?}");
            assert!(said.iter().zip(conflicts).all(|(a, b)| a.contains(b)), "{said:?}");
        }
    }

    #[test]
    fn the_highest_price_and_the_lowest_limit_are_used_and_reported() {
        let cheap = ", input_cost_per_token: 1e-06, output_cost_per_token: 2e-06, rpm: 9";
        let dear = ", input_cost_per_token: 3e-06, output_cost_per_token: 4e-06, rpm: 90";
        let both = ["different prices", "different limits"];
        check(&[cheap, dear], ("3", Some(9)), &both);
        check(&[dear, cheap], ("3", Some(9)), &both);
        check(&[cheap, cheap], ("1", Some(9)), &[]);
        // A variant is charged and limited as what it is a variant of.
        check(&[cheap, &format!("{dear}, temperature: 0")], ("3", Some(9)), &both);
        // A missing value is no conflict.
        check(&["", cheap], ("1", Some(9)), &[]);
        check(&["", ", rpm: 5"], ("Unknown", Some(5)), &[]);
        check(&[cheap, ", rpm: 10"], ("1", Some(9)), &["different limits"]);
    }
}
