//! How good a ranking is: nDCG, recall, accuracy, and how well a confidence tells two kinds of questions apart.
//!
//! Guarantee: the definitions of `trec_eval` with binary gain, so that others compute the same figures from a run file.

use std::collections::HashSet;

/// Normalised discounted cumulative gain of the first `depth` documents; a ranking that no order could better has 1.
///
/// Source: Järvelin and Kekäläinen, 2002, <https://doi.org/10.1145/582415.582418>.
#[must_use]
pub fn ndcg(ranking: &[String], relevant: &HashSet<String>, depth: usize) -> f64 {
    let gain = |rank: usize| 1.0 / ((rank + 2) as f64).log2();
    let ideal: f64 = (0..relevant.len().min(depth)).map(gain).sum();
    if ideal == 0.0 {
        return 0.0;
    }
    let hits = ranking.iter().take(depth).enumerate().filter(|(_, id)| relevant.contains(*id));
    hits.map(|(rank, _)| gain(rank)).sum::<f64>() / ideal
}

/// The share of the relevant documents that are among the first `depth`.
#[must_use]
pub fn recall(ranking: &[String], relevant: &HashSet<String>, depth: usize) -> f64 {
    if relevant.is_empty() {
        return 0.0;
    }
    let found = ranking.iter().take(depth).filter(|id| relevant.contains(*id)).count();
    found as f64 / relevant.len() as f64
}

/// The chance that one of `own` is surer than one of `foreign`; ties count half. `None` when either is empty.
#[must_use]
pub fn auroc(own: &[f32], foreign: &[f32]) -> Option<f64> {
    if own.is_empty() || foreign.is_empty() {
        return None;
    }
    let mut sorted = foreign.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let wins: f64 = own
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|other| other < score);
            let not_above = sorted.partition_point(|other| other <= score);
            below as f64 + (not_above - below) as f64 / 2.0
        })
        .sum();
    Some(wins / (own.len() as f64 * foreign.len() as f64))
}

/// The value that this share of them is below, from 0 to 1; 0 where there are none.
#[must_use]
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    let at = (share * last as f64).round();
    values.get(at as usize).copied().unwrap_or(0.0)
}

/// The mean; `None` of nothing.
#[must_use]
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn rankings_are_judged_as_others_do() {
        let relevant: HashSet<String> = ids("a b").into_iter().collect();
        assert!((ndcg(&ids("a b c"), &relevant, 10) - 1.0).abs() < 1e-9);
        assert!((ndcg(&ids("b x a"), &relevant, 10) - (1.0 + 0.5) / (1.0 + 1.0 / 3_f64.log2())).abs() < 1e-9);
        assert!(ndcg(&ids("x y a"), &relevant, 2).abs() < 1e-9);
        assert!((recall(&ids("x a"), &relevant, 10) - 0.5).abs() < 1e-9);
        assert!(recall(&ids("a"), &HashSet::new(), 10).abs() < 1e-9);
    }

    #[test]
    fn a_confidence_that_tells_nothing_is_a_coin() {
        assert_eq!(auroc(&[0.9, 0.8], &[0.1]), Some(1.0));
        assert_eq!(auroc(&[0.5], &[0.5]), Some(0.5));
        assert_eq!(auroc(&[0.1], &[0.9, 0.05]), Some(0.5));
        assert_eq!(auroc(&[], &[0.9]), None);
    }

    #[test]
    fn quantiles_and_means() {
        assert!((quantile(&mut [3.0, 1.0, 2.0], 0.5) - 2.0).abs() < 1e-9);
        assert!(quantile(&mut [], 0.5).abs() < 1e-9);
        assert_eq!(mean(&[1.0, 3.0]), Some(2.0));
        assert_eq!(mean(&[]), None);
    }
}
