package push

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
)

const header = "ContactID,FirstName,LastName,Email,CourseCode,AccessStartDate,AccessEndDate\n"

func TestRowsOfAContactAreOneDocument(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.push(s.options(write(t, "learners.csv", "\ufeff\"Email\",CourseCode,AccessStartDate,AccessEndDate,ContactID,LastName,FirstName,DocumentRevision\r\n"+
		"joe@acme.com,1234A,2017-10-01,2018-09-30,000123,\"Smith, jr.\",Joe,7\r\n"+
		"joe@acme.com,1235A,2017-10-01,,000123,\"Smith, jr.\",Joe,7\r\n\r\n"+
		"ann@acme.com,,,,000124,Möller,Ann,")), 0)
	for id, want := range map[string]string{
		"000123": `{"Contact":{"ContactID":"000123","FirstName":"Joe","LastName":"Smith, jr.","Email":"joe@acme.com","Enrollments":[` +
			`{"CourseCode":"1234A","AccessStartDate":"2017-10-01","AccessEndDate":"2018-09-30"},{"CourseCode":"1235A","AccessStartDate":"2017-10-01"}]},"DocumentRevision":7}`,
		"000124": `{"Contact":{"ContactID":"000124","FirstName":"Ann","LastName":"Möller","Email":"ann@acme.com","Enrollments":[]}}`,
	} {
		if s.stored[id] != want {
			t.Errorf("sent\n%s\nwant\n%s", s.stored[id], want)
		}
	}
}

func TestRowsThatAreNoDocumentAreNotSent(t *testing.T) {
	t.Parallel()
	good := "000001,Joe,Smith,joe@acme.com,1234A,2017-10-01,\n"
	for name, test := range map[string]struct{ rows, refused, report string }{
		"another name": {
			"000002,Ann,Lee,ann@acme.com,1234A,2017-10-01,\n000002,Anna,Lee,ann@acme.com,1235A,2017-10-01,\n", "",
			"3\t000002\tnot sent\t\t/Contact/FirstName\tInconsistent\tRow 4 states another FirstName than row 3, for the same contact.\n",
		},
		"scattered": {
			"000002,Ann,Lee,ann@acme.com,1234A,2017-10-01,\n000003,Bo,Ek,bo@acme.com,,,\n000002,Ann,Lee,ann@acme.com,1235A,2017-10-01,\n",
			"000002,Ann,Lee,ann@acme.com,1234A,2017-10-01,\n000002,Ann,Lee,ann@acme.com,1235A,2017-10-01,\n",
			"3\t000002\tnot sent\t\t/Contact/ContactID\tDuplicate\tThe rows from 3 on are not all of this contact's; put them one below the other.\n" +
				"5\t000002\tnot sent\t\t/Contact/ContactID\tDuplicate\tThe rows from 5 on are not all of this contact's; put them one below the other.\n",
		},
		"with and without a course": {
			"000002,Ann,Lee,ann@acme.com,1234A,2017-10-01,\n000002,Ann,Lee,ann@acme.com,,,\n", "",
			"3\t000002\tnot sent\t\t/Contact/Enrollments\tInconsistent\tRow 4 has no CourseCode, which is how a contact without enrollments is written: in one row, without dates.\n",
		},
		"of what is no contact ID": {
			"=cmd|x!A1,Ann,Lee,ann@acme.com,1234A,,\n=cmd|x!A1,Anna,Lee,ann@acme.com,1234A,,\nann@acme.com,,,,,,\nann@acme.com,,,,1234A,,\n", "",
			"3\t\tnot sent\t\t/Contact/FirstName\tInconsistent\tRow 4 states another FirstName than row 3, for the same contact.\n" +
				"5\t\tnot sent\t\t/Contact/Enrollments\tInconsistent\tRow 5 has no CourseCode, which is how a contact without enrollments is written: in one row, without dates.\n",
		},
		"nobody's": {
			",Ann,Lee,ann@acme.com,1234A,2017-10-01,\n", "",
			"3\t\tnot sent\t\t/Contact/ContactID\tMissing\tRow 3 names no contact.\n",
		},
		"not UTF-8": {
			"000002,Ann,M\xf6ller,ann@acme.com,1234A,2017-10-01,\n", "",
			"3\t000002\tnot sent\t\t/Contact\tMalformed\tRow 3 is not in UTF-8.\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			file := write(t, "learners.csv", header+good+test.rows)
			s.push(s.options(file), CodeRefused)
			if _, sent := s.stored["000002"]; sent || s.stored["000001"] == "" {
				t.Errorf("stored %q", s.order)
			}
			refused := test.refused
			if refused == "" {
				refused = test.rows
			}
			if got := read(t, file+".refused.csv"); got != header+refused {
				t.Errorf("refused rows:\n%s", got)
			}
			if got := read(t, file+".refused.tsv"); got != reportHeader+test.report {
				t.Errorf("report:\n%s\nwant\n%s", got, reportHeader+test.report)
			}
		})
	}
}

