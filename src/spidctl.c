/*
 * spidctl: asks the daemon over its control socket, and shows the answer as a table or as it came. The command line; what each
 * command does stands in ctl/commands.c.
 */
#include <getopt.h>
#include <stdio.h>

#include "config.h"
#include "ctl/commands.h"

/* What is wrong with the options for COMMAND; 0: nothing. */
static int look_at_options(const struct given *given, const struct command *command)
{
    const struct {
        bool is_given;
        enum command_option option;
        const char *name;
    } options[] = {
        {given->number != NULL, OPTION_NUMBER, "--number"},
        {given->confirm != NULL, OPTION_CONFIRM, "--confirm"},
        {given->dry_run, OPTION_DRY_RUN, "--dry-run"},
        {given->open, OPTION_OPEN, "--open"},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        if (options[i].is_given && !(command->options & options[i].option))
            return usage_error("'%s' goes with '%s', not with '%s'", options[i].name, commands_taking(options[i].option)->name,
                               command->name);
    return 0;
}

static int run(const struct given *given, bool help)
{
    const struct command *command = commands_find(given->command);
    if (command == NULL)
        return commands_unknown(given->command);
    if (help) {
        commands_help(command);
        return 0;
    }
    int wrong = look_at_options(given, command);
    return wrong != 0 ? wrong : command->run(given);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"socket", required_argument, NULL, 'S'},  {"number", required_argument, NULL, 'n'}, {"json", no_argument, NULL, 'j'},
        {"confirm", required_argument, NULL, 'c'}, {"dry-run", no_argument, NULL, 'd'},      {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},          {"open", no_argument, NULL, 'o'},         {NULL, 0, NULL, 0},
    };
    struct given given = {.socket_path = DEFAULT_SOCKET};
    bool help = false;
    int option;
    while ((option = getopt_long(argc, argv, "S:n:", options, NULL)) != -1) {
        switch (option) {
        case 'S':
            given.socket_path = optarg;
            break;
        case 'n':
            given.number = optarg;
            break;
        case 'j':
            given.json = true;
            break;
        case 'c':
            given.confirm = optarg;
            break;
        case 'd':
            given.dry_run = true;
            break;
        case 'o':
            given.open = true;
            break;
        case 'V':
            puts("spidctl " PACKAGE_VERSION);
            return 0;
        case 'h':
            help = true;
            break;
        default:
            fputs("Try 'spidctl --help'.\n", stderr);
            return EXIT_USAGE;
        }
    }
    if (optind == argc && help) {
        commands_usage();
        return 0;
    }
    if (optind == argc)
        return usage_error("a command is missing");
    given.command = argv[optind];
    given.words = argv + optind + 1;
    given.count = argc - optind - 1;
    return run(&given, help);
}
