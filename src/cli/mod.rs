//! The command line: arguments, configuration, exit statuses, one file per command. Nobody imports it.