func TestARevisionInARowIsANumber(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	file := write(t, "learners.csv", "DocumentRevision,"+header+"seven,000001,Joe,Smith,joe@acme.com,1234A,2017-10-01,\n")
	s.push(s.options(file), CodeRefused)
	if got := read(t, file+".refused.tsv"); !strings.Contains(got, "/DocumentRevision\tMalformed\tRow 2: ") || s.requests != 0 {
		t.Errorf("%d requests, report:\n%s", s.requests, got)
	}
}

func TestAFileThatIsNoCSVIsNotSentAtAll(t *testing.T) {
	t.Parallel()
	row := "000001,Joe,Smith,joe@acme.com,1234A,2017-10-01,\n"
	for content, want := range map[string]string{
		"": "first row has to name the columns",
		strings.Replace(header, "Email", "E-Mail", 1) + row: `there is no column "E-Mail"`,
		strings.ReplaceAll(header, ",", ";") + row:          "with commas between them",
		strings.Replace(header, "Email,", "", 1) + row:      "column Email is missing",
		"Email," + header + row:                             "column Email is there twice",
		header + row + "000002,Joe\n":                       "record on line 3: wrong number of fields",
		header + row + "000002,\"Joe,x,x,x,x,x\n":           "line 3",
	} {
		s := startServer(t)
		file := write(t, "learners.csv", content)
		if got := s.push(s.options(file), CodeUsage); !strings.Contains(got.messages, want) || s.requests > 0 || len(beside(t, file)) > 0 {
			t.Errorf("%q: %d requests, %s", content, s.requests, got.messages)
		}
	}
}

func TestRowsFromStdinAreLookedThroughBeforeTheyAreSent(t *testing.T) {
	s := startServer(t)
	t.Chdir(t.TempDir())
	o := s.options("-")
	o.Format = CSV
	o.Stdin = strings.NewReader(header + "000001,Joe,Smith,joe@acme.com,1234A,2017-10-01,\n000002,Ann,Lee,ann@acme.com,,,\n" +
		"000001,Joe,Smith,joe@acme.com,1235A,2017-10-01,\n")
	s.push(o, CodeRefused)
	if len(s.order) != 1 || s.order[0] != "000002" {
		t.Errorf("stored %q, want what is not scattered", s.order)
	}
	if _, err := os.Stat("stdin.refused.csv"); err != nil {
		t.Error(err)
	}
}

func TestTheRowsOfAContactAreBounded(t *testing.T) {
	t.Parallel()
	row := "000001,Joe,Smith,joe@acme.com,1234A,2017-10-01,\n"
	for name, rows := range map[string]string{
		"many":        strings.Repeat(row, longestLine/len(row)+1),
		"unended one": `"` + strings.Repeat("x", longestLine+64<<10),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t)
			got := s.push(s.options(write(t, "learners.csv", header+rows)), CodeUsage)
			if s.requests > 0 || !strings.Contains(got.messages, "must not be longer than 16 MiB") {
				t.Errorf("%d requests, %s", s.requests, got.messages)
			}
		})
	}
}

func TestTheEndingOfAFileMayBeInCapitals(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	s.push(s.options(write(t, "LEARNERS.CSV", header+"000001,Joe,Smith,joe@acme.com,1234A,2017-10-01,\n")), 0)
	s.push(s.options(write(t, "LEARNERS.NDJSON", line("000002"))), 0)
	if len(s.stored) != 2 {
		t.Errorf("stored %q", s.order)
	}
}

func TestRowsFromAPipeThatDoesNotEndCanBeInterrupted(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("TMPDIR", folder)
	s := startServer(t)
	stdin, pipe := io.Pipe()
	t.Cleanup(func() { _ = pipe.Close() })
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		_, _ = io.WriteString(pipe, header) // it is read, so the file is there
		if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
			t.Errorf("%v, %v: the rows would be left behind by a run that is killed", left, err)
		}
		interrupt()
	}()
	o := s.options("-")
	o.Format, o.Stdin, o.Output, o.Messages = CSV, stdin, io.Discard, io.Discard
	if err := Run(ctx, o); codeOf(err) != CodeUnfinished || !strings.Contains(err.Error(), "before anything was sent") {
		t.Errorf("the run ended with %v", err)
	}
}
