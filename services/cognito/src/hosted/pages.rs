//! What each page says and asks for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use http::StatusCode;
use serde_json::Value;

use super::authorize::Asked;
use super::html::{Field, Form, Notice, escaped, link, page};
use super::reply::{Reply, html, html_with_script};
use super::visit::Visit;
use crate::model::user::{EMAIL, PHONE_NUMBER};
use crate::session::Challenge;
use crate::types::Pool;

/// What goes on the page whose address the application has given.
pub struct Page<'a> {
    pub visit: &'a Visit,
    pub asked: &'a Asked,
}

/// A step of a sign-in that waits for an answer.
pub struct Step {
    pub challenge: Challenge,
    /// Sealed.
    pub session: String,
    /// What the page shows: it comes back with the form, and nothing relies on it.
    pub shown: BTreeMap<String, String>,
}

impl Page<'_> {
    fn reply(&self, title: &str, notice: &Notice, body: &str) -> Reply {
        let status = if matches!(notice, Notice::Failed(_)) { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        html(status, page(self.visit, Some(&self.asked.client.id), title, notice, body))
    }

    fn link(&self, path: &str, text: &str) -> String {
        link(self.visit, path, &self.asked.query, text)
    }

    fn form(&self, form: &Form) -> String {
        form.html(self.visit, &self.asked.query)
    }

    pub fn sign_in(&self, notice: &Notice, username: &str, providers: &[(String, String)], passkeys: bool) -> Reply {
        let mut body = String::new();
        for (path, name) in providers {
            let to = escaped(&format!("{}{path}", self.visit.root));
            let _ = write!(
                body,
                "<a class=\"button quiet idpButton-customizable\" href=\"{to}\">Continue with {}</a>",
                escaped(name)
            );
        }
        if self.asked.is_local() {
            if !providers.is_empty() {
                body.push_str("<p class=\"or\">or</p>");
            }
            let name = Field { value: username, ..name_field(&self.visit.pool) };
            let password = Field::new("password", "Password", "password", "current-password");
            let fields = vec![name, password];
            body += &self.form(&Form { action: "/login", fields, hidden: Vec::new(), submit: "Sign in" });
            body.push_str("<p class=\"more\">");
            if passkeys {
                let _ = write!(body, "{}<br>", self.link("/passkey", "Sign in with a passkey"));
            }
            body += &self.link("/forgotPassword", "Forgot your password?");
            if !self.visit.pool.settings.admin_creates_only {
                let _ = write!(body, "<br>New here? {}", self.link("/signup", "Create an account"));
            }
            body.push_str("</p>");
        } else if providers.is_empty() {
            body.push_str(
                "<p>The application has no way to sign in: its SupportedIdentityProviders are not there.</p>",
            );
        }
        self.reply("Sign in", notice, &body)
    }

    /// Whose passkey it is.
    pub fn passkey_name(&self, username: &str) -> Reply {
        let fields = vec![Field { value: username, ..name_field(&self.visit.pool) }];
        let mut body = told("Your browser asks for your finger, your face, or the PIN of this device.");
        body += &self.form(&Form { action: "/passkey", fields, hidden: Vec::new(), submit: "Go on" });
        let _ = write!(body, "<p class=\"more\">{}</p>", self.link("/login", "Back to sign in"));
        self.reply("Sign in with a passkey", &Notice::None, &body)
    }

    /// What the script of this page hands to the browser is in its form.
    fn passkey<'a>(&self, notice: &Notice, step: &'a Step, mut hidden: Vec<(&'a str, &'a str)>) -> Reply {
        let options = step.shown.get("CREDENTIAL_REQUEST_OPTIONS").map(String::as_str).unwrap_or_default();
        hidden.extend([("options", options), ("credential", "")]);
        let mut body = told("Your browser asks for your passkey.");
        body += &self.form(&Form { action: "/challenge", fields: Vec::new(), hidden, submit: "Ask again" });
        let _ = write!(
            body,
            "<p class=\"failure\" role=\"alert\" id=\"passkey-failed\" hidden>The browser gave no passkey.</p>\
             <noscript><p>Passkeys need JavaScript. Sign in with your password.</p></noscript>\
             <p class=\"more\">{}</p><script src=\"{}/passkey.js\" defer></script>",
            self.link("/login", "Start again"),
            escaped(&self.visit.root),
        );
        let status = if matches!(notice, Notice::Failed(_)) { StatusCode::BAD_REQUEST } else { StatusCode::OK };
        let client = Some(self.asked.client.id.as_str());
        html_with_script(status, page(self.visit, client, "Sign in with a passkey", notice, &body))
    }

    /// `values` are what was typed before.
    pub fn sign_up(&self, notice: &Notice, values: &dyn Fn(&str) -> String) -> Reply {
        let pool = &self.visit.pool;
        let asked = asked_attributes(pool);
        let named: Vec<(String, String, &'static str, String)> = asked
            .iter()
            .map(|name| (format!("attribute.{name}"), label(name), kind(name), values(&format!("attribute.{name}"))))
            .collect();
        let username = values("username");
        let mut fields = vec![Field { value: &username, ..name_field(pool) }];
        fields.extend(named.iter().zip(&asked).map(|((name, label, kind, value), attribute)| Field {
            value,
            ..Field::new(name, label, kind, autocomplete(attribute))
        }));
        let rules = rules(pool);
        let password = Field::new("password", "Password", "password", "new-password");
        fields.push(Field { hint: Some(&rules), ..password });
        let mut body = self.form(&Form { action: "/signup", fields, hidden: Vec::new(), submit: "Create account" });
        let _ = write!(body, "<p class=\"more\">Have an account? {}</p>", self.link("/login", "Sign in"));
        self.reply("Create an account", notice, &body)
    }

    pub fn confirm(&self, notice: &Notice, username: &str) -> Reply {
        let name = Field { value: username, ..name_field(&self.visit.pool) };
        let (fields, hidden) = match username {
            "" => (vec![name, Field::code("Code")], Vec::new()),
            username => (vec![Field::code("Code")], vec![("username", username)]),
        };
        let mut body = self.form(&Form { action: "/confirm", fields, hidden, submit: "Confirm" });
        if !username.is_empty() {
            let again = Form {
                action: "/resendcode",
                fields: Vec::new(),
                hidden: vec![("username", username)],
                submit: "Send a new code",
            };
            let _ = write!(body, "<div class=\"quiet\">{}</div>", self.form(&again));
        }
        let _ = write!(body, "<p class=\"more\">{}</p>", self.link("/login", "Back to sign in"));
        self.reply("Confirm your account", notice, &body)
    }

    pub fn forgot(&self, notice: &Notice, username: &str) -> Reply {
        let fields = vec![Field { value: username, ..name_field(&self.visit.pool) }];
        let mut body = String::from("<p>We send you a code with which you choose a new password.</p>");
        body += &self.form(&Form { action: "/forgotPassword", fields, hidden: Vec::new(), submit: "Send a code" });
        let _ = write!(body, "<p class=\"more\">{}</p>", self.link("/login", "Back to sign in"));
        self.reply("Forgot your password?", notice, &body)
    }

    pub fn reset(&self, notice: &Notice, username: &str) -> Reply {
        let rules = rules(&self.visit.pool);
        let password = Field::new("password", "New password", "password", "new-password");
        let fields = vec![Field::code("Code"), Field { hint: Some(&rules), ..password }];
        let hidden = vec![("username", username)];
        let mut body = self.form(&Form { action: "/confirmForgotPassword", fields, hidden, submit: "Change password" });
        let _ = write!(body, "<p class=\"more\">{}</p>", self.link("/forgotPassword", "Send another code"));
        self.reply("Choose a new password", notice, &body)
    }

    pub fn step(&self, notice: &Notice, step: &Step) -> Reply {
        let shown = serde_json::to_string(&step.shown).unwrap_or_default();
        let hidden = vec![("session", step.session.as_str()), ("shown", shown.as_str())];
        let text = |name: &str| step.shown.get(name).map(String::as_str).unwrap_or_default();
        let (title, before, fields, submit) = match step.challenge {
            Challenge::SoftwareTokenMfa => (
                "Enter your code",
                told("Your authenticator app shows a code of six digits."),
                vec![Field::code("Code")],
                "Sign in",
            ),
            Challenge::EmailOtp => {
                let told = told(&format!("We sent a code to {}.", text("CODE_DELIVERY_DESTINATION")));
                ("Enter your code", told, vec![Field::code("Code")], "Sign in")
            }
            Challenge::MfaSetup => {
                let fields = vec![Field::code("Code that the app shows")];
                (
                    "Set up your authenticator app",
                    set_up(text("secret"), &self.visit.pool, text("user")),
                    fields,
                    "Go on",
                )
            }
            Challenge::NewPasswordRequired => return self.new_password(notice, step, hidden),
            Challenge::SelectMfaType => return self.choices(notice, step, &hidden),
            Challenge::WebAuthn => return self.passkey(notice, step, hidden),
            _ => ("Sign in", told("This step cannot be taken on a page."), Vec::new(), "Go on"),
        };
        let mut body = before + &self.form(&Form { action: "/challenge", fields, hidden, submit });
        let _ = write!(body, "<p class=\"more\">{}</p>", self.link("/login", "Start again"));
        self.reply(title, notice, &body)
    }

    fn new_password(&self, notice: &Notice, step: &Step, hidden: Vec<(&str, &str)>) -> Reply {
        let required = step.shown.get("requiredAttributes").map(String::as_str).unwrap_or_default();
        let required: Vec<String> = serde_json::from_str(required).unwrap_or_default();
        let attribute = |name: &String| {
            let plain = name.strip_prefix("userAttributes.").unwrap_or(name).to_owned();
            (format!("attribute.{plain}"), label(&plain), kind(&plain), plain)
        };
        let named: Vec<_> = required.iter().map(attribute).collect();
        let rules = rules(&self.visit.pool);
        let password = Field::new("password", "New password", "password", "new-password");
        let mut fields = vec![Field { hint: Some(&rules), ..password }];
        let more = named.iter().map(|(name, label, kind, plain)| Field::new(name, label, kind, autocomplete(plain)));
        fields.extend(more);
        let mut body = told("You have signed in with a temporary password: choose one of your own.");
        body += &self.form(&Form { action: "/challenge", fields, hidden, submit: "Go on" });
        self.reply("Choose a new password", notice, &body)
    }

    fn choices(&self, notice: &Notice, step: &Step, hidden: &[(&str, &str)]) -> Reply {
        let choices = step.shown.get("MFAS_CAN_CHOOSE").and_then(|text| serde_json::from_str::<Vec<String>>(text).ok());
        let mut body = told("Your account has several ways to show that it is you.");
        for choice in choices.unwrap_or_default() {
            let submit = match choice.as_str() {
                "EMAIL_OTP" => "Send a code by e-mail",
                "SOFTWARE_TOKEN_MFA" => "Use the authenticator app",
                other => other,
            };
            let mut hidden = hidden.to_vec();
            hidden.push(("answer", choice.as_str()));
            body += &self.form(&Form { action: "/challenge", fields: Vec::new(), hidden, submit });
        }
        self.reply("Choose how to go on", notice, &body)
    }
}

