//! What templates come to, by the language's rules and by what API Gateway answers.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{Error, Input, Rendered, Template, limits};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}

fn rendered(template: &str, body: &str) -> Result<Rendered, Error> {
    let input = Input {
        body: body.into(),
        path: object(json!({"id": "7", "same": "path"})),
        query: object(json!({"q": "a b", "same": "query"})),
        header: object(json!({"X-Key": "k", "Accept": "*/*"})),
    };
    let variables = object(json!({
        "context": {
            "stage": "dev", "identity": {"sourceIp": "1.2.3.4"}, "requestOverride": {"header": {}, "querystring": {}},
            "n": null,
        },
        "stageVariables": {"v": "1"},
    }));
    Template::parse(template)?.render(&input, &variables)
}

fn of(template: &str) -> String {
    of_body(template, r#"{"a":{"b":[1,{"c":"d"}]},"t":"x\"y","n":null,"f":1.50,"list":[{"id":1},{"id":2}]}"#)
}

fn of_body(template: &str, body: &str) -> String {
    rendered(template, body).unwrap_or_else(|error| panic!("{template}: {error}")).text
}

fn wrong(template: &str) -> String {
    rendered(template, "{}").map(|rendered| rendered.text).expect_err(template).to_string()
}

#[test]
fn references_are_filled_in_every_form() {
    for (template, text) in [
        ("$context.stage/${context.stage}s/$!context.stage/$!{context.stage}x", "dev/devs/dev/devx"),
        ("$context.identity.sourceIp.", "1.2.3.4."),
        ("[$nothing][$context.nothing.more][$!nothing]", "[][][]"),
        ("$5 costs $ and $-", "$5 costs $ and $-"),
        ("\\$context.stage \\\\$context.stage \\n \\#if", "$context.stage \\dev \\n #if"),
        ("$context[\"stage\"] $context.get('stage') $stageVariables.v", "dev dev 1"),
        (
            "#set($m = {'a': [1, 2.5, true], \"b\": \"$context.stage\"})$m.a[1] $m.b $m",
            "2.5 dev {a=[1, 2.5, true], b=dev}",
        ),
        ("#set($x = 'it''s \"$x\"')$x", "it's \"$x\""),
        ("#set($x = \"say \"\"hi\"\" $context.stage\")$x", "say \"hi\" dev"),
        ("## nothing\na#* nor\nthis *#b#[[ $raw #if ]]#", "ab $raw #if "),
        ("#fff #macros #", "#fff #macros #"),
    ] {
        assert_eq!(of(template), text, "{template}");
    }
}

#[test]
fn directives_choose_and_repeat() {
    for (template, text) in [
        ("#if($nothing)a#elseif($context.stage == 'dev')b#{else}c#end", "b"),
        ("#if( ! $nothing && ('a' == \"a\" || 1 > 2) )yes#else no#end", "yes"),
        ("#if(1 lt 2 and not (2 le 1))ok#end", "ok"),
        ("#foreach($i in [1..3])$i#if($foreach.hasNext),#end#end", "1,2,3"),
        ("#foreach($i in [3..1])$foreach.index$foreach.count$i #end", "013 122 231 "),
        ("#foreach($i in ['a','b'])#foreach($j in [1])$foreach.parent.index$i#end#end", "0a1b"),
        ("#foreach($i in [1..9])#if($i == 3)#break#end$i#end.", "12."),
        ("a#stop b", "a"),
        ("#foreach($k in $context.identity.keySet())$k=$context.identity.get($k)#end", "sourceIp=1.2.3.4"),
        ("#set($m = {'x': 1})#foreach($e in $m.entrySet())$e.key$e.value$e.getKey()#end", "x1x"),
        ("#define($d)<$x>#end#set($x = 1)$d#set($x = 2)$d", "<1><2>"),
        ("{\n  #set($x = 1)\n  #if($x == 1)\n  one\n  #end\n}", "{\n    one\n  }"),
    ] {
        assert_eq!(of(template), text, "{template}");
    }
}

#[test]
fn operators_bind_as_in_java() {
    for (expression, text) in [
        ("1 + 2 * 3 - 4 / 2", "5"),
        ("(1 + 2) * 3 % 4", "1"),
        ("7 / 2", "3"),
        ("7 / 2.0", "3.5"),
        ("-3 + 1", "-2"),
        ("1 / 0", ""),
        ("'a' + 1", "a1"),
        ("1 + 'a' + 2", "1a2"),
        ("9223372036854775807 + 1", "9.223372036854776E18"),
        ("1 == 1.0", "true"),
        ("'1' == 1", "true"),
        ("$nothing == $null", "true"),
        ("$nothing == ''", "true"),
        ("[] == ''", "false"),
        ("true || $nothing.x && false", "true"),
        ("!true == false", "true"),
        ("2 >= 2 && 3 != 4", "true"),
        ("'b' > 'a'", "false"),
    ] {
        assert_eq!(of(&format!("#set($x = {expression})$x")), text, "{expression}");
    }
}

#[test]
fn values_have_javas_methods() {
    for (template, text) in [
        ("#set($s = ' aXbX ')$s.trim().split('X').size() $s.length() $s.trim().toLowerCase()", "2 6 axbx"),
        (
            "#set($s = 'hello')$s.substring(1) $s.substring(1, 3) $s.indexOf('l') $s.lastIndexOf('l') $s.charAt(0)",
            "ello el 2 3 h",
        ),
        (
            "#set($s = 'a-b-c')$s.replace('-', '.') $s.replaceAll('[ab]', 'x$0') $s.replaceFirst('-', '') $s.matches('a.*')",
            "a.b.c xa-xb-c ab-c true",
        ),
        (
            "#set($s = 'äbc')$s.substring(1) $s.toUpperCase() $s.contains('b') $s.isEmpty() $s.empty",
            "bc ÄBC true false false",
        ),
        (
            "#set($l = [])$!l.add(1)$!l.add('b')#set($ok = $l.addAll([3]))$l $l.size() $l.contains('b') $l.indexOf(3) $l[9]",
            "truetrue[1, b, 3] 3 true 2 ",
        ),
        ("#set($l = [])#define($d)x$!l.clear()#end#set($ok = $l.add($d))$l.remove('x') $l.size()", "true 0"),
        ("#set($l = [1,2,3])#set($l[0] = 'x')#set($r = $l.remove(1))$l $r $l.subList(0, 1)", "[x, 3] 2 [x]"),
        (
            "#set($m = {})#set($m.a = 1)#set($m['b c'] = 2)$!m.put('a', 3)$m $m.size() $m.containsKey('b c') $m.getOrDefault('z', 0)",
            "1{a=3, b c=2} 2 true 0",
        ),
        ("#set($m = {'a': {'b': {}}})#set($m.a.b.c = 'd')$m.a.b.c $m.remove('a') $m.isEmpty()", "d {b={c=d}} true"),
        ("#set($I = 0)#set($n = $I.parseInt('41') + 1)$n $n.toString().length() $n.equals(42)", "42 2 true"),
        ("#set($d = 1.5)$d.intValue() $d.compareTo(1)", "1 1"),
    ] {
        assert_eq!(of(template), text, "{template}");
    }
}

/// What AWS answers to these, as recorded.
#[test]
fn the_input_is_shown_as_api_gateway_shows_it() {
    for (body, template, text) in [
        (r#"{"foo":"bar"}"#, "$input.path('$')", "{foo=bar}"),
        (r#"[{"foo":"bar"}]"#, "$input.path('$')", r#"[{"foo":"bar"}]"#),
        (r#"{"foo":[{"nested":"bar"}]}"#, "$input.path('$')", r#"{foo=[{"nested":"bar"}]}"#),
        (r#"[[{"foo":"bar"}]]"#, "#set($r = $input.path('$'))$r[0]", r#"[{"foo":"bar"}]"#),
        (r#"{"list":[{"foo":"bar"}]}"#, "#set($r = $input.path('$'))$r.toString()", r#"{list=[{"foo":"bar"}]}"#),
        ("", "#set($r = $input.path('$.x'))[$r][$r.y]#if($r == $null)null#end#if($r == '')empty#end", "[][]nullempty"),
        (
            r#"{"l":[]}"#,
            "#set($r = $input.path('$.l'))[$r][$r.y]#if($r == $null)null#end#if($r == '')empty#end",
            "[[]][]",
        ),
        ("", "$input.body", "{}"),
        ("some raw data", "A=$input.body&$util.urlEncode($input.body)$input.body.x", "A=some raw data&some+raw+data"),
        (r#"{"some": "value"}"#, "$util.urlEncode($input.body)", "%7B%22some%22%3A+%22value%22%7D"),
        (
            r#"{"a":{"b":1.50}}"#,
            "$input.json('$.a') $input.json('$.none') $input.json('$')",
            r#"{"b":1.5} "" {"a":{"b":1.5}}"#,
        ),
        ("not json", "$input.json('$.x') $input.path('$.x')", r#""" "#),
    ] {
        assert_eq!(of_body(template, body), text, "{template} of {body}");
    }
    assert_eq!(
        of("$input.params('id') $input.params('q') $input.params('x-key') $input.params('same') [$input.params('no')]"),
        "7 a b k path []"
    );
    assert_eq!(
        of("$input.params().querystring.q $input.params().header.get('X-Key') $input.params().path"),
        "a b k {id=7, same=path}"
    );
}

#[test]
fn util_does_what_its_documents_say() {
    for (template, text) in [
        ("$util.escapeJavaScript('a\"b''c')", r#"a\"b\'c"#),
        ("$util.escapeJavaScript($input.json('$.t')).replaceAll(\"\\\\'\", \"'\")", r#"\"x\\\"y\""#),
        ("#set($o = $util.parseJson('{\"k\":[1,{\"z\":\"é\"}]}'))$o.k[1].z $o.k", "é [1,{\"z\":\"é\"}]"),
        ("$util.urlEncode('x=a+b ü*~') $util.urlDecode('a%20b+c')", "x%3Da%2Bb+%C3%BC*%7E a b c"),
        ("$util.base64Encode('hi?') $util.base64Decode('aGk/') $util.base64Decode('aGk')", "aGk/ hi? hi"),
    ] {
        assert_eq!(of(template), text, "{template}");
    }
}

#[test]
fn overrides_are_read_back() {
    let template = "#set($context.requestOverride.header.a = 'b')#set($n = 'c')#set($context.requestOverride.querystring[$n] = [1, 'x'])\
        $context.requestOverride.querystring.put('d', 'e')#set($context[\"requestOverride\"].path = {'p': 1})";
    let Rendered { text, variables } = rendered(template, "").unwrap();
    assert_eq!(text, "");
    let expected = json!({"header": {"a": "b"}, "querystring": {"c": [1, "x"], "d": "e"}, "path": {"p": 1}});
    assert_eq!(variables["context"]["requestOverride"], expected);
    assert_eq!(variables["stageVariables"], json!({"v": "1"}));
}

#[test]
fn errors_tell_where() {
    for (template, expected) in [
        ("a\n#if($x)", "line 2, column 8: #if without an #end"),
        ("#end", "line 1, column 5: #end without an #if or a #foreach before it"),
        ("  #set($x 1)", "line 1, column 9: `=` is expected here"),
        ("#set($x = )", "line 1, column 11: A value is expected here"),
        ("x ${a.b", "line 1, column 8: `}` is expected here"),
        ("#macro(m)#end", "line 1, column 1: #macro is not supported"),
        ("#set($x = 'abc)", "line 1, column 12: A text without its closing '"),
        ("#set($x = \"a\n $y.b(\")", "line 2, column 7: A value is expected here"),
        ("ab $util.base64Decode('*')", "line 1, column 4: The text is not base64"),
        ("#set($s = 'a')\n$s.substring(9)", "line 2, column 1: There is no part of a text"),
        ("$input.path('$[')", "line 1, column 1: The JSONPath $["),
        ("$util.parseJson('{')", "line 1, column 1: The text is no JSON"),
        ("#set($nothing.x = 1)", "line 1, column 6: There is nothing that has $nothing"),
    ] {
        let error = wrong(template);
        assert!(error.starts_with(expected), "{template}: {error}");
    }
}

#[test]
fn entries_are_not_within_entries() {
    for template in [
        "#set($m = {'a': 1})#foreach($i in [1..2])#set($s = $m.entrySet())#set($m.a = $s.get(0))#set($x = $s.clear())#end",
        "#set($m = {'a': 1})#foreach($e in $m.entrySet())#set($n = {'b': $e})$n.entrySet()#end",
        "#set($m = {'a': 1})#foreach($e in $m.entrySet())#set($x = $m.put('b', $e))#end$m.entrySet()",
        "#set($m = {'a': 1})#set($n = {'b': $m.entrySet().get(0)})#set($o = {})$!o.putAll($n)$o.entrySet()",
    ] {
        assert!(wrong(template).ends_with("An entry cannot be within an entry"), "{template}");
    }
    assert_eq!(of("#set($m = {'a': 1})#set($m.b = $m.entrySet())$m.entrySet()"), "[a=1, b=[a=1]]");
}

/// Whoever writes a template cannot make the server work or keep without end.
#[test]
fn templates_have_limits() {
    for template in [
        "#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = $s + $s)#end",
        "#set($s = 'xxxxxxxxxx')#foreach($i in [1..100])#set($s = \"$s$s\")#end",
        "#set($s = 'x')#set($s = $s.repeat(999999999))",
        "#foreach($i in [1..1001])#end",
        "#foreach($i in [1..1000])#foreach($j in [1..1000])#foreach($k in [1..1000])$i#end#end#end",
        "#set($m = {})#set($m.m = $m)$m",
        "#set($l = [])#set($x = $l.add($l))$l",
        "#define($d)$d#end$d",
        "#set($l = [1])#foreach($i in [1..60])#set($l = [$l, $l])#end$l",
        "#set($l = [1])#foreach($i in [1..1000])#set($x = $l.addAll($l))#end",
        "#set($context.requestOverride.x = $context)",
        "#set($s = 'aaaaaaaaaa')#foreach($i in [1..1000])#set($s = $s.replace('a', 'aaaaaaaaaa'))#end",
        "#set($t = 'aaaaaaaaaaaaaaaa')#foreach($i in [1..14])#set($t = $t + $t)#end$t.matches('(a?){1000}b')",
    ] {
        assert!(!wrong(template).is_empty());
    }
    // Nor by comparing long texts in a few steps each.
    let long = "#set($t = 'aaaaaaaaaaaaaaaa')#foreach($i in [1..16])#set($t = $t + $t)#end#set($a = $t + 'a')#set($b = $t + 'b')";
    assert!(wrong(&format!("{long}#foreach($i in [1..1000])#if($a == $b)#end#end")).contains("steps"));
    // Each match is found at the cost of a look at all that follows.
    let long = "#set($t = 'aaaaaaaaaaaaaaaa')#foreach($i in [1..12])#set($t = $t + $t)#end";
    for call in ["split('a(?:.*b)?')", "replaceAll('a(?:.*b)?', '')"] {
        assert!(wrong(&format!("{long}$t.{call}")).ends_with("A regular expression takes too long"), "{call}");
    }
    let deep = format!("{}1{}", "#if(true)".repeat(limits::DEPTH_MAX + 1), "#end".repeat(limits::DEPTH_MAX + 1));
    assert!(wrong(&deep).contains("levels"));
    let deep = format!("#set($x = {}1{})", "(".repeat(5_000), ")".repeat(5_000));
    assert!(wrong(&deep).contains("levels"));
    assert!(wrong(&format!("#set($x = {}1)", "!".repeat(5_000))).contains("levels"));
    assert!(wrong(&format!("#set($x = 1{})", " + 1".repeat(5_000))).contains("operators"));
}

proptest! {
    #[test]
    fn any_text_is_filled_or_refused(
        template in "([$#a-c(){}\\[\\].,'\" =<&|!+*/0-9\n-]|#if\\(|#set\\(\\$a|#foreach\\(\\$a in |#end|#else|\\$input\\.|\\$util\\.|path\\('\\$|\\.add\\(|\\.put\\(){0,40}",
        body in "[{}\\[\\]\":,a-c0-9]{0,16}",
    ) {
        let _ = rendered(&template, &body);
    }

    #[test]
    fn text_without_marks_stays(text in "[^$#\\\\]{0,80}") {
        prop_assert_eq!(of(&text), text.trim());
    }

    #[test]
    fn json_goes_through_unchanged(number in any::<i64>(), text in ".{0,20}", flag in any::<bool>()) {
        let body = json!({"n": number, "t": text, "f": [flag, null, {"x": 1.5}]});
        let filled = of_body("$input.json('$')", &body.to_string());
        prop_assert_eq!(serde_json::from_str::<Value>(&filled).unwrap(), body);
    }
}
