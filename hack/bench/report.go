package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
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
	rows := []string{"\trequests\trate/s\tp50\tp99\twrites/document: by the request\tby controllers\tevents"}
	for _, s := range []*series{create, putNew, putUnchanged} {
		all := s.all()
		documents := float64(len(all.latencies))
		rows = append(rows, fmt.Sprintf("%s\t%d\t%.0f\t%s\t%s\t%.2f\t%.2f\t%.2f", s.name, len(all.latencies), all.rate(),
			milliseconds(all.quantile(0.5)), milliseconds(all.quantile(0.99)),
			float64(s.writes.count(byCaller))/documents, float64(s.writes.count(byControllers))/documents, float64(s.writes.count(isEvent))/documents))
	}
	table(rows...)

	newRate, newRateLeast, newRateMost := ratio(putNew, create, rate)
	newP99, newP99Least, newP99Most := ratio(putNew, create, p99)
	againRate, againLeast, againMost := ratio(putUnchanged, create, rate)
	againWrites := putUnchanged.writes.count(isOurs)
	fmt.Println()
	table(
		"\tall rounds\tleast, most of a round\tgoal\t",
		fmt.Sprintf("PUT new / raw create, rate\t%.2f\t%.2f, %.2f\t≥ 0.9\t%s", newRate, newRateLeast, newRateMost, verdict(newRate >= 0.9)),
		fmt.Sprintf("PUT new / raw create, p99\t%.2f\t%.2f, %.2f\t≤ 1.3\t%s", newP99, newP99Least, newP99Most, verdict(newP99 <= 1.3)),
		fmt.Sprintf("PUT unchanged / raw create, rate\t%.1f\t%.1f, %.1f\t≥ 10\t%s", againRate, againLeast, againMost, verdict(againRate >= 10)),
		fmt.Sprintf("API-server writes for all unchanged documents\t%d\t\t0\t%s", againWrites, verdict(againWrites == 0)),
	)
}

func reportLearners(r *learnerResult) {
	learners := float64(r.learners)
	perLearner := func(count int) string { return fmt.Sprintf("%.2f", float64(count)/learners) }
	fmt.Printf("\nLearners: %d new ones with %d enrollments, EoxCore\n", r.learners, r.enrollments)
	fmt.Printf("all documents acknowledged after %.1f s, all Contacts Ready after %.1f s: %.0f learners and %.0f LMS calls a second\n\n",
		r.acknowledged.Seconds(), r.ready.Seconds(), learners/r.ready.Seconds(), float64(len(r.calls))/r.ready.Seconds())

	rows := []string{"API-server writes\tper learner"}
	for _, request := range slices.SortedFunc(maps.Keys(r.writes), compareRequests) {
		rows = append(rows, fmt.Sprintf("  %s %s\t%s", request.verb, request.resource, perLearner(r.writes[request])))
	}
	rows = append(rows, "LMS calls\tper learner")
	calls := callsByRoute(r.calls)
	for _, route := range slices.Sorted(maps.Keys(calls)) {
		rows = append(rows, fmt.Sprintf("  %s\t%s", route, perLearner(calls[route])))
	}
	table(rows...)

	bound := 2*r.enrollments + 3
	written, againWritten := r.writes.count(isOurs), r.againWrites.count(isOurs)
	fmt.Println()
	table(
		"\tresult\tgoal\t",
		fmt.Sprintf("API-server writes until a new contact is Ready, without events\t%s\t≤ %d\t%s", perLearner(written), bound, verdict(written <= bound*r.learners)),
		fmt.Sprintf("API-server writes for all of them again, unchanged\t%d\t0\t%s", againWritten, verdict(againWritten == 0)),
		fmt.Sprintf("LMS calls for all of them again, unchanged\t%d\t0\t%s", len(r.againCalls), verdict(len(r.againCalls) == 0)),
	)
}

func callsByRoute(calls []openedxtest.Call) map[string]int {
	counts := map[string]int{}
	for _, call := range calls {
		counts[call.Method+" "+call.Route]++
	}
	return counts
}

func compareRequests(a, b request) int {
	return cmp.Or(cmp.Compare(a.resource, b.resource), cmp.Compare(a.verb, b.verb))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
}