fn told(text: &str) -> String {
    format!("<p class=\"textDescription-customizable\">{}</p>", escaped(text))
}

/// The secret of an authenticator, to be opened on a phone or typed in.
fn set_up(secret: &str, pool: &Pool, user: &str) -> String {
    let label = super::reply::encoded(&format!("{}:{user}", pool.name));
    let issuer = super::reply::encoded(&pool.name);
    let address = escaped(&format!("otpauth://totp/{label}?secret={secret}&issuer={issuer}"));
    let groups: Vec<String> =
        secret.as_bytes().chunks(4).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
    format!(
        "<p>This account needs a second factor. Open the key in an authenticator app, or type it in there.</p>\
         <p class=\"secret\">{}</p><a class=\"button quiet\" href=\"{address}\">Open in an app on this device</a>",
        escaped(&groups.join(" ")),
    )
}

/// What users of a pool are called by.
fn name_field(pool: &Pool) -> Field<'static> {
    let takes = |name: &str| pool.username_attributes.iter().any(|own| own == name);
    match (takes(EMAIL), takes(PHONE_NUMBER)) {
        (true, false) => Field::new("username", "E-mail address", "email", "username"),
        (false, true) => Field::new("username", "Phone number", "tel", "username"),
        (true, true) => Field::new("username", "E-mail address or phone number", "text", "username"),
        (false, false) if pool.alias_attributes.iter().any(|own| own == EMAIL) => {
            Field::new("username", "Username or e-mail address", "text", "username")
        }
        (false, false) => Field::new("username", "Username", "text", "username"),
    }
}

