//! Where secrets are found, and how a token is had for a name and a password. The secrets themselves are never here.

use super::TIMEOUT_MOST;
use crate::check::Check;
use crate::format::{CredentialRule, LoginRule, PlaceRule, SendName, SystemKindName};
use crate::json::child;
use crate::system::{Credential, Login, Place, Reference};

pub(super) fn credential(
    check: &mut Check<'_>,
    pointer: &str,
    rule: Option<&CredentialRule>,
    kind: SystemKindName,
) -> Credential {
    let Some(rule) = rule else { return Credential::None };
    let scheme = rule.scheme.clone().unwrap_or_else(|| "Bearer".to_owned());
    match (&rule.env, &rule.file, &rule.login) {
        (Some(name), None, None) => {
            variable(check, &format!("{pointer}/env"), name);
            Credential::Env { name: name.clone(), scheme }
        }
        (None, Some(path), None) => Credential::File { path: Reference(path.clone()), scheme },
        (None, None, Some(rule)) => {
            let pointer = format!("{pointer}/login");
            if kind != SystemKindName::Http {
                let remedy = "give env or file; an adapter says how its system is proved to";
                check.wrong(&pointer, "only systems of kind http are logged in to", remedy);
            }
            Credential::Login(Box::new(login(check, &pointer, rule, scheme)))
        }
        _ => {
            check.wrong(pointer, "a credential is in one place", "give one of env, file and login");
            Credential::None
        }
    }
}

fn login(check: &mut Check<'_>, pointer: &str, rule: &LoginRule, scheme: String) -> Login {
    if !rule.path.starts_with('/') {
        let remedy = "it is below base_url";
        check.wrong(&format!("{pointer}/path"), "a path begins with /", remedy);
    }
    for (name, at) in [("token", Some(&rule.token)), ("expires_in", rule.expires_in.as_ref())] {
        if at.is_some_and(|at| !at.starts_with('/')) {
            let what = "this is not a JSON pointer";
            check.wrong(&format!("{pointer}/{name}"), what, "begin with /, like /token");
        }
    }
    for name in rule.also.keys() {
        if *name == rule.fields.user || *name == rule.fields.password {
            let pointer = child(&format!("{pointer}/also"), name);
            check.wrong(&pointer, format!("{name} is sent already"), "leave it out here");
        }
    }
    if rule.fields.user == rule.fields.password {
        let what = "name and password cannot be sent under one name";
        check.wrong(&format!("{pointer}/fields"), what, "give them two");
    }
    if let Some(lasts) = rule.lasts.filter(|lasts| lasts.0 < TIMEOUT_MOST) {
        let what = format!("a token that is used for {:#} is asked for all the time", lasts.0);
        check.wrong(&format!("{pointer}/lasts"), what, format!("write at least {TIMEOUT_MOST:#}"));
    }
    Login {
        path: rule.path.clone(),
        user: place(check, &format!("{pointer}/user"), &rule.user),
        password: place(check, &format!("{pointer}/password"), &rule.password),
        fields: (rule.fields.user.clone(), rule.fields.password.clone()),
        also: rule.also.iter().map(|(name, text)| (name.clone(), text.clone())).collect(),
        form: rule.send == SendName::Form,
        token_at: rule.token.clone(),
        expires_in_at: rule.expires_in.clone(),
        lasts: rule.lasts.map(|lasts| lasts.0),
        scheme,
    }
}

fn place(check: &mut Check<'_>, pointer: &str, rule: &PlaceRule) -> Place {
    match (&rule.env, &rule.file) {
        (Some(name), None) => {
            variable(check, &format!("{pointer}/env"), name);
            Place::Env(name.clone())
        }
        (None, Some(path)) => Place::File(Reference(path.clone())),
        _ => {
            check.wrong(pointer, "a secret is in one place", "give either env or file");
            Place::Env(String::new())
        }
    }
}

fn variable(check: &mut Check<'_>, pointer: &str, name: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || !name.bytes().all(plain) {
        check.wrong(
            pointer,
            "this is not the name of an environment variable",
            "write the variable's name, never the secret",
        );
    }
}
