//! What a trial showed, stage by stage.

use belay_domain::ContractId;
use belay_supervisor::{Against, StageEnd, TrialReport};
use serde_json::{Value, json};

use crate::output::{Style, Tone, clean};

/// For people.
pub(super) fn render(
    contract: &ContractId,
    against: Against,
    report: &TrialReport,
    style: &Style,
) -> String {
    let name = style.paint(Tone::Name, &clean(contract.as_str()));
    let mut text = format!("{name} {}\n", said(against));
    for stage in &report.stages {
        let (tone, word) = match stage.ended {
            StageEnd::Held => (Tone::Good, "ok"),
            StageEnd::Failed => (Tone::Bad, "FAILED"),
            StageEnd::Skipped => (Tone::Dim, "skipped"),
        };
        text.push_str(&format!("  {:<13} {}\n", stage.name, style.paint(tone, word)));
        for detail in &stage.details {
            text.push_str(&style.paint(Tone::Dim, &format!("    {}\n", clean(detail))));
        }
    }
    let failed = report.stages.iter().filter(|stage| stage.ended == StageEnd::Failed).count();
    let end = match failed {
        0 => style.paint(Tone::Good, "every stage holds"),
        1 => style.paint(Tone::Bad, "1 stage failed"),
        many => style.paint(Tone::Bad, &format!("{many} stages failed")),
    };
    text + &format!("{end}\n")
}

/// For programs.
pub(super) fn object(contract: &ContractId, against: Against, report: &TrialReport) -> Value {
    let stages = report.stages.iter().map(|stage| {
        let ended = match stage.ended {
            StageEnd::Held => "ok",
            StageEnd::Failed => "failed",
            StageEnd::Skipped => "skipped",
        };
        json!({ "stage": stage.name, "ended": ended, "details": stage.details })
    });
    json!({
        "contract": contract.as_str(),
        "against": match against {
            Against::Recorded => "recorded",
            Against::Live => "live",
            Against::LiveWriting => "live, writing",
        },
        "holds": report.holds(),
        "stages": stages.collect::<Vec<_>>(),
    })
}

fn said(against: Against) -> &'static str {
    match against {
        Against::Recorded => "against recorded answers",
        Against::Live => "against the live systems, only reading",
        Against::LiveWriting => "against the live systems, writing",
    }
}

#[cfg(test)]
mod tests {
    use belay_supervisor::{Against, StageEnd, TrialReport, TrialStage};
    use jiff::Timestamp;

    use super::{object, render};
    use crate::output::Style;

    #[test]
    fn each_stage_has_a_word_and_its_reasons_on_lines_of_their_own() {
        let stage = |name, ended, detail: &str| TrialStage {
            name,
            ended,
            details: vec![detail.to_owned()],
        };
        let report = TrialReport {
            stages: vec![
                stage("policy", StageEnd::Held, "decided by small-refund"),
                stage("write", StageEnd::Failed, "the system refused with 422"),
                stage("verification", StageEnd::Skipped, "nothing was written"),
            ],
        };
        let style = Style { colour: false, now: Timestamp::UNIX_EPOCH };
        let contract = "billing.refund@1".parse().unwrap();
        assert_eq!(
            render(&contract, Against::Recorded, &report, &style),
            "\
billing.refund@1 against recorded answers
  policy        ok
    decided by small-refund
  write         FAILED
    the system refused with 422
  verification  skipped
    nothing was written
1 stage failed
"
        );
        let told = object(&contract, Against::Live, &report);
        assert_eq!(
            (&told["holds"], &told["stages"][1]["ended"]),
            (&false.into(), &"failed".into())
        );
    }
}
