//! Reads a pipeline's text, a token at a time: what stands where, and what must not.

use super::lexer::{Lexer, Operator, Token, Word, refuse};
use super::pipeline::{Action, Fault, Mode, Pipeline, Redirection, Refusal, Stage};

/// Words that begin something else than a command. bash has `time` only before the first.
const RESERVED: [&str; 15] = [
    "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "function",
    "select", "coproc",
];

impl Pipeline {
    /// Parses `text`.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut lexer = Lexer::new(text)?;
        let mut stages = Vec::new();
        let mut stage = Stage::default();
        loop {
            let (at, token) = lexer.next()?;
            match token {
                Some(Token::Word(word)) => {
                    if stage.words.is_empty() {
                        refuse_other_beginnings(at, &word, stages.is_empty(), stage.is_empty())?;
                    }
                    stage.words.push(word.text);
                }
                Some(Token::Redirect { fd, operator }) => redirect(&mut lexer, &mut stage, at, fd, operator)?,
                ending @ (None | Some(Token::Pipe | Token::PipeBoth)) => {
                    if stage.is_empty() {
                        return Err(refuse(at, Fault::EmptyStage));
                    }
                    if ending == Some(Token::PipeBoth) {
                        stage.redirections.push(Redirection { fd: 2, action: Action::Copy { from: 1 } });
                    }
                    stages.push(std::mem::take(&mut stage));
                    if ending.is_none() {
                        return Ok(Self { stages });
                    }
                }
            }
        }
    }
}

/// Refuses a first word that is no command's name: an assignment, or where nothing stands before it
/// in its stage, a reserved word.
fn refuse_other_beginnings(
    at: usize,
    word: &Word,
    in_first_stage: bool,
    is_first: bool,
) -> Result<(), Refusal> {
    if let Some(equals) = word.equals {
        return Err(refuse(equals, Fault::Special("=")));
    }
    if word.plain && is_first {
        let reserved = RESERVED.iter().find(|reserved| **reserved == word.text);
        let time = (in_first_stage && word.text == "time").then_some(&"time");
        if let Some(reserved) = reserved.or(time) {
            return Err(refuse(at, Fault::Special(reserved)));
        }
    }
    Ok(())
}

/// Takes what a redirection is to, and adds it to its stage.
fn redirect(
    lexer: &mut Lexer,
    stage: &mut Stage,
    at: usize,
    fd: Option<i32>,
    operator: Operator,
) -> Result<(), Refusal> {
    let mut add = |default: i32, action: Action| {
        stage.redirections.push(Redirection { fd: fd.unwrap_or(default), action });
    };
    match operator {
        Operator::Open(mode) => {
            let path = target(lexer, at)?;
            let default = match mode {
                Mode::Read | Mode::ReadWrite => 0,
                Mode::Write | Mode::Append => 1,
            };
            add(default, Action::Open { path, mode });
        }
        Operator::CopyInput => add(0, copy(lexer, at)?),
        Operator::CopyOutput => add(1, copy(lexer, at)?),
        Operator::Both(mode) => {
            let path = target(lexer, at)?;
            add(1, Action::Open { path, mode });
            add(2, Action::Copy { from: 1 });
        }
        Operator::HereString => add(0, Action::HereString { text: target(lexer, at)? }),
    }
    Ok(())
}

fn target(lexer: &mut Lexer, operator: usize) -> Result<String, Refusal> {
    match lexer.next()? {
        (_, Some(Token::Word(word))) => Ok(word.text),
        _ => Err(refuse(operator, Fault::NoTarget)),
    }
}

