// Package doctorcmd is the command line of relay/doctor: "turn doctor" and "sfu doctor" are this one command.
//
// It reads credentials from flags or mints them with a file of secrets, prints the report as a table or as JSON, and ends with an error,
// exit code 1, when a check failed; a command line that cannot be understood is a cli.UsageError, exit code 2. What is looked at, and how, is
// not decided here.
package doctorcmd
