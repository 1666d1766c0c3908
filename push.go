package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"rollcall.dev/rollcall/internal/push"
)

const pushHelp = `Send a file of documents to the ingest of a Rollcall, through its bulk endpoint.

FILE has one document in each line (NDJSON: .ndjson, .jsonl)

  {"Contact": {"ContactID": "000123", "FirstName": "Joe", …}, "DocumentRevision": 7}

or one enrollment in each row (CSV: .csv), under a first row that names the columns, in any order:

  ContactID,FirstName,LastName,Email,CourseCode,AccessStartDate,AccessEndDate

and DocumentRevision, if the documents are numbered. The rows of a contact are one document and lie one below the other.
A contact without enrollments is one row without course and dates. The text is UTF-8; gzip is unpacked. With no FILE, or
with -, the documents are read from stdin: NDJSON, or what --format says.

What is answered with 503, or not at all, is sent again. When a run is interrupted, the same command goes on where it
ended; it finds that in FILE.push-state. There is no such thing for stdin. Sending a document again is harmless.

Beside FILE (for stdin: beside a file stdin in this folder) it writes, readable for nobody else:

  FILE.refused.ndjson    the lines that were refused (.csv: the rows), as they were: correct and push this file
  FILE.refused.tsv       why each of them was refused
  FILE.conflicts.tsv     what was stored and conflicts; nothing has to be sent again
  FILE.push-state        how far the run is; it goes away when all is answered
  FILE.push-lock         keeps a second run away; it stays

The lists of an earlier run are moved to NAME.old.

Exit codes: 0 all is stored, or a newer revision is; 1 some documents were refused; 2 the command or the file is
wrong, nothing was sent; 3 it could not finish, and the same command goes on.`

const pushExamples = `  # The address and the credential are in the environment: ROLLCALL_INGEST_URL, ROLLCALL_TOKEN, ROLLCALL_CA
  rollcall push learners.csv

  # What would it change? Nothing is stored.
  rollcall push --dry-run learners.csv

  # Correct what was refused, and send that
  rollcall push learners.csv.refused.csv

  export-documents | rollcall push --url https://rollcall.example.com --token-file token`

// pushCommand is the loader.
func pushCommand() *cobra.Command {
	o := push.Options{}
	c := &cobra.Command{
		Use:     "push [FILE]",
		Short:   "Send a file of documents to a Rollcall",
		Long:    pushHelp,
		Example: pushExamples,
		Args: func(c *cobra.Command, args []string) error {
			if err := cobra.MaximumNArgs(1)(c, args); err != nil {
				return push.Usage(err)
			}
			return nil
		},
		DisableFlagsInUseLine: true,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.File = args[0]
			}
			o.URL = orEnvironment(o.URL, "ROLLCALL_INGEST_URL")
			o.CAFile = orEnvironment(o.CAFile, "ROLLCALL_CA")
			o.Token = os.Getenv("ROLLCALL_TOKEN")
			o.Stdin, o.Output, o.Messages = os.Stdin, os.Stdout, os.Stderr
			o.Terminal = term.IsTerminal(int(os.Stderr.Fd()))
			return push.Run(c.Context(), o)
		},
	}
	c.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return push.Usage(err) })
	flags := c.Flags()
	flags.SortFlags = false
	flags.StringVar(&o.URL, "url", "", "where Rollcall is, such as https://rollcall.example.com (default: $ROLLCALL_INGEST_URL)")
	flags.StringVar(&o.PathPrefix, "path-prefix", "/gk/api", "what comes before /contacts/ in the path, as in Rollcall's --ingest-path-prefix")
	flags.StringVar(&o.TokenFile, "token-file", "", "file with the bearer token, read again for each request (default: the token is $ROLLCALL_TOKEN)")
	flags.StringVar(&o.CAFile, "ca-file", "", "file with the certificates that the server's is signed by, PEM (default: $ROLLCALL_CA, or those of the system)")
	flags.StringVar(&o.ClientCert, "client-cert", "", "file with a client certificate, PEM, in place of a token")
	flags.StringVar(&o.ClientKey, "client-key", "", "file with its key, PEM")
	flags.StringVar((*string)(&o.Format), "format", "", "ndjson or csv (default: by the name of FILE; ndjson for stdin)")
	flags.BoolVar(&o.DryRun, "dry-run", false, "store nothing; print what would be refused, which learners would be withdrawn from a course, and a sum of the changes")
	flags.BoolVar(&o.Restart, "restart", false, "begin with the first document again, whatever an earlier run did")
	return c
}

// orEnvironment gives a flag's value, or that of a variable.
func orEnvironment(value, variable string) string {
	if value != "" {
		return value
	}
	return os.Getenv(variable)
}

// exitCode tells what ended the program, as far as there are several codes.
func exitCode(err error) int {
	if failure, ok := errors.AsType[*push.Failure](err); ok {
		return failure.Code
	}
	return 1
}
