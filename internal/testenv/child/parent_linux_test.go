package child

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// logOfParent makes this test's program a parent: one that starts a child with that log.
const logOfParent = "ROLLCALL_TEST_PARENT_LOG"

func TestMain(m *testing.M) {
	if log := os.Getenv(logOfParent); log != "" {
		if _, err := Start(log, "sh", "-c", "echo here; exec sleep 600"); err != nil {
			panic(err)
		}
		select {} // until it is killed
	}
	os.Exit(m.Run())
}

func TestAChildDiesWithItsParent(t *testing.T) {
	// The log is a pipe, which ends when nobody has it open for writing any more.
	pipe := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), logOfParent+"="+pipe)
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	log, err := os.Open(pipe)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // only read
	read := bufio.NewReader(log)
	if line, err := read.ReadString('\n'); line != "here\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait() // it was killed
	if rest, err := io.ReadAll(read); err != nil || len(rest) > 0 {
		t.Errorf("the pipe ends with %q, %v", rest, err)
	}
}