/// What a new user is asked for, beside a name and a password: what has to be there, and the address that the code goes to.
fn asked_attributes(pool: &Pool) -> Vec<String> {
    let is_name = |name: &str| pool.username_attributes.iter().any(|own| own == name);
    let mut names: Vec<String> =
        pool.schema.iter().filter(|attribute| attribute.required).map(|attribute| attribute.name.clone()).collect();
    if pool.settings.auto_verified.iter().any(|name| name == EMAIL) && !names.iter().any(|name| name == EMAIL) {
        names.insert(0, EMAIL.into());
    }
    names.retain(|name| !is_name(name) && name != crate::schema::SUB);
    names
}

fn label(attribute: &str) -> String {
    match attribute {
        EMAIL => return "E-mail address".into(),
        "zoneinfo" => return "Time zone".into(),
        _ => {}
    }
    let plain = attribute.rsplit(':').next().unwrap_or(attribute).replace('_', " ");
    let mut letters = plain.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn kind(attribute: &str) -> &'static str {
    match attribute {
        EMAIL => "email",
        PHONE_NUMBER => "tel",
        "birthdate" => "date",
        "website" | "picture" | "profile" => "url",
        _ => "text",
    }
}

/// HTML's word for what is asked for.
fn autocomplete(attribute: &str) -> &'static str {
    match attribute {
        EMAIL => "email",
        PHONE_NUMBER => "tel",
        "name" => "name",
        "given_name" => "given-name",
        "family_name" => "family-name",
        "middle_name" => "additional-name",
        "nickname" => "nickname",
        "birthdate" => "bday",
        "address" => "street-address",
        _ => "off",
    }
}

