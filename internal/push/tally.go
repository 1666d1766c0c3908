package push

import (
	"maps"
	"net/http"
)

// tally counts what became of the documents.
type tally struct {
	Created   int64 `json:"created"`
	Replaced  int64 `json:"replaced"` // or, as the answers to a bulk request do not tell, unchanged
	Conflicts int64 `json:"conflicts"`
	Overtaken int64 `json:"overtaken"` // by a newer revision
	Refused   int64 `json:"refused"`
	Repeated  int64 `json:"repeated"`
	// ConflictReasons and RefusalReasons count the documents with each reason; one can have several.
	ConflictReasons map[string]int64 `json:"conflictReasons"`
	RefusalReasons  map[string]int64 `json:"refusalReasons"`

	// The rest is of dry runs, which are not kept.
	unchanged, withdrawals int64
	changes                map[string]int64
}

func (t *tally) settled() int64 {
	return t.Created + t.Replaced + t.Conflicts + t.Overtaken + t.Refused
}

func (t *tally) add(a *answer) {
	switch {
	case a.isConflict():
		t.Conflicts++
		t.ConflictReasons = count(t.ConflictReasons, a.reasons()...)
	case a.isOvertaken():
		t.Overtaken++
	case a.isRefused():
		t.Refused++
		for _, reason := range a.reasons() {
			t.RefusalReasons = count(t.RefusalReasons, a.status()+" "+reason)
		}
	case a.Status == http.StatusCreated:
		t.Created++
	default:
		t.Replaced++
	}
	if a.Plan == nil {
		return
	}
	if a.Status == http.StatusOK && len(a.Plan.Changes) == 0 {
		t.unchanged++
	}
	for _, change := range a.Plan.Changes {
		t.changes = count(t.changes, change.Change)
	}
	t.withdrawals += int64(len(a.Plan.Withdrawals))
}

func (t *tally) clone() tally {
	c := *t
	c.ConflictReasons, c.RefusalReasons = maps.Clone(t.ConflictReasons), maps.Clone(t.RefusalReasons)
	return c
}

func count(counts map[string]int64, names ...string) map[string]int64 {
	if counts == nil {
		counts = map[string]int64{}
	}
	for _, name := range names {
		counts[name]++
	}
	return counts
}
