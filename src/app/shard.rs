//! `--shard`: which part of a plan this process takes.

use anyhow::anyhow;

use crate::cli::{Failure, refused};
use crate::plan::Shard;

/// How Slurm tells a task of an array which one it is: its id, the least one, the step between
/// them, and how many there are.
const SLURM: [&str; 4] = [
    "SLURM_ARRAY_TASK_ID",
    "SLURM_ARRAY_TASK_MIN",
    "SLURM_ARRAY_TASK_STEP",
    "SLURM_ARRAY_TASK_COUNT",
];
/// How Kubernetes tells a pod of an Indexed Job which one it is, from 0.
const KUBERNETES: &str = "JOB_COMPLETION_INDEX";
/// How many there are, which Kubernetes does not tell: the job's manifest must.
const COMPLETIONS: &str = "JOB_COMPLETIONS";

/// Reads the flag: `k/n`, or `env` for what the scheduler says. The environment is read only then:
/// a run that happens to stand inside such a job measures the whole plan.
pub fn shard(flag: Option<&str>) -> Result<Option<Shard>, Failure> {
    match flag {
        None => Ok(None),
        Some("env") => from(|name| std::env::var(name).ok()).map(Some),
        Some(text) => text.parse().map(Some).map_err(|e| refused(anyhow!("--shard: {e}"))),
    }
}

fn from(variable: impl Fn(&str) -> Option<String>) -> Result<Shard, Failure> {
    let number = |name: &str| -> Result<Option<u32>, Failure> {
        let Some(text) = variable(name) else { return Ok(None) };
        let wrong = || refused(anyhow!("--shard env: {name} is {text:?}, not a number"));
        text.trim().parse().map(Some).map_err(|_| wrong())
    };
    let [id, least, step, count] = SLURM;
    if let (Some(id), Some(n)) = (number(id)?, number(count)?) {
        // Ids of an array start anywhere and may leave gaps: `--array=3-9:2`.
        let (least, step) = (number(least)?.unwrap_or(0), number(step)?.unwrap_or(1).max(1));
        let k = id.checked_sub(least).map(|above| above / step + 1);
        return k.and_then(|k| Shard::new(k, n)).ok_or_else(|| {
            refused(anyhow!("--shard env: task {id} is not one of {n} that start at {least}"))
        });
    }
    match (number(KUBERNETES)?, number(COMPLETIONS)?) {
        (Some(index), Some(n)) => Shard::new(index.saturating_add(1), n).ok_or_else(|| {
            refused(anyhow!("--shard env: {KUBERNETES} {index} is not below {COMPLETIONS} {n}"))
        }),
        (Some(_), None) => Err(refused(anyhow!(
            "--shard env: {KUBERNETES} is set, {COMPLETIONS} is not: set it to the job's \
             completions in the pod template"
        ))),
        _ => Err(refused(anyhow!(
            "--shard env: neither {} with {} nor {KUBERNETES} with {COMPLETIONS} is set; write \
             --shard k/n",
            SLURM[0],
            SLURM[3]
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(environment: &[(&str, &str)], expected: Result<(u32, u32), &str>) {
        let variable = |name: &str| {
            let found = environment.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        match (from(variable), expected) {
            (Ok(shard), Ok(expected)) => assert_eq!((shard.k, shard.n), expected),
            (Err(failure), Err(part)) => {
                let said = failure.error.to_string();
                assert!(said.contains(part), "{said}");
            }
            (Ok(shard), Err(part)) => panic!("{shard} where {part:?} was to be said"),
            (Err(failure), Ok(_)) => panic!("{}", failure.error),
        }
    }

    #[test]
    fn what_slurm_says() {
        let array = |id, min, step, count| {
            let values = [id, min, step, count];
            SLURM.into_iter().zip(values).collect::<Vec<(&str, &str)>>()
        };
        check(&array("0", "0", "1", "4"), Ok((1, 4)));
        check(&array("7", "4", "1", "4"), Ok((4, 4)));
        check(&array("9", "3", "2", "4"), Ok((4, 4)));
        check(&array("8", "4", "1", "4"), Err("not one of 4"));
        check(&array("3", "4", "1", "4"), Err("not one of 4"));
        check(&array("x", "4", "1", "4"), Err("not a number"));
    }

    #[test]
    fn what_kubernetes_says() {
        check(&[(KUBERNETES, "0"), (COMPLETIONS, "3")], Ok((1, 3)));
        check(&[(KUBERNETES, "2"), (COMPLETIONS, "3")], Ok((3, 3)));
        check(&[(KUBERNETES, "3"), (COMPLETIONS, "3")], Err("is not below"));
        check(&[(KUBERNETES, "3")], Err("JOB_COMPLETIONS is not"));
        check(&[], Err("write --shard k/n"));
    }
}
