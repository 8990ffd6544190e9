//! Pages as text: plain HTML that needs no script, with everything escaped that is not ours.

use std::fmt::Write as _;

use super::visit::{TOKEN, Visit};

/// A text where HTML has markup.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// What a page says above its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    None,
    /// It went well, or this is what to do now.
    Told(String),
    /// It did not.
    Failed(String),
}

/// What is typed into a form.
pub struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    /// The kind of input: `text`, `email`, `password`.
    pub kind: &'a str,
    /// What a browser may fill in: HTML's word for it.
    pub autocomplete: &'a str,
    pub value: &'a str,
    pub hint: Option<&'a str>,
    /// Whether it is a code of digits, for which a phone shows other keys.
    pub is_code: bool,
}

impl<'a> Field<'a> {
    pub fn new(name: &'a str, label: &'a str, kind: &'a str, autocomplete: &'a str) -> Field<'a> {
        Field { name, label, kind, autocomplete, value: "", hint: None, is_code: false }
    }

    pub fn code(label: &'a str) -> Field<'a> {
        Field { is_code: true, ..Field::new("code", label, "text", "one-time-code") }
    }

    fn html(&self, text: &mut String, is_first: bool) {
        let (name, kind) = (escaped(self.name), escaped(self.kind));
        let keys = if self.is_code { " inputmode=\"numeric\" pattern=\"[0-9 ]*\"" } else { "" };
        let case =
            if kind == "password" || self.is_code { "" } else { " autocapitalize=\"none\" spellcheck=\"false\"" };
        let focus = if is_first { " autofocus" } else { "" };
        let described = if self.hint.is_some() { format!(" aria-describedby=\"{name}-hint\"") } else { String::new() };
        let _ = write!(
            text,
            "<label class=\"label-customizable\" for=\"{name}\">{}</label>\
             <input class=\"inputField-customizable\" id=\"{name}\" name=\"{name}\" type=\"{kind}\" value=\"{}\" \
             autocomplete=\"{}\" required{keys}{case}{described}{focus}>",
            escaped(self.label),
            escaped(self.value),
            escaped(self.autocomplete),
        );
        if let Some(hint) = self.hint {
            let _ = write!(text, "<p class=\"hint\" id=\"{name}-hint\">{}</p>", escaped(hint));
        }
    }
}

/// A form, which comes back with what shows that it was made here.
pub struct Form<'a> {
    /// Where it goes: a path of the domain.
    pub action: &'a str,
    pub fields: Vec<Field<'a>>,
    pub hidden: Vec<(&'a str, &'a str)>,
    pub submit: &'a str,
}

impl Form<'_> {
    /// `query` is what goes along from page to page.
    pub fn html(&self, visit: &Visit, query: &str) -> String {
        let action = escaped(&format!("{}{}?{query}", visit.root, self.action));
        let mut text = format!("<form method=\"post\" action=\"{action}\">");
        let _ = write!(text, "<input type=\"hidden\" name=\"{TOKEN}\" value=\"{}\">", visit.form_token());
        for (name, value) in &self.hidden {
            let _ = write!(text, "<input type=\"hidden\" name=\"{}\" value=\"{}\">", escaped(name), escaped(value));
        }
        for (place, field) in self.fields.iter().enumerate() {
            field.html(&mut text, place == 0);
        }
        let submit = escaped(self.submit);
        let _ = write!(text, "<button class=\"submitButton-customizable\" type=\"submit\">{submit}</button></form>");
        text
    }
}

/// A link to another page of the domain.
pub fn link(visit: &Visit, path: &str, query: &str, text: &str) -> String {
    let to = escaped(&format!("{}{path}?{query}", visit.root));
    format!("<a class=\"redirect-customizable\" href=\"{to}\">{}</a>", escaped(text))
}

/// A whole page. `client` is whose looks it has.
pub fn page(visit: &Visit, client: Option<&str>, title: &str, notice: &Notice, body: &str) -> String {
    let (root, title) = (escaped(&visit.root), escaped(title));
    document(&root, client.map(escaped).as_deref(), &title, notice, body)
}

/// The same for who has come to no pool: `root` and `title` are HTML already.
pub fn document(root: &str, client: Option<&str>, title: &str, notice: &Notice, body: &str) -> String {
    let own =
        client.map(|client| format!("<link rel=\"stylesheet\" href=\"{root}/customized.css?client_id={client}\">"));
    let notice = match notice {
        Notice::None => String::new(),
        Notice::Told(text) => format!("<p class=\"notice\" role=\"status\">{}</p>", escaped(text)),
        Notice::Failed(text) => {
            format!("<p class=\"failure errorMessage-customizable\" role=\"alert\">{}</p>", escaped(text))
        }
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{title}</title><link rel=\"icon\" href=\"data:,\">\
         <link rel=\"stylesheet\" href=\"{root}/style.css\">{}</head>\
         <body class=\"background-customizable\"><main><h1 class=\"banner-customizable\">{title}</h1>{notice}{body}</main></body></html>",
        own.unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_text_and_no_markup() {
        assert_eq!(escaped("<a href='x' id=\"y\">&"), "&lt;a href=&#39;x&#39; id=&quot;y&quot;&gt;&amp;");
        let told = document("", None, "t", &Notice::Failed("<script>".into()), "");
        assert!(told.contains("&lt;script&gt;") && !told.contains("<script"));
    }
}