/// What a password has to be like, in one sentence.
fn rules(pool: &Pool) -> String {
    let policy = &pool.settings.password;
    let parts = [
        (policy.lowercase, "a lower case letter"),
        (policy.uppercase, "an upper case letter"),
        (policy.numbers, "a number"),
        (policy.symbols, "a symbol"),
    ];
    let parts: Vec<&str> = parts.iter().filter(|(asked, _)| *asked).map(|(_, part)| *part).collect();
    let length = format!("At least {} characters", policy.minimum_length);
    match parts.split_last() {
        None => format!("{length}."),
        Some((last, [])) => format!("{length}, with {last}."),
        Some((last, others)) => format!("{length}, with {} and {last}.", others.join(", ")),
    }
}

/// What a page shows of the parameters of a challenge.
pub fn shown(parameters: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let names = [
        "CODE_DELIVERY_DESTINATION",
        "CREDENTIAL_REQUEST_OPTIONS",
        "requiredAttributes",
        "MFAS_CAN_CHOOSE",
        "secret",
        "user",
    ];
    let found = names.iter().filter_map(|name| Some(((*name).to_owned(), parameters.get(*name)?.clone())));
    found.collect()
}

/// The same when it comes back.
pub fn shown_again(text: &str) -> BTreeMap<String, String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => {
            let texts = members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
            shown(&texts.collect())
        }
        _ => BTreeMap::new(),
    }
}
