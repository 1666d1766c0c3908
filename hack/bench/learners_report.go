package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"rollcall.dev/rollcall/internal/openedx/openedxtest"
)

// learnersSection has a column for each group of learners.
func learnersSection(enrollments int, all []*learners) section {
	row := func(name string, cell func(*learners) string) []string {
		cells := []string{name}
		for _, l := range all {
			cells = append(cells, cell(l))
		}
		return cells
	}
	perLearner := func(name string, count func(*learners) int) []string {
		return row(name, func(l *learners) string { return fmt.Sprintf("%.2f", float64(count(l))/float64(l.count)) })
	}
	costs := table{
		Head: row("", func(l *learners) string { return l.name }),
		Rows: [][]string{
			row("learners", func(l *learners) string { return strconv.Itoa(l.count) }),
			row("until the last document was acknowledged", func(l *learners) string { return seconds(l.acknowledged) }),
			row("until the last Contact was Ready", func(l *learners) string { return seconds(l.ready) }),
			row("LMS calls a second", func(l *learners) string { return fmt.Sprintf("%.0f", float64(len(l.cost.calls))/l.ready.Seconds()) }),
			{"API-server writes per learner"},
		},
	}
	requests, routes := writes{}, map[string]int{}
	for _, l := range all {
		requests = requests.plus(l.cost.writes)
		maps.Copy(routes, callsByRoute(l.cost.calls))
	}
	for _, r := range slices.SortedFunc(maps.Keys(requests), compareRequests) {
		costs.Rows = append(costs.Rows, perLearner("  "+r.verb+" "+r.resource, func(l *learners) int { return l.cost.writes[r] }))
	}
	costs.Rows = append(costs.Rows, []string{"LMS calls per learner"})
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		costs.Rows = append(costs.Rows, perLearner("  "+route, func(l *learners) int { return callsByRoute(l.cost.calls)[route] }))
	}

	bound := 2*enrollments + 3
	goals := table{Head: []string{"", "", "result", "goal", ""}}
	for _, l := range all {
		written, writtenAgain := l.cost.writes.count(isOurs), l.again.writes.count(isOurs)
		goals.Rows = append(goals.Rows,
			[]string{l.name, "API-server writes until Ready, without events", fmt.Sprintf("%.2f", float64(written)/float64(l.count)), fmt.Sprintf("≤ %d", bound), verdict(written <= bound*l.count)},
			[]string{"", "API-server writes for all of them again, unchanged", strconv.Itoa(writtenAgain), "0", verdict(writtenAgain == 0)},
			[]string{"", "LMS calls for all of them again, unchanged", strconv.Itoa(len(l.again.calls)), "0", verdict(len(l.again.calls) == 0)},
		)
	}
	return section{Title: fmt.Sprintf("Learners, %d enrollments each, EoxCore", enrollments), Tables: []table{costs, goals}}
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
