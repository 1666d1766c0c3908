package testenv_test

import (
	"strings"
	"testing"

	"rollcall.dev/rollcall/internal/testenv"
)

func TestWithoutAControlPlaneItSaysWhatToDo(t *testing.T) {
	t.Setenv("KUBEBUILDER_ASSETS", t.TempDir())
	if _, _, err := testenv.Start(); err == nil || !strings.Contains(err.Error(), "make controlplane") {
		t.Errorf("Start = %v, want an error that names \"make controlplane\"", err)
	}
}
