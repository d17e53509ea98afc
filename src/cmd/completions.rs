//! `completions`: what a shell needs to complete this program's command line.

use super::{Fatal, Streams, definition};
use clap_complete::Shell;

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ganariya-fd completions bash > ~/.local/share/bash-completion/completions/ganariya-fd
  ganariya-fd completions zsh > \"${fpath[1]}/_ganariya-fd\"
  ganariya-fd completions fish > ~/.config/fish/completions/ganariya-fd.fish")]
pub struct Args {
    /// For which shell
    #[arg(value_enum)]
    shell: Shell,
}

pub fn run(args: &Args, streams: &mut Streams<'_>) -> Result<u8, Fatal> {
    // clap_complete panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut definition(), "ganariya-fd", &mut script);
    streams.out.write_all(&script)?;
    Ok(0)
}
