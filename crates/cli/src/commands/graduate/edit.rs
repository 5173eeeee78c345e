//! Editing a contract's file as a person would: the one line that matters, and every comment stays.

use std::fs;
use std::path::{Path, PathBuf};

use belay_domain::{ContractId, Mode};

/// One changed place of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    /// The line, from 1.
    pub(super) line: usize,
    /// What stands there and goes; none if something is put before that line.
    pub(super) old: Option<String>,
    /// What is put there; none if the line goes.
    pub(super) new: Option<String>,
}

/// The file of a contract, and its text.
pub(super) fn file_of(folder: &Path, contract: &ContractId) -> Result<(PathBuf, String), String> {
    let contracts = folder.join("contracts");
    let entries = fs::read_dir(&contracts)
        .map_err(|error| format!("{} cannot be read: {error}", contracts.display()))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let Ok(text) = fs::read_to_string(&path) else { continue };
        if yaml && value_of(&text, "id").is_some_and(|id| id == contract.as_str()) {
            return Ok((path, text));
        }
    }
    Err(format!("no file of {} has id: {contract} on a line of its own", contracts.display()))
}

/// The edits that give a contract this mode, and its share in canary.
pub(super) fn set_mode(text: &str, mode: Mode, share: f64) -> Result<Vec<Edit>, String> {
    let name = match mode {
        Mode::Shadow => "shadow",
        Mode::Canary => "canary",
        Mode::Live => "live",
    };
    let lines: Vec<&str> = text.lines().collect();
    let mut edits = Vec::new();
    let after = match place(&lines, "mode") {
        Some(at) => {
            edits.push(replace(&lines, at, "mode", name));
            at + 1
        }
        None => {
            let at = place(&lines, "tier")
                .or_else(|| place(&lines, "id"))
                .ok_or("it has no id on a line of its own")?;
            edits.push(Edit { line: at + 2, old: None, new: Some(format!("mode: {name}")) });
            at + 1
        }
    };
    match (place(&lines, "share"), mode) {
        (Some(at), Mode::Canary) => edits.push(replace(&lines, at, "share", &share.to_string())),
        (Some(at), Mode::Shadow | Mode::Live) => {
            edits.push(Edit { line: at + 1, old: Some(lines[at].to_owned()), new: None });
        }
        (None, Mode::Canary) => {
            edits.push(Edit { line: after + 1, old: None, new: Some(format!("share: {share}")) });
        }
        (None, Mode::Shadow | Mode::Live) => {}
    }
    Ok(edits)
}

/// The edits that say which demotion was taken back, by whom and why.
pub(super) fn restore(
    text: &str,
    demotion: &str,
    by: &str,
    reason: &str,
) -> Result<Vec<Edit>, String> {
    // JSON texts are YAML texts, whatever people write in them.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let restored = format!(
        "restored: {{demotion: {}, by: {}, reason: {}}}",
        quoted(demotion),
        quoted(by),
        quoted(reason)
    );
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = place(&lines, "graduation") else {
        let line = lines.len() + 1;
        return Ok(vec![
            Edit { line, old: None, new: Some("graduation:".to_owned()) },
            Edit { line, old: None, new: Some(format!("  {restored}")) },
        ]);
    };
    let (head, comment) = without_comment(lines[at]);
    let value = head.trim_end().trim_start_matches("graduation:").trim();
    if value.is_empty() {
        return within_block(&lines, at, &restored);
    }
    let inner = value.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.ok_or("graduation is written over several lines in braces")?.trim();
    if inner.contains("restored:") {
        return Err("graduation has restored already, in braces".to_owned());
    }
    let comma = if inner.is_empty() { "" } else { ", " };
    let new = format!("graduation: {{{inner}{comma}{restored}}}{comment}");
    Ok(vec![Edit { line: at + 1, old: Some(lines[at].to_owned()), new: Some(new) }])
}

/// The text after the edits.
pub(super) fn apply(text: &str, edits: &[Edit]) -> String {
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut lines: Vec<Option<String>> = text.lines().map(|line| Some(line.to_owned())).collect();
    let mut before: Vec<Vec<String>> = vec![Vec::new(); lines.len() + 1];
    for edit in edits {
        let at = edit.line.saturating_sub(1).min(lines.len());
        match (&edit.old, &edit.new) {
            (None, Some(new)) => before[at].push(new.clone()),
            (_, new) => {
                if let Some(line) = lines.get_mut(at) {
                    line.clone_from(new);
                }
            }
        }
    }
    lines.push(None);
    let all = before.into_iter().zip(lines).flat_map(|(put, line)| put.into_iter().chain(line));
    all.map(|line| line + end).collect()
}

fn within_block(lines: &[&str], at: usize, restored: &str) -> Result<Vec<Edit>, String> {
    let block = lines.iter().enumerate().skip(at + 1);
    let block: Vec<(usize, &str)> = block
        .map(|(place, line)| (place, *line))
        .take_while(|(_, line)| line.is_empty() || line.starts_with([' ', '#', '\t']))
        .collect();
    let known = block.iter().find(|(_, line)| line.trim_start().starts_with("restored:"));
    let indent = |line: &str| line.chars().take_while(|c| *c == ' ').collect::<String>();
    if let Some((place, line)) = known {
        let (head, comment) = without_comment(line);
        if !head.trim_end().ends_with('}') {
            return Err("restored is written over several lines".to_owned());
        }
        let new = format!("{}{restored}{comment}", indent(line));
        return Ok(vec![Edit { line: place + 1, old: Some((*line).to_owned()), new: Some(new) }]);
    }
    let first = block
        .iter()
        .find(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let indent = first.map_or_else(|| "  ".to_owned(), |(_, line)| indent(line));
    Ok(vec![Edit { line: at + 2, old: None, new: Some(format!("{indent}{restored}")) }])
}

fn replace(lines: &[&str], at: usize, key: &str, value: &str) -> Edit {
    let (_, comment) = without_comment(lines[at]);
    Edit {
        line: at + 1,
        old: Some(lines[at].to_owned()),
        new: Some(format!("{key}: {value}{comment}")),
    }
}

/// Where a key of the file itself stands.
fn place(lines: &[&str], key: &str) -> Option<usize> {
    lines
        .iter()
        .position(|line| line.strip_prefix(key).and_then(|rest| rest.strip_prefix(':')).is_some())
}

fn value_of(text: &str, key: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().collect();
    let (head, _) = without_comment(lines[place(&lines, key)?]);
    let value = head.split_once(':')?.1.trim();
    Some(value.trim_matches(['"', '\'']).to_owned())
}

/// A line, and the comment at its end with what is before it.
fn without_comment(line: &str) -> (&str, &str) {
    match line.find(" #") {
        Some(at) => {
            let head = line[..at].trim_end();
            (head, &line[head.len()..])
        }
        None => (line, ""),
    }
}

#[cfg(test)]
mod tests;
