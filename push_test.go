package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"rollcall.dev/rollcall/api/v1alpha1"
	"rollcall.dev/rollcall/internal/push"
)

func TestALoaderThatIsKilledGoesOnAndLosesNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A")
	const count = 200
	var content strings.Builder
	var wrong []string
	for i := range count {
		document := joe(fmt.Sprintf("k%05d", i))
		switch {
		case i%50 == 10:
			document.Email = "joe at acme.com"
		case i == count-1:
			document.Enrollments = append(document.Enrollments, enrollment{CourseCode: "9999Z", AccessStartDate: "2017-10-01"})
		}
		line, err := json.Marshal(map[string]any{"Contact": document})
		must(t, err)
		content.Write(append(line, '\n'))
		if i%50 == 10 {
			wrong = append(wrong, string(line)+"\n")
		}
	}
	file := filepath.Join(t.TempDir(), "learners.ndjson")
	must(t, os.WriteFile(file, []byte(content.String()), 0o600))

	// The first connection gets no further than some of the answers, so that the loader is killed in the middle.
	door := startShutter(t, c.door, 8<<10)
	first := c.loader(door, file)
	must(t, first.Start())
	c.eventually("the loader kept a state in which some documents are settled", func() error {
		var state struct{ Tally struct{ Created int } }
		content, err := os.ReadFile(file + ".push-state")
		if err == nil {
			err = json.Unmarshal(content, &state)
		}
		if err == nil && state.Tally.Created == 0 {
			err = errors.New("none is")
		}
		return err
	})
	must(t, first.Process.Kill())
	if err := first.Wait(); err == nil {
		t.Fatal("the loader ended before it was killed")
	}

	second := c.loader(door, file)
	messages := c.runLoader(second, push.CodeRefused)
	if !strings.Contains(messages, "going on where an earlier run ended") {
		t.Errorf("it did not go on:\n%s", messages)
	}
	refused := file + ".refused.ndjson"
	if got, want := readFile(t, refused), strings.Join(wrong, ""); got != want {
		t.Errorf("refused lines:\n%swant\n%s", got, want)
	}
	if report := readFile(t, file+".refused.tsv"); strings.Count(report, "\t403\t/problems/attribute-invalid\t/Contact/Email\tMalformed\t") != len(wrong) {
		t.Errorf("report of the refusals:\n%s", report)
	}
	if report := readFile(t, file+".conflicts.tsv"); !strings.Contains(report, "200\tk00199\t409\t/problems/conflict\t/Contact/Enrollments/0/CourseCode\tCourseNotFound\t") {
		t.Errorf("report of the conflicts:\n%s", report)
	}
	c.wantContacts(count - len(wrong))

	must(t, os.WriteFile(refused, []byte(strings.ReplaceAll(readFile(t, refused), "joe at ", "joe@")), 0o600))
	c.runLoader(c.loader(door, refused), 0)
	c.wantContacts(count)
}

func TestADryRunOfTheLoaderNamesWithdrawalsAndStoresNothing(t *testing.T) {
	t.Parallel()
	c := newCompany(t, "1234A", "1235A")
	c.mustPut(joe("000123", "1234A", "1235A"), 201)
	c.waitForContact("000123", v1alpha1.ReasonSynced)
	before := c.contact("000123")
	file := filepath.Join(t.TempDir(), "learners.csv")
	must(t, os.WriteFile(file, []byte("ContactID,FirstName,LastName,Email,CourseCode,AccessStartDate,AccessEndDate\n"+
		"000123,Joe,Smith000123,joe.000123@acme.com,1235A,2017-10-01,2099-09-30\n"+
		"000124,Ann,Lee,ann@acme.com,,,\n"), 0o600))
	loader := c.loader(c.door, "--dry-run", file)
	var output bytes.Buffer
	loader.Stdout = &output
	c.runLoader(loader, 0)
	for _, want := range []string{"2\t000123\twithdrawn from 1234A (Dropped)\n", "created                         1\n", "replaced                        1\n", "withdrawals                     1\n"} {
		if !strings.Contains(output.String(), want) {
			t.Errorf("the output lacks %q:\n%s", want, output.String())
		}
	}
	if after := c.contact("000123"); after.Generation != before.Generation {
		t.Error("the Contact was changed")
	}
	c.wantContacts(1)
}

// loader is a "rollcall push" that has not begun.
func (c *company) loader(door string, arguments ...string) *exec.Cmd {
	c.t.Helper()
	self, err := os.Executable()
	must(c.t, err)
	loader := exec.CommandContext(c.t.Context(), self, append([]string{"push"}, arguments...)...)
	loader.Env = append(os.Environ(), asProgram+"=1", "ROLLCALL_INGEST_URL=https://"+door, "ROLLCALL_TOKEN="+c.token,
		"ROLLCALL_CA="+filepath.Join(c.certDir, "tls.crt"))
	return loader
}

// runLoader gives what a loader says until it ends with an exit code.
func (c *company) runLoader(loader *exec.Cmd, code int) string {
	c.t.Helper()
	var messages bytes.Buffer
	loader.Stderr = &messages
	if err := loader.Run(); loader.ProcessState.ExitCode() != code {
		c.t.Fatalf("%v: %v, want exit code %d\n%s", loader.Args[1:], err, code, messages.String())
	}
	return messages.String()
}

func (c *company) wantContacts(want int) {
	c.t.Helper()
	var stored v1alpha1.ContactList
	must(c.t, c.List(context.Background(), &stored, client.InNamespace(c.namespace)))
	if len(stored.Items) != want {
		c.t.Errorf("%d Contacts are stored, want %d", len(stored.Items), want)
	}
}

// startShutter passes connections on to an address. The first of them ends to receive after some bytes, and stays open.
func startShutter(t *testing.T, address string, bytes int64) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		count := 0
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", address)
			if err != nil {
				t.Errorf("cannot pass a connection on: %v", err)
				return
			}
			pass := func(to, from net.Conn) {
				_, _ = io.Copy(to, from)
				_ = to.Close()
			}
			go pass(server, caller)
			if count++; count == 1 {
				go func() { _, _ = io.CopyN(caller, server, bytes) }()
			} else {
				go pass(caller, server)
			}
		}
	}()
	return listener.Addr().String()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	return string(content)
}
