# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_millrace_global_optspecs
    string join \n config= data= set= json log= clock-ahead= h/help V/version
end

function __fish_millrace_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_millrace_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_millrace_using_subcommand
    set -l cmd (__fish_millrace_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c millrace -n "__fish_millrace_needs_command" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_needs_command" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_needs_command" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_needs_command" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_needs_command" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_needs_command" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_needs_command" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_needs_command" -s V -l version -d 'Print version'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "up" -d 'Run every role in this process'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "tenant" -d 'Manage tenants and the tokens that speak for them'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "bot" -d 'Manage bots and how they are reached'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "script" -d 'List, add, remove and try the rules of a bot'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "kb" -d 'Knowledge bases and the documents of bots: make, fill, attach, search, test'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "campaign" -d 'Tell many people one thing: at a time, at a rate, to each of them once'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "chat" -d 'Talk to a bot from the terminal'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "conversation" -d 'List conversations, read them, and say who answers in one: the bot or people'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "contact" -d 'Forget people'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "check" -d 'Check files and say everything that is wrong with them'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "inspect" -d 'Show what Millrace would make of raw webhook bodies'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "edge" -d 'Serve webhooks and web chat'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "work" -d 'Run stages'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "api" -d 'Serve the admin API, and send campaigns'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "migrate" -d 'Bring the database to the version that this program needs'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "models" -d 'Get and show the embedding model: with it documents are found by meaning, without it by words'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "topics" -d 'List, create and check the topics'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "lag" -d 'Show how far every stage is behind: records, and for how long the oldest has waited'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "watch" -d 'Watch what providers say of this installation'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "dlq" -d 'List, show and redrive dead letters: records that a stage gave up, untouched, with the reason beside them'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "log" -d 'Check, read and repair the embedded log'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "parse" -d 'Read a file from stdin within limits and print what is in it as JSON'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "sim" -d 'Run one of the fake provider servers alone'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "generate" -d 'Write the files that are made from the code, or check that they are current'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "bench" -d 'Measure this machine: each bench prints what it reached beside the raw limit of the same run'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "chaos" -d 'Kill, pause and mislead a whole installation for a while, then say whether anything was lost, reordered or doubled'
complete -c millrace -n "__fish_millrace_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand up" -l kafka -d 'Run on Apache Kafka instead of the folder' -r
complete -c millrace -n "__fish_millrace_using_subcommand up" -l database -d 'Run on this database instead of SQLite' -r
complete -c millrace -n "__fish_millrace_using_subcommand up" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand up" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand up" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand up" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand up" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand up" -l demo -d 'Add a tenant with three bots, fake providers and visitors, and print what they say. Uses a folder of its own unless --data is given'
complete -c millrace -n "__fish_millrace_using_subcommand up" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -f -a "create" -d 'Make a tenant'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -f -a "list" -d 'List tenants'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -f -a "show" -d 'Show a tenant'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -f -a "remove" -d 'Remove a tenant that has no bots any more, with its tokens and its timeline'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -f -a "token" -d 'Tokens for the admin API that see this tenant only'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and not __fish_seen_subcommand_from create list show remove token help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l name -d 'The name that people read; the id where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -f -a "create" -d 'Make a token; it is shown now or never'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -f -a "list" -d 'List tokens by id, without the tokens themselves'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -f -a "revoke" -d 'Revoke a token'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from token" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a tenant'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from help" -f -a "list" -d 'List tenants'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a tenant'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a tenant that has no bots any more, with its tokens and its timeline'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from help" -f -a "token" -d 'Tokens for the admin API that see this tenant only'
complete -c millrace -n "__fish_millrace_using_subcommand tenant; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "apply" -d 'Store a bot\'s file as its next version'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "list" -d 'List bots'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "show" -d 'Show a bot with its accounts and its content'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "remove" -d 'Remove a bot and its accounts; its timeline stays'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "enable" -d 'Let a bot send again, also by accounts that a provider refused'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "disable" -d 'Stop a bot: nothing is sent for it'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "connect" -d 'Connect a bot to a channel, or renew the token of an account that it has'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "register" -d 'Make the providers post a bot\'s webhooks to this installation; what stands already is left alone, but for an account that its provider refuses, which is tried again'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "unregister" -d 'Make the providers post no more'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "status" -d 'Ask the providers whether they post, what waits there and what failed last'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "disconnect" -d 'Take an account away from its bot'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "app" -d 'Meta apps, which sign the webhooks of WhatsApp, Messenger and Instagram'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and not __fish_seen_subcommand_from apply list show remove enable disable connect register unregister status disconnect app help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l tenant -d 'Whose bot it is; the only tenant where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l tenant -d 'Of this tenant only' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from enable" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l reason -d 'Why; shown to whoever looks' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disable" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l account -d 'The provider\'s id: phone number id, page id. Telegram: read from the token' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l app -d 'The Meta app; made with a random secret where it doesn\'t exist; the bot\'s id where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l token-file -d 'A file with the provider\'s token alone; `-` = stdin' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l secret-file -d 'A file with the secret that the provider is to show; random where absent' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l origin -d 'A page that may open a web chat, for example <https://shop.example>; repeat it for more' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l polling -d 'Telegram: the running `up` asks for updates itself, for a machine without a public address'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from connect" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l tenant -d 'With --all: of this tenant only' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l all -d 'Every bot; those that are registered already are passed over, so it can be run again after it broke off'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l force -d 'Also what stands already, for example after a secret was changed'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from register" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l tenant -d 'With --all: of this tenant only' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l all -d 'Every bot; those that are registered already are passed over, so it can be run again after it broke off'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from unregister" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l tenant -d 'With --all: of this tenant only' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l all -d 'Every bot; those that are registered already are passed over, so it can be run again after it broke off'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from disconnect" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -f -a "add" -d 'Store a Meta app\'s secret; prints the verify token'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -f -a "list" -d 'List a tenant\'s apps'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -f -a "remove" -d 'Remove an app: webhooks of its accounts are refused from then on'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from app" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Store a bot\'s file as its next version'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "list" -d 'List bots'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a bot with its accounts and its content'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a bot and its accounts; its timeline stays'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "enable" -d 'Let a bot send again, also by accounts that a provider refused'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "disable" -d 'Stop a bot: nothing is sent for it'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "connect" -d 'Connect a bot to a channel, or renew the token of an account that it has'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "register" -d 'Make the providers post a bot\'s webhooks to this installation; what stands already is left alone, but for an account that its provider refuses, which is tried again'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "unregister" -d 'Make the providers post no more'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "status" -d 'Ask the providers whether they post, what waits there and what failed last'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "disconnect" -d 'Take an account away from its bot'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "app" -d 'Meta apps, which sign the webhooks of WhatsApp, Messenger and Instagram'
complete -c millrace -n "__fish_millrace_using_subcommand bot; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -f -a "list" -d 'List the rules'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -f -a "add" -d 'Add rules, or replace the ones of the same names'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -f -a "remove" -d 'Remove a rule'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -f -a "test" -d 'Say which rule answers a text and why, and which rules collide, without sending anything'
complete -c millrace -n "__fish_millrace_using_subcommand script; and not __fish_seen_subcommand_from list add remove test help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l file -d 'A file with more of it, one text a line' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from help" -f -a "list" -d 'List the rules'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add rules, or replace the ones of the same names'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a rule'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from help" -f -a "test" -d 'Say which rule answers a text and why, and which rules collide, without sending anything'
complete -c millrace -n "__fish_millrace_using_subcommand script; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "create" -d 'Make a knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "list" -d 'List knowledge bases, or the documents of one or of a bot'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "add" -d 'Add files or addresses, or replace the documents of the same names, and wait until they are searchable'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "show" -d 'Show a knowledge base, or a document with what was read of it'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "remove" -d 'Remove a document, or a whole knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "refresh" -d 'Read the kept files of a knowledge base once more, and the addresses that they came from'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "attach" -d 'Let a bot answer from a knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "detach" -d 'Let a bot answer from a knowledge base no more'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "pin" -d 'Pin an answer to a question: it comes before any search'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "unpin" -d 'Take a pinned answer away'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "preview" -d 'Show the passages that files would become; nothing is stored'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "explain" -d 'Search what a bot may answer from and show every candidate with its scores; or show what was searched for a turn'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "test" -d 'Ask questions and compare what is found with what should be'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "missed" -d 'List the questions that a bot\'s documents said nothing to'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "quota" -d 'Say how much knowledge a tenant may have'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and not __fish_seen_subcommand_from create list add show remove refresh attach detach pin unpin preview explain test missed quota help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l name -d 'The name that people read; the id where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l every -d 'How often addresses are read again' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l title -d 'Shown in citations; the file\'s own title, or its name, where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l tag -d 'What the files are about; may be given several times' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l site -d 'Addresses are sites: the pages of their sitemaps are read'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from refresh" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from attach" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from detach" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from pin" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from unpin" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from preview" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l turn -d 'A message that a person wrote, by its id in `conversation show --ids`: nothing is searched again' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from explain" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from missed" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l documents -d 'Documents' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l megabytes -d 'Files together, in MiB' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l pages -d 'Pages' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l tenant -d 'Whose; where absent, the only tenant, or the one that has the name' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from quota" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "list" -d 'List knowledge bases, or the documents of one or of a bot'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "add" -d 'Add files or addresses, or replace the documents of the same names, and wait until they are searchable'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show a knowledge base, or a document with what was read of it'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Remove a document, or a whole knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "refresh" -d 'Read the kept files of a knowledge base once more, and the addresses that they came from'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "attach" -d 'Let a bot answer from a knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "detach" -d 'Let a bot answer from a knowledge base no more'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "pin" -d 'Pin an answer to a question: it comes before any search'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "unpin" -d 'Take a pinned answer away'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "preview" -d 'Show the passages that files would become; nothing is stored'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "explain" -d 'Search what a bot may answer from and show every candidate with its scores; or show what was searched for a turn'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "test" -d 'Ask questions and compare what is found with what should be'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "missed" -d 'List the questions that a bot\'s documents said nothing to'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "quota" -d 'Say how much knowledge a tenant may have'
complete -c millrace -n "__fish_millrace_using_subcommand kb; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "create" -d 'Make a campaign of a file; it waits to be started, or starts by itself at its time'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "list" -d 'List a bot\'s campaigns'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "start" -d 'Begin now'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "pause" -d 'Hold: nobody new is told. What dispatch holds already goes out, a few seconds\' worth'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "resume" -d 'Go on'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "cancel" -d 'End: who has not been told is not told any more'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "retry" -d 'Tell those again for whom it failed, when the campaign is done'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "show" -d 'Show how far a campaign is'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "results" -d 'List every recipient and what became of them'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and not __fish_seen_subcommand_from create list start pause resume cancel retry show results help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l bot -d 'The bot that speaks' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l name -d 'The name that people read' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l recipients -d 'The CSV file' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l text -d 'The text; {{column}} stands for a recipient\'s value' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l template -d 'A WhatsApp template; the file\'s columns are its body\'s values, in order' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l language -d 'The template\'s language where the file names none, for example `en_US`' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l channel -d 'The provider, where the bot has accounts of several' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l account -d 'The account, where the bot has several of the provider' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l at -d 'When it starts by itself, for example 2026-12-01T09:00:00Z' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l rate -d 'Messages a second at most; what the channel allows where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l dry-run -d 'Store nothing: say whom it would reach, and which lines won\'t do'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l watch -d 'Stay, with a bar, until the campaign has ended or is held'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l watch -d 'Stay, with a bar, until the campaign has ended or is held'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l watch -d 'Stay, with a bar, until the campaign has ended or is held'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l watch -d 'Stay, with a bar, until the campaign has ended or is held'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from cancel" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l watch -d 'Stay, with a bar, until the campaign has ended or is held'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l in-doubt -d 'Also those who may have been told already'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from retry" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l watch -d 'Stay, with a bar, until the campaign has ended or is held'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l csv -d 'As CSV for a spreadsheet: with a header, and an apostrophe before a cell that would be computed there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from results" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "create" -d 'Make a campaign of a file; it waits to be started, or starts by itself at its time'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "list" -d 'List a bot\'s campaigns'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "start" -d 'Begin now'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "pause" -d 'Hold: nobody new is told. What dispatch holds already goes out, a few seconds\' worth'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "resume" -d 'Go on'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "cancel" -d 'End: who has not been told is not told any more'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "retry" -d 'Tell those again for whom it failed, when the campaign is done'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show how far a campaign is'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "results" -d 'List every recipient and what became of them'
complete -c millrace -n "__fish_millrace_using_subcommand campaign; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l edge -d 'The edge\'s address; the running process\'s, or `edge.public_url`, where absent' -r
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l wait -d 'How long to wait for an answer to a line from a pipe' -r
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand chat" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand chat" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -f -a "list" -d 'List a bot\'s conversations, the one that changed last first'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -f -a "show" -d 'Show what was said'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -f -a "media" -d 'Show a file that a person sent, with a link to its bytes; one that is not here yet is fetched'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -f -a "say" -d 'Write as a person of the business; the bot is silent then, for its `human_ttl`'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -f -a "mode" -d 'Show or change who answers'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and not __fish_seen_subcommand_from list show media say mode help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l ids -d 'With the id of each message, as `kb explain BOT --turn` takes it'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from media" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from say" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from mode" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from help" -f -a "list" -d 'List a bot\'s conversations, the one that changed last first'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what was said'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from help" -f -a "media" -d 'Show a file that a person sent, with a link to its bytes; one that is not here yet is fetched'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from help" -f -a "say" -d 'Write as a person of the business; the bot is silent then, for its `human_ttl`'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from help" -f -a "mode" -d 'Show or change who answers'
complete -c millrace -n "__fish_millrace_using_subcommand conversation; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -f -a "erase" -d 'Remove everything that is kept of a person at a bot; it can\'t be undone. What of theirs is on its way is written afterwards: run it again when it has arrived'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and not __fish_seen_subcommand_from erase help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from erase" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from help" -f -a "erase" -d 'Remove everything that is kept of a person at a bot; it can\'t be undone. What of theirs is on its way is written afterwards: run it again when it has arrived'
complete -c millrace -n "__fish_millrace_using_subcommand contact; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand check" -l kafka -d 'Play golden conversations on Apache Kafka, with each role in a process of its own' -r
complete -c millrace -n "__fish_millrace_using_subcommand check" -l database -d 'Play golden conversations on this database server; each makes a database there and removes it' -r
complete -c millrace -n "__fish_millrace_using_subcommand check" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand check" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand check" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand check" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand check" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand check" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand edge" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand edge" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand edge" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand edge" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand edge" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand edge" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand edge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand work" -l probe -d 'Where `/healthz`, `/readyz` and `/metrics` are served; absent = where the setting `probe.listen` says' -r
complete -c millrace -n "__fish_millrace_using_subcommand work" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand work" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand work" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand work" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand work" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand work" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand work" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand api" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand api" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand api" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand api" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand api" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand api" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand api" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l check -d 'Change nothing: say what is pending, and fail if anything is'
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l adopt-log -d 'Forget how far the journal has read, so that the database takes another log. The timeline stays; records that it holds already change nothing when they are read again. Stop the journal first'
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand migrate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -f -a "fetch" -d 'Fetch the ONNX Runtime library and the model where they are missing'
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -f -a "show" -d 'Say which model is installed, and whether it opens'
complete -c millrace -n "__fish_millrace_using_subcommand models; and not __fish_seen_subcommand_from fetch show help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l from -d 'The folder of the model: one .onnx file, `tokenizer.json`, `config.json`, `special_tokens_map.json`, `tokenizer_config.json`. Absent = the model that the config pins, where none is installed' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l wheel -d 'The wheel as a file, for a machine without a network. Its SHA-256 has to be the pinned one too' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from fetch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "fetch" -d 'Fetch the ONNX Runtime library and the model where they are missing'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "show" -d 'Say which model is installed, and whether it opens'
complete -c millrace -n "__fish_millrace_using_subcommand models; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -f -a "list" -d 'Show every topic: partitions, how long records stay, how many there are (the default)'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -f -a "apply" -d 'Create what is missing'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -f -a "check" -d 'Fail, and name every difference, when a topic is missing or not as configured'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and not __fish_seen_subcommand_from list apply check help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from apply" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show every topic: partitions, how long records stay, how many there are (the default)'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "apply" -d 'Create what is missing'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "check" -d 'Fail, and name every difference, when a topic is missing or not as configured'
complete -c millrace -n "__fish_millrace_using_subcommand topics; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l stage -d 'Only this stage' -r
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l partitions -d 'One line per partition that is behind'
complete -c millrace -n "__fish_millrace_using_subcommand lag" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand lag" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -f -a "webhooks" -d 'Where the providers post, what waits there and what failed last'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and not __fish_seen_subcommand_from webhooks help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l tenant -d 'Of this tenant only' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l every -d 'How long to wait between two rounds' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l once -d 'One round only'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from webhooks" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from help" -f -a "webhooks" -d 'Where the providers post, what waits there and what failed last'
complete -c millrace -n "__fish_millrace_using_subcommand watch; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -f -a "list" -d 'One line per dead letter, the newest last'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -f -a "show" -d 'Everything about one dead letter: where it stood, why it was given up, its headers, key and value, and for a reply or a turn what the ledger says'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -f -a "redrive" -d 'Write dead letters back to the topics that they came from, oldest first'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and not __fish_seen_subcommand_from list show redrive help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l stage -d 'Only what this stage gave up; `edge` for bodies that could not be split' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l bot -d 'Only this bot\'s' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l tenant -d 'Only this tenant\'s' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l reason -d 'Only for this reason: rejected, exhausted, expired, `in_doubt`, bug, ... (`list --summary` shows which there are)' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l since -d 'Only what was given up at this time or later: 2026-11-21T07:30:00Z, or how long ago: 2h' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l until -d 'Only what was given up before this time' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l limit -d 'At most so many, the newest' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l summary -d 'Counts by stage and reason instead'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l stage -d 'Only what this stage gave up; `edge` for bodies that could not be split' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l bot -d 'Only this bot\'s' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l tenant -d 'Only this tenant\'s' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l reason -d 'Only for this reason: rejected, exhausted, expired, `in_doubt`, bug, ... (`list --summary` shows which there are)' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l since -d 'Only what was given up at this time or later: 2026-11-21T07:30:00Z, or how long ago: 2h' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l until -d 'Only what was given up before this time' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l limit -d 'At most so many, the oldest' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l rate -d 'At most so many records in so long' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l all -d 'Every dead letter that was not redriven yet'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l dry-run -d 'Write nothing: say what would be'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l force -d 'Also what was sent, answered or is late: a person may get it twice'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l yes -d 'Do not ask before more than 100 records are written'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from redrive" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from help" -f -a "list" -d 'One line per dead letter, the newest last'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from help" -f -a "show" -d 'Everything about one dead letter: where it stood, why it was given up, its headers, key and value, and for a reply or a turn what the ledger says'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from help" -f -a "redrive" -d 'Write dead letters back to the topics that they came from, oldest first'
complete -c millrace -n "__fish_millrace_using_subcommand dlq; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -f -a "verify" -d 'Check every frame; exit status 1 and the place of each damage when there is one'
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -f -a "dump" -d 'Print records in the order in which they were appended'
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -f -a "repair" -d 'Save a copy of a damaged end, then cut it'
complete -c millrace -n "__fish_millrace_using_subcommand log; and not __fish_seen_subcommand_from verify dump repair help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l topic -d 'The topic' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l partition -d 'One partition; without it, all' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l from -d 'The first offset' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l limit -d 'At most so many records' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from dump" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from repair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "verify" -d 'Check every frame; exit status 1 and the place of each damage when there is one'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "dump" -d 'Print records in the order in which they were appended'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "repair" -d 'Save a copy of a damaged end, then cut it'
complete -c millrace -n "__fish_millrace_using_subcommand log; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l kind -d 'What the file is said to be: a media type, or what follows the last dot of its name. Its bytes decide where they can' -r
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l check -d 'Read nothing: try what a reader may not do, and say what of it was possible. The exit code is 1 where anything was'
complete -c millrace -n "__fish_millrace_using_subcommand parse" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand parse" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -f -a "telegram" -d 'The Telegram Bot API: any token of the form DIGITS:TEXT'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -f -a "meta" -d 'Meta\'s Graph API: WhatsApp, Messenger, Instagram'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -f -a "model" -d 'OpenAI chat completions and Anthropic messages'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and not __fish_seen_subcommand_from telegram meta model help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l port -d 'Where the provider\'s API answers; 0 takes a free port' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l control -d 'Where the fake is steered; 0 takes a free port' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l host -d 'The address that both listen on' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l limits -d 'Whether the provider\'s limits hold' -r -f -a "on\t''
off\t''"
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l script -d 'A YAML or JSON list of faults to begin with, as `POST /script` takes them' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l keep -d 'Entries that the journal keeps; the oldest go first' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from telegram" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l port -d 'Where the provider\'s API answers; 0 takes a free port' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l control -d 'Where the fake is steered; 0 takes a free port' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l host -d 'The address that both listen on' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l limits -d 'Whether the provider\'s limits hold' -r -f -a "on\t''
off\t''"
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l script -d 'A YAML or JSON list of faults to begin with, as `POST /script` takes them' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l keep -d 'Entries that the journal keeps; the oldest go first' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from meta" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l port -d 'Where the provider\'s API answers; 0 takes a free port' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l control -d 'Where the fake is steered; 0 takes a free port' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l host -d 'The address that both listen on' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l limits -d 'Whether the provider\'s limits hold' -r -f -a "on\t''
off\t''"
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l script -d 'A YAML or JSON list of faults to begin with, as `POST /script` takes them' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l keep -d 'Entries that the journal keeps; the oldest go first' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l latency -d 'How long an answer takes' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l per-minute -d 'Requests a minute for one key, 429 above it' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from model" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from help" -f -a "telegram" -d 'The Telegram Bot API: any token of the form DIGITS:TEXT'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from help" -f -a "meta" -d 'Meta\'s Graph API: WhatsApp, Messenger, Instagram'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from help" -f -a "model" -d 'OpenAI chat completions and Anthropic messages'
complete -c millrace -n "__fish_millrace_using_subcommand sim; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l root -d 'The root of the repository' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l check -d 'Change nothing: fail if a file is stale'
complete -c millrace -n "__fish_millrace_using_subcommand generate" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand generate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "pipeline" -d 'Webhooks at a given rate until their replies reach a fake provider'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "match" -d 'The loop of a stage whose handler does nothing, beside bare clients'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "dispatch" -d 'Dispatch with its ledger, beside a bare HTTP client'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "edge" -d 'The edge with signed webhooks, beside the same HTTP that only appends'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "edge-server" -d 'The server of `bench edge`, which takes its orders from stdin'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "edge-generator" -d 'The generator of `bench edge`, which takes its orders from stdin'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "restore" -d 'How soon a new owner sends what was parked, and what that takes in memory'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "fairness" -d 'What a surge at one bot does to all others'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "bots" -d 'The memory and the start of many idle bots'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "log" -d 'Appends, synced appends, reads and the tail of the log'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "retrieve" -d 'How good and how fast passages are found in a test collection'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and not __fish_seen_subcommand_from pipeline match dispatch edge edge-server edge-generator restore fairness bots log retrieve help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l rate -d 'Messages a second' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l seconds -d 'Seconds that are measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l warmup -d 'Seconds before that' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l bots -d 'Bots that are written to' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l chats -d 'Chats, spread evenly over the bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l payload -d 'Bytes of a message\'s text' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l seed -d 'Shuffles the chats' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l repeat -d 'Runs, each on an empty system. The one with the median p99 is printed; what was lost, doubled or reordered is added up over all of them' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from pipeline" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l rate -d 'Messages a second' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l seconds -d 'How long is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l warmup -d 'How long it runs before that' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l bots -d 'Bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l chats -d 'Conversations' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l payload -d 'Bytes of text' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l seed -d 'Seed of what is written' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l repeat -d 'How often it is measured; the median counts' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from match" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l rate -d 'Messages a second' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l seconds -d 'How long is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l warmup -d 'How long it runs before that' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l bots -d 'Bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l chats -d 'Conversations' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l payload -d 'Bytes of text' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l seed -d 'Seed of what is written' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l repeat -d 'How often it is measured; the median counts' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from dispatch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l channel -d 'Whose webhooks: `WhatsApp`\'s are signed, Telegram\'s show a secret' -r -f -a "telegram\t''
whatsapp\t''"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l connections -d 'Connections, with one request at a time each' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l rate -d 'Messages a second' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l seconds -d 'How long is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l warmup -d 'How long it runs before that' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l bots -d 'Bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l chats -d 'Conversations' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l payload -d 'Bytes of text' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l seed -d 'Seed of what is written' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l repeat -d 'How often it is measured; the median counts' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-server" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from edge-generator" -s h -l help -d 'Print help'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l rate -d 'Messages a second' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l seconds -d 'How long is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l warmup -d 'How long it runs before that' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l bots -d 'Bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l chats -d 'Conversations' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l payload -d 'Bytes of text' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l seed -d 'Seed of what is written' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l repeat -d 'How often it is measured; the median counts' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l parked -d 'Replies that are parked' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from restore" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l rate -d 'Messages a second' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l seconds -d 'How long is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l warmup -d 'How long it runs before that' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l bots -d 'Bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l chats -d 'Conversations' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l payload -d 'Bytes of text' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l seed -d 'Seed of what is written' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l repeat -d 'How often it is measured; the median counts' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l limit -d 'Replies a second that the noisy bot may send; it is written to 100 times as often' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from fairness" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l bots -d 'How many bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l inside -d 'One of the two processes: the folder that it works in' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l touch -d 'How many bots it writes to' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l prefix -d 'The topics\' prefix on a cluster: both processes work on the topics of the one that made the bots' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l update -d 'The number of its first update: on the same topics, one that was there before would be a repetition' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from bots" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l engine -d 'Which log it runs on' -r -f -a "embedded\t'The log in a folder'
kafka\t'Apache Kafka at `--kafka` or `kafka.brokers`'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l kafka -d 'The brokers, for `--engine kafka`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l sync -d 'group or os, instead of `log.sync`' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l seconds -d 'How long each operation is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l warmup -d 'How long each operation runs before it is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l payload -d 'Bytes of a record\'s value' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l waiters -d 'Tasks that append to the synced topic at once' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l rate -d 'Appends a second while the tail is measured' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l repeat -d 'How often each operation is measured; the median counts' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l seed -d 'Seed of what is written' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from log" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l collection -d 'The folder with the collection' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l mode -d 'How passages are found; absent = intents when the documents have them, else hybrid' -r -f -a "text\t'By words'
hybrid\t'By words and meaning'
intents\t'Which intent a query has, by its examples'"
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l foreign -d 'A collection whose queries these documents don\'t answer: they should be refused' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l scale -d 'Fill up with remixed documents until there are this many, and cut queries to 8 words: for speed, not quality' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l run -d 'Write the rankings in the form of TREC: query, Q0, document, rank, score, name' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l seed -d 'Seed of the remixed documents' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from retrieve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "pipeline" -d 'Webhooks at a given rate until their replies reach a fake provider'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "match" -d 'The loop of a stage whose handler does nothing, beside bare clients'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "dispatch" -d 'Dispatch with its ledger, beside a bare HTTP client'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "edge" -d 'The edge with signed webhooks, beside the same HTTP that only appends'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "edge-server" -d 'The server of `bench edge`, which takes its orders from stdin'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "edge-generator" -d 'The generator of `bench edge`, which takes its orders from stdin'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "restore" -d 'How soon a new owner sends what was parked, and what that takes in memory'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "fairness" -d 'What a surge at one bot does to all others'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "bots" -d 'The memory and the start of many idle bots'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "log" -d 'Appends, synced appends, reads and the tail of the log'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "retrieve" -d 'How good and how fast passages are found in a test collection'
complete -c millrace -n "__fish_millrace_using_subcommand bench; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l seconds -d 'How long faults last' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l seed -d 'Decides what is done when' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l kafka -d 'The brokers, which `--kafka-script` started' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l kafka-script -d 'Kills brokers and starts them again: `SCRIPT kill|restart --broker I --port PORT`' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l database -d 'The database; it has to be empty' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l config -d 'A TOML file with settings; later ones win over earlier ones' -r -F
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l data -d 'The folder with the log, the database and admin.json' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l set -d 'One setting: --set log.sync=os' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l log -d 'What is logged on stderr: error, warn, info, debug, trace, or a list with modules' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l clock-ahead -d 'Runs the clock ahead of the machine\'s, for rehearsals' -r
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -l json -d 'Print JSON on stdout and nothing else there'
complete -c millrace -n "__fish_millrace_using_subcommand chaos" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "up" -d 'Run every role in this process'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "tenant" -d 'Manage tenants and the tokens that speak for them'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "bot" -d 'Manage bots and how they are reached'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "script" -d 'List, add, remove and try the rules of a bot'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "kb" -d 'Knowledge bases and the documents of bots: make, fill, attach, search, test'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "campaign" -d 'Tell many people one thing: at a time, at a rate, to each of them once'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "chat" -d 'Talk to a bot from the terminal'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "conversation" -d 'List conversations, read them, and say who answers in one: the bot or people'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "contact" -d 'Forget people'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "check" -d 'Check files and say everything that is wrong with them'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "inspect" -d 'Show what Millrace would make of raw webhook bodies'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "edge" -d 'Serve webhooks and web chat'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "work" -d 'Run stages'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "api" -d 'Serve the admin API, and send campaigns'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "migrate" -d 'Bring the database to the version that this program needs'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "models" -d 'Get and show the embedding model: with it documents are found by meaning, without it by words'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "topics" -d 'List, create and check the topics'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "lag" -d 'Show how far every stage is behind: records, and for how long the oldest has waited'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "watch" -d 'Watch what providers say of this installation'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "dlq" -d 'List, show and redrive dead letters: records that a stage gave up, untouched, with the reason beside them'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "log" -d 'Check, read and repair the embedded log'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "parse" -d 'Read a file from stdin within limits and print what is in it as JSON'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "sim" -d 'Run one of the fake provider servers alone'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "generate" -d 'Write the files that are made from the code, or check that they are current'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "bench" -d 'Measure this machine: each bench prints what it reached beside the raw limit of the same run'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "chaos" -d 'Kill, pause and mislead a whole installation for a while, then say whether anything was lost, reordered or doubled'
complete -c millrace -n "__fish_millrace_using_subcommand help; and not __fish_seen_subcommand_from up tenant bot script kb campaign chat conversation contact check inspect edge work api migrate models topics lag watch dlq log parse sim generate bench chaos help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from tenant" -f -a "create" -d 'Make a tenant'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from tenant" -f -a "list" -d 'List tenants'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from tenant" -f -a "show" -d 'Show a tenant'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from tenant" -f -a "remove" -d 'Remove a tenant that has no bots any more, with its tokens and its timeline'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from tenant" -f -a "token" -d 'Tokens for the admin API that see this tenant only'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "apply" -d 'Store a bot\'s file as its next version'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "list" -d 'List bots'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "show" -d 'Show a bot with its accounts and its content'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "remove" -d 'Remove a bot and its accounts; its timeline stays'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "enable" -d 'Let a bot send again, also by accounts that a provider refused'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "disable" -d 'Stop a bot: nothing is sent for it'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "connect" -d 'Connect a bot to a channel, or renew the token of an account that it has'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "register" -d 'Make the providers post a bot\'s webhooks to this installation; what stands already is left alone, but for an account that its provider refuses, which is tried again'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "unregister" -d 'Make the providers post no more'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "status" -d 'Ask the providers whether they post, what waits there and what failed last'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "disconnect" -d 'Take an account away from its bot'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bot" -f -a "app" -d 'Meta apps, which sign the webhooks of WhatsApp, Messenger and Instagram'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from script" -f -a "list" -d 'List the rules'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from script" -f -a "add" -d 'Add rules, or replace the ones of the same names'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from script" -f -a "remove" -d 'Remove a rule'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from script" -f -a "test" -d 'Say which rule answers a text and why, and which rules collide, without sending anything'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "create" -d 'Make a knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "list" -d 'List knowledge bases, or the documents of one or of a bot'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "add" -d 'Add files or addresses, or replace the documents of the same names, and wait until they are searchable'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "show" -d 'Show a knowledge base, or a document with what was read of it'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "remove" -d 'Remove a document, or a whole knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "refresh" -d 'Read the kept files of a knowledge base once more, and the addresses that they came from'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "attach" -d 'Let a bot answer from a knowledge base'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "detach" -d 'Let a bot answer from a knowledge base no more'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "pin" -d 'Pin an answer to a question: it comes before any search'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "unpin" -d 'Take a pinned answer away'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "preview" -d 'Show the passages that files would become; nothing is stored'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "explain" -d 'Search what a bot may answer from and show every candidate with its scores; or show what was searched for a turn'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "test" -d 'Ask questions and compare what is found with what should be'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "missed" -d 'List the questions that a bot\'s documents said nothing to'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from kb" -f -a "quota" -d 'Say how much knowledge a tenant may have'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "create" -d 'Make a campaign of a file; it waits to be started, or starts by itself at its time'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "list" -d 'List a bot\'s campaigns'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "start" -d 'Begin now'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "pause" -d 'Hold: nobody new is told. What dispatch holds already goes out, a few seconds\' worth'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "resume" -d 'Go on'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "cancel" -d 'End: who has not been told is not told any more'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "retry" -d 'Tell those again for whom it failed, when the campaign is done'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "show" -d 'Show how far a campaign is'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from campaign" -f -a "results" -d 'List every recipient and what became of them'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from conversation" -f -a "list" -d 'List a bot\'s conversations, the one that changed last first'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from conversation" -f -a "show" -d 'Show what was said'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from conversation" -f -a "media" -d 'Show a file that a person sent, with a link to its bytes; one that is not here yet is fetched'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from conversation" -f -a "say" -d 'Write as a person of the business; the bot is silent then, for its `human_ttl`'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from conversation" -f -a "mode" -d 'Show or change who answers'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from contact" -f -a "erase" -d 'Remove everything that is kept of a person at a bot; it can\'t be undone. What of theirs is on its way is written afterwards: run it again when it has arrived'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "fetch" -d 'Fetch the ONNX Runtime library and the model where they are missing'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from models" -f -a "show" -d 'Say which model is installed, and whether it opens'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from topics" -f -a "list" -d 'Show every topic: partitions, how long records stay, how many there are (the default)'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from topics" -f -a "apply" -d 'Create what is missing'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from topics" -f -a "check" -d 'Fail, and name every difference, when a topic is missing or not as configured'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from watch" -f -a "webhooks" -d 'Where the providers post, what waits there and what failed last'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from dlq" -f -a "list" -d 'One line per dead letter, the newest last'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from dlq" -f -a "show" -d 'Everything about one dead letter: where it stood, why it was given up, its headers, key and value, and for a reply or a turn what the ledger says'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from dlq" -f -a "redrive" -d 'Write dead letters back to the topics that they came from, oldest first'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "verify" -d 'Check every frame; exit status 1 and the place of each damage when there is one'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "dump" -d 'Print records in the order in which they were appended'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from log" -f -a "repair" -d 'Save a copy of a damaged end, then cut it'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from sim" -f -a "telegram" -d 'The Telegram Bot API: any token of the form DIGITS:TEXT'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from sim" -f -a "meta" -d 'Meta\'s Graph API: WhatsApp, Messenger, Instagram'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from sim" -f -a "model" -d 'OpenAI chat completions and Anthropic messages'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "pipeline" -d 'Webhooks at a given rate until their replies reach a fake provider'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "match" -d 'The loop of a stage whose handler does nothing, beside bare clients'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "dispatch" -d 'Dispatch with its ledger, beside a bare HTTP client'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "edge" -d 'The edge with signed webhooks, beside the same HTTP that only appends'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "edge-server" -d 'The server of `bench edge`, which takes its orders from stdin'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "edge-generator" -d 'The generator of `bench edge`, which takes its orders from stdin'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "restore" -d 'How soon a new owner sends what was parked, and what that takes in memory'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "fairness" -d 'What a surge at one bot does to all others'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "bots" -d 'The memory and the start of many idle bots'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "log" -d 'Appends, synced appends, reads and the tail of the log'
complete -c millrace -n "__fish_millrace_using_subcommand help; and __fish_seen_subcommand_from bench" -f -a "retrieve" -d 'How good and how fast passages are found in a test collection'
