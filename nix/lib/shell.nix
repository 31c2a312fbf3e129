# Text for shell programs, made safely. Pure functions.
rec {
  # One word for a POSIX shell, whatever it holds.
  quote = text: "'" + builtins.replaceStrings [ "'" ] [ "'\\''" ] text + "'";

  # An argument vector as shell words, separated by spaces.
  words = argv: builtins.concatStringsSep " " (map quote argv);

  # A shell command that writes `text` to `path`; `path` is a shell word already.
  write = path: text: "printf %s ${quote text} > ${path}\n";
}
