//! Templates: as much of Handlebars as SES's documentation has, with bounds on what a hostile one can cost.
//!
//! Source: <https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html>

mod parse;
mod render;

use serde_json::Value;

/// How deep blocks and partials may nest.
const DEPTH_MAX: usize = 32;
/// Parts of templates that one rendering goes through.
const STEPS_MAX: usize = 1_000_000;

/// A text with places for data.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Node>);

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Invalid(pub String);

/// Why data cannot be put into a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("Attribute '{0}' is not present in the rendering data.")]
    Missing(String),
    #[error("Partial '{0}' is not defined in the template.")]
    NoPartial(String),
    #[error("The rendered template is too large.")]
    TooLarge,
}

impl Template {
    /// # Errors
    /// When a tag is not closed, or is none that templates here have.
    pub fn parse(text: &str) -> Result<Template, Invalid> {
        parse::parse(text).map(Template)
    }

    /// # Errors
    /// When a value is missing, or the result gets longer than `bytes_max`.
    pub fn render(&self, data: &Value, bytes_max: usize) -> Result<String, Failure> {
        render::render(&self.0, data, bytes_max)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Text(String),
    Value(Path),
    Block {
        helper: Helper,
        argument: Path,
        body: Vec<Node>,
        inverse: Vec<Node>,
    },
    /// `{{#* inline "name"}}`
    Define(String, Vec<Node>),
    /// `{{> name}}`
    Include(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Helper {
    If,
    Unless,
    Each,
    With,
}

impl Helper {
    const ALL: [(&'static str, Helper); 4] =
        [("if", Helper::If), ("unless", Helper::Unless), ("each", Helper::Each), ("with", Helper::With)];

    fn of(name: &str) -> Option<Helper> {
        Helper::ALL.iter().find(|(known, _)| *known == name).map(|(_, helper)| *helper)
    }
}

/// Where a value is: `name`, `contact.firstName`, `../name`, `this`, `@index`, `items.[0]`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Path {
    /// As it is written.
    text: String,
    from: From,
    members: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// So many blocks further out.
    Here(usize),
    Root,
    Index,
    Key,
    First,
    Last,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rendered(text: &str, data: &Value) -> Result<String, Failure> {
        Template::parse(text).unwrap().render(data, 10_000)
    }

    #[test]
    fn data_takes_its_places() {
        let data = json!({
            "name": "Ada <b>", "contact": {"city": "London", "zip": [1, 2]}, "count": 3, "price": 2.5, "paid": true,
            "no": false, "none": [], "items": [{"n": "a"}, {"n": "b"}], "tags": {"x": 1, "y": 2}, "odd key": "k",
        });
        for (text, expected) in [
            ("Hello", "Hello"),
            ("Hi {{name}}!", "Hi Ada <b>!"),
            ("{{{name}}}|{{&name}}", "Ada <b>|Ada <b>"),
            ("{{contact.city}} {{contact/city}} {{contact.zip.[1]}} {{[odd key]}}", "London London 2 k"),
            ("{{count}} {{price}} {{paid}} {{no}}", "3 2.5 true false"),
            ("{{#if paid}}yes{{else}}no{{/if}}{{#if none}}yes{{else}}no{{/if}}{{#if gone}}yes{{/if}}", "yesno"),
            ("{{#if no}}1{{else if paid}}2{{else}}3{{/if}}", "2"),
            ("{{#unless no}}u{{/unless}}{{^if no}}v{{/if}}", "uv"),
            ("{{#each items}}{{@index}}{{n}}{{#unless @last}},{{/unless}}{{/each}}", "0a,1b"),
            ("{{#each tags}}{{@key}}={{this}};{{/each}}{{#each none}}x{{else}}empty{{/each}}", "x=1;y=2;empty"),
            ("{{#each items}}{{#if @first}}{{../name}} {{@root.count}} {{/if}}{{this.n}}{{/each}}", "Ada <b> 3 ab"),
            ("{{#with contact}}{{city}}{{/with}}{{#with gone}}x{{else}}-{{/with}}", "London-"),
            ("a {{~name~}} b{{! note }}{{!-- }} --}}c", "aAda <b>bc"),
            ("{{#* inline \"full\"}}{{name}}, {{contact.city}}{{/inline}}Dear {{> full}}.", "Dear Ada <b>, London."),
            ("\\{{name}}", "{{name}}"),
        ] {
            assert_eq!(rendered(text, &data).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_missing_is_a_failure_that_names_it() {
        let missing = |name: &str| Err(Failure::Missing(name.to_owned()));
        let data = json!({"a": {"b": 1}, "null": null, "items": [{}]});
        assert_eq!(rendered("{{name}}", &data), missing("name"));
        assert_eq!(rendered("{{a.c}}", &data), missing("a.c"));
        assert_eq!(rendered("{{null}}", &data), missing("null"));
        assert_eq!(rendered("{{#each items}}{{n}}{{/each}}", &data), missing("n"));
        assert_eq!(rendered("{{../a}}", &data), missing("../a"));
        assert_eq!(rendered("{{> x}}", &data), Err(Failure::NoPartial("x".into())));
    }

    #[test]
    fn what_is_no_template_is_told() {
        for text in [
            "{{",
            "{{name",
            "{{}}",
            "{{#if a}}",
            "{{/if}}",
            "{{#if a}}{{/each}}",
            "{{#if}}{{/if}}",
            "{{#frobnicate a}}{{/frobnicate}}",
            "{{else}}",
            "{{a b}}",
            "{{{a}}",
            "{{> }}",
            "{{!-- open",
            "{{a..b}}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}{}", "{{#if a}}".repeat(40), "{{/if}}".repeat(40));
        assert!(Template::parse(&deep).unwrap_err().0.contains("nest"));
    }

    #[test]
    fn a_hostile_template_comes_to_an_end() {
        let many: Vec<u32> = (0..1_000).collect();
        let data = json!({"m": many});
        let nested = format!("{}{}", "{{#each @root.m}}".repeat(8), "{{/each}}".repeat(8));
        assert_eq!(rendered(&nested, &data), Err(Failure::TooLarge));
        assert_eq!(rendered("{{#each m}}0123456789012345{{/each}}", &data), Err(Failure::TooLarge));
        let ring = "{{#* inline \"a\"}}{{> b}}{{/inline}}{{#* inline \"b\"}}{{> a}}{{/inline}}{{> a}}";
        assert_eq!(rendered(ring, &data), Err(Failure::TooLarge));
    }
}
