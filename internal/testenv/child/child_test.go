package child

import (
	"path/filepath"
	"strings"
	"testing"
)

func TestADeathIsToldWithItsReason(t *testing.T) {
	c, err := Start(filepath.Join(t.TempDir(), "log"), "sh", "-c", "echo no port is free; exit 3")
	if err != nil {
		t.Fatal(err)
	}
	<-c.Ended()
	if told := c.Death().Error(); !strings.Contains(told, "exit status 3") || !strings.Contains(told, "no port is free") {
		t.Errorf("the death is told as %q, without its status or the end of the log", told)
	}
}

func TestAChildStopsWhenItIsAskedTo(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	c, err := Start(log, "sh", "-c", `trap "echo bye; exit" TERM; echo here; while :; do sleep 0.01; done`)
	if err != nil {
		t.Fatal(err)
	}
	for tail(log, 1) != "here" {
		select {
		case <-c.Ended():
			t.Fatal(c.Death())
		default:
		}
	}
	c.Stop()
	if got := tail(log, 1); got != "bye" {
		t.Errorf("it ended with %q, not as it wanted", got)
	}
}

func TestAProgramThatIsNotThereIsAnError(t *testing.T) {
	if _, err := Start(filepath.Join(t.TempDir(), "log"), "no-such-program"); err == nil {
		t.Error("it was started")
	}
}
