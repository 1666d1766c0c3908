package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// callsSection has a column for each way.
func callsSection(n newcomers, ways []*routesTaken, plain *routesTaken, drained backlog) section {
	all := append(slices.Clone(ways), plain)
	row := func(name string, cell func(*routesTaken) string) []string {
		cells := []string{name}
		for _, w := range all {
			cells = append(cells, cell(w))
		}
		return cells
	}
	costs := table{
		Head: row("", func(w *routesTaken) string { return w.name }),
		Rows: [][]string{
			row("until the last account was there", func(w *routesTaken) string { return seconds(w.made) }),
			row("until the last learner was enrolled", func(w *routesTaken) string { return seconds(w.enrolled) }),
			row("calls of the budget, at its pace of "+strconv.Itoa(budget)+" a minute", func(w *routesTaken) string {
				return fmt.Sprintf("%d: %s", w.budgeted(), seconds(time.Duration(w.budgeted())*time.Minute/budget))
			}),
			row("calls", func(w *routesTaken) string { return strconv.Itoa(len(w.calls)) }),
		},
	}
	routes := map[string]int{}
	for _, w := range all {
		maps.Copy(routes, callsByRoute(w.calls))
	}
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		costs.Rows = append(costs.Rows, row("  "+route, func(w *routesTaken) string { return strconv.Itoa(callsByRoute(w.calls)[route]) }))
	}

	eoxCore, bulk := ways[0], ways[1]
	ratio := eoxCore.enrolled.Seconds() / plain.enrolled.Seconds()
	few, fewBudgeted := n.count+parts(n.count, 100)+parts(n.count*n.enrollments, 50)+newcomersCourses, parts(n.count*n.enrollments, 50)+newcomersCourses
	sweep := parts(n.count, 100) + parts(n.count*n.enrollments, 100) + newcomersCourses
	refused := 0
	for _, w := range ways {
		refused += w.refused()
	}
	goals := table{Head: []string{"", "result", "goal", ""}, Rows: [][]string{
		{"EoxCore / plain loop with " + strconv.Itoa(callsInFlight) + " calls in flight, time", fmt.Sprintf("%.2f", ratio), "≤ 1.10", verdict(ratio <= 1.1)},
		{"calls by Registration and Bulk", grouped(len(bulk.calls)), fmt.Sprintf("≤ %s and a constant", grouped(few)), verdict(len(bulk.calls) <= few+callsConstant)},
		{"  of them calls of the budget", grouped(bulk.budgeted()), "≤ " + grouped(fewBudgeted), verdict(bulk.budgeted() <= fewBudgeted)},
		{"calls to verify them unchanged", grouped(len(bulk.verified)), "≤ " + grouped(sweep), verdict(len(bulk.verified) <= sweep)},
		{"calls that the LMS refused", strconv.Itoa(refused + drained.refused), "0", verdict(refused+drained.refused == 0)},
		{fmt.Sprintf("%s enrollments by Bulk on a simulated clock; by single calls at the LMS's limit 6.9 h", grouped(drained.enrollments)), drained.took.String(), "", ""},
		{"  budget used meanwhile", fmt.Sprintf("%d %%", drained.used), "≥ 95 %", verdict(drained.used >= 95)},
	}}
	return section{
		Note: "The stand-in has the costs of a real LMS with two workers. All accounts are made before the first enrollment. What the answer to " +
			"the making of an account does not tell is looked up at once, and so nearly singly, at the pace of the LMS.",
		Title:  fmt.Sprintf("LMS calls, %s new learners, %d enrollments each, in %d courses", grouped(n.count), n.enrollments, newcomersCourses),
		Tables: []table{costs, goals},
	}
}

// callsConstant is what calls that do not depend on the number of learners may come to.
const callsConstant = 20

func parts(of, size int) int { return (of + size - 1) / size }

// budgeted counts the calls that the LMS throttles.
func (w *routesTaken) budgeted() (count int) {
	for _, call := range w.calls {
		switch {
		case strings.HasPrefix(call.Route, "/api/enrollment/v1/course/"):
		case strings.HasPrefix(call.Route, "/api/enrollment/"), strings.HasPrefix(call.Route, "/api/bulk_enroll/"):
			count++
		}
	}
	return count
}

func (w *routesTaken) refused() (count int) {
	for _, call := range w.calls {
		if call.Status == http.StatusTooManyRequests {
			count++
		}
	}
	return count
}