fn copy(lexer: &mut Lexer, operator: usize) -> Result<Action, Refusal> {
    let (at, word) = lexer.copied()?;
    let text = word.ok_or(refuse(operator, Fault::NoTarget))?.text;
    if text == "-" {
        Ok(Action::Close)
    } else if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        let from = text.parse().map_err(|_| refuse(at, Fault::NumberTooLarge))?;
        Ok(Action::Copy { from })
    } else {
        Err(refuse(at, Fault::NotANumber))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stages(text: &str) -> Vec<Stage> {
        Pipeline::parse(text).unwrap_or_else(|refusal| panic!("{text}: {refusal}")).stages
    }

    fn words(text: &str) -> Vec<Vec<String>> {
        stages(text).into_iter().map(|stage| stage.words).collect()
    }

    /// The redirections of a single stage, shortly: `1>f`, `2=1`, `0-`, `0"text"`.
    fn redirections(text: &str) -> Vec<String> {
        let [stage] = &stages(text)[..] else { panic!("{text} has several stages") };
        stage.redirections.iter().map(short).collect()
    }

    fn short(Redirection { fd, action }: &Redirection) -> String {
        match action {
            Action::Open { path, mode } => format!("{fd}{}{path}", sign(*mode)),
            Action::Copy { from } => format!("{fd}={from}"),
            Action::Close => format!("{fd}-"),
            Action::HereString { text } => format!("{fd}{text:?}"),
        }
    }

    fn sign(mode: Mode) -> &'static str {
        match mode {
            Mode::Read => "<",
            Mode::Write => ">",
            Mode::Append => ">>",
            Mode::ReadWrite => "<>",
        }
    }

    #[test]
    fn words_are_those_of_a_shell() {
        assert_eq!(words("ls | grep Cargo"), [vec!["ls"], vec!["grep", "Cargo"]]);
        assert_eq!(
            words(r#"printf 'a b\n'|tr "a b" x\ y"#),
            [vec!["printf", r"a b\n"], vec!["tr", "a b", "x y"]]
        );
        assert_eq!(words(r#"echo "\"\\\a" '' a'b'"c""#), [vec!["echo", r#""\\a"#, "", "abc"]]);
        assert_eq!(words("echo a#b c~d x=y"), [vec!["echo", "a#b", "c~d", "x=y"]]);
        assert_eq!(words("env A=1 ls"), [vec!["env", "A=1", "ls"]]);
        assert_eq!(words("'A'=1 \\if"), [vec!["A=1", "if"]]);
        assert_eq!(words("ls | time cat"), [vec!["ls"], vec!["time", "cat"]]);
    }

    #[test]
    fn a_backslash_joins_lines() {
        assert_eq!(words("echo a\\\nb \\\n\"c\\\nd\" |\\\n cat"), [vec!["echo", "ab", "cd"], vec!["cat"]]);
        assert_eq!(redirections("echo 2\\\n>f"), ["2>f"]);
    }

    #[test]
    fn redirections_keep_their_order() {
        assert_eq!(redirections("ls 2>&1 >f"), ["2=1", "1>f"]);
        assert_eq!(redirections("ls >f 2>&1"), ["1>f", "2=1"]);
        assert_eq!(redirections("<f cat >g >> h"), ["0<f", "1>g", "1>>h"]);
        assert_eq!(redirections("cat <>f 3<>g >|h 4>|i"), ["0<>f", "3<>g", "1>h", "4>i"]);
        assert_eq!(redirections("cat <&3 >&4 5<&6 2>&- <&-"), ["0=3", "1=4", "5=6", "2-", "0-"]);
        assert_eq!(redirections("ls &>f"), ["1>f", "2=1"]);
        assert_eq!(redirections("ls &>> f"), ["1>>f", "2=1"]);
        assert_eq!(redirections("cat <<<a 3<<< 'b c'"), ["0\"a\"", "3\"b c\""]);
        assert_eq!(redirections("ls >'a b'\"c\"\\>d"), ["1>a bc>d"]);
        assert_eq!(redirections("ls 2>&1>f"), ["2=1", "1>f"]);
        assert_eq!(redirections("ls 2>&'1' 1>& -"), ["2=1", "1-"]);
    }

    #[test]
    fn both_outputs_go_into_a_pipe_after_all_other_redirections() {
        let stages = stages("ls 2>f |& wc >g");
        let short: Vec<Vec<_>> =
            stages.iter().map(|stage| stage.redirections.iter().map(short).collect()).collect();
        assert_eq!(short, [vec!["2>f", "2=1"], vec!["1>g"]]);
    }

    #[test]
    fn digits_directly_before_an_operator_are_its_number() {
        assert_eq!(
            (words("echo 2>f"), redirections("echo 2>f")),
            (vec![vec!["echo".into()]], vec!["2>f".into()])
        );
        for text in ["echo 2 >f", "echo '2'>f", "echo \\2>f"] {
            assert_eq!(words(text), [["echo", "2"]], "{text}");
            assert_eq!(redirections(text), ["1>f"], "{text}");
        }
        assert_eq!(words("echo a2>f"), [["echo", "a2"]]);
        assert_eq!(
            (words("echo 2&>f"), redirections("echo 2&>f").len()),
            (vec![vec!["echo".into(), "2".into()]], 2)
        );
        assert_eq!(redirections("echo 0010>f 2147483647<g"), ["10>f", "2147483647<g"]);
    }

    #[test]
    fn a_stage_may_be_redirections_alone() {
        let stages = stages(">f | cat");
        assert_eq!((stages[0].words.len(), stages[0].redirections.len()), (0, 1));
        assert_eq!((stages[0].command(), stages[1].command()), (":", "cat"));
    }

    #[test]
    fn what_is_not_understood_is_refused_where_it_stands() {
        for (text, position, fault) in [
            ("", 1, Fault::EmptyStage),
            ("ls | | wc", 6, Fault::EmptyStage),
            ("| wc", 1, Fault::EmptyStage),
            ("ls |", 5, Fault::EmptyStage),
            ("ls |& ", 7, Fault::EmptyStage),
            ("ls || wc", 4, Fault::Special("||")),
            ("ls && wc", 4, Fault::Special("&&")),
            ("ls & wc", 4, Fault::Special("&")),
            ("ls; ls", 3, Fault::Special(";")),
            ("ls\nls", 3, Fault::Special("\n")),
            ("echo $HOME", 6, Fault::Special("$")),
            ("echo a$(ls)", 7, Fault::Special("$(")),
            ("echo ${A}", 6, Fault::Special("${")),
            ("echo $'a'", 6, Fault::Special("$'")),
            ("echo \"$HOME\"", 7, Fault::Special("$")),
            ("echo \"`ls`\"", 7, Fault::Special("`")),
            ("ls *.rs", 4, Fault::Special("*")),
            ("ls {a,b}", 4, Fault::Special("{")),
            ("ls {fd}>f", 4, Fault::Special("{")),
            ("(ls)", 1, Fault::Special("(")),
            ("cat <<END", 5, Fault::Special("<<")),
            ("cat 0<<-END", 6, Fault::Special("<<")),
            ("cat <(ls)", 5, Fault::Special("<(")),
            ("cat > >(ls)", 7, Fault::Special(">(")),
            ("cat >~/f", 6, Fault::Special("~")),
            ("cat >#f", 6, Fault::Special("#")),
            ("A=1 ls", 2, Fault::Special("=")),
            (">f AB+=1", 7, Fault::Special("=")),
            ("if true", 1, Fault::Special("if")),
            ("ls | while", 6, Fault::Special("while")),
            ("time ls", 1, Fault::Special("time")),
            ("# ls", 1, Fault::Special("#")),
            ("! ls", 1, Fault::Special("!")),
            ("echo 'a", 6, Fault::Unclosed('\'')),
            ("echo \"a", 6, Fault::Unclosed('"')),
            ("echo a\\", 7, Fault::LoneBackslash),
            ("ls >", 4, Fault::NoTarget),
            ("ls 2> | cat", 4, Fault::NoTarget),
            ("ls >2>f", 4, Fault::NoTarget),
            ("ls > >f", 4, Fault::NoTarget),
            ("ls >&", 4, Fault::NoTarget),
            ("ls >& | cat", 4, Fault::NoTarget),
            ("ls >&f", 6, Fault::NotANumber),
            ("ls 2>&1-", 7, Fault::NotANumber),
            ("ls >&''", 6, Fault::NotANumber),
            ("ls 2147483648>f", 4, Fault::NumberTooLarge),
            ("ls 2>&2147483648", 7, Fault::NumberTooLarge),
            ("日本 'a\0'", 6, Fault::Nul),
            ("echo 日本;", 8, Fault::Special(";")),
        ] {
            assert_eq!(Pipeline::parse(text), Err(Refusal { position, fault }), "{text}");
        }
    }

    fn quote(word: &str) -> String {
        format!("'{}'", word.replace('\'', r"'\''"))
    }

    fn any_redirection() -> impl Strategy<Value = Redirection> {
        let mode =
            prop_oneof![Just(Mode::Read), Just(Mode::Write), Just(Mode::Append), Just(Mode::ReadWrite)];
        let action = prop_oneof![
            ("[ -~日]{0,8}", mode).prop_map(|(path, mode)| Action::Open { path, mode }),
            (0..i32::MAX).prop_map(|from| Action::Copy { from }),
            Just(Action::Close),
            "[ -~日\n]{0,8}".prop_map(|text| Action::HereString { text }),
        ];
        (0..i32::MAX, action).prop_map(|(fd, action)| Redirection { fd, action })
    }

    fn written(Redirection { fd, action }: &Redirection) -> String {
        match action {
            Action::Open { path, mode } => format!("{fd}{}{}", sign(*mode), quote(path)),
            Action::Copy { from } => format!("{fd}>&{from}"),
            Action::Close => format!("{fd}<&-"),
            Action::HereString { text } => format!("{fd}<<<{}", quote(text)),
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_refuses_within_the_text(text in "[ -~日\n\t\0]{0,40}") {
            if let Err(refusal) = Pipeline::parse(&text) {
                prop_assert!((1..=text.chars().count() + 1).contains(&refusal.position), "{}", refusal);
            }
        }

        #[test]
        fn operators_in_any_order_never_panic(
            pieces in proptest::collection::vec("[<>&|]{1,3}|[0-9]{1,11}|[a-z'\"\\\\-]{1,2}| ", 0..12)
        ) {
            let text = pieces.concat();
            if let Err(refusal) = Pipeline::parse(&text) {
                prop_assert!((1..=text.chars().count() + 1).contains(&refusal.position), "{}", refusal);
            }
        }

        #[test]
        fn quoted_words_come_back(words in proptest::collection::vec("[ -~日\n]{0,12}", 1..5)) {
            let quoted: Vec<_> = words.iter().map(|word| quote(word)).collect();
            let found: Vec<_> = stages(&quoted.join(" ")).into_iter().map(|stage| stage.words).collect();
            prop_assert_eq!(found, [words]);
        }

        #[test]
        fn a_pipeline_written_down_comes_back(
            parts in proptest::collection::vec(
                (proptest::collection::vec("[ -~]{0,6}", 1..3),
                 proptest::collection::vec(any_redirection(), 0..4)),
                1..4,
            )
        ) {
            let text: Vec<_> = parts.iter().map(|(words, redirections)| {
                let words = words.iter().map(|word| quote(word));
                words.chain(redirections.iter().map(written)).collect::<Vec<_>>().join(" ")
            }).collect();
            let expected: Vec<_> =
                parts.into_iter().map(|(words, redirections)| Stage { words, redirections }).collect();
            prop_assert_eq!(stages(&text.join("|")), expected);
        }
    }
}
