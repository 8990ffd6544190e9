//! `.env` files: `NAME=value` lines, quoted values, and `${NAME}` in them.

use std::collections::BTreeMap;

/// The variables of a file, in order. `known` are the ones that `${NAME}` can name besides the file's own. An error has
/// the line's number.
pub fn parse(text: &str, known: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, (usize, String)> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else {
            return Err((index + 1, "a line is `NAME=value`".into()));
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-')) {
            return Err((index + 1, format!("`{name}` cannot be the name of a variable")));
        }
        let value = match value.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
            Some(quote) => {
                let rest = value.get(1..).unwrap_or("");
                let quoted =
                    quoted(rest, quote, &mut lines).ok_or_else(|| (index + 1, format!("`{quote}` without its end")))?;
                if quote == '"' { expand(&quoted.replace("\\n", "\n"), &variables, known) } else { quoted }
            }
            None => expand(value.split(" #").next().unwrap_or("").trim(), &variables, known),
        };
        variables.push((name.into(), value));
    }
    Ok(variables)
}

/// The text up to the closing quote, which may be some lines below.
fn quoted<'a>(first: &'a str, quote: char, lines: &mut impl Iterator<Item = (usize, &'a str)>) -> Option<String> {
    let mut value = String::new();
    let mut line = first;
    loop {
        if let Some((inside, _)) = line.split_once(quote) {
            value.push_str(inside);
            return Some(value);
        }
        value.push_str(line);
        value.push('\n');
        line = lines.next()?.1;
    }
}

fn expand(value: &str, variables: &[(String, String)], known: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            expanded.push_str("${");
            rest = after;
            continue;
        };
        let own = variables.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value);
        expanded.push_str(known.get(name).or(own).map_or("", String::as_str));
        rest = after;
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_dotenv_files_have() {
        let known = BTreeMap::from([("HOME".to_string(), "/root".to_string())]);
        let text = "# a comment\nA=1\nexport B = two words # not this\nC='$x ${A}'\nD=\"${A}-${HOME}\\nend\"\nE=\nF=\"two\nlines\"\n";
        let expected =
            [("A", "1"), ("B", "two words"), ("C", "$x ${A}"), ("D", "1-/root\nend"), ("E", ""), ("F", "two\nlines")];
        let variables = parse(text, &known).unwrap();
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(variables, expected);
        assert_eq!(parse("A=1\nnonsense", &known).unwrap_err().0, 2);
        assert!(parse("A='open", &known).is_err());
    }
}
