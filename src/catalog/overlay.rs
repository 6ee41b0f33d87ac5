//! Discounts, fees and negotiated rates that change published prices.

use std::collections::BTreeSet;

use toml::Spanned;

use super::catalog_file::CatalogFile;
use super::error::CatalogError;
use super::price::Price;
use super::rates::Rates;
use super::raw::RawOverlay;
use super::resolve_endpoint::PlacedEndpoint;
use super::resolve_price;
use crate::units::Factor;
use crate::units::names::{glob_matches, matches_none};
use crate::units::toml_text::{DecimalText, TomlText};

/// Applies every `[[price]]`, and then the discounts and fees of every `[[provider]]`, to the prices
/// of the endpoints. `notes` gets one line for each, for the report.
pub(crate) fn apply(
    files: &[CatalogFile<'_>],
    endpoints: &mut [PlacedEndpoint<'_>],
    notes: &mut Vec<String>,
) -> Result<(), CatalogError> {
    for file in files {
        for raw in &file.tables.price {
            apply_one(raw, file.toml, endpoints, notes)?;
        }
    }
    for file in files {
        for raw in &file.tables.provider {
            let share = Share::read(raw.discount.as_ref(), raw.fee.as_ref(), file.toml)?;
            let Some(share) = share else { continue };
            let name = raw.name.get_ref();
            let here = endpoints.iter_mut().filter(|(e, _)| e.provider.name == *name);
            let mut changed = 0;
            for (endpoint, _) in here {
                changed += usize::from(share.apply(&mut endpoint.price));
            }
            let at = file.toml.place(&raw.name.span());
            notes.push(format!("prices at {name} are {} ({changed} endpoints; {at})", share.words));
        }
    }
    Ok(())
}

fn apply_one(
    raw: &RawOverlay,
    toml: TomlText<'_>,
    endpoints: &mut [PlacedEndpoint<'_>],
    notes: &mut Vec<String>,
) -> Result<(), CatalogError> {
    let (at, glob) = (toml.place(&raw.glob.span()), raw.glob.get_ref());
    let share = Share::read(raw.discount.as_ref(), raw.fee.as_ref(), toml)?;
    if share.is_none() && raw.price.is_none() {
        return Err(CatalogError::EmptyOverlay { at });
    }
    let set = match &raw.price {
        Some(price) => Some(resolve_price::resolve(Some(price), toml, glob, notes)?),
        None => None,
    };
    let mut matched = 0;
    for (endpoint, _) in endpoints.iter_mut() {
        if !glob_matches(glob, &endpoint.model) && !glob_matches(glob, endpoint.id.as_str()) {
            continue;
        }
        matched += 1;
        if let Some(price) = &set {
            endpoint.price = price.clone();
        }
        if let Some(share) = &share {
            share.apply(&mut endpoint.price);
        }
    }
    if matched == 0 {
        let names: BTreeSet<&str> = endpoints.iter().map(|(e, _)| e.model.as_str()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let remedy = matches_none(glob, &names);
        return Err(CatalogError::OverlayMatchesNothing { at, glob: glob.clone(), remedy });
    }
    let what = match (&set, &share) {
        (Some(_), Some(share)) => format!("your own, {}", share.words),
        (Some(_), None) => "your own".to_owned(),
        (None, Some(share)) => share.words.clone(),
        (None, None) => unreachable!("refused above"),
    };
    notes.push(format!("prices of {glob} are {what} ({matched} endpoints; {at})"));
    Ok(())
}

/// A discount, a fee, or both.
struct Share {
    factor: Factor,
    words: String,
}

impl Share {
    fn read(
        discount: Option<&Spanned<DecimalText>>,
        fee: Option<&Spanned<DecimalText>>,
        toml: TomlText<'_>,
    ) -> Result<Option<Self>, CatalogError> {
        let off = Self::one("discount", discount, toml, Factor::less_than_one)?;
        let on = Self::one("fee", fee, toml, Factor::on_top_of_one)?;
        let (factor, words) = match (off, on) {
            (None, None) => return Ok(None),
            (Some((factor, d)), None) => (Some(factor), format!("less a discount of {d}")),
            (None, Some((factor, f))) => (Some(factor), format!("plus a fee of {f}")),
            (Some((less, d)), Some((more, f))) => {
                (less.and(more), format!("less a discount of {d}, plus a fee of {f}"))
            }
        };
        let Some(factor) = factor else {
            let raw = fee.expect("two shares were read");
            return Err(CatalogError::BadShare {
                at: toml.place(&raw.span()),
                key: "fee",
                text: shown(raw, toml),
                why: "and the discount have too many decimals together; write at most 9 each",
            });
        };
        Ok(Some(Self { factor, words: format!("as published, {words}") }))
    }

    fn one(
        key: &'static str,
        raw: Option<&Spanned<DecimalText>>,
        toml: TomlText<'_>,
        turn: impl Fn(Factor) -> Option<Factor>,
    ) -> Result<Option<(Factor, String)>, CatalogError> {
        let Some(raw) = raw else { return Ok(None) };
        let share = resolve_price::factor(key, raw, toml)?;
        match turn(share) {
            Some(factor) => Ok(Some((factor, percent(share)))),
            None => Err(CatalogError::BadShare {
                at: toml.place(&raw.span()),
                key,
                text: shown(raw, toml),
                why: "is more than can be taken off or put on top; write a share such as \"0.15\" \
                      for 15 %",
            }),
        }
    }

    /// Changes the price; false: there was none to change.
    fn apply(&self, price: &mut Price) -> bool {
        match price {
            Price::Rates(rates) => {
                let both = rates.factor.map_or(Some(self.factor), |own| own.and(self.factor));
                // More digits than can be held: the nearest price is not the price.
                match both {
                    Some(factor) => rates.factor = Some(factor),
                    None => *price = Price::Unknown,
                }
                true
            }
            Price::PerHour(usd) => {
                *usd = usd.scaled(self.factor);
                true
            }
            Price::Free | Price::Unknown | Price::Recorded => false,
        }
    }
}

fn shown(raw: &Spanned<DecimalText>, toml: TomlText<'_>) -> String {
    match raw.get_ref() {
        DecimalText::Text(text) => text.clone(),
        DecimalText::NumberLiteral => toml.literal(&raw.span()).to_owned(),
    }
}

/// `0.055` is `5.5 %`.
fn percent(share: Factor) -> String {
    let usd: crate::units::Usd = share.to_string().parse().expect("a factor is a decimal");
    format!("{} %", usd.times(100))
}

impl Rates {
    /// The rates as they are charged: the factor within each, for showing.
    #[must_use]
    pub fn charged(&self, rate: super::Rate) -> Option<crate::units::Usd> {
        let own = self.get(rate)?;
        Some(self.factor.map_or(own, |factor| own.scaled(factor)))
    }
}
