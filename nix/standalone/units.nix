# What an application runs, as files that the program `units` reads.
#
# A command may name {code} (the application's standalone folder), {configuration} (its rendered
# configuration), {secrets} and {state} (its own folders on the machine).
{ shell }:
let
  substitute =
    application:
    builtins.replaceStrings
      [ "{code}" "{configuration}" "{secrets}" "{state}" ]
      [
        "${application.code}"
        # Known only on the machine: `library.sh` sets self and root.
        "'\"$self\"'/applications/${application.name}/configuration.json"
        "'\"$root\"'/run/fediversity/secrets/${application.name}"
        "'\"$root\"'/var/lib/applications/${application.name}"
      ];

  text = application: unit: ''
    application=${shell.quote application.name}
    prepare() {
      set -- ${substitute application (shell.words (unit.prepare or [ ]))}
      [ $# -eq 0 ] || as_user "$application" "$@"
    }
    serve() {
      as_user "$application" ${substitute application (shell.words unit.command)}
    }
  '';
in
{
  # The units of one application, in the order in which they start.
  ofApplication =
    application:
    map (unit: {
      inherit (unit) name;
      text = text application unit;
    }) application.units;
}
