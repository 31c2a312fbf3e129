# A system without nixpkgs: what one machine runs, as one small closure.
#
#   nix-build nix/standalone --argstr argumentsFile /path/to/arguments.json
#
# The arguments are written by deployer's render.py. Without any this is generation 0, the empty
# system that a guest image ships, so that a first deployment can be rolled back too.
# The machine brings /bin/busybox, util-linux, Nix and what applications ask for as image packages.
{
  argumentsFile ? toString ./generation-0.json,
}:
let
  shell = import ../lib/shell.nix;
  units = import ./units.nix { inherit shell; };
  arguments = builtins.fromJSON (builtins.readFile (/. + argumentsFile));

  programs = builtins.path {
    name = "fediversity-programs";
    path = ./programs;
  };

  # Modules that several programs use; where one stands as a link, it is put. See its README.
  library = builtins.path {
    name = "fediversity-python";
    path = ../python;
    filter = path: _: builtins.baseNameOf path != "__pycache__";
  };

  # A folder with Python compiled: on an emulated processor a start takes half the time. Another
  # version of the interpreter leaves the compiled files alone and reads the source.
  compiled =
    name: path:
    let
      # Without what an interpreter leaves beside the source.
      source = builtins.path {
        name = "${name}-source";
        inherit path;
        filter = path: _: builtins.baseNameOf path != "__pycache__";
      };
    in
    derivation {
      inherit name;
      system = builtins.currentSystem;
      builder = "/bin/sh";
      PATH = "/usr/bin:/bin";
      args = [
        "-euc"
        ''
          cp -R ${source} "$out"
          chmod -R u+w "$out"
          for module in ${library}/*.py; do
            place="$out/''${module##*/}"
            [ ! -L "$place" ] || { rm "$place" && cp "$module" "$place"; }
          done
          ! command -v python3 > /dev/null ||
            python3 -m compileall -q --invalidation-mode unchecked-hash "$out"
        ''
      ];
    };

  # What carries applications' state to and from a bucket; an empty system has no state.
  state = compiled "fediversity-state" ../state;
  linkState = if arguments.applications == [ ] then "" else ''
    ln -s ${state}/fediversity-state "$out"/bin/
  '';

  code = application: compiled "${application.name}-standalone" (/. + "${application.package}/standalone");

  applications = map (it: it // { code = code it; }) arguments.applications;

  install =
    application:
    let
      folder = "\"$out\"/applications/${application.name}";
    in
    ''
      mkdir -p ${folder}
      ln -s ${application.code} ${folder}/code
    ''
    + shell.write "${folder}/configuration.json" (builtins.toJSON application.configuration);

  all = builtins.concatMap units.ofApplication applications;
in
derivation {
  name = "fediversity-system-${arguments.name}";
  system = builtins.currentSystem;
  builder = "/bin/sh";
  PATH = "/usr/bin:/bin";
  args = [
    "-euc"
    ". \"$scriptPath\""
  ];
  # As a file: arguments have a limit, and files made by toFile must not name what is built.
  passAsFile = [ "script" ];
  script =
    ''
      mkdir -p "$out"/bin "$out"/units "$out"/applications
      for program in ${programs}/*; do ln -s "$program" "$out"/bin/; done
      mv "$out"/bin/activate "$out"
    ''
    + linkState
    + shell.write "\"$out\"/deployment" "${arguments.deployment}\n"
    + shell.write "\"$out\"/order" (builtins.concatStringsSep "" (map (it: "${it.name}\n") all))
    + shell.write "\"$out\"/users" (
      builtins.concatStringsSep "" (map (it: "app-${it.name}\n") applications)
    )
    + builtins.concatStringsSep "" (map install applications)
    + builtins.concatStringsSep "" (map (it: shell.write "\"$out\"/units/${it.name}" it.text) all);
}
