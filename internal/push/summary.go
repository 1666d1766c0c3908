package push

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// summarize prints what became of the documents; settled is how many of them this run settled.
func (l *ledger) summarize(w io.Writer, took time.Duration, settled int64) error {
	t := &l.state.Tally
	var text bytes.Buffer
	rate := float64(settled) / max(took.Seconds(), 0.001)
	verb := "pushed"
	if l.dryRun {
		verb = "tried, and stored nothing"
	}
	fmt.Fprintf(&text, "%s: %d documents %s in %s (%.0f a second)\n", l.input.name, settled, verb, took.Round(time.Millisecond), rate)
	if earlier := t.settled() - settled; earlier > 0 {
		fmt.Fprintf(&text, "With those of the run before, %d:\n", t.settled())
	}
	row := func(name string, number int64, details string) {
		text.WriteString(strings.TrimRight(fmt.Sprintf("  %-24s%9d  %s", name, number, details), " ") + "\n")
	}
	row("created", t.Created, "")
	if l.dryRun {
		row("replaced", t.Replaced-t.unchanged, "")
		row("unchanged", t.unchanged, "")
	} else {
		row("replaced or unchanged", t.Replaced, "")
	}
	row("stored, with conflicts", t.Conflicts, counts(t.ConflictReasons))
	row("overtaken", t.Overtaken, "by a newer revision")
	row("refused", t.Refused, counts(t.RefusalReasons))
	row("sent again", t.Repeated, "")
	if l.dryRun {
		row("members changed", sum(t.changes), counts(t.changes))
		row("withdrawals", t.withdrawals, "")
	}
	for _, r := range l.records() {
		if r.length > 0 {
			fmt.Fprintf(&text, "See %s\n", r.path)
		}
	}
	_, err := w.Write(text.Bytes())
	return err
}

func counts(numbers map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(numbers)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, numbers[name]))
	}
	return strings.Join(parts, ", ")
}

func sum(numbers map[string]int64) (total int64) {
	for _, number := range numbers {
		total += number
	}
	return total
}

// rehearsal is what a dry run says about one document: why it would be refused, and what it would withdraw.
func rehearsal(d *document, a *answer) string {
	var text strings.Builder
	if a.isRefused() {
		text.Write(report(d, a))
	}
	if a.Plan != nil {
		for _, w := range a.Plan.Withdrawals {
			fmt.Fprintf(&text, "%d\t%s\twithdrawn from %s (%s)\n", d.line, idCell(a.ContactID), w.CourseCode, w.Reason)
		}
	}
	return text.String()
}
