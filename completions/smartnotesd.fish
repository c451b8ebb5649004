# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_smartnotesd_global_optspecs
    string join \n config= notes= export= h/help V/version
end

function __fish_smartnotesd_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_smartnotesd_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_smartnotesd_using_subcommand
    set -l cmd (__fish_smartnotesd_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -s V -l version -d 'Print version'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "run" -d 'Run the daemon in the foreground: watch the notes and export what changes'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "export" -d 'Bring the export up to date once, then exit'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "check" -d 'Validate the config and print what it resolves to'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "status" -d 'Show what the running daemon is doing now'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "batches" -d 'Show the last batches with their timing, or draw one of them'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "reload" -d 'Have the running daemon reload its config'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "verify" -d 'Compare the export with what a fresh full export would write'
complete -c smartnotesd -n "__fish_smartnotesd_needs_command" -f -a "explain" -d 'Say why a note is exported: what it depends on, what depends on it, its outputs and problems'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand run" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand run" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand run" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand export" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand export" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand export" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand export" -l full -d 'Render every output again, whatever is known of the last export'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand check" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand check" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand check" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand status" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand status" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand status" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand status" -l json -d 'Print one JSON object'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -s n -d 'How many batches to show' -r
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -l timeline -d 'Draw batch N as a picture: one lane for each concurrent slot, one bar for each job' -r
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -l output -d 'Where to write the picture' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -l json -d 'Print a JSON array'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand batches" -s h -l help -d 'Print help'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand reload" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand reload" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand reload" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand verify" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand verify" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand verify" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand verify" -l json -d 'Print one JSON object'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand explain" -l config -d 'Read this config file' -r -F
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand explain" -l notes -d 'The notes folder, in place of `notes_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand explain" -l export -d 'The export folder, in place of `export_dir` in the config' -r -f -a "(__fish_complete_directories)"
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand explain" -l json -d 'Print one JSON object'
complete -c smartnotesd -n "__fish_smartnotesd_using_subcommand explain" -s h -l help -d 'Print help'
