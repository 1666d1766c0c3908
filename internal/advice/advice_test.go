package advice

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall.dev/rollcall/api/v1alpha1"
)

func TestThereIsAdviceForEveryReasonOfReady(t *testing.T) {
	declared := reasons(t)
	// The reason of an attempt alone: the object that made it is Retrying.
	delete(declared, v1alpha1.ReasonUnexpectedAnswer)
	// The reason of ProfileInSync alone.
	delete(declared, v1alpha1.ReasonAccountReadOnly)
	// Those of SSOLinked and SSOLinksUnknown.
	delete(declared, v1alpha1.ReasonLinked)
	delete(declared, v1alpha1.ReasonNotLinked)
	delete(declared, v1alpha1.ReasonProviderNotFound)
	if len(declared) < 30 {
		t.Fatalf("conditions.go declares only %v", declared)
	}
	for reason := range declared {
		if For(reason) == "" {
			t.Errorf("there is no advice for %s", reason)
		}
	}
	for reason := range advice {
		if !declared[reason] {
			t.Errorf("there is advice for %s, which is no reason of Ready", reason)
		}
	}
	if got := For("SomethingElse"); got != "" {
		t.Errorf("advice for an unknown reason: %s", got)
	}
}

func TestTheDocsGiveTheSameAdvice(t *testing.T) {
	page, err := os.ReadFile("../../docs/states.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]string{}
	inTable := false
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		last := cells[len(cells)-1]
		switch {
		case !strings.HasPrefix(line, "|"):
			inTable = false
		case cells[0] == "STATE" && last == "what to do":
			inTable = true
		case inTable && strings.HasPrefix(cells[0], "`"):
			for reason := range strings.SplitSeq(cells[0], ", ") {
				documented[strings.Trim(reason, "`")] = strings.ReplaceAll(last, "`", "")
			}
		}
	}
	if diff := cmp.Diff(advice, documented); diff != "" {
		t.Errorf("docs/states.md differs (-advice +docs):\n%s", diff)
	}
}

// reasons gives the values of the constants named Reason… in conditions.go.
func reasons(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../api/v1alpha1/conditions.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	ast.Inspect(file, func(node ast.Node) bool {
		if spec, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(spec.Names[0].Name, "Reason") {
			reason, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			found[reason] = true
		}
		return true
	})
	return found
}
