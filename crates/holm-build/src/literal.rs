//! Literals of JavaScript, read and never run: what a module exports under a name, if it is written out.
//!
//! Lists, objects, texts, templates, regular expressions, numbers and `true`; names of other constants of the module,
//! `...` of them, members of them, and texts joined with `+`. Calls, conditions and functions are no literals.

mod lexer;
mod reader;

use holm_site::ConfigValue;

/// Why a value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LiteralError {
    /// The module cannot even be divided into words.
    #[error("the text around it is not understood")]
    Lexical,
    /// There is no such export, or it is a function or a class.
    #[error("it is not a constant")]
    NotConstant,
    /// Something that has to be run to know its value.
    #[error("`{0}` would have to be run to be known, and only what is written out is read")]
    NotLiteral(String),
    /// A name that is no constant of the module or of the files that it imports.
    #[error("`{0}` is no constant of this project")]
    Unknown(String),
    /// It is nested too deep, has too many values, or contains itself.
    #[error("it is too large")]
    TooLarge,
}

/// The value that a module exports under a name.
pub(crate) fn exported(text: &str, name: &str) -> Result<ConfigValue, LiteralError> {
    let tokens = lexer::tokens(text)?;
    reader::exported(&tokens, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> ConfigValue {
        ConfigValue::Text(text.into())
    }

    fn matcher(source: &str) -> Result<ConfigValue, LiteralError> {
        let value = exported(source, "config")?;
        Ok(value.get("matcher").cloned().unwrap_or(ConfigValue::Null))
    }

    #[test]
    fn what_is_written_out_is_read() {
        let list = ConfigValue::List(vec![text("/a"), text("/b/x"), text("/c")]);
        for source in [
            r#"var config={matcher:["/a","/b/x",'/c']};export{config};"#,
            r#"var a=["/a",`/b/${"x"}`],x={y:"/c"};var config={matcher:[...a,x.y]};export{config}"#,
            r#"var a="/b",e={"matcher":["/a",a+"/x","/c"],other:!0};export{b as c,e as config};"#,
            r#"function f(){return /[/]"/.test(a)/2}var g=1/2,config={matcher:["/a",("/b/x"),"\u002f\x63"]};export{config};"#,
            "const matcher = [`/a`, `/b/x`, `/c`];\nconst config = { matcher };\nexport { config };",
            r#"var p={l:["/a","/b/x"]};var config={...{matcher:1},matcher:[p["l"][0],p.l[1],"/c"]};export{config};"#,
        ] {
            assert_eq!(matcher(source).as_ref(), Ok(&list), "{source}");
        }
    }

    #[test]
    fn every_kind_of_value_has_its_own() {
        let source = r#"var config={a:!0,b:!1,c:null,d:void 0,e:-1.5,f:/x\/[/]/gi,"g h":{},3:[]};export{config};"#;
        let ConfigValue::Object(entries) = exported(source, "config").unwrap() else {
            panic!("an object");
        };
        let values: Vec<ConfigValue> = entries.into_iter().map(|(_, value)| value).collect();
        let regex = ConfigValue::Regex {
            source: r"x\/[/]".into(),
            flags: "gi".into(),
        };
        assert_eq!(
            values,
            [
                ConfigValue::Bool(true),
                ConfigValue::Bool(false),
                ConfigValue::Null,
                ConfigValue::Null,
                ConfigValue::Number("-1.5".into()),
                regex,
                ConfigValue::Object(vec![]),
                ConfigValue::List(vec![]),
            ]
        );
    }

    #[test]
    fn what_has_to_be_run_is_refused() {
        for source in [
            "var config=make();export{config};",
            "var config={matcher:list.map(x=>x)};export{config};var list=[];",
            r#"var config={matcher:a?"/x":"/y"};var a=1;export{config};"#,
            "var config={matcher(){return 1}};export{config};",
            "var config={get matcher(){return 1}};export{config};",
            "var config={matcher:async()=>{}};export{config};",
            r#"var config={matcher:"/a"+f()};export{config};"#,
            r#"var config={matcher:new Set(["/a"])};export{config};"#,
            "var a=a,config={matcher:a};export{config};",
            "function config(){}export{config};",
            "var other={};export{other};",
            "var config={matcher:process.env.X};export{config};",
        ] {
            assert!(matcher(source).is_err(), "{source} {:?}", matcher(source));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_an_answer(
            body in r#"[\[\]{}(),:.;=+!/"'`$a-c0-2 \\]{0,24}"#,
        ) {
            drop(exported(&format!("var config={body};export{{config}};"), "config"));
        }
    }

    #[test]
    fn what_grows_without_end_is_refused() {
        let more = (1..40).map(|at| format!(",a{at}=[...a{0},...a{0}]", at - 1));
        let more: String = more.collect();
        let source = format!("var a0=[\"/\"]{more};var config={{matcher:a39}};export{{config}};");
        assert_eq!(matcher(&source), Err(LiteralError::TooLarge));
        for repeated in ["!", "- ", "void ", "(", "[", "`${"] {
            let deep = format!("var config={};export{{config}};", repeated.repeat(100_000));
            assert!(exported(&deep, "config").is_err(), "{repeated}");
        }
        let deep = format!(
            "var config={}{};export{{config}};",
            "[".repeat(99),
            "]".repeat(99)
        );
        assert_eq!(exported(&deep, "config"), Err(LiteralError::TooLarge));
    }
}
