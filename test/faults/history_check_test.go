package faults

import (
	"testing"
	"time"
)

// at makes an operation of one contact, with times in milliseconds.
func at(called, returned, document int, answer answer) operation {
	return operation{contact: "anna", document: document, revision: unnumbered, answer: answer,
		called: time.Duration(called) * time.Millisecond, returned: time.Duration(returned) * time.Millisecond}
}

func (o operation) numbered(revision int64) operation { o.revision = revision; return o }

func (o operation) ifStored(document int) operation { o.match = document; return o }

// Documents 10 and 20 conflict, as every tenth does.
func TestTheCheckerFindsWhatIsFalse(t *testing.T) {
	for name, history := range map[string][]operation{
		"an acknowledged document is gone":         {at(0, 1, 1, created), at(9, 9, 0, seen)},
		"an acknowledged conflict is gone":         {at(0, 1, 10, conflicting), at(9, 9, 0, seen)},
		"an acknowledged update is lost":           {at(0, 1, 1, created), at(2, 3, 2, replaced), at(9, 9, 1, seen)},
		"a document that nobody sent":              {at(0, 1, 1, created), at(9, 9, 7, seen)},
		"a mixture of two documents":               {at(0, 2, 1, created), at(1, 3, 2, replaced), at(9, 9, mixture, seen)},
		"two are told that they came first":        {at(0, 5, 1, created), at(0, 5, 2, created), at(9, 9, 2, seen)},
		"nobody is told that they came first":      {at(0, 5, 1, replaced), at(0, 5, 2, replaced), at(9, 9, 2, seen)},
		"a write is told to be none":               {at(0, 1, 1, created), at(2, 3, 2, unchanged), at(9, 9, 2, seen)},
		"unchanged, but replaced before":           {at(0, 1, 1, created), at(2, 3, 2, replaced), at(4, 5, 1, unchanged), at(9, 9, 2, seen)},
		"a refused document is stored":             {at(0, 1, 1, created), at(2, 3, 2, preconditionFailed).ifStored(1), at(9, 9, 2, seen)},
		"refused, although it is as wished":        {at(0, 1, 1, created), at(2, 3, 2, preconditionFailed).ifStored(1), at(9, 9, 1, seen)},
		"a new one is told to be none":             {at(0, 1, 1, accepted), at(9, 9, 1, seen)},
		"two swaps of one document":                {at(0, 1, 1, created), at(2, 5, 2, replaced).ifStored(1), at(2, 5, 3, replaced).ifStored(1), at(9, 9, 3, seen)},
		"a lower revision wins":                    {at(0, 1, 2, created).numbered(7), at(2, 3, 1, replaced).numbered(6), at(9, 9, 1, seen).numbered(7)},
		"a lower revision without answer wins":     {at(0, 9, 1, unanswered).numbered(6), at(2, 3, 2, created).numbered(7), at(9, 9, 1, seen).numbered(6)},
		"the revision is lost":                     {at(0, 1, 1, created).numbered(7), at(9, 9, 1, seen)},
		"a conflict is not told":                   {at(0, 1, 10, created), at(9, 9, 10, seen)},
		"a conflict is told of none":               {at(0, 1, 1, conflicting), at(9, 9, 1, seen)},
		"given up, overtaken, and back":            {at(0, 1, 1, created), at(2, 3, 2, unanswered), at(4, 5, 3, replaced), at(9, 9, 2, seen)},
		"of several without answer, an older wins": {at(0, 1, 1, unanswered), at(2, 3, 2, unanswered), at(4, 5, 3, created), at(6, 7, 4, unanswered), at(9, 9, 2, seen)},
	} {
		if check(history) == nil {
			t.Errorf("%s, and the checker is content with\n%s", name, describe(history))
		}
	}
}

func TestTheCheckerTakesWhatCanBeTrue(t *testing.T) {
	for name, history := range map[string][]operation{
		"nothing was sent":                        {at(9, 9, 0, seen)},
		"one after the other":                     {at(0, 1, 1, created), at(2, 3, 2, replaced), at(4, 5, 2, unchanged), at(6, 7, 20, conflicting), at(9, 9, 20, seen)},
		"accepted in bulk":                        {at(0, 1, 1, created), at(2, 3, 2, accepted), at(4, 5, 2, accepted), at(9, 9, 2, seen)},
		"two at once, the first wins":             {at(0, 5, 1, replaced), at(0, 5, 2, created), at(9, 9, 1, seen)},
		"two at once, the second wins":            {at(0, 5, 1, created), at(0, 5, 2, replaced), at(9, 9, 2, seen)},
		"without answer, and stored":              {at(0, 1, 1, created), at(2, 3, 2, unanswered), at(9, 9, 2, seen)},
		"without answer, and not stored":          {at(0, 1, 1, created), at(2, 3, 2, unanswered), at(9, 9, 1, seen)},
		"without answer, and replaced":            {at(0, 1, 1, unanswered), at(2, 3, 2, replaced), at(9, 9, 2, seen)},
		"without answer, and never there":         {at(0, 1, 1, unanswered), at(2, 3, 2, created), at(9, 9, 2, seen)},
		"stored late, after an unchanged one":     {at(0, 1, 1, created), at(2, 3, 2, unanswered), at(4, 5, 1, unchanged), at(9, 9, 2, seen)},
		"a revision that was overtaken":           {at(0, 1, 2, created).numbered(7), at(2, 3, 1, revisionOutdated).numbered(6), at(9, 9, 2, seen).numbered(7)},
		"a revision that is there already":        {at(0, 1, 2, created).numbered(7), at(2, 3, 1, revisionReused).numbered(7), at(9, 9, 2, seen).numbered(7)},
		"the same document with a newer revision": {at(0, 1, 2, created).numbered(7), at(2, 3, 2, unchanged).numbered(8), at(9, 9, 2, seen).numbered(8)},
		"a swap, and one that is late":            {at(0, 1, 1, created), at(2, 5, 2, replaced).ifStored(1), at(2, 5, 3, preconditionFailed).ifStored(1), at(9, 9, 2, seen)},
	} {
		if err := check(history); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
