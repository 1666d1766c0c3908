package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// table prints rows of tab-separated cells.
func table(rows ...string) {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, row) //nolint:errcheck // nobody is left to tell
	}
	w.Flush() //nolint:errcheck // nobody is left to tell
}

// verdict says whether a goal of the design is reached.
func verdict(reached bool) string {
	if reached {
		return "ok"
	}
	return "MISSED"
}

func reportIngest(create, putNew, putUnchanged *series) {
	fmt.Println("\nIngest")
	rows := []string{"\trequests\trate/s\tp50\tp99\twrites/document: by the request\tby controllers\tevents\tthe last two, meanwhile"}
	for _, s := range []*series{create, putNew, putUnchanged} {
		all := s.all()
		documents := float64(len(all.latencies))
		rows = append(rows, fmt.Sprintf("%s\t%d\t%.0f\t%s\t%s\t%.2f\t%.2f\t%.2f\t%.2f", s.name, len(all.latencies), all.rate(),
			milliseconds(all.quantile(0.5)), milliseconds(all.quantile(0.99)),
			float64(s.writes.count(byCaller))/documents, float64(s.writes.count(byControllers))/documents, float64(s.writes.count(isEvent))/documents,
			float64(s.company)/documents))
	}
	table(rows...)

	newRate, newP99, againRate := ratios(putNew, create, rate), ratios(putNew, create, p99), ratios(putUnchanged, create, rate)
	againWrites := putUnchanged.writes.count(isOurs)
	compared := func(name string, ratios []float64, goal string, reached bool) string {
		return fmt.Sprintf("%s\t%.2f\t%.2f to %.2f\t%s\t%s", name, median(ratios), ratios[0], ratios[len(ratios)-1], goal, verdict(reached))
	}
	fmt.Println()
	table(
		"\tmedian round\tall rounds\tgoal\t",
		compared("PUT new / raw create, rate", newRate, "≥ 0.9", median(newRate) >= 0.9),
		compared("PUT new / raw create, p99", newP99, "≤ 1.3", median(newP99) <= 1.3),
		compared("PUT unchanged / raw create, rate", againRate, "≥ 10", median(againRate) >= 10),
		fmt.Sprintf("API-server writes for all unchanged documents\t%d\t\t0\t%s", againWrites, verdict(againWrites == 0)),
	)
}

// reportLearners prints a column for each group of learners.
func reportLearners(enrollments int, all []*learners) {
	fmt.Printf("\nLearners, %d enrollments each, EoxCore\n", enrollments)
	row := func(name string, cell func(*learners) string) string {
		for _, l := range all {
			name += "\t" + cell(l)
		}
		return name
	}
	perLearner := func(name string, count func(*learners) int) string {
		return row(name, func(l *learners) string { return fmt.Sprintf("%.2f", float64(count(l))/float64(l.count)) })
	}
	heading := func(name string) string { return row(name, func(*learners) string { return "" }) }
	rows := []string{
		row("", func(l *learners) string { return l.name }),
		row("learners", func(l *learners) string { return strconv.Itoa(l.count) }),
		row("until the last document was acknowledged", func(l *learners) string { return seconds(l.acknowledged) }),
		row("until the last Contact was Ready", func(l *learners) string { return seconds(l.ready) }),
		row("LMS calls a second", func(l *learners) string { return fmt.Sprintf("%.0f", float64(len(l.cost.calls))/l.ready.Seconds()) }),
		heading("API-server writes per learner"),
	}
	requests, routes := writes{}, map[string]int{}
	for _, l := range all {
		requests = requests.plus(l.cost.writes)
		maps.Copy(routes, callsByRoute(l.cost.calls))
	}
	for _, r := range slices.SortedFunc(maps.Keys(requests), compareRequests) {
		rows = append(rows, perLearner("  "+r.verb+" "+r.resource, func(l *learners) int { return l.cost.writes[r] }))
	}
	rows = append(rows, heading("LMS calls per learner"))
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		rows = append(rows, perLearner("  "+route, func(l *learners) int { return callsByRoute(l.cost.calls)[route] }))
	}
	table(rows...)

	bound := 2*enrollments + 3
	rows = []string{"\t\tresult\tgoal\t"}
	for _, l := range all {
		written, writtenAgain := l.cost.writes.count(isOurs), l.again.writes.count(isOurs)
		rows = append(rows,
			fmt.Sprintf("%s\tAPI-server writes until Ready, without events\t%.2f\t≤ %d\t%s", l.name, float64(written)/float64(l.count), bound, verdict(written <= bound*l.count)),
			fmt.Sprintf("\tAPI-server writes for all of them again, unchanged\t%d\t0\t%s", writtenAgain, verdict(writtenAgain == 0)),
			fmt.Sprintf("\tLMS calls for all of them again, unchanged\t%d\t0\t%s", len(l.again.calls), verdict(len(l.again.calls) == 0)),
		)
	}
	fmt.Println()
	table(rows...)
}

// callsByRoute counts calls by what was asked for and how it was answered.
func callsByRoute(calls []openedxtest.Call) map[string]int {
	counts := map[string]int{}
	for _, call := range calls {
		counts[fmt.Sprintf("%s %s: %d", call.Method, call.Route, call.Status)]++
	}
	return counts
}

func compareRequests(a, b request) int {
	return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.verb, b.verb))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
